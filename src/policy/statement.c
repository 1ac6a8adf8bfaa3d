/* The elements of a statement, and which of them each kind of document has. */
#include "policy/compile.h"

static const char *const kind_names[] = {
    [POLICY_IDENTITY] = "an identity policy", [POLICY_RESOURCE] = "a resource policy",
    [POLICY_TRUST] = "a trust policy",        [POLICY_BOUNDARY] = "a permissions boundary",
    [POLICY_SESSION] = "a session policy",
};

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Key policies may have spaces and the like in a Sid; IAM's own documents letters and digits alone. */
static bool is_sid_char(policy_kind kind, uint8_t c)
{
    if (kind == POLICY_RESOURCE) {
        return c >= ' ' && c != 0x7f;
    }
    return is_alphanumeric(c);
}

static p11kms_err read_sid(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    slice_t sid = json_string(value);

    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    for (size_t i = 0; i < sid.len; i++) {
        if (!is_sid_char(compiler->kind, sid.data[i])) {
            REFUSE(compiler, compiler->kind == POLICY_RESOURCE ? "must be printable"
                                                               : "may have only letters and digits");
        }
    }
    ret->sid = (const char *)space_copy(compiler->space, sid).data;
    return P11KMS_OK;
}

static p11kms_err read_effect(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    slice_t effect = json_string(value);

    ret->deny = slice_eq_str(effect, "Deny");
    if (!ret->deny && !slice_eq_str(effect, "Allow")) {
        REFUSE(compiler, "must be \"Allow\" or \"Deny\"");
    }
    return P11KMS_OK;
}

typedef struct {
    pattern_t *patterns;
    size_t used;
} pattern_reader;

/* "service:Name" with wildcards in the name, "*:*" or "*". */
static bool is_action(slice_t text)
{
    size_t i = 0;

    if (slice_eq_str(text, "*") || slice_eq_str(text, "*:*")) {
        return true;
    }
    while (i < text.len && (is_alphanumeric(text.data[i]) || text.data[i] == '-')) {
        i++;
    }
    if (i == 0 || i + 1 >= text.len || text.data[i] != ':' || text.len > ACTION_MAX) {
        return false;
    }
    for (i++; i < text.len; i++) {
        if (!is_alphanumeric(text.data[i]) && text.data[i] != '*' && text.data[i] != '?') {
            return false;
        }
    }
    return true;
}

static p11kms_err read_one_action(compiler_t *compiler, const json_t *value, void *arg)
{
    pattern_reader *reader = arg;
    pattern_t *pattern = &reader->patterns[reader->used++];
    slice_t text = json_string(value);

    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    if (!is_action(text)) {
        REFUSE(compiler, "\"%.*s\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"",
               SHOWN(text));
    }
    TRY(compile_pattern(compiler, text, (pattern_syntax){ .wildcards = true, .lower_case = true }, pattern));
    if (compiler->kind == POLICY_TRUST && !slice_has_prefix(pattern->text, "sts:")) {
        REFUSE(compiler, "a trust policy has actions of sts alone");
    }
    return P11KMS_OK;
}

static p11kms_err read_action(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    pattern_reader reader = { SPACE_ARRAY(compiler->space, pattern_t, list_length(value)), 0 };

    TRY(list_each(compiler, value, read_one_action, &reader));
    ret->actions = reader.patterns;
    ret->n_actions = reader.used;
    return P11KMS_OK;
}

static p11kms_err read_not_action(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    ret->not_action = true;
    return read_action(compiler, value, ret);
}

