/*
 * JSON in and out. Reading is json-c behind a strict tokener (UTF-8 validated,
 * duplicate names refused, nesting bounded, nothing after the value); writing
 * is our own emitter onto a buf_t.
 */
#pragma once

#include "util/bytes.h"

typedef struct json_object json_t; /* json-c's; only util/json.c looks inside */

typedef enum { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

#define JSON_DEPTH_MAX 32
/* An empty object of three bytes takes 800 in memory: 1 MiB of them would take 280. */
#define JSON_VALUES_MAX 16384

/**
 * @param text  One JSON value; at most 16 MiB.
 * @param[out] ret  Free with json_free().
 * @retval P11KMS_E_SYNTAX  Detail names the offset.
 */
MUST_USE p11kms_err json_parse(slice_t text, json_t **ret);
/** Wipes every string in it first: request bodies carry plaintext. NULL is fine. */
void json_free(json_t *doc);

json_kind json_kind_of(const json_t *v); /* NULL counts as JSON_NULL */
/** A member, borrowed, or NULL where it is absent, null, or @p v is no object. */
json_t *json_get(const json_t *v, const char *name);
size_t json_length(const json_t *v); /* of an array or object; else 0 */
json_t *json_at(const json_t *v, size_t i); /* of an array; borrowed */
slice_t json_string(const json_t *v); /* empty unless a string; NUL-terminated behind its end */
bool json_bool(const json_t *v);
int64_t json_int(const json_t *v); /* doubles are truncated, saturating */
double json_double(const json_t *v);

/** Call @p each for every member in document order until it returns an error, which is returned. */
MUST_USE p11kms_err json_each(const json_t *v, p11kms_err (*each)(void *arg, slice_t name, json_t *value), void *arg);

/** Drops every member of an object that is not @p wanted, its strings wiped. */
void json_keep(json_t *v, bool (*wanted)(const void *arg, slice_t name), const void *arg);

DEFINE_CLEANUP(json_t *, json, json_free);
#define _cleanup_json_ _cleanup_(json)

/**
 * The emitter. Commas are its business:
 *     jw_t w = jw_on(&buf);
 *     jw_object(&w); jw_key(&w, "KeyId"); jw_string(&w, arn); jw_end(&w);
 */
typedef struct {
    buf_t *out;
    uint64_t has_items; /* a bit a level */
    uint64_t is_array;
    unsigned depth;
    bool after_key;
} jw_t;

jw_t jw_on(buf_t *out);
void jw_object(jw_t *w);
void jw_array(jw_t *w);
void jw_end(jw_t *w);
void jw_key(jw_t *w, const char *name);
void jw_key_slice(jw_t *w, slice_t name);
/** Escapes quotes, backslash, all controls, U+2028, U+2029; invalid UTF-8 becomes U+FFFD. NULL is null. */
void jw_string(jw_t *w, const char *value);
void jw_string_slice(jw_t *w, slice_t value);
void jw_base64(jw_t *w, slice_t bytes);
void jw_hex(jw_t *w, slice_t bytes);
void jw_int(jw_t *w, int64_t value);
void jw_bool(jw_t *w, bool value);
void jw_null(jw_t *w);
/** ms since the epoch as AWS JSON's seconds, with three decimals only when needed. */
void jw_epoch(jw_t *w, int64_t ms);
/** Bytes that are JSON already. */
void jw_raw(jw_t *w, slice_t json);
/** A parsed value again, as it was. */
void jw_value(jw_t *w, const json_t *v);
