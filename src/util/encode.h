/* Text encodings. Decoders are strict: canonical input only. */
#pragma once

#include "util/bytes.h"

/* lower-case hex; @p out has 2 * len + 1 bytes */
void hex_encode(const uint8_t *data, size_t len, char *out);
/** Either case. @p out has text.len / 2 bytes. @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err hex_decode(slice_t text, uint8_t *out);
/** The byte of two hex digits of either case; -1 where one is none. */
int hex_byte(const uint8_t two[2]);

/** RFC 4648 section 4, padded; appends. */
void base64_encode(buf_t *out, slice_t data);
/** Canonical only: padding there, unused bits zero, no white space. Appends. @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err base64_decode(buf_t *out, slice_t text);
/** The length base64_decode would give, by length and padding alone; SIZE_MAX when the length is not a multiple of 4. */
size_t base64_decoded_len(slice_t text);
/** 0 to 63; -1 for what is no digit of base64. */
int base64_value(uint8_t c);

/** RFC 3986 unreserved characters stay, others become %XX (upper case); '/' stays when @p keep_slash. Appends. */
void percent_encode(buf_t *out, slice_t text, bool keep_slash);
/** Appends. @retval P11KMS_E_SYNTAX on a bad escape. */
MUST_USE p11kms_err percent_decode(buf_t *out, slice_t text);

#define UUID_TEXT 37 /* with the NUL */
/** Lower-case 8-4-4-4-12. */
void uuid_format(const uint8_t uuid[16], char out[UUID_TEXT]);
/** @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err uuid_parse(slice_t text, uint8_t out[16]);
/** Random, version 4 (RFC 9562), from the kernel, fetched in blocks per thread. */
void uuid_random(uint8_t out[16]);

/** Valid UTF-8 without surrogates and overlong forms (RFC 3629). */
bool utf8_valid(slice_t text);
/** The length of the valid UTF-8 sequence at the front of @p text (not empty), or 0 where there is none. */
size_t utf8_sequence(slice_t text);
/** Code points in valid UTF-8: AWS counts lengths in them. */
size_t utf8_length(slice_t text);

/** Of the Gregorian calendar; @p month from 1. */
unsigned month_days(unsigned year, unsigned month);
/** From 1970-01-01 to a date of the years 0 to 9999; @p month and @p day from 1. */
int64_t days_since_epoch(unsigned year, unsigned month, unsigned day);
/** "2026-01-02T03:04:05Z" from ms since the epoch. */
#define TIME_TEXT 25
void time_format_iso(int64_t ms, char out[TIME_TEXT]);
/** SigV4's "20260102T030405Z" to ms since the epoch. @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err time_parse_amz(slice_t text, int64_t *ret_ms);
/** RFC 9110 IMF-fixdate, for Date: "Sun, 06 Nov 1994 08:49:37 GMT". */
#define TIME_HTTP_TEXT 30
void time_format_http(int64_t ms, char out[TIME_HTTP_TEXT]);
