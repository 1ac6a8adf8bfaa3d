#include "crypto/ecdsa.h"

#include "crypto/der.h"
#include "crypto/pkey.h"

static uint8_t *put_number(uint8_t *at, slice_t number)
{
    number = pkey_without_zeros(number);
    size_t sign = number.len == 0 || (number.data[0] & 0x80) ? 1 : 0;

    *at++ = DER_INTEGER;
    *at++ = (uint8_t)(number.len + sign);
    if (sign) {
        *at++ = 0;
    }
    if (number.len) {
        memcpy(at, number.data, number.len);
    }
    return at + number.len;
}

p11kms_err ecdsa_to_der(slice_t raw, uint8_t out[ECDSA_DER_MAX], size_t *ret_len)
{
    uint8_t numbers[2 * (3 + ECDSA_NUMBER_MAX)];
    size_t half = raw.len / 2;

    ENSURE(raw.len >= 2 && raw.len % 2 == 0 && raw.len <= ECDSA_RAW_MAX, P11KMS_E_SYNTAX);
    uint8_t *end = put_number(put_number(numbers, SLICE(raw.data, half)), SLICE(raw.data + half, half));
    size_t len = (size_t)(end - numbers);
    uint8_t *at = out;

    *at++ = DER_SEQUENCE;
    if (len >= 0x80) {
        *at++ = 0x81;
    }
    *at++ = (uint8_t)len;
    memcpy(at, numbers, len);
    *ret_len = (size_t)(at - out) + len;
    return P11KMS_OK;
}

static void take_padded(reader_t *r, size_t len, uint8_t *out)
{
    slice_t number = der_take_number(r);

    if (number.len > len) {
        r->fails = true;
        return;
    }
    memset(out, 0, len - number.len);
    if (number.len) {
        memcpy(out + len - number.len, number.data, number.len);
    }
}

p11kms_err ecdsa_to_raw(slice_t der, size_t number_len, uint8_t *out)
{
    uint8_t raw[ECDSA_RAW_MAX];
    reader_t all = reader_over(der);
    reader_t numbers = reader_over(der_take(&all, DER_SEQUENCE));

    ENSURE(number_len <= ECDSA_NUMBER_MAX, P11KMS_E_SYNTAX);
    take_padded(&numbers, number_len, raw);
    take_padded(&numbers, number_len, raw + number_len);
    ENSURE(reader_done(&all) && reader_done(&numbers), P11KMS_E_SYNTAX);
    memcpy(out, raw, 2 * number_len);
    return P11KMS_OK;
}
