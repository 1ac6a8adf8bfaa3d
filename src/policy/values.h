/* The values that conditions compare: numbers, dates and addresses as text. */
#pragma once

#include "util/bytes.h"

/** A network, or one address; IPv4 addresses stand mapped into IPv6 (RFC 4291 section 2.5.5.2). */
typedef struct {
    uint8_t address[16];
    uint8_t bits; /* 0..128 */
} address_range;

/** "-12", "3.25": an optional sign and at most 18 digits. */
bool value_number(slice_t text, double *ret);

/**
 * ms since the epoch, from a date of W3C's profile of ISO 8601 ("2026-01-02", "2026-01-02T03:04Z",
 * "2026-01-02T03:04:05.5+01:00") or from epoch seconds. Four digits are neither: a year and a second look
 * alike.
 */
bool value_date(slice_t text, int64_t *ret_ms);

/** An address, or a network in CIDR form, of either family. */
bool value_range(slice_t text, address_range *ret);
/** One address alone. */
bool value_address(slice_t text, uint8_t ret[16]);
bool value_in_range(const address_range *range, const uint8_t address[16]);
