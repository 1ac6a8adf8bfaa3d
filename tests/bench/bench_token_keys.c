/*
 * Private keys on SoftHSM, through the front and its host: how long a start takes, what each mechanism
 * does a second, whether the time of RSA-OAEP tells how a padding is wrong, and what PRFs suffer from RSA
 * beside them. Not a test: build with "make tests/bench/bench_token_keys" and run by hand, from the build folder.
 */
#include <math.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "crypto/rsa_padding.h"
#include "tests/fakes/softhsm.h"
#include "token/kinds.h"
#include "util/clock.h"

#define ROUND_US 1000000
#define K 256
#define IN_FLIGHT_MAX 256

static const uint8_t digest[64] = "a digest";

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench_token_keys: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static token_op_t op_on(token_key_type type, token_key_use use, token_op_kind kind)
{
    token_op_t op = { .kind = kind, .type = type, .use = use };

    memset(op.key_id, 0x10 + (int)type * 4 + (int)use, TOKEN_KEY_ID);
    return op;
}

static token_t *open_bench(void)
{
    token_options options = softhsm_options("bench");
    token_t *token = NULL;

    must(token_open(&options, false, &token) == P11KMS_OK, p11kms_err_detail(P11KMS_E_TOKEN_LOST));
    return token;
}

/* ---- many at once ---- */

typedef struct {
    token_t *token;
    int64_t end_us;
    uint64_t done;
    unsigned out;
    int64_t *took_us; /* of each, up to took_max; or NULL */
    size_t took_max;
} running_t;

typedef struct {
    token_op_t op; /* first */
    running_t *running;
} flying_t;

static void come_back(completion_t *self)
{
    flying_t *flying = (flying_t *)self;
    running_t *running = flying->running;
    int64_t now_us = clock_mono_us();

    must(flying->op.err == P11KMS_OK, "an operation failed");
    if (running->took_us != NULL && running->done < running->took_max) {
        running->took_us[running->done] = now_us - flying->op.started_us;
    }
    running->done++;
    if (now_us < running->end_us) {
        token_submit(running->token, &flying->op);
    } else {
        running->out--;
    }
}

static void launch(running_t *running, flying_t *flying, unsigned n, const token_op_t *op, mailbox_t *box)
{
    running->out = n;
    running->end_us = clock_mono_us() + ROUND_US;
    for (unsigned i = 0; i < n; i++) {
        flying[i] = (flying_t){ .op = *op, .running = running };
        flying[i].op.mailbox = box;
        flying[i].op.done.run = come_back;
        token_submit(running->token, &flying[i].op);
    }
    token_flush(running->token);
}

static void land(token_t *token, const running_t *a, const running_t *b, mailbox_t *box)
{
    while (a->out > 0 || b->out > 0) {
        mailbox_wait(box, -1);
        token_flush(token);
    }
}

static double rate_of(token_t *token, const token_op_t *op)
{
    static flying_t flying[IN_FLIGHT_MAX];
    running_t running = { .token = token }, none = { 0 };
    int64_t began_us = clock_mono_us();
    mailbox_t *box = NULL;

    must(mailbox_new(NULL, NULL, &box) == P11KMS_OK, "mailbox_new");
    launch(&running, flying, 16, op, box);
    land(token, &running, &none, box);
    mailbox_free(box);
    return (double)running.done * 1e6 / (double)(clock_mono_us() - began_us);
}

static void print_rates(token_t *token)
{
    for (token_key_type type = TOKEN_KEY_HMAC_224; type < TOKEN_KEY_COUNT; type++) {
        token_op_t op = op_on(type, TOKEN_USE_SIGN, TOKEN_OP_GENERATE);
        int64_t began_us = clock_mono_us();

        must(token_call(token, &op) == P11KMS_OK, "a key cannot be made");
        printf("%-10s made in %7.1f ms;", kinds_of_type(type)->name, (double)(clock_mono_us() - began_us) / 1000);
        for (token_mechanism mechanism = 1; mechanism < TOKEN_MECH_COUNT; mechanism++) {
            const kinds_mechanism *row = kinds_of_mechanism(mechanism);

            if (kinds_key_fits(type, TOKEN_USE_SIGN, mechanism) && TOKEN_CAN(token_get_info(token).mechanisms, mechanism)) {
                op.kind = TOKEN_OP_SIGN;
                op.mechanism = mechanism;
                op.in = SLICE(digest, row->hash > 0 ? row->hash : 32);
                printf(" %s %.0f/s", row->name, rate_of(token, &op));
                fflush(stdout);
            }
        }
        printf("\n");
    }
}

