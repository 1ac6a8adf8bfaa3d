/*
 * What a PRF costs on SoftHSM: C_Sign called directly, and through the front and its host. Not a
 * test: build with "make tests/bench/bench_token" and run by hand, from the build folder. Prints
 * operations a second, and microseconds of CPU an operation of this process and of the host: the
 * best of three rounds.
 */
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <sys/resource.h>

#include "tests/bench/cpu.h"
#include "tests/fakes/softhsm.h"
#include "util/clock.h"

#define ROUNDS 3
#define ROUND_US 1000000
#define IN_FLIGHT_MAX 256
#define INPUT 58 /* as long as what a message's key is derived from */

static const uint8_t key[TOKEN_KEY_ID] = "bench key-------";
static const uint8_t input[INPUT] = "p11kms/v1/message";

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench_token: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* ---- directly ---- */

typedef struct {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE session;
} direct_t;

static direct_t direct_open(void)
{
    direct_t direct = { .module = p11_kit_module_load(softhsm_module(), 0) };
    CK_UTF8CHAR pin[] = SOFTHSM_PIN;
    CK_SLOT_ID slot;
    CK_ULONG n = 2;
    CK_SLOT_ID slots[2];

    must(direct.module != NULL && p11_kit_module_initialize(direct.module) == CKR_OK, "C_Initialize");
    must(direct.module->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK, "C_GetSlotList");
    slot = slots[0];
    must(direct.module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &direct.session) == CKR_OK,
         "C_OpenSession");
    must(direct.module->C_Login(direct.session, CKU_USER, pin, sizeof(pin) - 1) == CKR_OK, "C_Login");
    return direct;
}

static CK_OBJECT_HANDLE direct_key(const direct_t *direct)
{
    CK_ATTRIBUTE template[] = { { CKA_ID, (void *)(uintptr_t)key, sizeof(key) } };
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG n = 0;

    must(direct->module->C_FindObjectsInit(direct->session, template, 1) == CKR_OK &&
             direct->module->C_FindObjects(direct->session, &object, 1, &n) == CKR_OK && n == 1,
         "C_FindObjects");
    (void)direct->module->C_FindObjectsFinal(direct->session);
    return object;
}

static CK_OBJECT_HANDLE direct_copy(const direct_t *direct, CK_OBJECT_HANDLE object)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE template[] = { { CKA_TOKEN, &no, sizeof(no) } };
    CK_OBJECT_HANDLE copy;

    must(direct->module->C_CopyObject(direct->session, object, template, 1, &copy) == CKR_OK, "C_CopyObject");
    return copy;
}

static double direct_round(const direct_t *direct, CK_OBJECT_HANDLE object)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_SHA256_HMAC };
    int64_t start_us = clock_mono_us(), now_us = start_us;
    unsigned done = 0;
    CK_BYTE out[TOKEN_PRF_LEN];

    while (now_us - start_us < ROUND_US) {
        for (int i = 0; i < 100; i++, done++) {
            CK_ULONG len = sizeof(out);

            must(direct->module->C_SignInit(direct->session, &mechanism, object) == CKR_OK &&
                     direct->module->C_Sign(direct->session, (CK_BYTE *)(uintptr_t)input, INPUT, out, &len) == CKR_OK,
                 "C_Sign");
        }
        now_us = clock_mono_us();
    }
    return done * 1e6 / (double)(now_us - start_us);
}

static void direct_print(const direct_t *direct, CK_OBJECT_HANDLE object, const char *what)
{
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        double rate = direct_round(direct, object);

        best = rate > best ? rate : best;
    }
    printf("%-34s %9.0f/s\n", what, best);
}

/* ---- through the front ---- */

typedef struct {
    token_t *token;
    int64_t end_us;
    uint64_t done;
    unsigned out;
} running_t;

typedef struct {
    token_op_t op; /* first */
    running_t *running;
} flying_t;

static void come_back(completion_t *self)
{
    flying_t *flying = (flying_t *)self;
    running_t *running = flying->running;

    must(flying->op.err == P11KMS_OK, "an operation failed");
    running->done++;
    if (clock_mono_us() < running->end_us) {
        token_submit(running->token, &flying->op);
    } else {
        running->out--;
    }
}

