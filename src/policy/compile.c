/* From JSON to a compiled document. */
#include "policy/compile.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- what the readers share ---- */

p11kms_err compiler_refuse(const compiler_t *compiler, const char *fmt, ...)
{
    char sentence[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    if (compiler->place_len == 0) {
        FAIL(P11KMS_E_POLICY_MALFORMED, "%s", sentence);
    }
    FAIL(P11KMS_E_POLICY_MALFORMED, "%s: %s", compiler->place, sentence);
}

size_t compiler_enter(compiler_t *compiler, const char *fmt, ...)
{
    size_t mark = compiler->place_len;
    size_t left = sizeof(compiler->place) - mark;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(compiler->place + mark, left, fmt, args);
    va_end(args);
    if (len > 0) {
        compiler->place_len += (size_t)len < left ? (size_t)len : left - 1;
    }
    return mark;
}

void compiler_leave(compiler_t *compiler, size_t mark)
{
    compiler->place_len = mark;
    compiler->place[mark] = '\0';
}

size_t list_length(const json_t *value)
{
    return json_kind_of(value) == JSON_ARRAY ? json_length(value) : 1;
}

p11kms_err list_each(compiler_t *compiler, const json_t *value, each_value each, void *arg)
{
    if (json_kind_of(value) != JSON_ARRAY) {
        return each(compiler, value, arg);
    }
    if (json_length(value) == 0) {
        REFUSE(compiler, "is empty");
    }
    for (size_t i = 0; i < json_length(value); i++) {
        size_t mark = compiler_enter(compiler, "[%zu]", i);

        TRY(each(compiler, json_at(value, i), arg));
        compiler_leave(compiler, mark);
    }
    return P11KMS_OK;
}

p11kms_err compile_pattern(compiler_t *compiler, slice_t text, pattern_syntax syntax, pattern_t *ret)
{
    p11kms_err err = pattern_compile(text, syntax, compiler->space, ret);
    char sentence[256];

    if (err == P11KMS_E_SYNTAX) {
        snprintf(sentence, sizeof(sentence), "%s", p11kms_err_detail(err));
        REFUSE(compiler, "%s", sentence);
    }
    return err;
}

/* ---- the document ---- */

static p11kms_err check_sid_is_new(const compiler_t *compiler, const policy_t *policy,
                                   const statement_t *statement)
{
    for (const statement_t *other = policy->statements; other < statement; other++) {
        if (statement->sid[0] != '\0' && strcmp(other->sid, statement->sid) == 0) {
            REFUSE(compiler, "the Sid \"%.*s\" stands twice", SHOWN(SLICE_STR(statement->sid)));
        }
    }
    return P11KMS_OK;
}

typedef struct {
    policy_t *policy;
    statement_t *next;
} statements_reader;

static p11kms_err read_next_statement(compiler_t *compiler, const json_t *value, void *arg)
{
    statements_reader *reader = arg;
    statement_t *statement = reader->next++;

    TRY(compile_statement(compiler, value, statement));
    return check_sid_is_new(compiler, reader->policy, statement);
}

static p11kms_err read_version(compiler_t *compiler, const json_t *value, policy_t *policy)
{
    slice_t version = json_string(value);

    (void)policy;
    compiler->variables = slice_eq_str(version, "2012-10-17");
    if (!compiler->variables && !slice_eq_str(version, "2008-10-17")) {
        REFUSE(compiler, "must be \"2012-10-17\" or \"2008-10-17\"");
    }
    return P11KMS_OK;
}

static p11kms_err read_id(compiler_t *compiler, const json_t *value, policy_t *policy)
{
    (void)policy;
    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    return P11KMS_OK;
}

static p11kms_err read_statements(compiler_t *compiler, const json_t *value, policy_t *policy)
{
    size_t n = list_length(value);
    statement_t *statements;
    statements_reader reader;

    if (n > POLICY_STATEMENTS_MAX) {
        REFUSE(compiler, "more than %d statements", POLICY_STATEMENTS_MAX);
    }
    statements = SPACE_ARRAY(compiler->space, statement_t, n);
    policy->statements = statements;
    policy->n_statements = n;
    reader = (statements_reader){ policy, statements };
    return list_each(compiler, value, read_next_statement, &reader);
}

typedef struct {
    const char *name;
    p11kms_err (*read)(compiler_t *compiler, const json_t *value, policy_t *policy);
    bool required;
} document_row;

/* In the order they are read: the version says how statements are. */
static const document_row document_elements[] = {
    { "Version", read_version, false },
    { "Id", read_id, false },
    { "Statement", read_statements, true },
};

static p11kms_err check_document_name(void *arg, slice_t name, json_t *value)
{
    const compiler_t *compiler = arg;

    for (size_t i = 0; i < COUNT_OF(document_elements); i++) {
        if (slice_eq_str(name, document_elements[i].name)) {
            if (json_kind_of(value) == JSON_NULL) {
                REFUSE(compiler, "%s: is null", document_elements[i].name);
            }
            return P11KMS_OK;
        }
    }
    REFUSE(compiler, "%.*s: not an element of a policy", SHOWN(name));
}

static p11kms_err read_document(compiler_t *compiler, const json_t *json, policy_t *policy)
{
    if (json_kind_of(json) != JSON_OBJECT) {
        REFUSE(compiler, "a policy must be a JSON object");
    }
    TRY(json_each(json, check_document_name, compiler));
    for (size_t i = 0; i < COUNT_OF(document_elements); i++) {
        const json_t *value = json_get(json, document_elements[i].name);
        size_t mark;

        if (value == NULL) {
            if (document_elements[i].required) {
                REFUSE(compiler, "%s is missing", document_elements[i].name);
            }
            continue;
        }
        mark = compiler_enter(compiler, "%s", document_elements[i].name);
        TRY(document_elements[i].read(compiler, value, policy));
        compiler_leave(compiler, mark);
    }
    return P11KMS_OK;
}

static p11kms_err build(space_t *space, const json_t *json, policy_kind kind, const char *name,
                        policy_t **ret)
{
    compiler_t compiler = { .space = space, .kind = kind };
    policy_t *policy = space_take(space, sizeof(*policy));

    policy->kind = kind;
    policy->name = (const char *)space_copy(space, SLICE_STR(name)).data;
    TRY(read_document(&compiler, json, policy));
    *ret = policy;
    return P11KMS_OK;
}

static p11kms_err parse(slice_t text, json_t **ret)
{
    char sentence[256];
    p11kms_err err;

    if (text.len > POLICY_SIZE_MAX) {
        FAIL(P11KMS_E_POLICY_MALFORMED, "the document is larger than %d bytes", POLICY_SIZE_MAX);
    }
    err = json_parse(text, ret);
    if (err == P11KMS_E_SYNTAX) {
        snprintf(sentence, sizeof(sentence), "%s", p11kms_err_detail(err));
        FAIL(P11KMS_E_POLICY_MALFORMED, "%s", sentence);
    }
    return err;
}

#define MEASURE_BLOCK 16384

p11kms_err policy_compile(slice_t json, policy_kind kind, const char *name, policy_t **ret)
{
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_(arena) arena_t *arena = NULL;
    space_t measure = { 0 };
    space_t space = { 0 };
    policy_t *policy = NULL;
    p11kms_err err;

    TRY(parse(json, &doc));
    arena = arena_new(MEASURE_BLOCK);
    ENSURE(arena != NULL, P11KMS_E_NOMEM);
    measure.arena = arena;
    TRY(build(&measure, doc, kind, name, &policy));

    space.size = measure.used;
    space.block = calloc(1, space.size);
    ENSURE(space.block != NULL, P11KMS_E_NOMEM);
    err = build(&space, doc, kind, name, &policy);
    if (err != P11KMS_OK) {
        free(space.block);
        return err;
    }
    atomic_init(&policy->references, 1);
    *ret = policy;
    return P11KMS_OK;
}

/* ---- the document to others ---- */

policy_t *policy_ref(policy_t *policy)
{
    atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void policy_unref(policy_t *policy)
{
    if (policy != NULL && atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) == 1) {
        free(policy); /* it stands first in its block */
    }
}

const char *policy_name(const policy_t *policy)
{
    return policy->name;
}

size_t policy_statements(const policy_t *policy)
{
    return policy->n_statements;
}

const char *policy_sid(const policy_t *policy, size_t i)
{
    return i < policy->n_statements ? policy->statements[i].sid : "";
}
