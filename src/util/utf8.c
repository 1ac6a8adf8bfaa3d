#include "util/encode.h"

/*
 * RFC 3629 section 4: how long a sequence is by its first byte, and the range of
 * its second byte, which keeps out overlong forms, surrogates and what is past
 * U+10FFFF. Any further byte is 80..BF.
 */
static const struct lead {
    uint8_t first, last;
    uint8_t length;
    uint8_t second_min, second_max;
} leads[] = {
    { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
    { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf }, { 0xf0, 0xf0, 4, 0x90, 0xbf },
    { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

size_t utf8_sequence(slice_t text)
{
    const struct lead *lead = leads;

    if (text.data[0] < 0x80) {
        return 1;
    }
    while (text.data[0] < lead->first || text.data[0] > lead->last) {
        if (++lead == leads + COUNT_OF(leads)) {
            return 0;
        }
    }
    if (text.len < lead->length || text.data[1] < lead->second_min || text.data[1] > lead->second_max) {
        return 0;
    }
    for (size_t i = 2; i < lead->length; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return lead->length;
}

/* How many bytes at the front are ASCII, at least; eight at a time. */
static size_t ascii_run(slice_t text)
{
    size_t run = 0;

    for (uint64_t word; text.len - run >= sizeof(word); run += sizeof(word)) {
        memcpy(&word, text.data + run, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    return run;
}

bool utf8_valid(slice_t text)
{
    while (text.len > 0) {
        size_t step = ascii_run(text);

        if (step == 0) {
            step = utf8_sequence(text);
        }
        if (step == 0) {
            return false;
        }
        text = SLICE(text.data + step, text.len - step);
    }
    return true;
}

size_t utf8_length(slice_t text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += (text.data[i] & 0xc0) != 0x80;
    }
    return count;
}
