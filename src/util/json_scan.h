/*
 * A strict reading of RFC 8259 before json-c builds the tree. json-c alone takes
 * quotes of either kind, comments, NaN, overlong UTF-8 and lone surrogates, cuts
 * names at a NUL and lets a later member replace an earlier one.
 */
#pragma once

#include "util/bytes.h"

typedef struct {
    size_t members; /* of all objects together */
    size_t longest; /* string or number, in bytes of the text */
} json_shape;

/** @retval P11KMS_E_SYNTAX  Detail names the offset. */
MUST_USE p11kms_err json_scan(slice_t text, json_shape *ret);
