/* The store, the tokens, and whether each knows what the other holds. */
#include "config.h"

#include "cli/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/probe.h"
#include "kms/checkpoint_key.h"
#include "kms/kms.h"
#include "kms/service_key.h"
#include "util/map.h"

#define CREDENTIALS "/run/credentials/p11kmsd.service"
#define NAMED_MAX 3 /* objects that a finding names */

/* ---- the store ---- */

/* Every row, as the service reads it at its start. */
static p11kms_err load_all(doctor_t *doctor, store_t *store, size_t *ret_keys)
{
    _cleanup_(kms) kms_t *kms = NULL;

    TRY(kms_new(NULL, doctor->conf->default_token, &kms));
    TRY(kms_load(store, kms));
    *ret_keys = catalog_size(kms_catalog(kms));
    return P11KMS_OK;
}

void doctor_store(doctor_t *doctor)
{
    _cleanup_(store) store_t *store = NULL;
    const char *path = doctor->conf->store;
    size_t keys = 0;
    p11kms_err err = store_open_readonly(path, &store);

    if (err == P11KMS_E_NOT_FOUND) {
        doctor_tell(doctor, DOCTOR_OK, "store", NULL, "%s will be made at the first start", path);
        return;
    }
    if (err == P11KMS_OK) {
        err = load_all(doctor, store, &keys);
    }
    if (err != P11KMS_OK) {
        doctor_tell(doctor, DOCTOR_FAIL, "store",
                    err == P11KMS_E_STORE_NEWER ? "install the version that wrote it"
                                                : "stop the service and restore a backup: docs/operations.md",
                    "%s", p11kms_err_detail(err));
    } else if (access(path, W_OK) != 0) {
        doctor_tell(doctor, DOCTOR_FAIL, "store", "give it to the service's user", "%s: %s", path, strerror(errno));
    } else {
        doctor_tell(doctor, DOCTOR_OK, "store", NULL, "%s, %zu keys, schema %u", path, keys, store_schema_version());
    }
}

/* ---- PIN sources ---- */

static bool check_pin_file(doctor_t *doctor, const char *what, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "let the service's user, and nobody else, read it", "%s: %s", path,
                    strerror(errno));
        return false;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "chmod 0400 it", "%s is open to others than its owner (mode %04o)", path,
                    (unsigned)(st.st_mode & 07777));
        return false;
    }
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "%s, mode %04o", path, (unsigned)(st.st_mode & 07777));
    return true;
}

static bool check_credential(doctor_t *doctor, const char *what, const char *name)
{
    char path[512];

    if (!getenv("CREDENTIALS_DIRECTORY")) {
        setenv("CREDENTIALS_DIRECTORY", CREDENTIALS, 1);
    }
    snprintf(path, sizeof(path), "%s/%s", getenv("CREDENTIALS_DIRECTORY"), name);
    if (access(path, R_OK) != 0) {
        doctor_tell(doctor, DOCTOR_WARN, what, "nothing, when the unit has LoadCredential= for it",
                    "the credential %s is there for the service alone, so its token is not looked at", name);
        return false;
    }
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "credential %s", name);
    return true;
}

/* @return whether to log in with it */
static bool check_pin(doctor_t *doctor, const conf_token *token)
{
    const char *source = token->pin_source;
    char what[TOKEN_NAME_MAX + 8];

    snprintf(what, sizeof(what), "PIN of %s", token->name);
    if (strncmp(source, "file:", 5) == 0) {
        return check_pin_file(doctor, what, source + 5);
    }
    if (strncmp(source, "credential:", 11) == 0) {
        return check_credential(doctor, what, source + 11);
    }
    if (access("/dev/tty", R_OK | W_OK) != 0 || !isatty(STDIN_FILENO)) {
        doctor_tell(doctor, DOCTOR_WARN, what, "run doctor in a terminal", "it is asked for, and nobody is there to ask");
        return false;
    }
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "asked for");
    return true;
}

/* ---- what the store says is on a token ---- */

