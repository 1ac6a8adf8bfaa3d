/* What an account may hold: users, groups, roles, and issuers of web identities. */
#include "conf/checks.h"
#include "conf/declared_values.h"
#include "conf/document.h"

static void own_document(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    (void)item;
    read_document(load, node, path, base);
}

static void own_boundary(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    conf_policy *policy = ARENA_NEW(load->arena, conf_policy);

    read_section(load, item->section, node, path, policy);
    *FIELD(base, item, const conf_policy *) = policy;
}

static const item_t policy_items[] = {
    { .name = "name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_policy, name),
      .max = 128,
      .required = true,
      .check = check_iam_name,
      .about = "What explanations of decisions call the policy." },
    { .name = "document",
      .type = TYPE_OWN,
      .own = own_document,
      .required = true,
      .form = DOCUMENT_FORM,
      .about = "The policy in AWS's language: Version, Statement, Effect, Action, Resource and so on." },
};

static const section_t policy_section = {
    .name = "policies",
    .size = sizeof(conf_policy),
    .place = NO_PLACE,
    .items = policy_items,
    .n_items = COUNT_OF(policy_items),
    .about = "A policy of a user, group or role.",
};

/* ---- users and groups ---- */

static const item_t boundary_items[] = {
    { .name = "name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_policy, name),
      .max = 128,
      .check = check_iam_name,
      .fallback = "permissions-boundary",
      .about = "What explanations of decisions call the policy." },
    { .name = "document",
      .type = TYPE_OWN,
      .own = own_document,
      .required = true,
      .form = DOCUMENT_FORM,
      .about = "The policy." },
};

static const section_t boundary_section = {
    .name = "permissions-boundary",
    .size = sizeof(conf_policy),
    .place = NO_PLACE,
    .items = boundary_items,
    .n_items = COUNT_OF(boundary_items),
    .about = "A policy that gives nothing and limits what the others give.",
};

#define BOUNDARY_ITEM(type_name)                                                                             \
    {                                                                                                        \
        .name = "permissions-boundary", .type = TYPE_OWN, .own = own_boundary,                               \
        .offset = offsetof(type_name, boundary), .section = &boundary_section,                               \
        .form = "map of name and document", .about = "What its policies may give at most."                   \
    }

static const item_t access_key_items[] = {
    { .name = "id",
      .type = TYPE_STRING,
      .offset = offsetof(conf_access_key, id),
      .min = 1,
      .max = 128,
      .required = true,
      .check = check_access_key_id,
      .about = "The access key id." },
    { .name = "secret",
      .type = TYPE_STRING,
      .offset = offsetof(conf_access_key, secret),
      .min = 1,
      .max = 128,
      .about = "The secret access key; with --dev alone. Otherwise secrets are sealed in the store." },
    { .name = "active",
      .type = TYPE_FLAG,
      .offset = offsetof(conf_access_key, active),
      .fallback = "true",
      .about = "false refuses the key, also one whose secret is in the store." },
};

static void finish_access_key(load_t *load, const node_t *node, const path_t *path, void *out)
{
    const conf_access_key *key = out;

    if (key->secret != NULL && !load->dev) {
        report(load, node_member(node, SLICE_LIT("secret")), path,
               "secrets stand in files with --dev alone: make a key with 'p11kms identity add-key'");
    }
}

static const section_t access_key_section = {
    .name = "access-keys",
    .size = sizeof(conf_access_key),
    .place = offsetof(conf_access_key, place),
    .items = access_key_items,
    .n_items = COUNT_OF(access_key_items),
    .finish = finish_access_key,
    .about = "An access key.",
};

