/* What declarations (identities.d, keys.d, --seed) may hold. */
#include <strings.h>

#include "conf/checks.h"
#include "conf/conf.h"
#include "conf/document.h"
#include "conf/tables.h"
#include "util/encode.h"

#define TAGS_MAX 50 /* KMS developer guide, Quotas: tags per key */
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256
#define ROTATION_DEFAULT 365 /* KMS API reference, EnableKeyRotation: RotationPeriodInDays */
#define ROTATION_MIN 90
#define ROTATION_MAX 2560
#define DESCRIPTION_MAX 8192 /* CreateKey: Description */

/* ---- values of their own form ---- */

static void own_document(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    (void)item;
    read_document(load, node, path, base);
}

static void own_key_policy(load_t *load, const item_t *item, const node_t *node, const path_t *path,
                           void *base)
{
    conf_policy *policy = ARENA_NEW(load->arena, conf_policy);

    policy->name = "default";
    read_document(load, node, path, policy);
    *FIELD(base, item, const conf_policy *) = policy;
}

static const char *check_tag(slice_t key, slice_t value)
{
    if (key.len == 0 || utf8_length(key) > TAG_KEY_MAX) {
        return "a tag's name has 1 to 128 characters";
    }
    if (utf8_length(value) > TAG_VALUE_MAX) {
        return "a tag's value has at most 256 characters";
    }
    if (key.len >= 4 && strncasecmp((const char *)key.data, "aws:", 4) == 0) {
        return "tags beginning with aws: are reserved";
    }
    return NULL;
}

static void own_tags(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    conf_tag *tags = arena_alloc(load->arena, sizeof(*tags) * (node->n + 1));
    size_t n = 0;

    if (node->kind != NODE_MAP && !node_is_null(node)) {
        report(load, node, path, "must be a map of names and values");
        return;
    }
    if (node->n > TAGS_MAX) {
        report(load, node, path, "more than %d tags", TAGS_MAX);
        return;
    }
    for (const node_t *member = node->first; member != NULL; member = member->next) {
        path_t member_path = { .up = path, .name = (const char *)member->name->text.data };
        bool scalar = member->kind == NODE_SCALAR;
        const char *wrong = scalar ? check_tag(member->name->text, member->text) : "must be text";

        if (wrong != NULL) {
            report(load, member, &member_path, "%s", wrong);
            continue;
        }
        tags[n++] =
            (conf_tag){ member_path.name, node_is_null(member) ? "" : (const char *)member->text.data };
    }
    *FIELD(base, item, const conf_tag *) = tags;
    *COUNT_FIELD(base, item) = n;
}

static void own_rotation(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    unsigned days = 0;

    if (node->kind == NODE_MAP) {
        read_section(load, item->section, node, path, &days);
    } else if (node->kind == NODE_SCALAR && slice_eq_str(node->text, "true")) {
        days = ROTATION_DEFAULT;
    } else if (node->kind != NODE_SCALAR || !slice_eq_str(node->text, "false")) {
        report(load, node, path, "must be %s", item->form);
        return;
    }
    *FIELD(base, item, int) = (int)days;
}

/* ---- accounts ---- */

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
      .form = "policy in YAML, or a string of JSON",
      .about = "The policy in AWS's language: Version, Statement, Effect, Action, Resource and so on." },
};

static const section_t policy_section = {
    .name = "policies",
    .size = sizeof(conf_policy),
    .place = NO_PLACE,
    .items = policy_items,
    .n_items = COUNT_OF(policy_items),
    .about = "A policy of a user or group.",
};

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
};

static const section_t account_section = {
    .name = "accounts",
    .size = sizeof(conf_account),
    .place = offsetof(conf_account, place),
    .items = account_items,
    .n_items = COUNT_OF(account_items),
    .about = "An account: who may have keys, and whose keys they are.",
};

/* ---- peers ---- */

static const item_t unix_items[] = {
    { .name = "uid",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, uid),
      .min = 1,
      .max = 64,
      .about = "A number or a user name." },
    { .name = "gid",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, gid),
      .min = 1,
      .max = 64,
      .about = "A number or a group name; the primary group of the process." },
};

static const section_t unix_section = {
    .name = "unix",
    .size = sizeof(conf_peer_rule),
    .place = NO_PLACE,
    .items = unix_items,
    .n_items = COUNT_OF(unix_items),
    .about = "Who is at the other end of a Unix socket, as the kernel says. All that is given must match.",
};

static const item_t certificate_items[] = {
    { .name = "subject",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, subject),
      .min = 1,
      .max = 511,
      .about = "The subject as RFC 2253 text, exactly." },
    { .name = "san",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, san),
      .max = 1023,
      .check = check_san,
      .about =
          "One of its subject alternative names, exactly, as DNS:db1.example or URI:spiffe://example/db." },
    { .name = "sha256",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, sha256),
      .check = check_fingerprint,
      .about = "SHA-256 of the certificate (DER), 64 lower-case hex digits." },
};

static const section_t certificate_section = {
    .name = "certificate",
    .size = sizeof(conf_peer_rule),
    .place = NO_PLACE,
    .items = certificate_items,
    .n_items = COUNT_OF(certificate_items),
    .about = "The client certificate, which client-ca vouches for. All that is given must match.",
};