typedef struct {
    const char *token; /* whose objects are gathered */
    map_t *known;      /* material id -> a text that says whose; owned */
    map_t *half_done;  /* material id of intents */
    map_t *passing;    /* wrapping keys: nothing is lost with them */
} expected_t;

static p11kms_err expect(map_t *map, const uint8_t id[STORE_ID], char *whose)
{
    void *old = NULL;

    ENSURE(whose, P11KMS_E_NOMEM);
    p11kms_err err = map_put(map, SLICE(id, STORE_ID), whose, &old);
    free(err == P11KMS_OK ? old : whose);
    return err;
}

static p11kms_err expect_material(void *arg, const store_material *row)
{
    expected_t *expected = arg;
    char key[UUID_TEXT];
    char *whose = NULL;

    if (!row->present || strcmp(row->token, expected->token) != 0) {
        return P11KMS_OK;
    }
    uuid_format(row->key_id, key);
    if (asprintf(&whose, "key %s, version %u", key, row->number) < 0) {
        whose = NULL;
    }
    return expect(expected->known, row->id, whose);
}

static p11kms_err expect_intent(void *arg, const store_intent *row)
{
    expected_t *expected = arg;

    return strcmp(row->token, expected->token) == 0 ? expect(expected->half_done, row->material_id, strdup("")) : P11KMS_OK;
}

static p11kms_err expect_wrapping(void *arg, const store_wrapping *row)
{
    expected_t *expected = arg;

    return strcmp(row->token, expected->token) == 0 ? expect(expected->passing, row->id, strdup("")) : P11KMS_OK;
}

static p11kms_err expect_service_key(store_t *store, expected_t *expected)
{
    uint8_t material[STORE_ID];
    char token[TOKEN_NAME_MAX];
    p11kms_err err = kms_find_service_key(store, material, token);

    if (err == P11KMS_E_NOT_FOUND || (err == P11KMS_OK && strcmp(token, expected->token) != 0)) {
        return P11KMS_OK;
    }
    TRY(err);
    return expect(expected->known, material, strdup("the key that seals secret access keys"));
}

static p11kms_err expect_checkpoint_key(store_t *store, expected_t *expected)
{
    kms_checkpoint_key key;
    p11kms_err err = kms_find_checkpoint_key(store, &key);

    if (err == P11KMS_E_NOT_FOUND || (err == P11KMS_OK && strcmp(key.token_name, expected->token) != 0)) {
        return P11KMS_OK;
    }
    TRY(err);
    return expect(expected->known, key.id, strdup("the key that signs checkpoints of the audit log"));
}

static p11kms_err gather(const char *path, expected_t *expected)
{
    _cleanup_(store) store_t *store = NULL;
    p11kms_err err = store_open_readonly(path, &store);

    if (err == P11KMS_E_NOT_FOUND) {
        return P11KMS_OK;
    }
    TRY(err);
    TRY(expect_service_key(store, expected));
    TRY(expect_checkpoint_key(store, expected));
    TRY(store_material_each(store, expect_material, expected));
    TRY(store_wrapping_each(store, expect_wrapping, expected));
    return store_intent_each(store, expect_intent, expected);
}

/* ---- the comparison ---- */

/* "A, B, C and 4 more" */
static void put_named(buf_t *text, const char *name, size_t count)
{
    if (count <= NAMED_MAX) {
        buf_printf(text, "%s%s", count > 1 ? ", " : "", name);
    }
}

static void put_rest(buf_t *text, size_t count)
{
    if (count > NAMED_MAX) {
        buf_printf(text, " and %zu more", count - NAMED_MAX);
    }
}

static size_t strangers(const expected_t *expected, slice_t on_token, map_t *seen, buf_t *text)
{
    size_t count = 0;

    for (size_t at = 0; at + STORE_ID <= on_token.len; at += STORE_ID) {
        slice_t id = SLICE(on_token.data + at, STORE_ID);
        char hex[2 * STORE_ID + 1];

        (void)!map_put(seen, id, (void *)(uintptr_t)"", NULL);
        if (!map_get(expected->known, id) && !map_get(expected->half_done, id) && !map_get(expected->passing, id)) {
            hex_encode(id.data, STORE_ID, hex);
            put_named(text, hex, ++count);
        }
    }
    put_rest(text, count);
    return count;
}

