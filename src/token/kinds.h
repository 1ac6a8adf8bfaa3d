/*
 * The types of keys and the mechanisms, each a row: what fits what, and which bounds an
 * operation and its reply have. Private to the room; the front and the host hold each other to it.
 */
#pragma once

#include "token/token.h"

typedef enum { FAMILY_SECRET, FAMILY_RSA, FAMILY_EC, FAMILY_ED } kinds_family;

typedef struct {
    const char *name;
    kinds_family family;
    unsigned size; /* bytes: of the secret, the modulus, the curve's field and order */
    uint8_t uses;  /* bit 1 << token_key_use */
} kinds_type;

typedef struct {
    const char *name;
    kinds_family family;
    uint8_t uses;    /* of the key: bit 1 << token_key_use; 0: a mechanism of IMPORT alone */
    uint16_t in_min; /* bytes that SIGN takes */
    uint16_t in_max;
    unsigned hash; /* bytes of the digest in it; 0: none is named */
} kinds_mechanism;

#define KINDS_SPKI_MIN 44  /* Ed25519: RFC 8410 */
#define KINDS_SPKI_MAX 600 /* RSA with 4096 bits: 550 */

/** NULL for what is no type or mechanism. */
const kinds_type *kinds_of_type(unsigned type);
const kinds_mechanism *kinds_of_mechanism(unsigned mechanism);
bool kinds_is_pair(token_key_type type);

/** What an operation carries, whoever holds it. */
typedef struct {
    unsigned kind;
    unsigned type;
    unsigned use;
    unsigned mechanism;
    size_t in_len;
    size_t out_len; /* RANDOM: wanted */
} kinds_bounds;

/** Of an operation of a caller's: what its kind does not have is zero, whatever stands there. */
kinds_bounds kinds_of_op(const token_op_t *op);
/** Values that do not belong to a kind must be zero. */
bool kinds_op_fits(const kinds_bounds *op);
/** Whether @p len bytes can be the result of an operation that fits. LIST: without the list's own bound. */
bool kinds_reply_fits(const kinds_bounds *op, size_t len);
/** A key of this type and use can do this SIGN or DECRYPT, or unwrap for this IMPORT. */
bool kinds_key_fits(token_key_type type, token_key_use use, token_mechanism mechanism);
