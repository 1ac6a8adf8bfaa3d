/* What declarations (identities.d, keys.d, --seed) may hold; their accounts are in accounts_yaml.c. */
#include "conf/checks.h"
#include "conf/conf.h"
#include "conf/declared_values.h"
#include "conf/document.h"
#include "conf/tables.h"

#define ROTATION_DEFAULT 365 /* KMS API reference, EnableKeyRotation: RotationPeriodInDays */
#define ROTATION_MIN 90
#define ROTATION_MAX 2560
#define DESCRIPTION_MAX 8192 /* CreateKey: Description */
#define SESSION_NAME_MAX 64  /* sts.json: roleSessionNameType */

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
      .about = "The ARN of the declared user it acts as, or of the role it gets a session of." },
    { .name = "session-name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_peer_rule, session_name),
      .min = 2,
      .max = SESSION_NAME_MAX,
      .check = check_iam_name,
      .about = "What its sessions of the role are called; uid-N or the certificate's CN unless set." },
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
    if (rule->session_name != NULL && strstr(rule->principal, ":role/") == NULL) {
        report(load, node_member(node, SLICE_LIT("session-name")), path, "'session-name' is for roles alone");
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

static void own_key_policy(load_t *load, const item_t *item, const node_t *node, const path_t *path,
                           void *base)
{
    conf_policy *policy = ARENA_NEW(load->arena, conf_policy);

    policy->name = "default";
    read_document(load, node, path, policy);
    *FIELD(base, item, const conf_policy *) = policy;
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
      .form = DOCUMENT_FORM,
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
      .about = "Accounts with their users, groups and roles." },
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
