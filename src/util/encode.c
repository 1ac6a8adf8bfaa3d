#include "util/encode.h"

#include "util/secret.h"

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(const uint8_t *data, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 0xf];
    }
    out[2 * len] = '\0';
}

/* The value of a hex digit, or -1. */
static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_byte(const uint8_t two[2])
{
    int high = nibble(two[0]);
    int low = nibble(two[1]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

p11kms_err hex_decode(slice_t text, uint8_t *out)
{
    ENSURE(text.len % 2 == 0, P11KMS_E_SYNTAX);
    for (size_t i = 0; i < text.len; i += 2) {
        int byte = hex_byte(text.data + i);

        ENSURE(byte >= 0, P11KMS_E_SYNTAX);
        out[i / 2] = (uint8_t)byte;
    }
    return P11KMS_OK;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(buf_t *out, slice_t data)
{
    uint8_t *at = data.len > SIZE_MAX / 2 ? NULL : buf_reserve(out, (data.len + 2) / 3 * 4);
    const uint8_t *from = data.data;
    size_t rest = data.len;

    if (at == NULL) {
        out->failed = true;
        return;
    }
    for (; rest >= 3; rest -= 3, from += 3) {
        *at++ = (uint8_t)base64_digits[from[0] >> 2];
        *at++ = (uint8_t)base64_digits[(from[0] & 0x03) << 4 | from[1] >> 4];
        *at++ = (uint8_t)base64_digits[(from[1] & 0x0f) << 2 | from[2] >> 6];
        *at++ = (uint8_t)base64_digits[from[2] & 0x3f];
    }
    if (rest > 0) {
        uint8_t second = rest > 1 ? from[1] : 0;

        *at++ = (uint8_t)base64_digits[from[0] >> 2];
        *at++ = (uint8_t)base64_digits[(from[0] & 0x03) << 4 | second >> 4];
        *at++ = rest > 1 ? (uint8_t)base64_digits[(second & 0x0f) << 2] : '=';
        *at++ = '=';
    }
    out->len += (data.len + 2) / 3 * 4;
    out->data[out->len] = '\0';
}

int base64_value(uint8_t c)
{
    /* One more than the value of each; 0 where there is none. */
    static const uint8_t values[256] = {
        ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
        ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
        ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
        ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
        ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
        ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
        ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
        ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    };

    return values[c] - 1;
}

static size_t base64_padding(slice_t text)
{
    if (text.len == 0 || text.data[text.len - 1] != '=') {
        return 0;
    }
    return text.data[text.len - 2] == '=' ? 2 : 1;
}

size_t base64_decoded_len(slice_t text)
{
    if (text.len % 4 != 0) {
        return SIZE_MAX;
    }
    return text.len / 4 * 3 - base64_padding(text);
}

/*
 * Four digits to 24 bits. The last @p padding of them are not looked at; the bits they
 * would have finished must be zero, or two texts would stand for the same bytes.
 */
static bool base64_quad(const uint8_t *digits, size_t padding, uint32_t *ret)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? base64_value(digits[i]) : 0;

        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    *ret = bits;
    return (bits & ((1u << 8 * padding) - 1)) == 0;
}

static bool base64_decode_to(uint8_t *at, slice_t text)
{
    size_t padding = base64_padding(text);

    for (size_t i = 0; i < text.len; i += 4) {
        size_t unused = i + 4 == text.len ? padding : 0;
        uint32_t bits;

        if (!base64_quad(text.data + i, unused, &bits)) {
            return false;
        }
        for (size_t byte = 0; byte < 3 - unused; byte++) {
            *at++ = (uint8_t)(bits >> (16 - 8 * byte));
        }
    }
    return true;
}

p11kms_err base64_decode(buf_t *out, slice_t text)
{
    size_t len = base64_decoded_len(text);
    uint8_t *at;

    ENSURE(len != SIZE_MAX, P11KMS_E_SYNTAX);
    at = buf_reserve(out, len);
    ENSURE(at != NULL, P11KMS_E_NOMEM);
    if (!base64_decode_to(at, text)) {
        secret_wipe(at, len);
        return p11kms_fail_plain(P11KMS_E_SYNTAX);
    }
    out->len += len;
    out->data[out->len] = '\0';
    return P11KMS_OK;
}

static bool unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void percent_encode(buf_t *out, slice_t text, bool keep_slash)
{
    static const char upper_digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (unreserved(c) || (keep_slash && c == '/')) {
            buf_put_u8(out, c);
        } else {
            buf_put(out, (char[]){ '%', upper_digits[c >> 4], upper_digits[c & 0xf] }, 3);
        }
    }
}

static p11kms_err percent_decode_to(buf_t *out, slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        int byte = text.data[i];

        if (byte == '%') {
            ENSURE(text.len - i > 2, P11KMS_E_SYNTAX);
            byte = hex_byte(text.data + i + 1);
            ENSURE(byte >= 0, P11KMS_E_SYNTAX);
            i += 2;
        }
        buf_put_u8(out, (uint8_t)byte);
    }
    return P11KMS_OK;
}

p11kms_err percent_decode(buf_t *out, slice_t text)
{
    size_t before = out->len;
    p11kms_err err = percent_decode_to(out, text);

    if (err != P11KMS_OK && out->data != NULL) {
        secret_wipe(out->data + before, out->len - before);
        out->len = before;
    }
    return err;
}