/* ---- does time tell how a padding is wrong? ---- */

enum { RIGHT, FIRST_OCTET, LABEL, NO_SEPARATOR, LATE_SEPARATOR, CLASSES };
static const char *const class_names[CLASSES] = {
    "right", "first octet not 0", "label's digest wrong", "no separator", "empty message, wrong first octet",
};

static void mask(slice_t seed, uint8_t *out, size_t len)
{
    uint8_t input[K + 4], block[32];

    memcpy(input, seed.data, seed.len);
    memset(input + seed.len, 0, 4);
    for (size_t i = 0; i < len; i++) {
        input[seed.len + 3] = (uint8_t)(i / 32);
        if (i % 32 == 0) {
            crypto_digest(CRYPTO_SHA256, SLICE(input, seed.len + 4), block);
        }
        out[i] ^= block[i % 32];
    }
}

static void make_padded(int class, uint8_t em[K])
{
    uint8_t *seed = em + 1, *db = em + 33;

    memset(em, 0, K);
    must(crypto_random(seed, 32) == P11KMS_OK, "random bytes");
    crypto_digest(CRYPTO_SHA256, SLICE("", 0), db);
    db[0] ^= class == LABEL ? 1 : 0;
    if (class == LATE_SEPARATOR) {
        db[K - 34] = 1;
    } else if (class != NO_SEPARATOR) {
        db[100] = 1;
    }
    mask(SLICE(seed, 32), db, K - 33);
    mask(SLICE(db, K - 33), seed, 32);
    em[0] = class == FIRST_OCTET || class == LATE_SEPARATOR ? 1 : 0;
}

typedef struct {
    double n, mean, m2;
} sample_t;

static void add(sample_t *sample, double x)
{
    double delta = x - sample->mean;

    sample->n++;
    sample->mean += delta / sample->n;
    sample->m2 += delta * (x - sample->mean);
}

/* Welch's t between two; beyond 4.5 is taken for a leak by those who test for such. */
static double t_between(const sample_t *a, const sample_t *b)
{
    return (a->mean - b->mean) / sqrt(a->m2 / (a->n - 1) / a->n + b->m2 / (b->n - 1) / b->n);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void print_samples(const char *unit, const sample_t samples[CLASSES])
{
    for (int i = 0; i < CLASSES; i++) {
        printf("  %-34s %10.2f %s, t against 'label's digest wrong' %6.2f\n", class_names[i], samples[i].mean, unit,
               i == LABEL ? 0.0 : t_between(&samples[i], &samples[LABEL]));
    }
}

/* In random order, and without what an interrupt has met. */
static void time_decoding(void)
{
    sample_t samples[CLASSES] = { 0 };
    uint8_t made[CLASSES][K], em[K], out[K], order;
    size_t len;

    for (int i = 0; i < 400000; i++) {
        int64_t began_ns, took_ns;

        must(crypto_random(&order, 1) == P11KMS_OK, "random bytes");
        if (i % 64 == 0) {
            for (int class = 0; class < CLASSES; class++) {
                make_padded(class, made[class]);
            }
        }
        memcpy(em, made[order % CLASSES], K);
        began_ns = now_ns();
        (void)!rsa_oaep_decode(CRYPTO_SHA256, em, K, out, &len);
        took_ns = now_ns() - began_ns;
        if (took_ns < 30000) {
            add(&samples[order % CLASSES], (double)took_ns);
        }
    }
    printf("rsa_oaep_decode(), 2048 bits, SHA-256:\n");
    print_samples("ns", samples);
}

static void encrypt_raw(EVP_PKEY *public, const uint8_t em[K], uint8_t out[K])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public, NULL);
    size_t len = K;

    must(EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
             EVP_PKEY_encrypt(ctx, out, &len, em, K) == 1,
         "bare RSA");
    EVP_PKEY_CTX_free(ctx);
}