static int64_t own_cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

typedef struct {
    double rate, own_us, host_us, batch;
} figures_t;

static figures_t front_round(token_t *token, unsigned in_flight)
{
    static flying_t flying[IN_FLIGHT_MAX];
    running_t running = { .token = token, .out = in_flight };
    token_stats before = token_get_stats(token);
    int64_t host_us = cpu_used_us(token_host_pid(token)), own_us = own_cpu_us(), start_us = clock_mono_us(), took_us;
    mailbox_t *box = NULL;
    double ops;

    must(mailbox_new(NULL, NULL, &box) == P11KMS_OK, "mailbox_new");
    running.end_us = start_us + ROUND_US;
    for (unsigned i = 0; i < in_flight; i++) {
        flying[i] = (flying_t){ .running = &running };
        flying[i].op = (token_op_t){ .kind = TOKEN_OP_PRF, .mailbox = box, .in = SLICE(input, INPUT) };
        flying[i].op.done.run = come_back;
        memcpy(flying[i].op.key_id, key, sizeof(key));
        token_submit(token, &flying[i].op);
    }
    token_flush(token);
    while (running.out > 0) {
        mailbox_wait(box, -1);
        token_flush(token);
    }
    took_us = clock_mono_us() - start_us;
    mailbox_free(box);
    ops = (double)running.done;
    return (figures_t){
        .rate = ops * 1e6 / (double)took_us,
        .own_us = (double)(own_cpu_us() - own_us) / ops,
        .host_us = (double)(cpu_used_us(token_host_pid(token)) - host_us) / ops,
        .batch = ops / (double)(token_get_stats(token).frames - before.frames),
    };
}

static void front_print(bool session_copies, unsigned sessions)
{
    static const unsigned in_flight[] = { 1, 8, 64, 256 };
    token_options options = softhsm_options("bench");
    token_t *token = NULL;

    options.session_copies = session_copies;
    options.sessions = sessions;
    must(token_open(&options, false, &token) == P11KMS_OK, p11kms_err_detail(P11KMS_E_TOKEN_LOST));
    for (size_t i = 0; i < COUNT_OF(in_flight); i++) {
        figures_t best = { 0 };

        for (int round = 0; round < ROUNDS; round++) {
            figures_t figures = front_round(token, in_flight[i]);

            best = figures.rate > best.rate ? figures : best;
        }
        printf("front, %s, %u session%s, %3u in flight %9.0f/s  own %5.1f us  host %5.1f us  %4.1f a frame\n",
               session_copies ? "copies " : "objects", sessions, sessions == 1 ? " " : "s", in_flight[i], best.rate,
               best.own_us, best.host_us, best.batch);
    }
    printf("host's resident memory: %ld KB\n", cpu_resident_kb(token_host_pid(token)));
    token_close(token);
}

static void make_key(void)
{
    token_options options = softhsm_options("bench");
    token_op_t op = { .kind = TOKEN_OP_GENERATE, .in = SLICE_LIT("bench") };
    token_t *token = NULL;

    memcpy(op.key_id, key, sizeof(key));
    must(token_open(&options, false, &token) == P11KMS_OK, p11kms_err_detail(P11KMS_E_TOKEN_LOST));
    must(token_call(token, &op) == P11KMS_OK, "the key cannot be made");
    token_close(token);
}

int main(void)
{
    direct_t direct;
    CK_OBJECT_HANDLE object;

    must(softhsm_module() != NULL, "SoftHSM is not installed");
    softhsm_new();
    softhsm_add_token("bench");
    make_key();
    direct = direct_open();
    object = direct_key(&direct);
    direct_print(&direct, object, "C_Sign, token object");
    direct_print(&direct, direct_copy(&direct, object), "C_Sign, session copy");
    p11_kit_module_finalize(direct.module);
    front_print(false, 1);
    front_print(true, 1);
    front_print(true, 2);
    return EXIT_SUCCESS;
}
