#include "util/shown.h"

#include "util/encode.h"

/* Unicode's general categories Cc, Zl, Zp, and those of Cf that move or hide what stands beside them. */
typedef struct {
    uint32_t first, last;
} range_t;
static const range_t unseen[] = {
    { 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c }, { 0x180e, 0x180e },
    { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
};

/* White_Space beside those, and the letters and patterns that are blank. */
static const range_t blank[] = {
    { 0x0020, 0x0020 }, { 0x00a0, 0x00a0 }, { 0x034f, 0x034f }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
    { 0x2000, 0x200a }, { 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 },
    { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xffa0, 0xffa0 },
};

static bool is_in(const range_t *ranges, size_t n, uint32_t point)
{
    for (size_t i = 0; i < n; i++) {
        if (point >= ranges[i].first && point <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_unseen(uint32_t point)
{
    return is_in(unseen, COUNT_OF(unseen), point);
}

/* Of a sequence that utf8_sequence() found; those of four bytes are all seen. */
static uint32_t point_of(const uint8_t *bytes, size_t length)
{
    switch (length) {
    case 1:
        return bytes[0];
    case 2:
        return (uint32_t)(bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f);
    case 3:
        return (uint32_t)(bytes[0] & 0x0f) << 12 | (uint32_t)(bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f);
    default:
        return UINT32_MAX;
    }
}

void shown_put(buf_t *out, slice_t text)
{
    for (size_t at = 0; at < text.len;) {
        size_t length = utf8_sequence(SLICE(text.data + at, text.len - at));
        uint32_t point = length ? point_of(text.data + at, length) : 0xfffd;

        if (length == 0 || is_unseen(point)) {
            buf_printf(out, "\\u%04x", point);
        } else {
            buf_put(out, text.data + at, length);
        }
        at += length ? length : 1;
    }
}

bool shown_any(slice_t text)
{
    for (size_t at = 0, length; at < text.len; at += length ? length : 1) {
        length = utf8_sequence(SLICE(text.data + at, text.len - at));
        uint32_t point = length ? point_of(text.data + at, length) : 0;

        if (!is_unseen(point) && !is_in(blank, COUNT_OF(blank), point)) {
            return true;
        }
    }
    return false;
}
