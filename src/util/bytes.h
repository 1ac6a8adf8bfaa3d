/* Borrowed views, owned byte strings, and the one growable buffer. */
#pragma once

#include <string.h>

#include "util/err.h"

/** A borrowed view; never owns. Empty views may have data == NULL. */
typedef struct {
    const uint8_t *data;
    size_t len;
} slice_t;

#define SLICE(ptr, length) ((slice_t){ (const uint8_t *)(ptr), (length) })
#define SLICE_STR(str) SLICE((str), strlen(str))
#define SLICE_LIT(lit) SLICE("" lit, sizeof(lit) - 1)

bool slice_eq(slice_t a, slice_t b); /* not for secrets: util/secret.h */
bool slice_eq_str(slice_t a, const char *str);
bool slice_has_prefix(slice_t a, const char *prefix);
/** strcmp order over bytes, the shorter first where one is a prefix. */
int slice_cmp(slice_t a, slice_t b);
bool slice_has(slice_t s, uint8_t byte);
/** What stands before the first @p byte moves to @p ret, and @p byte goes; where there is none, nothing moves. */
bool slice_cut(slice_t *rest, uint8_t byte, slice_t *ret);
/** The same, but all of @p rest where there is none: @p rest is then empty, behind its last byte. */
slice_t slice_part(slice_t *rest, uint8_t byte);
/** Without spaces and tabs at its ends (RFC 9110's OWS). */
slice_t slice_trim(slice_t s);

/**
 * A growable buffer, always NUL-terminated one byte past len so that text can be
 * read as a C string. Zero-initialised is empty and valid. Writing to a buffer
 * whose allocation failed is a no-op: check buf_failed() once, at the end.
 * buf_free() wipes what was in it (bodies carry plaintext).
 */
typedef struct {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
} buf_t;

void buf_free(buf_t *buf);
void buf_clear(buf_t *buf); /* keeps the allocation; wipes */
bool buf_failed(const buf_t *buf);
/** Make room for @p more bytes past len; the pointer is good until the next write. NULL on failure. */
uint8_t *buf_reserve(buf_t *buf, size_t more);
void buf_put(buf_t *buf, const void *data, size_t len);
void buf_put_slice(buf_t *buf, slice_t s);
void buf_put_str(buf_t *buf, const char *str);
void buf_put_char(buf_t *buf, char c);
void buf_put_u8(buf_t *buf, uint8_t v);
void buf_put_u16(buf_t *buf, uint16_t v); /* big-endian, as all of these */
void buf_put_u32(buf_t *buf, uint32_t v);
void buf_put_u64(buf_t *buf, uint64_t v);
void buf_printf(buf_t *buf, const char *fmt, ...) PRINTF(2, 3);
/** Drop the first @p n bytes (n <= len), moving the rest down. */
void buf_consume(buf_t *buf, size_t n);
slice_t buf_slice(const buf_t *buf);
const char *buf_str(const buf_t *buf); /* "" when empty */

#define _cleanup_buf_ __attribute__((cleanup(buf_free)))

/** A bounded reader over a slice: after the first short read every read yields zero and fails stays set. */
typedef struct {
    slice_t rest;
    bool fails;
} reader_t;

reader_t reader_over(slice_t s);
uint8_t reader_u8(reader_t *r);
uint16_t reader_u16(reader_t *r);
uint32_t reader_u32(reader_t *r);
uint64_t reader_u64(reader_t *r);
/** A view of the next @p len bytes; empty and fails set when there are fewer. */
slice_t reader_take(reader_t *r, size_t len);
/** Everything was read and nothing was short. */
bool reader_done(const reader_t *r);