static size_t absent(const expected_t *expected, const map_t *seen, buf_t *text)
{
    size_t pos = 0, count = 0;
    slice_t id;
    void *whose;

    while (map_next(expected->known, &pos, &id, &whose)) {
        if (!map_get(seen, id)) {
            put_named(text, whose, ++count);
        }
    }
    put_rest(text, count);
    return count;
}

static void tell_difference(doctor_t *doctor, const char *what, const expected_t *expected, slice_t on_token, map_t *seen)
{
    _cleanup_buf_ buf_t unknown = { 0 };
    _cleanup_buf_ buf_t lost = { 0 };
    size_t n_unknown = strangers(expected, on_token, seen, &unknown);
    size_t n_lost = absent(expected, seen, &lost);

    if (n_lost) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "restore the token's backup: what was encrypted under them is lost otherwise",
                    "%zu key materials of the store are not on the token: %s", n_lost, buf_str(&lost));
    }
    if (n_unknown) {
        doctor_tell(doctor, DOCTOR_WARN, what,
                    "find out whose they are before anything is removed: the store may be an older copy, or the token shared",
                    "%zu objects of p11kms on it are not known to the store: %s", n_unknown, buf_str(&unknown));
    }
    if (map_size(expected->half_done)) {
        doctor_tell(doctor, doctor->running ? DOCTOR_OK : DOCTOR_WARN, what,
                    doctor->running ? NULL : "nothing: the next start clears it", "%zu changes are half done",
                    map_size(expected->half_done));
    }
    if (!n_lost && !n_unknown) {
        doctor_tell(doctor, DOCTOR_OK, what, NULL, "store and token agree on %zu objects", map_size(expected->known));
    }
}

static void free_map(map_t *map)
{
    if (map) {
        map_free(map, free);
    }
}

static p11kms_err list_objects(token_t *token, buf_t *ret)
{
    token_op_t op = { .kind = TOKEN_OP_LIST };
    p11kms_err err = token_call(token, &op);

    *ret = STEAL(op.out_list);
    token_op_wipe(&op);
    return err;
}

static p11kms_err compare(doctor_t *doctor, const char *what, token_t *token, expected_t *expected)
{
    _cleanup_buf_ buf_t on_token = { 0 };
    map_t *seen;

    TRY(map_new(&expected->known));
    TRY(map_new(&expected->half_done));
    TRY(map_new(&expected->passing));
    TRY(gather(doctor->conf->store, expected));
    TRY(list_objects(token, &on_token));
    TRY(map_new(&seen));
    tell_difference(doctor, what, expected, buf_slice(&on_token), seen);
    map_free(seen, NULL);
    return P11KMS_OK;
}

static void compare_with_store(doctor_t *doctor, const conf_token *conf, token_t *token)
{
    expected_t expected = { .token = conf->name };
    char what[TOKEN_NAME_MAX + 16];

    snprintf(what, sizeof(what), "objects on %s", conf->name);
    p11kms_err err = compare(doctor, what, token, &expected);
    if (err != P11KMS_OK) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "see the findings above", "not compared: %s", p11kms_err_detail(err));
    }
    free_map(expected.known);
    free_map(expected.half_done);
    free_map(expected.passing);
}

/* ---- tokens ---- */

static const char *mend_for(p11kms_err err)
{
    switch (err) {
    case P11KMS_E_TOKEN_PIN:
        return "correct the PIN before anything tries it again: a few wrong ones lock the token";
    case P11KMS_E_TOKEN_LOST:
        return "look at the hardware and its module; the deadlines are in the configuration";
    case P11KMS_E_UNSUPPORTED:
        return "use another token, or another module for it: docs/token.md names those that were tried";
    default:
        return "correct module, uri or pin-source in the configuration";
    }
}