static void time_decrypting(token_t *token)
{
    token_op_t op = op_on(TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT, TOKEN_OP_GENERATE);
    sample_t samples[CLASSES] = { 0 };
    uint8_t em[K], sealed[K], order;
    const uint8_t *at = op.out;
    EVP_PKEY *public;

    must(token_call(token, &op) == P11KMS_OK, "a key cannot be made");
    public = d2i_PUBKEY(NULL, &at, (long)op.out_used);
    op.kind = TOKEN_OP_DECRYPT;
    op.mechanism = TOKEN_MECH_OAEP_SHA256;
    op.in = SLICE(sealed, K);
    for (int i = 0; i < 6000; i++) {
        int64_t began_ns;
        p11kms_err err;

        must(crypto_random(&order, 1) == P11KMS_OK, "random bytes");
        order %= CLASSES;
        do { /* what is not below the modulus is refused before */
            make_padded(order, em);
            encrypt_raw(public, em, sealed);
        } while (sealed[0] == 0xff);
        began_ns = now_ns();
        err = token_call(token, &op);
        if (now_ns() - began_ns < 10000000) {
            add(&samples[order], (double)(now_ns() - began_ns) / 1000);
        }
        must(err == (order == RIGHT ? P11KMS_OK : P11KMS_E_CIPHERTEXT), "a wrong verdict");
    }
    printf("DECRYPT through the host, 2048 bits, SHA-256 (padding taken off in the host):\n");
    print_samples("us", samples);
    EVP_PKEY_free(public);
}

/* ---- PRFs beside RSA ---- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void prf_beside(token_t *token, unsigned rsa_in_flight)
{
    static flying_t prfs[IN_FLIGHT_MAX], rsas[IN_FLIGHT_MAX];
    static int64_t took_us[400000];
    token_op_t prf = op_on(TOKEN_KEY_PRF, TOKEN_USE_SIGN, TOKEN_OP_PRF);
    token_op_t rsa = op_on(TOKEN_KEY_RSA_2048, TOKEN_USE_SIGN, TOKEN_OP_SIGN);
    running_t prf_running = { .token = token, .took_us = took_us, .took_max = COUNT_OF(took_us) };
    running_t rsa_running = { .token = token };
    mailbox_t *box = NULL;

    prf.in = SLICE(digest, 58);
    rsa.in = SLICE(digest, 32);
    rsa.mechanism = TOKEN_MECH_PKCS1_SHA256;
    must(mailbox_new(NULL, NULL, &box) == P11KMS_OK, "mailbox_new");
    launch(&rsa_running, rsas, rsa_in_flight, &rsa, box);
    launch(&prf_running, prfs, 8, &prf, box);
    land(token, &prf_running, &rsa_running, box);
    mailbox_free(box);
    qsort(took_us, prf_running.done < COUNT_OF(took_us) ? prf_running.done : COUNT_OF(took_us), sizeof(took_us[0]), compare);
    printf("8 PRFs in flight beside %3u RSA signatures: %7llu/s, median %5lld us, p99 %6lld us, p99.9 %6lld us; RSA %llu/s\n",
           rsa_in_flight, (unsigned long long)prf_running.done, (long long)took_us[prf_running.done / 2],
           (long long)took_us[prf_running.done * 99 / 100], (long long)took_us[prf_running.done * 999 / 1000],
           (unsigned long long)rsa_running.done);
}

static void print_isolation(token_t *token)
{
    token_op_t op = op_on(TOKEN_KEY_PRF, TOKEN_USE_SIGN, TOKEN_OP_GENERATE);

    must(token_call(token, &op) == P11KMS_OK, "a key cannot be made");
    for (int i = 0; i < 3; i++) {
        prf_beside(token, 0);
        prf_beside(token, 8);
        prf_beside(token, 64);
    }
}

static void print_starts(void)
{
    for (int i = 0; i < 5; i++) {
        int64_t began_us = clock_mono_us();
        token_t *token = open_bench();

        printf("ready in %.0f ms\n", (double)(clock_mono_us() - began_us) / 1000);
        token_close(token);
    }
}

int main(void)
{
    token_t *token;

    must(softhsm_module() != NULL, "SoftHSM is not installed");
    must(crypto_init() == P11KMS_OK, "crypto_init");
    softhsm_new();
    softhsm_add_token("bench");
    print_starts();
    token = open_bench();
    print_rates(token);
    print_isolation(token);
    time_decrypting(token);
    token_close(token);
    time_decoding();
    return EXIT_SUCCESS;
}
