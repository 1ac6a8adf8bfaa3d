#include "util/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/secret.h"

#define BUF_FIRST 256

bool slice_eq(slice_t a, slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_eq_str(slice_t a, const char *str)
{
    return slice_eq(a, SLICE_STR(str));
}

bool slice_has_prefix(slice_t a, const char *prefix)
{
    size_t len = strlen(prefix);

    return a.len >= len && (len == 0 || memcmp(a.data, prefix, len) == 0);
}

int slice_cmp(slice_t a, slice_t b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_has(slice_t s, uint8_t byte)
{
    return s.len > 0 && memchr(s.data, byte, s.len) != NULL;
}

bool slice_cut(slice_t *rest, uint8_t byte, slice_t *ret)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, byte, rest->len) : NULL;

    if (at == NULL) {
        return false;
    }
    *ret = SLICE(rest->data, (size_t)(at - rest->data));
    *rest = SLICE(at + 1, rest->len - ret->len - 1);
    return true;
}

slice_t slice_part(slice_t *rest, uint8_t byte)
{
    slice_t part;

    if (!slice_cut(rest, byte, &part)) {
        part = *rest;
        *rest = SLICE(part.data + part.len, 0);
    }
    return part;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

slice_t slice_trim(slice_t s)
{
    while (s.len > 0 && is_blank(s.data[0])) {
        s = SLICE(s.data + 1, s.len - 1);
    }
    while (s.len > 0 && is_blank(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

static void wipe_and_free(uint8_t *data, size_t len)
{
    if (data != NULL) {
        secret_wipe(data, len);
        free(data);
    }
}

void buf_free(buf_t *buf)
{
    wipe_and_free(buf->data, buf->cap);
    *buf = (buf_t){ 0 };
}

void buf_clear(buf_t *buf)
{
    if (buf->data != NULL) {
        secret_wipe(buf->data, buf->len);
    }
    buf->len = 0;
    buf->failed = false;
}

bool buf_failed(const buf_t *buf)
{
    return buf->failed;
}

/* Not realloc: it would leave the old bytes behind, unwiped. */
static bool grow(buf_t *buf, size_t need)
{
    size_t cap = buf->cap < BUF_FIRST ? BUF_FIRST : buf->cap;
    uint8_t *data;

    while (cap < need) {
        if (cap > SIZE_MAX / 2) {
            return false;
        }
        cap *= 2;
    }
    data = malloc(cap);
    if (data == NULL) {
        return false;
    }
    if (buf->len > 0) {
        memcpy(data, buf->data, buf->len);
    }
    wipe_and_free(buf->data, buf->cap);
    buf->data = data;
    buf->cap = cap;
    data[buf->len] = '\0';
    return true;
}

static uint8_t *make_room(buf_t *buf, size_t more)
{
    if (buf->failed) {
        return NULL;
    }
    if (more >= SIZE_MAX - buf->len || !grow(buf, buf->len + more + 1)) {
        buf->failed = true;
        return NULL;
    }
    return buf->data + buf->len;
}

/* A record of the audit log is written in some 250 small pieces, and nearly all of them fit. */
static inline uint8_t *room_for(buf_t *buf, size_t more)
{
    return !buf->failed && more < buf->cap - buf->len ? buf->data + buf->len : make_room(buf, more);
}

uint8_t *buf_reserve(buf_t *buf, size_t more)
{
    return room_for(buf, more);
}

void buf_put(buf_t *buf, const void *data, size_t len)
{
    uint8_t *at = room_for(buf, len);

    if (at == NULL) {
        return;
    }
    if (len > 0) {
        memcpy(at, data, len);
    }
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_put_slice(buf_t *buf, slice_t s)
{
    buf_put(buf, s.data, s.len);
}

void buf_put_str(buf_t *buf, const char *str)
{
    buf_put(buf, str, strlen(str));
}

void buf_put_char(buf_t *buf, char c)
{
    uint8_t *at = room_for(buf, 1);

    if (at == NULL) {
        return;
    }
    at[0] = (uint8_t)c;
    at[1] = '\0';
    buf->len++;
}

static void put_be(buf_t *buf, uint64_t v, size_t bytes)
{
    uint8_t be[8];

    for (size_t i = 0; i < bytes; i++) {
        be[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    }
    buf_put(buf, be, bytes);
}

void buf_put_u8(buf_t *buf, uint8_t v)
{
    put_be(buf, v, 1);
}

void buf_put_u16(buf_t *buf, uint16_t v)
{
    put_be(buf, v, 2);
}

void buf_put_u32(buf_t *buf, uint32_t v)
{
    put_be(buf, v, 4);
}

void buf_put_u64(buf_t *buf, uint64_t v)
{
    put_be(buf, v, 8);
}

#define PRINTF_ROOM 128 /* what is longer is formatted twice */

void buf_printf(buf_t *buf, const char *fmt, ...)
{
    va_list args;
    int len;
    uint8_t *at = room_for(buf, PRINTF_ROOM);

    if (at == NULL) {
        return;
    }
    va_start(args, fmt);
    len = vsnprintf((char *)at, buf->cap - buf->len, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len >= buf->cap - buf->len) {
        at[0] = '\0';
        at = make_room(buf, (size_t)len);
        if (at == NULL) {
            return;
        }
        va_start(args, fmt);
        len = vsnprintf((char *)at, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    if (len < 0) {
        buf->failed = true;
        return;
    }
    buf->len += (size_t)len;
}

void buf_consume(buf_t *buf, size_t n)
{
    size_t rest = buf->len - n;

    if (n == 0) {
        return;
    }
    memmove(buf->data, buf->data + n, rest);
    secret_wipe(buf->data + rest, n);
    buf->len = rest;
}

slice_t buf_slice(const buf_t *buf)
{
    return SLICE(buf->data, buf->len);
}

/* Whoever filled buf_reserve()'s memory moved len himself: end the text here. */
const char *buf_str(const buf_t *buf)
{
    if (buf->data == NULL) {
        return "";
    }
    if (buf->data[buf->len] != '\0') {
        buf->data[buf->len] = '\0';
    }
    return (const char *)buf->data;
}

reader_t reader_over(slice_t s)
{
    return (reader_t){ .rest = s };
}

slice_t reader_take(reader_t *r, size_t len)
{
    slice_t taken;

    if (r->fails || len > r->rest.len) {
        r->fails = true;
        return (slice_t){ 0 };
    }
    taken = SLICE(r->rest.data, len);
    if (len > 0) {
        r->rest = SLICE(r->rest.data + len, r->rest.len - len);
    }
    return taken;
}

static uint64_t take_be(reader_t *r, size_t bytes)
{
    slice_t taken = reader_take(r, bytes);
    uint64_t v = 0;

    for (size_t i = 0; i < taken.len; i++) {
        v = v << 8 | taken.data[i];
    }
    return v;
}

uint8_t reader_u8(reader_t *r)
{
    return (uint8_t)take_be(r, 1);
}

uint16_t reader_u16(reader_t *r)
{
    return (uint16_t)take_be(r, 2);
}

uint32_t reader_u32(reader_t *r)
{
    return (uint32_t)take_be(r, 4);
}

uint64_t reader_u64(reader_t *r)
{
    return take_be(r, 8);
}

bool reader_done(const reader_t *r)
{
    return !r->fails && r->rest.len == 0;
}
