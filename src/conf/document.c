#include "conf/document.h"

#include "util/json.h"

#define DOCUMENT_MAX 131072 /* KMS API reference, PutKeyPolicy: Policy */

static size_t count_digits(slice_t text, size_t at)
{
    size_t n = 0;

    while (at + n < text.len && text.data[at + n] >= '0' && text.data[at + n] <= '9') {
        n++;
    }
    return n;
}

static bool is_at(slice_t text, size_t at, const char *characters)
{
    return at < text.len && strchr(characters, text.data[at]) != NULL;
}

/** RFC 8259, section 6. "012345678901" and "2012-10-17" are none, so account ids and dates stay text. */
static bool is_json_number(slice_t text)
{
    size_t at = is_at(text, 0, "-") ? 1 : 0;
    size_t whole = count_digits(text, at);

    if (whole == 0 || (whole > 1 && text.data[at] == '0')) {
        return false;
    }
    at += whole;
    if (is_at(text, at, ".")) {
        size_t fraction = count_digits(text, at + 1);

        at += fraction > 0 ? 1 + fraction : 0;
    }
    if (is_at(text, at, "eE")) {
        size_t sign = is_at(text, at + 1, "+-") ? 1 : 0;
        size_t exponent = count_digits(text, at + 1 + sign);

        at += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return at == text.len;
}

static void write_scalar(jw_t *out, const node_t *node)
{
    if (node_is_null(node)) {
        jw_null(out);
    } else if (node->plain && (slice_eq_str(node->text, "true") || slice_eq_str(node->text, "false"))) {
        jw_bool(out, node->text.data[0] == 't');
    } else if (node->plain && is_json_number(node->text)) {
        jw_raw(out, node->text);
    } else {
        jw_string_slice(out, node->text);
    }
}

static void write_node(jw_t *out, const node_t *node)
{
    if (node->kind == NODE_SCALAR) {
        write_scalar(out, node);
        return;
    }
    if (node->kind == NODE_MAP) {
        jw_object(out);
    } else {
        jw_array(out);
    }
    for (const node_t *child = node->first; child != NULL; child = child->next) {
        if (node->kind == NODE_MAP) {
            jw_key_slice(out, child->name->text);
        }
        write_node(out, child);
    }
    jw_end(out);
}

static void read_json(load_t *load, const node_t *node, const path_t *path, conf_policy *policy)
{
    _cleanup_json_ json_t *document = NULL;
    const char *text = read_scalar(load, node, path);

    if (text == NULL) {
        return;
    }
    if (json_parse(node->text, &document) != P11KMS_OK) {
        report(load, node, path, "not JSON: %s", p11kms_err_detail(P11KMS_E_SYNTAX));
        return;
    }
    if (json_kind_of(document) != JSON_OBJECT) {
        report(load, node, path, "must be a JSON object");
        return;
    }
    policy->json = text;
}

static void read_yaml(load_t *load, const node_t *node, const path_t *path, conf_policy *policy)
{
    _cleanup_buf_ buf_t json = { 0 };
    jw_t out = jw_on(&json);

    write_node(&out, node);
    if (buf_failed(&json) || json.len > DOCUMENT_MAX) {
        report(load, node, path, "longer than %d bytes", DOCUMENT_MAX);
        return;
    }
    policy->json = arena_strndup(load->arena, buf_str(&json), json.len);
}

void read_document(load_t *load, const node_t *node, const path_t *path, conf_policy *policy)
{
    policy->place = (conf_place){ load->file, node->line, node->column };
    policy->document = node;
    if (node->kind == NODE_LIST) {
        report(load, node, path, "must be a map or a string of JSON");
    } else if (node->kind == NODE_SCALAR) {
        read_json(load, node, path, policy);
    } else {
        read_yaml(load, node, path, policy);
    }
}

/** Past an element's "[N]", or 0 where none stands here. A single statement may stand without its list. */
static size_t step_into_list(const node_t **node, slice_t path)
{
    uint64_t index;
    size_t digits = count_digits(path, 1);

    if (!is_at(path, 0, "[") || !parse_number(SLICE(path.data + 1, digits), &index) ||
        !is_at(path, 1 + digits, "]")) {
        return 0;
    }
    const node_t *element = node_element(*node, index);
    if (element == NULL && ((*node)->kind == NODE_LIST || index > 0)) {
        return 0;
    }
    *node = element != NULL ? element : *node;
    return digits + 2;
}

/** Past the longest member name that begins @p path and ends there; names may hold dots and colons. */
static size_t step_into_map(const node_t **node, slice_t path)
{
    const node_t *best = NULL;

    for (const node_t *member = (*node)->first; (*node)->kind == NODE_MAP && member != NULL;
         member = member->next) {
        slice_t name = member->name->text;
        bool begins = name.len > 0 && name.len <= path.len && memcmp(name.data, path.data, name.len) == 0;
        bool ends = begins && (name.len == path.len || is_at(path, name.len, ".[: "));

        if (ends && (best == NULL || name.len > best->name->text.len)) {
            best = member;
        }
    }
    if (best == NULL) {
        return 0;
    }
    *node = best;
    return best->name->text.len;
}

conf_place conf_policy_place(const conf_policy *policy, const char *path)
{
    const node_t *node = policy->document;
    slice_t rest = SLICE_STR(path);
    size_t step = 1;

    while (node != NULL && rest.len > 0 && step > 0) {
        step = is_at(rest, 0, ".") ? 1 : step_into_list(&node, rest);
        step = step > 0 ? step : step_into_map(&node, rest);
        rest = SLICE(rest.data + step, rest.len - step);
    }
    return (conf_place){ policy->place.file, node != NULL ? node->line : policy->place.line,
                         node != NULL ? node->column : policy->place.column };
}

/* ---- files of one document ---- */

struct loaded_document {
    conf_document document; /* first: what callers hold */
    arena_t *arena;
};

p11kms_err conf_load_document(const char *file, buf_t *problems, conf_document **ret)
{
    _cleanup_(arena) arena_t *arena = arena_new(16384);
    problems_t found = { .out = problems };
    const node_t *root = NULL;
    load_t load;

    ENSURE(arena != NULL, P11KMS_E_NOMEM);
    struct loaded_document *loaded = ARENA_NEW(arena, struct loaded_document);
    TRY(load_begin(&load, arena, &found, file, false));
    TRY(tree_read(&load, &root));
    if (root != NULL) {
        loaded->document.policy.name = load.file;
        read_document(&load, root, NULL, &loaded->document.policy);
    }
    TRY(problems_result(&found));
    loaded->arena = STEAL(arena);
    *ret = &loaded->document;
    return P11KMS_OK;
}

void conf_document_free(conf_document *document)
{
    if (document != NULL) {
        arena_free(((struct loaded_document *)(void *)document)->arena);
    }
}
