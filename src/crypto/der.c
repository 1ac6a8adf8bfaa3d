#include "crypto/der.h"

static size_t take_length(reader_t *r)
{
    uint8_t first = reader_u8(r);
    size_t len = first;

    if (first == 0x81) {
        len = reader_u8(r);
        r->fails |= len < 0x80;
    } else if (first == 0x82) {
        len = reader_u16(r);
        r->fails |= len < 0x100;
    } else {
        r->fails |= first >= 0x80; /* nothing in here is longer */
    }
    return len;
}

slice_t der_take(reader_t *r, uint8_t tag)
{
    uint8_t found = reader_u8(r);
    size_t len = take_length(r);

    r->fails |= found != tag;
    return reader_take(r, len);
}

slice_t der_take_number(reader_t *r)
{
    slice_t number = der_take(r, DER_INTEGER);

    if (number.len == 0 || (number.data[0] & 0x80) ||
        (number.data[0] == 0 && number.len > 1 && !(number.data[1] & 0x80))) {
        r->fails = true;
        return SLICE(NULL, 0);
    }
    return number.data[0] == 0 ? SLICE(number.data + 1, number.len - 1) : number;
}
