/*
 * Principal and NotPrincipal. IAM User Guide, "AWS JSON policy elements: Principal"
 * and "NotPrincipal".
 */
#include "policy/compile.h"

#define ACCOUNT_DIGITS 12

/* ---- compiling ---- */

static bool is_account(slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.len == ACCOUNT_DIGITS;
}

static bool all_in(slice_t text, bool (*in)(uint8_t c))
{
    for (size_t i = 0; i < text.len; i++) {
        if (!in(text.data[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_partition_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || c == '-';
}

/* Names and paths of users, roles and sessions (iam and sts service models). */
static bool is_name_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           (c != '\0' && strchr("_+=,.@-/", c) != NULL);
}

static bool is_service_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

typedef struct {
    slice_t service;
    slice_t account;
    slice_t resource;
} arn_view;

static bool split_arn(slice_t text, arn_view *ret)
{
    slice_t arn;
    slice_t partition;
    slice_t region;

    if (!slice_cut(&text, ':', &arn) || !slice_cut(&text, ':', &partition) ||
        !slice_cut(&text, ':', &ret->service) || !slice_cut(&text, ':', &region) ||
        !slice_cut(&text, ':', &ret->account)) {
        return false;
    }
    ret->resource = text;
    return slice_eq_str(arn, "arn") && slice_has_prefix(partition, "aws") &&
           all_in(partition, is_partition_char) && region.len == 0 && is_account(ret->account);
}

typedef struct {
    const char *service;
    const char *prefix; /* of the resource */
    unsigned slashes;   /* exactly so many, prefix included; 0: any number */
    principal_entry_kind kind;
} arn_form;

static const arn_form arn_forms[] = {
    { "iam", "user/", 0, PRINCIPAL_ENTRY_SELF },
    { "iam", "role/", 0, PRINCIPAL_ENTRY_ROLE },
    { "sts", "assumed-role/", 2, PRINCIPAL_ENTRY_SELF },
    { "sts", "federated-user/", 1, PRINCIPAL_ENTRY_SELF },
};

static unsigned count_slashes(slice_t text)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += text.data[i] == '/';
    }
    return n;
}

static bool is_of_form(const arn_view *arn, const arn_form *form)
{
    return slice_eq_str(arn->service, form->service) && slice_has_prefix(arn->resource, form->prefix) &&
           arn->resource.data[arn->resource.len - 1] != '/' && all_in(arn->resource, is_name_char) &&
           (form->slashes == 0 || count_slashes(arn->resource) == form->slashes);
}

static bool classify_arn(slice_t text, principal_entry_t *ret)
{
    arn_view arn;

    if (!split_arn(text, &arn)) {
        return false;
    }
    if (slice_eq_str(arn.service, "iam") && slice_eq_str(arn.resource, "root")) {
        *ret = (principal_entry_t){ PRINCIPAL_ENTRY_ACCOUNT, arn.account };
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(arn_forms); i++) {
        if (is_of_form(&arn, &arn_forms[i])) {
            *ret = (principal_entry_t){ arn_forms[i].kind, text };
            return true;
        }
    }
    return false;
}

bool policy_is_principal(slice_t text, slice_t *ret_account)
{
    principal_entry_t entry;
    arn_view arn;

    if (!split_arn(text, &arn) || !classify_arn(text, &entry)) {
        return false;
    }
    if (ret_account != NULL) {
        *ret_account = arn.account;
    }
    return true;
}

static bool is_someone(const principal_entry_t *entry)
{
    return entry->kind == PRINCIPAL_ENTRY_SELF || entry->kind == PRINCIPAL_ENTRY_ROLE;
}

bool policy_find_stranger(const policy_t *policy, bool (*known)(void *arg, slice_t arn), void *arg, policy_named *ret)
{
    for (size_t i = 0; i < policy->n_statements; i++) {
        const statement_t *statement = &policy->statements[i];

        for (size_t k = 0; k < statement->n_principals; k++) {
            const principal_entry_t *entry = &statement->principals[k];

            if (is_someone(entry) && !known(arg, entry->text)) {
                *ret = (policy_named){ entry->text, i, statement->not_principal };
                return true;
            }
        }
    }
    return false;
}

static p11kms_err classify_aws(compiler_t *compiler, slice_t text, principal_entry_t *ret)
{
    if (slice_eq_str(text, "*")) {
        *ret = (principal_entry_t){ PRINCIPAL_ENTRY_ANYONE, text };
        return P11KMS_OK;
    }
    if (is_account(text)) {
        *ret = (principal_entry_t){ PRINCIPAL_ENTRY_ACCOUNT, text };
        return P11KMS_OK;
    }
    if (slice_has(text, '*') || slice_has(text, '?')) {
        REFUSE(compiler, "\"%.*s\": a wildcard cannot match a part of a principal", SHOWN(text));
    }
    if (!classify_arn(text, ret)) {
        REFUSE(compiler,
               "\"%.*s\" is not \"*\", a 12-digit account id or the ARN of an account, user, role or session",
               SHOWN(text));
    }
    return P11KMS_OK;
}

static p11kms_err classify_service(compiler_t *compiler, slice_t text, principal_entry_t *ret)
{
    if (!all_in(text, is_service_char) || !slice_has(text, '.')) {
        REFUSE(compiler, "\"%.*s\" is not a service as in \"secretsmanager.amazonaws.com\"", SHOWN(text));
    }
    *ret = (principal_entry_t){ PRINCIPAL_ENTRY_SERVICE, text };
    return P11KMS_OK;
}

static p11kms_err classify_federated(compiler_t *compiler, slice_t text, principal_entry_t *ret)
{
    if (text.len == 0 || slice_has(text, '*') || slice_has(text, '?')) {
        REFUSE(compiler, "\"%.*s\" is not an identity provider", SHOWN(text));
    }
    *ret = (principal_entry_t){ PRINCIPAL_ENTRY_FEDERATED, text };
    return P11KMS_OK;
}

typedef struct {
    const char *name;
    p11kms_err (*classify)(compiler_t *compiler, slice_t text, principal_entry_t *ret);
    bool trust_only; /* Access Analyzer: "Federated principal not supported" elsewhere */
} principal_type;

static const principal_type types[] = {
    { "AWS", classify_aws, false },
    { "Service", classify_service, false },
    { "Federated", classify_federated, true },
};

typedef struct {
    compiler_t *compiler;
    const principal_type *type;
    principal_entry_t *entries;
    size_t used;
} entry_reader;

static p11kms_err read_entry(compiler_t *compiler, const json_t *value, void *arg)
{
    entry_reader *reader = arg;
    principal_entry_t entry;

    if (json_kind_of(value) == JSON_INT) {
        REFUSE(compiler, "must be a string: an account id stands in quotes");
    }
    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    TRY(reader->type->classify(compiler, json_string(value), &entry));
    entry.text = space_copy(compiler->space, entry.text);
    reader->entries[reader->used++] = entry;
    return P11KMS_OK;
}

static const principal_type *find_type(slice_t name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (slice_eq_str(name, types[i].name)) {
            return &types[i];
        }
    }
    return NULL;
}

