#include "api/pattern.h"

#define NO_CLASS UINT8_MAX

/* The code point at @p *at of valid UTF-8 (RFC 3629), and @p *at past it. */
static uint32_t next_point(slice_t text, size_t *at)
{
    uint32_t lead = text.data[(*at)++];
    unsigned more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);

    for (; more > 0 && *at < text.len; more--) {
        point = point << 6 | (text.data[(*at)++] & 0x3fu);
    }
    return point;
}

static uint8_t class_of(const pattern_t *pattern, uint32_t point)
{
    size_t low = 0;
    size_t high = pattern->n_ranges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (point > pattern->ranges[middle].last) {
            low = middle + 1;
        } else if (point < pattern->ranges[middle].first) {
            high = middle;
        } else {
            return pattern->ranges[middle].class;
        }
    }
    return NO_CLASS;
}

bool shape_pattern_matches(const pattern_t *pattern, slice_t text)
{
    uint8_t state = pattern->start;

    for (size_t at = 0; at < text.len;) {
        uint8_t class = class_of(pattern, next_point(text, &at));

        if (class == NO_CLASS) {
            return false;
        }
        state = pattern->next[state * pattern->n_classes + class];
        if (state == 0) {
            return false;
        }
    }
    return state >= pattern->first_end;
}