/* The names of the bits that are set. */
static void name_bits(buf_t *out, uint32_t mask, unsigned from, unsigned to, const char *(*name)(unsigned))
{
    for (unsigned bit = from; bit < to; bit++) {
        if (TOKEN_CAN(mask, bit)) {
            buf_printf(out, "%s%s", out->len > 0 ? " " : "", name(bit));
        }
    }
}

static const char *type_name(unsigned type)
{
    return token_key_type_name(type);
}

static const char *mechanism_name(unsigned mechanism)
{
    return token_mechanism_name(mechanism);
}

static void tell_capabilities(doctor_t *doctor, const char *what, const token_info *info)
{
    _cleanup_buf_ buf_t keys = { 0 }, mechanisms = { 0 }, lacks = { 0 };

    name_bits(&keys, info->key_types, 0, TOKEN_KEY_COUNT, type_name);
    name_bits(&mechanisms, info->mechanisms, TOKEN_MECH_NONE + 1, TOKEN_MECH_COUNT, mechanism_name);
    if (keys.len == 0) {
        buf_printf(&keys, "nothing");
    }
    if (mechanisms.len == 0) {
        buf_printf(&mechanisms, "%s", info->can_prf ? "PRF alone" : "nothing");
    }
    name_bits(&lacks, ~info->key_types, 0, TOKEN_KEY_COUNT, type_name);
    name_bits(&lacks, ~info->mechanisms, TOKEN_MECH_NONE + 1, TOKEN_MECH_COUNT, mechanism_name);
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "makes %s; does %s%s%s", buf_str(&keys), buf_str(&mechanisms),
                info->can_agree ? " ECDH" : "", info->can_import ? " import" : "");
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "cannot: %s%s%s", buf_str(&lacks), info->can_agree ? "" : " ECDH",
                info->can_import ? "" : " import");
}

/* The default token must be able to hold the service's own key; another may be for just some keys. */
static void tell_what_for(doctor_t *doctor, const conf_token *conf, const char *what, const token_info *info)
{
    p11kms_err err = probe_serves(info);

    if (err == P11KMS_OK) {
        return;
    }
    if (strcmp(conf->name, doctor->conf->default_token) == 0) {
        doctor_tell(doctor, DOCTOR_FAIL, what, mend_for(err), "%s", p11kms_err_detail(err));
    } else if (info->can_prf) {
        doctor_tell(doctor, DOCTOR_WARN, what, "nothing, where an external key store is what it is for",
                    "it makes no keys for symmetric encryption: those that its own tool made can be used "
                    "(docs/custom-key-stores.md)");
    } else {
        doctor_tell(doctor, DOCTOR_WARN, what, "make keys with its own tool (docs/token.md), or configure another token",
                    "no key for symmetric encryption works on it");
    }
}

static void examine_token(doctor_t *doctor, const conf_token *conf)
{
    _cleanup_(token) token_t *token = NULL;
    _cleanup_buf_ buf_t found = { 0 };
    char what[TOKEN_NAME_MAX + 8];
    char cluster[KMS_CLUSTER_ID];

    snprintf(what, sizeof(what), "token %s", conf->name);
    p11kms_err err = probe_open(conf, &token, &found);
    if (err != P11KMS_OK) {
        doctor_tell(doctor, DOCTOR_FAIL, what, mend_for(err), "%s", p11kms_err_detail(err));
        return;
    }
    token_info info = token_get_info(token);
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "%s", buf_str(&found));
    tell_what_for(doctor, conf, what, &info);
    tell_capabilities(doctor, what, &info);
    kms_cluster_id(conf->name, cluster);
    doctor_tell(doctor, DOCTOR_OK, what, NULL, "as a custom key store its CloudHsmClusterId is %s", cluster);
    compare_with_store(doctor, conf, token);
}

void doctor_tokens(doctor_t *doctor)
{
    for (size_t i = 0; i < doctor->conf->n_tokens; i++) {
        if (check_pin(doctor, &doctor->conf->tokens[i]) && doctor->login) {
            examine_token(doctor, &doctor->conf->tokens[i]);
        }
    }
}
