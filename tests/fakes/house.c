#include "tests/fakes/house.h"

#include "tests/testing.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "kms/grant_token.h"
#include "kms/service_key.h"
#include "tests/fakes/scratch.h"
#include "util/clock.h"

#define RUN_MAX_US INT64_C(10000000)

/* ---- the edge ---- */

static void write_null(const op_t *op, jw_t *w)
{
    (void)op;
    jw_null(w);
}

static const char *error_code(const op_t *op)
{
    return p11kms_err_name(op->err);
}

static void release(op_t *op)
{
    house_t *house = op->exchange;

    house->released++;
    house->last_err = op->err;
    snprintf(house->last_detail, sizeof(house->last_detail), "%s", op->err_detail ? op->err_detail : "");
}

static const core_edge edge = {
    .write_parameters = write_null,
    .write_response = write_null,
    .error_code = error_code,
    .release = release,
};

/* ---- up and down ---- */

static void start(house_t *house)
{
    const audit_options audit = { .dir = scratch_path(house->folder, "audit"), .bound_ms = 2000 };
    store_t *store;

    assert_ok(mailbox_new(NULL, NULL, &house->mailbox));
    assert_ok(audit_open(&audit, &house->audit));
    assert_ok(store_open(scratch_path(house->folder, "store.db"), &store));
    house->token = fake_token_open(house->fake, "main");
    const core_options options = {
        .audit = house->audit,
        .store = store,
        .tokens = &house->token,
        .n_tokens = 1,
        .mailbox = house->mailbox,
        .edge = &edge,
        .region = HOUSE_REGION,
        .skew_seconds = 300,
    };
    assert_ok(core_new(&options, &house->core));
    assert_ok(core_replay_outbox(house->core));
    assert_ok(kms_new(house->core, "main", &house->kms));
    assert_ok(core_store_job(house->core, kms_open_service_key, house->kms));
    assert_ok(core_store_job(house->core, kms_open_grant_tokens, house->kms));
    assert_ok(core_store_job(house->core, kms_load, house->kms));
    p11kms_err err = core_store_job(house->core, kms_reconcile, house->kms);
    assert_true(err == P11KMS_OK || err == P11KMS_E_TOKEN_LOST); /* the service starts all the same */
}

void house_close(house_t *house)
{
    if (!house->core) {
        return;
    }
    kms_free(house->kms);
    core_free(house->core);
    audit_close(house->audit);
    token_close(house->token);
    mailbox_free(house->mailbox);
    house->core = NULL;
}

void house_open(house_t *house)
{
    memset(house, 0, sizeof(*house));
    assert_ok(crypto_init());
    clock_set_service_offset_ms(0);
    house->folder = scratch_folder();
    house->fake = fake_token_new();
    start(house);
}

void house_restart(house_t *house)
{
    house_close(house);
    start(house);
}

void house_run(house_t *house)
{
    int64_t until = clock_mono_us() + RUN_MAX_US;

    while (core_active(house->core) > 0) {
        core_flush(house->core);
        mailbox_wait(house->mailbox, 10);
        assert_true(clock_mono_us() < until);
    }
}

int house_setup(void **state)
{
    house_t *house = calloc(1, sizeof(*house));

    house_open(house);
    *state = house;
    return 0;
}

int house_teardown(void **state)
{
    house_t *house = *state;

    house_close(house);
    fake_token_free(house->fake);
    free(house);
    clock_set_service_offset_ms(0);
    return 0;
}

void house_pass_days(int days)
{
    clock_set_service_offset_ms(clock_service_offset_ms() + days * CLOCK_DAY_MS);
}

void house_tick(house_t *house)
{
    do {
        kms_tick(house->kms);
        house_run(house);
    } while (kms_busy(house->kms));
}

/* ---- keys ---- */

static p11kms_err insert(op_t *op, store_t *store)
{
    house_t *house = *(house_t **)op->act;
    kms_key_t **key = (kms_key_t **)op->act + 1;
    kms_change *change = kms_change_begin(op, house->kms, store);

    return kms_change_create(change, kms_key_ref(*key), &op->token_op);
}

static void made(op_t *op)
{
    kms_keep_material(op, insert);
}

static kms_key_t *make_key(house_t *house, const kms_create *create)
{
    op_t *op = op_new_internal(house->core, "CreateKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    void *act[2] = { house, NULL };
    kms_key_t *key;

    assert_ok(kms_create_key(house->kms, create, &key));
    act[1] = key;
    op->act = act;
    kms_make_material(op, house->kms, key, made);
    house_run(house);
    kms_key_t *now = house_key(house, key);
    kms_key_unref(key);
    return now;
}

kms_key_t *house_make_key(house_t *house)
{
    const kms_create create = { .account = HOUSE_ACCOUNT, .region = HOUSE_REGION };

    return make_key(house, &create);
}

kms_key_t *house_make_key_of(house_t *house, const char *spec, kms_usage usage)
{
    const kms_create create = {
        .account = HOUSE_ACCOUNT,
        .region = HOUSE_REGION,
        .spec = kms_spec_named(SLICE_STR(spec)),
        .usage = usage,
    };

    return make_key(house, &create);
}

kms_key_t *house_key(house_t *house, const kms_key_t *key)
{
    return catalog_key(kms_catalog(house->kms), key->region, key->id);
}

typedef struct {
    house_t *house;
    const kms_key_t *key;
    void (*edit)(kms_key_t *key);
} editing;

static p11kms_err edit_rows(op_t *op, store_t *store)
{
    editing *e = op->act;
    kms_change *change = kms_change_begin(op, e->house->kms, store);
    kms_key_t *key;

    TRY(kms_change_key(change, e->key, &key));
    e->edit(key);
    return kms_change_put(change, key);
}

void house_edit(house_t *house, const kms_key_t *key, void (*edit)(kms_key_t *key))
{
    op_t *op = op_new_internal(house->core, "EditKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    editing e = { house, key, edit };

    op->act = &e;
    op_change(op, edit_rows, op_settle);
    house_run(house);
}

/* ---- the log ---- */

static unsigned lines_with(const char *path, const char *text)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    unsigned n = 0;

    while (file && getline(&line, &size, file) > 0) {
        n += strstr(line, text) != NULL;
    }
    free(line);
    if (file) {
        fclose(file);
    }
    return n;
}

unsigned house_records(house_t *house, const char *text)
{
    const char *folder = scratch_path(house->folder, "audit");
    DIR *dir = opendir(folder);
    struct dirent *entry;
    unsigned n = 0;

    while (dir && (entry = readdir(dir))) {
        if (strstr(entry->d_name, ".jsonl")) {
            n += lines_with(scratch_path(folder, entry->d_name), text);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}
