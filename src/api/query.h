/*
 * The AWS query protocol: a form "Action=...&Version=...&Tags.member.1.Key=..."
 * in, XML out. A form becomes the JSON body that the shapes and handlers know, and
 * their JSON answer becomes XML, so that an operation is written once for both wires.
 */
#pragma once

#include "api/shape.h"

#define QUERY_PAIRS_MAX 512

typedef struct {
    slice_t name; /* decoded */
    slice_t value;
} query_pair;

typedef struct {
    query_pair *pairs;
    size_t n;
} query_t;

/**
 * application/x-www-form-urlencoded, '+' is a space. Everything in the arena.
 *
 * @retval P11KMS_E_WIRE_SERIALIZATION  A bad escape, a name twice, not UTF-8, more than QUERY_PAIRS_MAX pairs.
 */
MUST_USE p11kms_err query_parse(slice_t form, arena_t *arena, query_t *ret);
/** The value of @p name; empty with data == NULL when absent. */
slice_t query_get(const query_t *query, const char *name);

/**
 * The parameters as a JSON body of @p shape. Lists are NAME.member.N from 1 without gap. Numbers and booleans
 * that are none are left as strings, which shape_check() refuses.
 */
void query_to_json(const query_t *query, const shape_t *shape, buf_t *json);

/** <OpResponse><OpResult>...</OpResult><ResponseMetadata>; times in ISO 8601. Appends. */
void query_answer(const char *operation, const shape_t *shape, const json_t *body, const char *request_id, buf_t *out);
/** <ErrorResponse>; Sender below status 500. Appends. */
void query_fault(const char *code, const char *message, int status, const char *request_id, buf_t *out);
