/* As much of DER (X.690) as keys and signatures need; only for src/crypto/. */
#pragma once

#include "util/bytes.h"

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };

/** The next element's contents; empty, and fails set, for another tag or a length that is not the shortest. */
slice_t der_take(reader_t *r, uint8_t tag);
/** The next INTEGER, which must be positive or zero and the shortest, without its sign octet; empty for zero. */
slice_t der_take_number(reader_t *r);
