/*
 * How long the refusal of a ciphertext takes, by what was done to it: parsing and opening, without the token's part,
 * which is the same for all that parse. For looking at, not for a test: what counts is that no row stands out.
 *
 *     bench_misuse [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "kms/envelope.h"
#include "util/clock.h"

#define PLAIN_LEN 32
#define BODY_AT (ENVELOPE_HEADER + ENVELOPE_COMMITMENT)
#define BATCH 200

static const uint8_t key_id[KMS_ID] = { 1 }, material_id[KMS_ID] = { 2 }, nonce[ENVELOPE_NONCE] = { 3 };
static const uint8_t right_k0[TOKEN_PRF_LEN] = { 4 }, wrong_k0[TOKEN_PRF_LEN] = { 5 };

/* Where a bit is flipped; SIZE_MAX: nowhere. What comes in by way of the PRF is another K0. */
static const struct {
    const char *what;
    size_t at;
    const uint8_t *k0;
    const char *context;
} damages[] = {
    { "none: it opens", SIZE_MAX, right_k0, "context" },
    { "another key, material or nonce", SIZE_MAX, wrong_k0, "context" },
    { "key id in the header alone", 2, right_k0, "context" },
    { "IV", ENVELOPE_HEADER - 1, right_k0, "context" },
    { "first byte of the commitment", ENVELOPE_HEADER, right_k0, "context" },
    { "last byte of the commitment", BODY_AT - 1, right_k0, "context" },
    { "first byte of the message", BODY_AT, right_k0, "context" },
    { "first byte of the tag", BODY_AT + PLAIN_LEN, right_k0, "context" },
    { "last byte of the tag", BODY_AT + PLAIN_LEN + 15, right_k0, "context" },
    { "another context", SIZE_MAX, right_k0, "Context" },
    { "version: it does not parse", 0, right_k0, "context" },
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void open_once(slice_t blob, const uint8_t *k0, slice_t context)
{
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    envelope_t envelope;
    size_t len = 0;

    if (envelope_parse(blob, &envelope) == P11KMS_OK) {
        p11kms_err err = envelope_open(&envelope, k0, context, plain, &len);
        (void)err;
    }
}

/* Microseconds of one, the median of @p rounds batches. */
static double measure(const buf_t *blob, size_t damage, size_t rounds, double *times)
{
    for (size_t r = 0; r < rounds; r++) {
        int64_t began = clock_mono_us();

        for (size_t i = 0; i < BATCH; i++) {
            open_once(buf_slice(blob), damages[damage].k0, SLICE_STR(damages[damage].context));
        }
        times[r] = (double)(clock_mono_us() - began) / BATCH;
    }
    qsort(times, rounds, sizeof(*times), by_size);
    return times[rounds / 2];
}

int main(int argc, char **argv)
{
    static const uint8_t plain[PLAIN_LEN];
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    _cleanup_free_ double *times = calloc(rounds ? rounds : 1, sizeof(*times));
    _cleanup_buf_ buf_t blob = { 0 };

    if (!times || rounds == 0 || crypto_init() != P11KMS_OK ||
        envelope_seal(key_id, material_id, nonce, right_k0, SLICE_LIT("context"), SLICE(plain, PLAIN_LEN), &blob) !=
            P11KMS_OK) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        size_t at = damages[i].at;

        if (at != SIZE_MAX) {
            blob.data[at] ^= 1;
        }
        double us = measure(&blob, i, rounds, times);
        if (at != SIZE_MAX) {
            blob.data[at] ^= 1;
        }
        printf("%-36s %6.2f us\n", damages[i].what, us);
    }
    return EXIT_SUCCESS;
}
