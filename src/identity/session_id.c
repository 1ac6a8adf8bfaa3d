/*
 * Access key ids of sessions. As in AWS's own the account can be read from one: of the 80 bits behind
 * "ASIA" the first is set, 40 are the account's number and 39 are random.
 */
#include "identity/session_state.h"

#include <stdio.h>

#include "crypto/crypto.h"

#define PREFIX "ASIA"
#define ID_BYTES 10
#define DIGITS 16
#define ACCOUNT_BYTES 6 /* that hold the account */
#define ACCOUNT_SHIFT 7
#define ACCOUNT_MAX UINT64_C(999999999999)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

p11kms_err session_id_make(const char *account, char ret_id[SESSION_KEY_ID + 1])
{
    uint64_t number = strtoull(account, NULL, 10) << ACCOUNT_SHIFT | UINT64_C(1) << 47;
    uint8_t bytes[ID_BYTES];

    TRY(crypto_random(bytes, sizeof(bytes)));
    number |= bytes[ACCOUNT_BYTES - 1] & ((1u << ACCOUNT_SHIFT) - 1);
    for (size_t i = 0; i < ACCOUNT_BYTES; i++) {
        bytes[i] = (uint8_t)(number >> 8 * (ACCOUNT_BYTES - 1 - i));
    }
    memcpy(ret_id, PREFIX, strlen(PREFIX));
    for (size_t i = 0; i < DIGITS; i++) {
        size_t bit = 5 * i;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < ID_BYTES ? bytes[bit / 8 + 1] : 0);

        ret_id[strlen(PREFIX) + i] = digits[pair >> (11 - bit % 8) & 31];
    }
    ret_id[SESSION_KEY_ID] = '\0';
    return P11KMS_OK;
}

bool session_key_account(slice_t access_key_id, char ret_account[13])
{
    uint64_t number = 0;

    if (access_key_id.len != SESSION_KEY_ID || !slice_has_prefix(access_key_id, PREFIX)) {
        return false;
    }
    /* 50 bits stand in the first ten digits, 48 of them are wanted. */
    for (size_t i = 0; i < ID_BYTES; i++) {
        const char *digit = memchr(digits, access_key_id.data[strlen(PREFIX) + i], sizeof(digits) - 1);

        if (digit == NULL) {
            return false;
        }
        number = number << 5 | (uint64_t)(digit - digits);
    }
    number = number >> (2 + ACCOUNT_SHIFT) & ((UINT64_C(1) << 40) - 1);
    if (number > ACCOUNT_MAX) {
        return false;
    }
    snprintf(ret_account, 13, "%012llu", (unsigned long long)number);
    return true;
}