static p11kms_err read_type(void *arg, slice_t name, json_t *value)
{
    entry_reader *reader = arg;
    compiler_t *compiler = reader->compiler;
    size_t mark = compiler_enter(compiler, ".%.*s", SHOWN(name));

    reader->type = find_type(name);
    if (reader->type == NULL) {
        REFUSE(compiler, "not a kind of principal; there are AWS, Service and Federated");
    }
    if (reader->type->trust_only && compiler->kind != POLICY_TRUST) {
        REFUSE(compiler, "allowed only in a trust policy");
    }
    TRY(list_each(compiler, value, read_entry, reader));
    compiler_leave(compiler, mark);
    return P11KMS_OK;
}

static p11kms_err count_entries(void *arg, slice_t name, json_t *value)
{
    (void)name;
    *(size_t *)arg += list_length(value);
    return P11KMS_OK;
}

p11kms_err compile_principal(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    entry_reader reader = { .compiler = compiler };
    size_t n = 1;

    if (slice_eq_str(json_string(value), "*")) {
        reader.entries = SPACE_ARRAY(compiler->space, principal_entry_t, n);
        reader.entries[reader.used++] = (principal_entry_t){ PRINCIPAL_ENTRY_ANYONE, { 0 } };
    } else if (json_kind_of(value) == JSON_OBJECT && json_length(value) > 0) {
        TRY(json_each(value, count_entries, &n));
        reader.entries = SPACE_ARRAY(compiler->space, principal_entry_t, n);
        TRY(json_each(value, read_type, &reader));
    } else {
        REFUSE(compiler, "must be \"*\" or an object as {\"AWS\": \"arn:...\"}");
    }
    ret->principals = reader.entries;
    ret->n_principals = reader.used;
    return P11KMS_OK;
}