static const item_t user_items[] = {
    { .name = "name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_user, name),
      .max = 64,
      .required = true,
      .check = check_iam_name,
      .about = "The user's name; its ARN is arn:aws:iam::ACCOUNT:user/NAME." },
    { .name = "path",
      .type = TYPE_STRING,
      .offset = offsetof(conf_user, path),
      .max = 512,
      .check = check_iam_path,
      .fallback = "/",
      .about = "Stands before the name in the ARN." },
    { .name = "administrator",
      .type = TYPE_FLAG,
      .offset = offsetof(conf_user, administrator),
      .fallback = "false",
      .about = "May do everything in its account that no policy denies, and administer p11kms." },
    { .name = "access-keys",
      .type = TYPE_LIST,
      .offset = offsetof(conf_user, access_keys),
      .count = offsetof(conf_user, n_access_keys),
      .section = &access_key_section,
      .about = "Access keys with fixed secrets (--dev), and switches of those in the store." },
    { .name = "policies",
      .type = TYPE_LIST,
      .offset = offsetof(conf_user, policies),
      .count = offsetof(conf_user, n_policies),
      .section = &policy_section,
      .about = "Policies of this user alone." },
    { .name = "groups",
      .type = TYPE_STRINGS,
      .offset = offsetof(conf_user, groups),
      .count = offsetof(conf_user, n_groups),
      .max = 128,
      .check = check_iam_name,
      .about = "Groups of the same account whose policies it has too." },
    { .name = "tags",
      .type = TYPE_OWN,
      .own = own_tags,
      .offset = offsetof(conf_user, tags),
      .count = offsetof(conf_user, n_tags),
      .form = "map of names and values",
      .about = "Tags, which policies see as aws:PrincipalTag/NAME." },
    BOUNDARY_ITEM(conf_user),
};

static const section_t user_section = {
    .name = "users",
    .size = sizeof(conf_user),
    .place = offsetof(conf_user, place),
    .items = user_items,
    .n_items = COUNT_OF(user_items),
    .about = "A user.",
};

static const item_t group_items[] = {
    { .name = "name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_group, name),
      .max = 128,
      .required = true,
      .check = check_iam_name,
      .about = "The group's name." },
    { .name = "policies",
      .type = TYPE_LIST,
      .offset = offsetof(conf_group, policies),
      .count = offsetof(conf_group, n_policies),
      .section = &policy_section,
      .about = "Policies of every user in the group." },
};

static const section_t group_section = {
    .name = "groups",
    .size = sizeof(conf_group),
    .place = offsetof(conf_group, place),
    .items = group_items,
    .n_items = COUNT_OF(group_items),
    .about = "A group: policies that several users share.",
};

/* ---- roles and who may vouch for web identities ---- */

static const item_t role_items[] = {
    { .name = "name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_role, name),
      .max = 64,
      .required = true,
      .check = check_iam_name,
      .about = "The role's name; its ARN is arn:aws:iam::ACCOUNT:role/NAME." },
    { .name = "path",
      .type = TYPE_STRING,
      .offset = offsetof(conf_role, path),
      .max = 512,
      .check = check_iam_path,
      .fallback = "/",
      .about = "Stands before the name in the ARN." },
    { .name = "trust",
      .type = TYPE_OWN,
      .own = own_policy,
      .offset = offsetof(conf_role, trust),
      .required = true,
      .form = DOCUMENT_FORM,
      .about = "Who may assume it, and under what conditions; with Principal and without Resource." },
    { .name = "policies",
      .type = TYPE_LIST,
      .offset = offsetof(conf_role, policies),
      .count = offsetof(conf_role, n_policies),
      .section = &policy_section,
      .about = "What its sessions may do." },
    BOUNDARY_ITEM(conf_role),
    { .name = "tags",
      .type = TYPE_OWN,
      .own = own_tags,
      .offset = offsetof(conf_role, tags),
      .count = offsetof(conf_role, n_tags),
      .form = "map of names and values",
      .about = "Tags of its sessions, which policies see as aws:PrincipalTag/NAME." },
    { .name = "max-session",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_role, max_session_s),
      .min = 3600 * 1000,
      .max = 43200 * 1000,
      .unit = 1000,
      .fallback = "1h",
      .about = "How long a session may be asked for." },
};

static const section_t role_section = {
    .name = "roles",
    .size = sizeof(conf_role),
    .place = offsetof(conf_role, place),
    .items = role_items,
    .n_items = COUNT_OF(role_items),
    .about = "A role: what whoever its trust policy names may become for a while, without a stored key.",
};

static void own_jwks(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    const char *text = read_scalar(load, node, path);

    if (text == NULL) {
        return;
    }
    if (strncmp(text, "file:", 5) == 0 && text[5] != '\0') {
        text = arena_printf(load->arena, "file:%s", absolute_path(load, text + 5));
    } else if (check_https_url(node->text) != NULL) {
        report(load, node, path, "must be file:/path or an https:// URL");
        return;
    }
    *FIELD(base, item, const char *) = text;
}

