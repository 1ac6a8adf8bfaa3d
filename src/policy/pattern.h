/*
 * Patterns: the texts of a policy that "*", "?" and ${variables} may stand in.
 * Compiled, a wildcard is a byte that UTF-8 does not use, so that ${*} and
 * ${?} are ordinary characters.
 */
#pragma once

#include "policy/policy.h"
#include "policy/space.h"

#define PATTERN_VARIABLES_MAX 16
#define PATTERN_EXPANDED_MAX 4096 /* with its variables filled in */

/**
 * What one decision may spend on matching. A hostile pair of pattern and value
 * costs as many steps as their lengths multiplied; past the bound, or past
 * PATTERN_EXPANDED_MAX, nothing matches and the decision as a whole fails.
 */
#define MATCH_STEPS_MAX (1u << 20)
#define MATCH_VARIABLE_STEPS 256 /* a variable's value may be one of many to be searched */

typedef struct {
    size_t steps_left;
    bool failed;
} match_work;

/** False when there is not so much left to spend; @p work NULL: there is. */
bool match_spend(match_work *work, size_t steps);

typedef enum { PATTERN_ALL, PATTERN_LITERAL, PATTERN_PREFIX, PATTERN_GLOB, PATTERN_VARIABLE } pattern_shape;

/** A part of a PATTERN_VARIABLE: text, or a variable to be filled in. */
typedef struct {
    slice_t text;         /* compiled text; a variable's key in lower case */
    slice_t as_written;   /* a variable's key; data is NULL for text */
    slice_t default_text; /* data is NULL where there is none */
} pattern_piece;

typedef struct {
    pattern_shape shape;
    slice_t text;                /* PATTERN_PREFIX: without the star */
    const pattern_piece *pieces; /* PATTERN_VARIABLE */
    size_t n_pieces;
} pattern_t;

typedef struct {
    bool wildcards;
    bool variables;  /* else "${" is text */
    bool lower_case; /* ASCII letters are lowered */
} pattern_syntax;

/** @retval P11KMS_E_SYNTAX  A variable is malformed; the detail says how, without a place. */
MUST_USE p11kms_err pattern_compile(slice_t text, pattern_syntax syntax, space_t *space, pattern_t *ret);

/** How a text is divided before it is compared. */
typedef enum {
    MATCH_TEXT,     /* not at all */
    MATCH_FOLDED,   /* not at all, and ASCII letters are equal in either case; no wildcards */
    MATCH_ARN,      /* the six parts of an ARN one by one: condition operators */
    MATCH_RESOURCE, /* likewise, but a star that ends a part may run on past its colon: Resource */
} match_mode;

/** A variable without a value matches nothing. */
bool pattern_matches(const pattern_t *pattern, match_mode mode, slice_t text, const policy_request *request,
                     match_work *work);

/* ---- patterns beside patterns: for lint, which may err on the side of "no" ---- */

/** Whatever @p narrow matches @p wide matches too. */
bool pattern_covers(const pattern_t *wide, const pattern_t *narrow, match_mode mode);
/** Some text might match both; @p b is compiled text, whose stars take no colon where it is @p b_in_parts. */
bool pattern_meets(const pattern_t *a, slice_t b, bool b_in_parts);
/** Its text, wildcards as they are compiled; a variable is a star. */
void pattern_flatten(const pattern_t *pattern, buf_t *out);

/** Compiled wildcards; for this room's matching. */
#define GLOB_STAR 0xff
#define GLOB_ONE 0xfe

bool glob_text(slice_t pattern, slice_t text, match_work *work);
bool glob_arn(slice_t pattern, slice_t text, match_work *work);
bool glob_resource(slice_t pattern, slice_t text, match_work *work);

/** A document's text in a message, for "%.*s": cut at 64 bytes, between characters. */
static inline int shown_length(slice_t text)
{
    size_t len = text.len < 64 ? text.len : 64;

    while (len > 0 && len < text.len && (text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return (int)len;
}
#define SHOWN(s) shown_length(s), (const char *)(s).data

static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}