/* ---- matching ---- */

/* The account names its root user too (KMS Developer Guide, "Key policies": the account principal). */
static naming account_naming(const policy_caller *caller)
{
    return caller->kind == CALLER_ROOT ? NAMES_CALLER : NAMES_ACCOUNT;
}

static naming entry_naming(const principal_entry_t *entry, const policy_caller *caller)
{
    switch (entry->kind) {
    case PRINCIPAL_ENTRY_ANYONE:
        return NAMES_CALLER;
    case PRINCIPAL_ENTRY_ACCOUNT:
        return caller_has_account(caller) && slice_eq(entry->text, caller->account) ? account_naming(caller)
                                                                                    : NAMES_NOBODY;
    case PRINCIPAL_ENTRY_SELF:
        return caller_has_account(caller) && slice_eq(entry->text, caller->arn) ? NAMES_CALLER : NAMES_NOBODY;
    case PRINCIPAL_ENTRY_ROLE:
        return caller->kind == CALLER_ROLE_SESSION && slice_eq(entry->text, caller->role_arn) ? NAMES_ROLE
                                                                                              : NAMES_NOBODY;
    case PRINCIPAL_ENTRY_SERVICE:
        return caller->kind == CALLER_SERVICE && slice_eq(entry->text, caller->arn) ? NAMES_CALLER
                                                                                    : NAMES_NOBODY;
    case PRINCIPAL_ENTRY_FEDERATED:
        return caller->kind == CALLER_FEDERATED && slice_eq(entry->text, caller->federated) ? NAMES_CALLER
                                                                                            : NAMES_NOBODY;
    }
    return NAMES_NOBODY;
}

static bool lists(const statement_t *statement, const policy_caller *caller, naming level)
{
    for (size_t i = 0; i < statement->n_principals; i++) {
        if (entry_naming(&statement->principals[i], caller) == level) {
            return true;
        }
    }
    return false;
}

/*
 * NotPrincipal spares a caller whose account, role and own ARN are all listed: "AWS might validate
 * the account first, then the role, and then the assumed-role user". It never spares one with a
 * permissions boundary ("will always deny any IAM principal that has a permissions boundary").
 */
static bool spares(const statement_t *statement, const policy_caller *caller, bool has_boundary)
{
    if (has_boundary || !lists(statement, caller, NAMES_CALLER)) {
        return false;
    }
    if (caller->kind == CALLER_ROLE_SESSION && !lists(statement, caller, NAMES_ROLE)) {
        return false;
    }
    return caller->kind == CALLER_ROOT || !caller_has_account(caller) ||
           lists(statement, caller, NAMES_ACCOUNT);
}

naming principals_naming(const statement_t *statement, const policy_caller *caller, bool has_boundary)
{
    naming closest = NAMES_NOBODY;

    if (statement->not_principal) {
        return spares(statement, caller, has_boundary) ? NAMES_NOBODY : NAMES_CALLER;
    }
    for (size_t i = 0; i < statement->n_principals; i++) {
        naming level = entry_naming(&statement->principals[i], caller);

        closest = level > closest ? level : closest;
    }
    return closest;
}
