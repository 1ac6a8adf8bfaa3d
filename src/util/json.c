#include "util/json.h"

#include <pthread.h>

#include "util/json_c.h"
#include "util/json_scan.h"
#include "util/secret.h"

#define TEXT_MAX (16u << 20)

/* A tokener whose buffer grew past this is not kept. */
#define KEPT_BUFFER_MAX (64 << 10)

static pthread_key_t tokener_key;
static pthread_once_t tokener_once = PTHREAD_ONCE_INIT;

static void tokener_free(void *tokener)
{
    json_tokener_free(tokener);
}

static void tokener_key_make(void)
{
    if (pthread_key_create(&tokener_key, tokener_free) != 0) {
        abort();
    }
}

/* This thread's tokener, made at its first use. */
static json_tokener *tokener_get(void)
{
    json_tokener *tokener;

    pthread_once(&tokener_once, tokener_key_make);
    tokener = pthread_getspecific(tokener_key);
    if (tokener == NULL) {
        /* json_scan() has the bound; the tokener counts a level more, and one for the value itself */
        tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
        if (tokener != NULL && pthread_setspecific(tokener_key, tokener) != 0) {
            json_tokener_free(tokener);
            return NULL;
        }
    }
    if (tokener != NULL) {
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    }
    return tokener;
}

/*
 * Strings pass through the tokener's buffer. It is made large enough beforehand, as growing
 * it would leave copies behind and as json-c does not look whether growing failed.
 */
static bool buffer_prepare(json_tokener *tokener, size_t longest)
{
    bool ready = printbuf_memset(tokener->pb, 0, 0, (int)longest + 1) == 0;

    printbuf_reset(tokener->pb);
    return ready;
}

static void buffer_wipe(json_tokener *tokener, size_t longest)
{
    secret_wipe(tokener->pb->buf, longest + 1);
    json_tokener_reset(tokener);
    if (tokener->pb->size > KEPT_BUFFER_MAX) {
        pthread_setspecific(tokener_key, NULL);
        json_tokener_free(tokener);
    }
}

static json_t *build(json_tokener *tokener, slice_t text)
{
    json_t *doc = json_tokener_parse_ex(tokener, (const char *)text.data, (int)text.len);

    /* A bare number ends where the text does, which only the NUL says. */
    if (json_tokener_get_error(tokener) == json_tokener_continue) {
        doc = json_tokener_parse_ex(tokener, "", 1);
    }
    return doc;
}

static size_t count_members(const json_t *v)
{
    size_t count = 0;

    if (json_kind_of(v) == JSON_OBJECT) {
        count = json_length(v);
        json_object_object_foreach((json_t *)(uintptr_t)v, name, value)
        {
            (void)name;
            count += count_members(value);
        }
    }
    for (size_t i = 0; json_kind_of(v) == JSON_ARRAY && i < json_length(v); i++) {
        count += count_members(json_at(v, i));
    }
    return count;
}

p11kms_err json_parse(slice_t text, json_t **ret)
{
    _cleanup_json_ json_t *doc = NULL;
    json_shape shape = { 0 };
    json_tokener *tokener;
    enum json_tokener_error err;

    if (text.len > TEXT_MAX) {
        FAIL(P11KMS_E_SYNTAX, "JSON: longer than %u bytes", TEXT_MAX);
    }
    TRY(json_scan(text, &shape));
    tokener = tokener_get();
    ENSURE(tokener != NULL, P11KMS_E_NOMEM);
    ENSURE(buffer_prepare(tokener, shape.longest), P11KMS_E_NOMEM);
    doc = build(tokener, text);
    err = json_tokener_get_error(tokener);
    buffer_wipe(tokener, shape.longest);
    if (err != json_tokener_success) {
        FAIL(P11KMS_E_SYNTAX, "JSON: %s", json_tokener_error_desc(err));
    }
    /* json-c lets a later member of the same name take the place of the earlier one */
    if (count_members(doc) != shape.members) {
        FAIL(P11KMS_E_SYNTAX, "JSON: a name stands twice in an object");
    }
    *ret = STEAL(doc);
    return P11KMS_OK;
}

static void wipe_strings(json_t *v)
{
    switch (json_kind_of(v)) {
    case JSON_STRING:
        secret_wipe((void *)(uintptr_t)json_object_get_string(v), (size_t)json_object_get_string_len(v));
        break;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_length(v); i++) {
            wipe_strings(json_at(v, i));
        }
        break;
    case JSON_OBJECT: {
        json_object_object_foreach(v, name, value)
        {
            (void)name;
            wipe_strings(value);
        }
        break;
    }
    default:
        break;
    }
}

void json_free(json_t *doc)
{
    wipe_strings(doc);
    json_object_put(doc);
}

json_kind json_kind_of(const json_t *v)
{
    static const json_kind kinds[] = {
        [json_type_null] = JSON_NULL,     [json_type_boolean] = JSON_BOOL,  [json_type_int] = JSON_INT,
        [json_type_double] = JSON_DOUBLE, [json_type_string] = JSON_STRING, [json_type_array] = JSON_ARRAY,
        [json_type_object] = JSON_OBJECT,
    };

    return kinds[json_object_get_type(v)];
}

json_t *json_get(const json_t *v, const char *name)
{
    json_t *member = NULL;

    if (json_kind_of(v) == JSON_OBJECT) {
        json_object_object_get_ex(v, name, &member);
    }
    return member;
}

size_t json_length(const json_t *v)
{
    switch (json_kind_of(v)) {
    case JSON_ARRAY:
        return json_object_array_length(v);
    case JSON_OBJECT:
        return (size_t)json_object_object_length(v);
    default:
        return 0;
    }
}

json_t *json_at(const json_t *v, size_t i)
{
    return json_kind_of(v) == JSON_ARRAY ? json_object_array_get_idx(v, i) : NULL;
}

slice_t json_string(const json_t *v)
{
    if (json_kind_of(v) != JSON_STRING) {
        return (slice_t){ 0 };
    }
    return SLICE(json_object_get_string((json_t *)(uintptr_t)v), (size_t)json_object_get_string_len(v));
}

bool json_bool(const json_t *v)
{
    return json_kind_of(v) == JSON_BOOL && json_object_get_boolean(v);
}

static bool is_number(const json_t *v)
{
    return json_kind_of(v) == JSON_INT || json_kind_of(v) == JSON_DOUBLE;
}

int64_t json_int(const json_t *v)
{
    return is_number(v) ? json_object_get_int64(v) : 0;
}

double json_double(const json_t *v)
{
    return is_number(v) ? json_object_get_double(v) : 0;
}

p11kms_err json_each(const json_t *v, p11kms_err (*each)(void *arg, slice_t name, json_t *value), void *arg)
{
    if (json_kind_of(v) != JSON_OBJECT) {
        return P11KMS_OK;
    }
    json_object_object_foreach((json_t *)(uintptr_t)v, name, value)
    {
        TRY(each(arg, SLICE_STR(name), value));
    }
    return P11KMS_OK;
}

void json_keep(json_t *v, bool (*wanted)(const void *arg, slice_t name), const void *arg)
{
    if (json_kind_of(v) != JSON_OBJECT) {
        return;
    }
    json_object_object_foreach(v, name, value)
    {
        if (!wanted(arg, SLICE_STR(name))) {
            wipe_strings(value);
            json_object_object_del(v, name); /* json-c allows it for the current one */
        }
    }
}
