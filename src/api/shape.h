/*
 * Shapes: what a body may hold, as facts from the service models, and the one
 * interpreter that checks bodies against them with AWS's messages.
 *
 * The tables (src/api/tables/) are made by tools/make-shapes and committed.
 */
#pragma once

#include "api/pattern.h"
#include "util/arena.h"
#include "util/json.h"

typedef enum {
    SHAPE_STRUCTURE,
    SHAPE_LIST,
    SHAPE_MAP,
    SHAPE_STRING,
    SHAPE_BLOB,
    SHAPE_INTEGER,
    SHAPE_BOOLEAN,
    SHAPE_TIMESTAMP,
} shape_kind;

typedef struct shape shape_t;

typedef struct {
    const char *name;
    const shape_t *shape;
    bool required;
} shape_member;

struct shape {
    const char *name;
    shape_kind kind;
    bool sensitive;              /* never recorded or repeated in a message, as are blobs */
    int64_t min, max;            /* length, count or value; -1: unbounded on that side */
    const pattern_t *pattern;    /* or NULL */
    const char *const *enums;    /* NULL-terminated, or NULL */
    const shape_member *members; /* STRUCTURE; ends with name == NULL; in the model's order */
    const shape_t *element;      /* LIST element; MAP value */
    const shape_t *key;          /* MAP */
};

/**
 * Check a request body.
 *
 * Types first (a wrong JSON type, a blob that is not base64: P11KMS_E_WIRE_SERIALIZATION), then every
 * constraint of every member: P11KMS_E_VALIDATION with AWS's sentence as detail,
 * "2 validation errors detected: Value 'x' at 'keyId' failed to satisfy constraint: ...; ...".
 * Unknown members are ignored, as AWS does, and null ones are absent. At most 32 errors are told, and of
 * values the first 256 bytes; the value of a blob or of a sensitive member is left out.
 *
 * @param shape  NULL: the operation takes nothing, and anything is well.
 * @param body   NULL: nothing was sent, which is an empty structure.
 * @param arena  Scratch for the message.
 */
MUST_USE p11kms_err shape_check(const shape_t *shape, const json_t *body, arena_t *arena);

/**
 * What is ignored must not be seen by anybody: drops the unknown members of the body itself.
 *
 * @param shape  NULL: none is known.
 */
void shape_keep_known(const shape_t *shape, json_t *body);

/**
 * For tests: a response against its shape. No missing required member, no unknown one, right types.
 *
 * @retval P11KMS_E_VALIDATION
 */
MUST_USE p11kms_err shape_check_response(const shape_t *shape, const json_t *body, arena_t *arena);

/** CloudTrail leaves out requestParameters and responseElements past this ("CloudTrail record contents"). */
#define SHAPE_RECORD_MAX 102400

/**
 * Write a value as CloudTrail does: names lowerCamel ("keyId", "aWSAccountId"), without blobs,
 * sensitive members, grant tokens, import tokens; timestamps as "Jan 2, 2026, 3:04:05 AM"
 * in CloudTrail's form; strings longer than 1024 bytes cut. `null` when nothing is left,
 * or when what is left is longer than SHAPE_RECORD_MAX.
 *
 * @param body  The decoded body, checked or not; members that the shape does not know, or of
 *              another type than it says, are left out.
 */
void shape_record(const shape_t *shape, const json_t *body, jw_t *w);

/* ---- tables ---- */

typedef struct {
    const char *name;     /* "Encrypt" */
    const shape_t *input; /* NULL: takes nothing */
    const shape_t *output;
    const char *const *errors; /* declared error codes, NULL-terminated */
} shape_operation;

/** Ends with name == NULL, in name order. */
extern const shape_operation shape_kms_operations[];
extern const shape_operation shape_sts_operations[];
extern const shape_operation shape_p11kms_operations[]; /* our own, by hand */

/** NULL when unknown. */
const shape_operation *shape_find_operation(const shape_operation *operations, slice_t name);