static const item_t provider_items[] = {
    { .name = "issuer",
      .type = TYPE_STRING,
      .offset = offsetof(conf_oidc_provider, issuer),
      .max = 255,
      .required = true,
      .check = check_https_url,
      .about = "Who issues the tokens, exactly as their iss says it. Policies know it without https://." },
    { .name = "jwks",
      .type = TYPE_OWN,
      .own = own_jwks,
      .offset = offsetof(conf_oidc_provider, jwks),
      .form = "file:/path or an https:// URL",
      .about = "Its keys; found through its /.well-known/openid-configuration unless set." },
    { .name = "ca",
      .type = TYPE_PATH,
      .offset = offsetof(conf_oidc_provider, ca),
      .about = "CA certificates (PEM) for its URLs; the system's unless set." },
    { .name = "audiences",
      .type = TYPE_STRINGS,
      .offset = offsetof(conf_oidc_provider, audiences),
      .count = offsetof(conf_oidc_provider, n_audiences),
      .min = 1,
      .max = 255,
      .required = true,
      .about = "Tokens for others are refused." },
    { .name = "refresh",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_oidc_provider, refresh_s),
      .min = 60 * 1000,
      .max = 86400 * 1000,
      .unit = 1000,
      .fallback = "1h",
      .about = "How often the keys are fetched." },
    { .name = "max-age",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_oidc_provider, max_age_s),
      .min = 60 * 1000,
      .max = UINT64_C(30) * 86400 * 1000,
      .unit = 1000,
      .fallback = "1d",
      .about = "Keys that could not be fetched for so long are not used any more." },
};

static void finish_provider(load_t *load, const node_t *node, const path_t *path, void *out)
{
    const conf_oidc_provider *provider = out;

    if (provider->n_audiences == 0) {
        report(load, node_member(node, SLICE_LIT("audiences")), path, "'audiences' needs at least 1");
    }
    if (provider->max_age_s < provider->refresh_s) {
        report(load, node, path, "'max-age' must not be less than 'refresh'");
    }
}

static const section_t provider_section = {
    .name = "oidc-providers",
    .size = sizeof(conf_oidc_provider),
    .place = offsetof(conf_oidc_provider, place),
    .items = provider_items,
    .n_items = COUNT_OF(provider_items),
    .finish = finish_provider,
    .about =
        "An issuer of OIDC tokens, for AssumeRoleWithWebIdentity. Roles trust it as the Federated principal "
        "arn:aws:iam::ACCOUNT:oidc-provider/ISSUER.",
};

/* ---- accounts ---- */

static const item_t account_items[] = {
    { .name = "id",
      .type = TYPE_STRING,
      .offset = offsetof(conf_account, id),
      .required = true,
      .check = check_account_id,
      .about = "12 digits, best in quotes. Several files may add to one account." },
    { .name = "users",
      .type = TYPE_LIST,
      .offset = offsetof(conf_account, users),
      .count = offsetof(conf_account, n_users),
      .section = &user_section,
      .about = "Its users." },
    { .name = "groups",
      .type = TYPE_LIST,
      .offset = offsetof(conf_account, groups),
      .count = offsetof(conf_account, n_groups),
      .section = &group_section,
      .about = "Its groups." },
    { .name = "roles",
      .type = TYPE_LIST,
      .offset = offsetof(conf_account, roles),
      .count = offsetof(conf_account, n_roles),
      .section = &role_section,
      .about = "Its roles." },
    { .name = "oidc-providers",
      .type = TYPE_LIST,
      .offset = offsetof(conf_account, oidc_providers),
      .count = offsetof(conf_account, n_oidc_providers),
      .section = &provider_section,
      .about = "Issuers of web identities that its roles may trust." },
};

const section_t account_section = {
    .name = "accounts",
    .size = sizeof(conf_account),
    .place = offsetof(conf_account, place),
    .items = account_items,
    .n_items = COUNT_OF(account_items),
    .about = "An account: who may have keys, and whose keys they are.",
};