static const item_t peer_items[] = {
    { .name = "unix", .type = TYPE_SECTION, .section = &unix_section, .about = "A peer at a Unix socket." },
    { .name = "certificate",
      .type = TYPE_SECTION,
      .section = &certificate_section,
      .about = "A peer with a client certificate." },
    { .name = "principal",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, principal),
      .check = check_principal_arn,
      .required = true,
      .about = "The ARN of the declared user it acts as." },
};

static void finish_peer(load_t *load, const node_t *node, const path_t *path, void *out)
{
    conf_peer_rule *rule = out;
    bool has_unix = rule->uid != NULL || rule->gid != NULL;
    bool has_certificate = rule->subject != NULL || rule->san != NULL || rule->sha256 != NULL;

    if (has_unix == has_certificate) {
        report(load, node, path,
               has_unix ? "'unix' and 'certificate' exclude each other"
                        : "needs 'unix' (uid, gid) or 'certificate' (subject, san, sha256)");
    }
    rule->is_unix = has_unix;
}

static const section_t peer_section = {
    .name = "peers",
    .size = sizeof(conf_peer_rule),
    .place = offsetof(conf_peer_rule, place),
    .items = peer_items,
    .n_items = COUNT_OF(peer_items),
    .finish = finish_peer,
    .about = "Callers who need no signature because their transport tells who they are. The first that "
             "matches counts.",
};

/* ---- keys ---- */

static const item_t rotation_items[] = {
    { .name = "period-days",
      .type = TYPE_NUMBER,
      .min = ROTATION_MIN,
      .max = ROTATION_MAX,
      .required = true,
      .about = "Days between rotations." },
};

static const section_t rotation_section = {
    .name = "rotation",
    .size = sizeof(unsigned),
    .place = NO_PLACE,
    .items = rotation_items,
    .n_items = COUNT_OF(rotation_items),
    .about = "Rotation with a period of its own.",
};

static const char *const key_specs[] = { "SYMMETRIC_DEFAULT", NULL };

static const item_t key_items[] = {
    { .name = "alias",
      .type = TYPE_STRING,
      .offset = offsetof(conf_key, alias),
      .max = 256,
      .required = true,
      .check = check_alias,
      .about =
          "By which the declared key is known. A key whose alias is there is brought to what is declared." },
    { .name = "account",
      .type = TYPE_STRING,
      .offset = offsetof(conf_key, account),
      .check = check_account_id,
      .about = "Whose key it is. May be left out where one account alone is declared." },
    { .name = "region",
      .type = TYPE_STRING,
      .offset = offsetof(conf_key, region),
      .max = 32,
      .check = check_region,
      .about = "The configuration's region unless set." },
    { .name = "spec",
      .type = TYPE_WORD,
      .offset = offsetof(conf_key, spec),
      .words = key_specs,
      .fallback = "SYMMETRIC_DEFAULT",
      .about = "The kind of key." },
    { .name = "description",
      .type = TYPE_TEXT,
      .offset = offsetof(conf_key, description),
      .max = DESCRIPTION_MAX,
      .fallback = "",
      .about = "What the key is for." },
    { .name = "token",
      .type = TYPE_STRING,
      .offset = offsetof(conf_key, token),
      .max = 64,
      .check = check_short_name,
      .about = "The token its materials are made on; the configuration's default one unless set." },
    { .name = "enabled",
      .type = TYPE_FLAG,
      .offset = offsetof(conf_key, enabled),
      .fallback = "true",
      .about = "false: the key is kept and cannot be used." },
    { .name = "rotation",
      .type = TYPE_OWN,
      .own = own_rotation,
      .offset = offsetof(conf_key, rotation_days),
      .section = &rotation_section,
      .form = "true, false or {period-days: N}",
      .about = "true: every 365 days. false unless set." },
    { .name = "tags",
      .type = TYPE_OWN,
      .own = own_tags,
      .offset = offsetof(conf_key, tags),
      .count = offsetof(conf_key, n_tags),
      .form = "map of names and values",
      .about = "Its tags." },
    { .name = "policy",
      .type = TYPE_OWN,
      .own = own_key_policy,
      .offset = offsetof(conf_key, policy),
      .form = "policy in YAML, or a string of JSON",
      .about = "The key policy. Unless set it leaves everything to the policies of the account's users." },
};

static const section_t key_section = {
    .name = "keys",
    .size = sizeof(conf_key),
    .place = offsetof(conf_key, place),
    .items = key_items,
    .n_items = COUNT_OF(key_items),
    .about = "A key that shall exist.",
};

static const item_t declared_items[] = {
    { .name = "accounts",
      .type = TYPE_LIST,
      .offset = offsetof(conf_declared_t, accounts),
      .count = offsetof(conf_declared_t, n_accounts),
      .section = &account_section,
      .about = "Accounts with their users and groups." },
    { .name = "peers",
      .type = TYPE_LIST,
      .offset = offsetof(conf_declared_t, peers),
      .count = offsetof(conf_declared_t, n_peers),
      .section = &peer_section,
      .about = "Callers who are known by their transport." },
    { .name = "keys",
      .type = TYPE_LIST,
      .offset = offsetof(conf_declared_t, keys),
      .count = offsetof(conf_declared_t, n_keys),
      .section = &key_section,
      .about = "Keys that shall exist." },
};

const section_t conf_declared_section = {
    .name = "declarations",
    .size = sizeof(conf_declared_t),
    .place = NO_PLACE,
    .items = declared_items,
    .n_items = COUNT_OF(declared_items),
    .about = "Files of identities.d and keys.d, and --seed.",
};
