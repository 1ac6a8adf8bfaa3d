/*
 * What grants cost on a key that has one and on one that has 50,000. Not a test: build with
 * "make tests/bench/bench_grants" and run by hand, alone on the machine.
 */
#include <stdio.h>
#include <time.h>

#include "crypto/crypto.h"
#include "kms/grants.h"
#include "tests/fakes/scratch.h"
#include "util/clock.h"

#define MANY 50000
#define ROUNDS 5
#define DECISIONS 100000
#define MADE 1000

#define ACCOUNT "111122223333"
#define REGION "eu-west-1"
#define ALICE "arn:aws:iam::" ACCOUNT ":user/alice"

static const uint8_t key_id[KMS_ID] = { 1 };

static void must(p11kms_err err)
{
    if (err != P11KMS_OK) {
        fprintf(stderr, "bench_grants: %s\n", p11kms_err_detail(err));
        exit(1);
    }
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* How many grants of a key differ. */
typedef enum { BY_GRANTEE, BY_CONTEXT, IN_NOTHING } manner_t;

static kms_grant_t *make(arena_t *arena, manner_t manner, unsigned number)
{
    uint8_t id[KMS_GRANT_ID];
    kms_grant_t *grant = NULL;

    arena_reset(arena);
    context_pair subset[] = { { SLICE_LIT("app"), SLICE_LIT("x") },
                              { SLICE_LIT("id"), SLICE_STR(arena_printf(arena, "%u", number)) } };
    const char *grantee = manner == BY_GRANTEE && number ? arena_printf(arena, ALICE "-%u", number) : ALICE;
    must(crypto_random(id, sizeof(id)));
    const kms_grant_spec spec = {
        .id = id,
        .account = ACCOUNT,
        .region = REGION,
        .key_id = key_id,
        .issuing_account = ACCOUNT,
        .grantee = SLICE_STR(grantee),
        .retiring = SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/retires"),
        .operations = GRANT_ENCRYPT | (manner != IN_NOTHING || number == 0 ? GRANT_DECRYPT : 0),
        .subset = subset,
        .n_subset = manner == BY_CONTEXT ? 2 : 0,
    };
    must(kms_grant_new(&spec, arena, &grant));
    return grant;
}

static void decide(grants_t *grants, arena_t *arena, const char *what)
{
    context_pair pairs[] = { { SLICE_LIT("app"), SLICE_LIT("x") }, { SLICE_LIT("id"), SLICE_LIT("0") } };
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double began = now_ns();
        for (int i = 0; i < DECISIONS; i++) {
            kms_grant_need need = { .operations = GRANT_DECRYPT };

            arena_reset(arena);
            must(kms_grant_context_of(pairs, COUNT_OF(pairs), arena, &need.context));
            kms_grant_t *found = grants_find(grants, (grants_key){ REGION, key_id }, SLICE_LIT(ALICE), &need);
            if (!found) {
                must(p11kms_fail(P11KMS_E_INTERNAL, "%s: no grant allows it", what));
            }
            kms_grant_unref(found);
        }
        began = (now_ns() - began) / DECISIONS;
        best = round == 0 || began < best ? began : best;
    }
    printf("a Decrypt allowed by a grant, %-38s %8.0f ns\n", what, best);
}

static void fill(grants_t *grants, arena_t *arena, manner_t manner, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        must(grants_put(grants, make(arena, manner, i)));
    }
}

static void measure(arena_t *arena, manner_t manner, const char *what)
{
    _cleanup_(grants) grants_t *grants = NULL;
    char text[64];

    must(grants_new(&grants));
    fill(grants, arena, manner, 0, 1);
    if (manner == BY_GRANTEE) {
        decide(grants, arena, "the key's one");
    }
    fill(grants, arena, manner, 1, MANY - MADE);
    double began = now_ns();
    fill(grants, arena, manner, MANY - MADE, MANY);
    began = (now_ns() - began) / MADE;
    snprintf(text, sizeof(text), "%d %s", MANY, what);
    decide(grants, arena, text);
    printf("one more in memory beside them %-38s %8.0f ns\n", "", began);
}

typedef struct {
    grants_t *grants;
    arena_t *arena;
} reading;

static p11kms_err read_one(void *arg, const store_grant *row)
{
    reading *at = arg;
    kms_grant_t *grant;

    arena_reset(at->arena);
    TRY(kms_grant_of_row(row, at->arena, &grant));
    return grants_put(at->grants, grant);
}

static void measure_start(store_t *store, arena_t *arena)
{
    _cleanup_(grants) grants_t *grants = NULL;
    double began = now_ns();

    must(grants_new(&grants));
    must(store_grant_each(store, read_one, &(reading){ grants, arena }));
    printf("reading all of them at start %-40s %8.0f ms\n", "", (now_ns() - began) / 1e6);
}

/* As the worker does it: a transaction each. */
static void measure_store(arena_t *arena)
{
    store_t *store;
    const store_key key = { .id = { 1 }, .account = ACCOUNT, .region = REGION, .spec = "SYMMETRIC_DEFAULT",
                            .usage = "ENCRYPT_DECRYPT", .origin = "AWS_KMS", .state = "Enabled", .token = "t",
                            .description = "", .policy = "{}", .custom_store = "", .primary_region = "" };
    double began = 0;

    must(store_open(scratch_path(scratch_folder(), "store.db"), &store));
    must(store_key_insert(store, &key));
    must(store_begin(store));
    for (unsigned i = 0; i < MANY + MADE; i++) {
        kms_grant_t *grant = make(arena, BY_CONTEXT, i);
        store_grant row;

        if (i == MANY) {
            must(store_commit(store));
            began = now_ns();
        }
        if (i >= MANY) {
            must(store_begin(store));
        }
        kms_grant_row(grant, arena, &row);
        must(store_grant_insert(store, &row));
        if (i >= MANY) {
            must(store_commit(store));
        }
        kms_grant_unref(grant);
    }
    printf("one more in the store, in a transaction of its own %-18s %8.0f ns\n", "", (now_ns() - began) / MADE);
    measure_start(store, arena);
    store_close(store);
}

int main(void)
{
    _cleanup_(arena) arena_t *arena = arena_new(4096);

    must(crypto_init());
    measure(arena, BY_GRANTEE, "grantees");
    measure(arena, BY_CONTEXT, "contexts of one grantee");
    measure(arena, IN_NOTHING, "of one grantee, one of them for it");
    measure_store(arena);
    return 0;
}