/* The place behind the fifth colon; SIZE_MAX where there are fewer. */
static size_t fifth_colon(slice_t text)
{
    unsigned colons = 0;

    for (size_t i = 0; i < text.len; i++) {
        colons += text.data[i] == ':';
        if (colons == 5) {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

/* A star that ends a part may stand for the parts that are missing: "arn:aws:kms:*". */
static bool star_ends_a_part(slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '*' && (i + 1 == text.len || text.data[i + 1] == ':')) {
            return true;
        }
    }
    return false;
}

static p11kms_err check_resource(const compiler_t *compiler, slice_t text)
{
    size_t resource_part = fifth_colon(text);
    slice_t before = SLICE(text.data, resource_part < text.len ? resource_part : text.len);

    if (slice_eq_str(text, "*")) {
        return P11KMS_OK;
    }
    if (!slice_has_prefix(text, "arn:")) {
        REFUSE(compiler, "\"%.*s\" is neither an ARN nor \"*\"", SHOWN(text));
    }
    if (resource_part == SIZE_MAX && !star_ends_a_part(text)) {
        REFUSE(compiler, "\"%.*s\" has fewer than the six parts of an ARN", SHOWN(text));
    }
    for (size_t i = 0; compiler->variables && i + 1 < before.len; i++) {
        if (before.data[i] == '$' && before.data[i + 1] == '{') {
            REFUSE(compiler, "policy variables may stand only behind the fifth colon of an ARN");
        }
    }
    return P11KMS_OK;
}

static p11kms_err read_one_resource(compiler_t *compiler, const json_t *value, void *arg)
{
    pattern_reader *reader = arg;
    slice_t text = json_string(value);

    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    TRY(check_resource(compiler, text));
    return compile_pattern(compiler, text,
                           (pattern_syntax){ .wildcards = true, .variables = compiler->variables },
                           &reader->patterns[reader->used++]);
}

static p11kms_err read_resource(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    pattern_reader reader = { SPACE_ARRAY(compiler->space, pattern_t, list_length(value)), 0 };

    if (compiler->kind == POLICY_TRUST) {
        REFUSE(compiler, "not allowed in %s", kind_names[compiler->kind]);
    }
    TRY(list_each(compiler, value, read_one_resource, &reader));
    ret->resources = reader.patterns;
    ret->n_resources = reader.used;
    return P11KMS_OK;
}

static p11kms_err read_not_resource(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    ret->not_resource = true;
    return read_resource(compiler, value, ret);
}

static p11kms_err read_principal(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    if (!policy_kind_has_principal(compiler->kind)) {
        REFUSE(compiler, "not allowed in %s", kind_names[compiler->kind]);
    }
    return compile_principal(compiler, value, ret);
}

static p11kms_err read_not_principal(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    ret->not_principal = true;
    if (compiler->kind == POLICY_TRUST) {
        REFUSE(compiler, "not allowed in %s", kind_names[compiler->kind]);
    }
    TRY(read_principal(compiler, value, ret));
    for (size_t i = 0; i < ret->n_principals; i++) {
        if (ret->principals[i].kind == PRINCIPAL_ENTRY_ANYONE) {
            REFUSE(compiler, "\"*\" leaves nobody to deny");
        }
    }
    return P11KMS_OK;
}

typedef struct {
    const char *name;
    p11kms_err (*read)(compiler_t *compiler, const json_t *value, statement_t *ret);
    const char *rival; /* the element it cannot stand beside */
} element_row;

static const element_row elements[] = {
    { "Sid", read_sid, NULL },
    { "Effect", read_effect, NULL },
    { "Principal", read_principal, "NotPrincipal" },
    { "NotPrincipal", read_not_principal, "Principal" },
    { "Action", read_action, "NotAction" },
    { "NotAction", read_not_action, "Action" },
    { "Resource", read_resource, "NotResource" },
    { "NotResource", read_not_resource, "Resource" },
    { "Condition", compile_condition, NULL },
};

/* ---- statements ---- */

typedef struct {
    compiler_t *compiler;
    statement_t *statement;
    uint32_t seen; /* a bit an element */
} statement_reader;

static bool seen(const statement_reader *reader, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(elements); i++) {
        if (strcmp(elements[i].name, name) == 0) {
            return (reader->seen >> i & 1) != 0;
        }
    }
    return false;
}

static p11kms_err read_element(void *arg, slice_t name, json_t *value)
{
    statement_reader *reader = arg;
    compiler_t *compiler = reader->compiler;
    size_t mark = compiler_enter(compiler, ".%.*s", SHOWN(name));

    for (size_t i = 0; i < COUNT_OF(elements); i++) {
        if (!slice_eq_str(name, elements[i].name)) {
            continue;
        }
        reader->seen |= (uint32_t)1 << i;
        if (elements[i].rival != NULL && seen(reader, elements[i].rival)) {
            REFUSE(compiler, "cannot stand beside %s", elements[i].rival);
        }
        TRY(elements[i].read(compiler, value, reader->statement));
        compiler_leave(compiler, mark);
        return P11KMS_OK;
    }
    REFUSE(compiler, "not an element of a statement");
}

/* A key policy's statement without Action or Resource is accepted, and has no effect (KMS Developer Guide).
 */
static p11kms_err check_complete(const statement_reader *reader)
{
    const compiler_t *compiler = reader->compiler;
    bool identity = !policy_kind_has_principal(compiler->kind);
    bool has_action = seen(reader, "Action") || seen(reader, "NotAction");
    bool has_resource = seen(reader, "Resource") || seen(reader, "NotResource");

    if (!seen(reader, "Effect")) {
        REFUSE(compiler, "Effect is missing");
    }
    if (!identity && !seen(reader, "Principal") && !seen(reader, "NotPrincipal")) {
        REFUSE(compiler, "Principal is missing");
    }
    if (compiler->kind != POLICY_RESOURCE && !has_action) {
        REFUSE(compiler, "Action is missing");
    }
    if (identity && !has_resource) {
        REFUSE(compiler, "Resource is missing");
    }
    if (reader->statement->not_principal && !reader->statement->deny) {
        REFUSE(compiler, "NotPrincipal goes with Effect Deny alone");
    }
    return P11KMS_OK;
}

p11kms_err compile_statement(compiler_t *compiler, const json_t *json, statement_t *ret)
{
    statement_reader reader = { .compiler = compiler, .statement = ret };

    ret->sid = "";
    if (json_kind_of(json) != JSON_OBJECT) {
        REFUSE(compiler, "must be an object");
    }
    TRY(json_each(json, read_element, &reader));
    return check_complete(&reader);
}
