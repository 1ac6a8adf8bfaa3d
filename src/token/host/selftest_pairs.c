/* Private keys, HMAC and import: each tried once, with session objects. */
#include "token/host/keys.h"
#include "token/host/module.h"
#include "token/host/pairs.h"
#include "token/host/selftest.h"
#include "util/clock.h"

#define LOG_ROOM "token"
#include "util/log.h"

#define USE(use) (1u << (use))
#define LABEL { (const uint8_t *)"self-test", 9 }

/* Keys live in one session, and are used in another, which is opened anew after an error. */
typedef struct {
    host_t *host;
    CK_SESSION_HANDLE keys;
    CK_SESSION_HANDLE work;
} prober;

/* A pair to try things with. */
typedef struct {
    private_key private;
    buf_t spki; /* buf_free() */
} trial_t;

static void renew(const prober *self, CK_SESSION_HANDLE *session)
{
    (void)self->host->module->C_CloseSession(*session);
    if (module_open_session(self->host, session) != CKR_OK) {
        *session = CK_INVALID_HANDLE;
    }
}

static bool worked(prober *self, bool good)
{
    if (!good) {
        renew(self, &self->work);
    }
    return good;
}

static private_key with(const prober *self, CK_OBJECT_HANDLE object, token_key_type type)
{
    return (private_key){ self->host, self->work, object, type };
}

/* ---- pairs ---- */

static CK_RV generate(prober *self, const template_key *key, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private)
{
    CK_RV rv = CKR_OK;

    for (unsigned variant = TEMPLATE_FULL; variant <= TEMPLATE_PLAIN; variant++) {
        rv = template_generate_pair(self->host, self->keys, variant, key, false, public, private);
        if (rv == CKR_OK) {
            break;
        }
        renew(self, &self->keys);
    }
    return rv;
}

static bool make_trial(prober *self, const template_key *key, trial_t *ret)
{
    CK_OBJECT_HANDLE public = CK_INVALID_HANDLE, private = CK_INVALID_HANDLE;
    const char *wrong;
    CK_RV rv = generate(self, key, &public, &private);

    if (rv != CKR_OK) {
        log_info("no pairs of %s: C_GenerateKeyPair: %s", kinds_of_type(key->type)->name, token_ckr_name(rv));
        return false;
    }
    rv = pairs_read_public(self->host, self->keys, public, key->type, &ret->spki);
    wrong = rv != CKR_OK ? "public key" : template_mismatch(self->host, self->keys, private, key);
    if (wrong != NULL) {
        log_error("pairs of %s cannot be made on this token: it does not heed %s", kinds_of_type(key->type)->name, wrong);
        return false;
    }
    ret->private = with(self, private, key->type);
    return true;
}

static bool try_sign(prober *self, trial_t *trial, token_mechanism mechanism, host_way way)
{
    static const uint8_t digest[CRYPTO_DIGEST_MAX] = "as many bytes as the longest digest has, which is sixty-four...";
    const kinds_mechanism *row = kinds_of_mechanism(mechanism);
    slice_t in = SLICE(digest, row->hash > 0 ? row->hash : SHA256_LEN);
    uint8_t signature[PRIVATE_OUT_MAX];
    size_t len = 0;
    CK_RV rv;

    self->host->ways[mechanism] = (uint8_t)way;
    trial->private.session = self->work;
    rv = private_sign(&trial->private, mechanism, in, signature, &len);
    if (rv == CKR_OK && !private_verify(mechanism, buf_slice(&trial->spki), in, SLICE(signature, len))) {
        log_error("the token signs wrongly: %s, %s", row->name, way == WAY_RAW ? "bare" : "its own");
        rv = CKR_FUNCTION_FAILED;
    }
    return worked(self, rv == CKR_OK);
}

/* What a ciphertext changed in one bit must not do is open. */
static bool refuses_tampered(const private_key *key, token_mechanism mechanism, slice_t spki)
{
    _cleanup_(asym) asym_t *public = NULL;
    _cleanup_buf_ buf_t sealed = { 0 };
    uint8_t out[PRIVATE_OUT_MAX];
    size_t len = 0;

    if (asym_parse(spki, &public) != P11KMS_OK ||
        asym_oaep_encrypt(public, private_hash(mechanism), SLICE_LIT("tampered"), &sealed) != P11KMS_OK) {
        return false;
    }
    sealed.data[sealed.len - 1] ^= 1;
    return private_decrypt(key, mechanism, buf_slice(&sealed), out, &len).err != P11KMS_OK;
}

static bool try_open(prober *self, trial_t *trial, token_mechanism mechanism, host_way way)
{
    bool good;

    self->host->ways[mechanism] = (uint8_t)way;
    trial->private.session = self->work;
    good = worked(self, pairs_opens(&trial->private, mechanism, buf_slice(&trial->spki)));
    trial->private.session = self->work;
    if (good) {
        good = refuses_tampered(&trial->private, mechanism, buf_slice(&trial->spki));
        renew(self, &self->work);
    }
    return good;
}

typedef bool (*way_test)(prober *self, trial_t *trial, token_mechanism mechanism, host_way way);

static void find_way(prober *self, trial_t *trial, token_mechanism mechanism, way_test test, bool can_raw)
{
    if (!test(self, trial, mechanism, WAY_NATIVE) && !(can_raw && test(self, trial, mechanism, WAY_RAW))) {
        self->host->ways[mechanism] = WAY_NONE;
    }
}

static bool any_rsa(const host_t *host)
{
    for (unsigned mechanism = TOKEN_MECH_PKCS1_SHA256; mechanism < TOKEN_MECH_COUNT; mechanism++) {
        if (kinds_of_mechanism(mechanism)->family == FAMILY_RSA && host->ways[mechanism] != WAY_NONE) {
            return true;
        }
    }
    return false;
}

/* A longer key takes seconds to make: for its length the list is believed, and generation tells. */
static void note_rsa_types(host_t *host)
{
    CK_MECHANISM_INFO info = { 0 };

    if (!any_rsa(host)) {
        return;
    }
    host->info.key_types |= USE(TOKEN_KEY_RSA_2048);
    if (host->module->C_GetMechanismInfo(host->slot, CKM_RSA_PKCS_KEY_PAIR_GEN, &info) != CKR_OK) {
        return;
    }
    for (unsigned type = TOKEN_KEY_RSA_3072; type <= TOKEN_KEY_RSA_4096; type++) {
        if (info.ulMaxKeySize >= 8 * kinds_of_type(type)->size) {
            host->info.key_types |= USE(type);
        }
    }
}

static const uint8_t known_secret[CRYPTO_DIGEST_MAX] = "sixty-four bytes are known to us, and to the token, for a time.";

static bool answers_right(prober *self, CK_OBJECT_HANDLE object, token_key_type type, token_mechanism mechanism)
{
    private_key key = with(self, object, type);
    uint8_t here[CRYPTO_DIGEST_MAX], there[PRIVATE_OUT_MAX];
    size_t len = 0;

    crypto_hmac(private_hash(mechanism), SLICE(known_secret, kinds_of_type(type)->size), SLICE_LIT("message"), here);
    return worked(self, private_sign(&key, mechanism, SLICE_LIT("message"), there, &len) == CKR_OK &&
                            slice_eq(SLICE(here, len), SLICE(there, len)));
}

/* Nothing but C_UnwrapKey knows the secret then, so the answer must be right here. */
static bool try_unwrap(prober *self, trial_t *trial, token_mechanism mechanism)
{
    const template_key key = { .type = TOKEN_KEY_PRF, .uses = USE(TOKEN_USE_SIGN), .label = LABEL };
    _cleanup_(asym) asym_t *public = NULL;
    _cleanup_buf_ buf_t wrapped = { 0 };
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

    trial->private.session = self->work;
    return asym_parse(buf_slice(&trial->spki), &public) == P11KMS_OK &&
           asym_oaep_encrypt(public, private_hash(mechanism), SLICE(known_secret, TOKEN_PRF_LEN), &wrapped) == P11KMS_OK &&
           worked(self, private_unwrap(&trial->private, mechanism, buf_slice(&wrapped), &key, &object) == CKR_OK &&
                            template_mismatch(self->host, self->work, object, &key) == NULL &&
                            template_secret_len(self->host, self->work, object) == TOKEN_PRF_LEN) &&
           answers_right(self, object, TOKEN_KEY_PRF, TOKEN_MECH_HMAC_SHA256);
}

static void probe_rsa(prober *self)
{
    const template_key key = {
        .type = TOKEN_KEY_RSA_2048, .uses = USE(TOKEN_USE_SIGN) | USE(TOKEN_USE_DECRYPT), .label = LABEL
    };
    trial_t trial = { .spki = { 0 } };

    if (make_trial(self, &key, &trial)) {
        for (unsigned mechanism = TOKEN_MECH_PKCS1_SHA256; mechanism <= TOKEN_MECH_PSS_SHA512; mechanism++) {
            find_way(self, &trial, mechanism, try_sign, mechanism >= TOKEN_MECH_PSS_SHA256);
        }
        find_way(self, &trial, TOKEN_MECH_OAEP_SHA1, try_open, true);
        find_way(self, &trial, TOKEN_MECH_OAEP_SHA256, try_open, true);
        for (unsigned mechanism = TOKEN_MECH_OAEP_SHA1; mechanism <= TOKEN_MECH_OAEP_SHA256; mechanism++) {
            self->host->unwraps[mechanism] =
                self->host->ways[mechanism] == WAY_NATIVE && try_unwrap(self, &trial, mechanism);
        }
        note_rsa_types(self->host);
    }
    buf_free(&trial.spki);
}

static bool probe_curve(prober *self, token_key_type type, token_key_use use, token_mechanism mechanism)
{
    const template_key key = { .type = type, .uses = (uint8_t)USE(use), .label = LABEL };
    trial_t trial = { .spki = { 0 } };
    bool good = make_trial(self, &key, &trial);

    if (good && use == TOKEN_USE_SIGN) {
        good = try_sign(self, &trial, mechanism, WAY_NATIVE);
    } else if (good) {
        good = worked(self, pairs_belong(&trial.private, use, buf_slice(&trial.spki)));
    }
    buf_free(&trial.spki);
    return good;
}

static void probe_curves(prober *self)
{
    host_t *host = self->host;
    uint32_t types = 0, agreeing = 0;

    for (unsigned type = TOKEN_KEY_P256; type <= TOKEN_KEY_SECP256K1; type++) {
        if (probe_curve(self, type, TOKEN_USE_SIGN, TOKEN_MECH_ECDSA)) {
            types |= USE(type);
            agreeing |= type != TOKEN_KEY_SECP256K1 && probe_curve(self, type, TOKEN_USE_AGREE, TOKEN_MECH_NONE)
                            ? USE(type)
                            : 0;
        }
    }
    host->ways[TOKEN_MECH_ECDSA] = types != 0 ? WAY_NATIVE : WAY_NONE;
    host->info.key_types |= types;
    host->info.can_agree = agreeing != 0 && agreeing == (types & ~USE(TOKEN_KEY_SECP256K1));
}

static void probe_ed25519(prober *self)
{
    host_t *host = self->host;

    for (int by_name = 0; by_name <= 1; by_name++) {
        host->ed25519_by_name = by_name == 1;
        if (probe_curve(self, TOKEN_KEY_ED25519, TOKEN_USE_SIGN, TOKEN_MECH_EDDSA)) {
            host->info.key_types |= USE(TOKEN_KEY_ED25519);
            return;
        }
    }
    host->ways[TOKEN_MECH_EDDSA] = WAY_NONE;
}

/* ---- secrets ---- */

/* Where nothing can be brought for a known answer, a generated key must at least tell messages apart. */
static bool answers_somehow(prober *self, CK_OBJECT_HANDLE object, token_key_type type, token_mechanism mechanism)
{
    private_key key = with(self, object, type);
    uint8_t one[PRIVATE_OUT_MAX], two[PRIVATE_OUT_MAX];
    size_t len = 0;

    return worked(self, private_sign(&key, mechanism, SLICE_LIT("one"), one, &len) == CKR_OK &&
                            private_sign(&key, mechanism, SLICE_LIT("two"), two, &len) == CKR_OK &&
                            memcmp(one, two, len) != 0);
}

static bool probe_hmac(prober *self, token_key_type type, token_mechanism mechanism)
{
    const template_key key = { .type = type, .uses = USE(TOKEN_USE_SIGN), .label = LABEL };
    slice_t secret = SLICE(known_secret, kinds_of_type(type)->size);
    host_t *host = self->host;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE, known = CK_INVALID_HANDLE;
    bool can_make, right;

    can_make = host->info.can_generate &&
               template_generate(host, self->keys, host->template_variant, &key, &made) == CKR_OK &&
               template_mismatch(host, self->keys, made, &key) == NULL;
    host->ways[mechanism] = WAY_NATIVE;
    if (template_create_secret(host, self->keys, &key, secret, &known) == CKR_OK) {
        right = answers_right(self, known, type, mechanism);
    } else {
        right = can_make && answers_somehow(self, made, type, mechanism);
    }
    host->info.key_types |= can_make && right ? USE(type) : 0;
    return right;
}

static void probe_hmacs(prober *self)
{
    for (unsigned i = 0; i < 4; i++) {
        if (!probe_hmac(self, TOKEN_KEY_HMAC_224 + i, TOKEN_MECH_HMAC_SHA224 + i)) {
            self->host->ways[TOKEN_MECH_HMAC_SHA224 + i] = WAY_NONE;
        }
    }
}

static void probe_import(prober *self)
{
    const template_key key = { .type = TOKEN_KEY_PRF, .uses = USE(TOKEN_USE_SIGN), .label = LABEL };
    host_t *host = self->host;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

    host->info.can_import =
        (host->ways[TOKEN_MECH_OAEP_SHA1] != WAY_NONE || host->ways[TOKEN_MECH_OAEP_SHA256] != WAY_NONE) &&
        host->ways[TOKEN_MECH_HMAC_SHA256] != WAY_NONE &&
        template_create_secret(host, self->keys, &key, SLICE(known_secret, TOKEN_PRF_LEN), &object) == CKR_OK &&
        template_mismatch(host, self->keys, object, &key) == NULL &&
        answers_right(self, object, TOKEN_KEY_PRF, TOKEN_MECH_HMAC_SHA256);
    if (host->info.can_import) {
        host->ways[TOKEN_MECH_RSA_AES_WRAP_SHA1] = host->ways[TOKEN_MECH_OAEP_SHA1];
        host->ways[TOKEN_MECH_RSA_AES_WRAP_SHA256] = host->ways[TOKEN_MECH_OAEP_SHA256];
    }
}

/* ---- all of them ---- */

p11kms_err selftest_pairs(host_t *host)
{
    static void (*const probes[])(prober *self) = { probe_hmacs, probe_rsa, probe_curves, probe_ed25519, probe_import };
    prober self = { .host = host };
    int64_t began_us = clock_mono_us();

    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        CK_RV rv = module_open_session(host, &self.keys);

        if (rv == CKR_OK) {
            rv = module_open_session(host, &self.work);
        }
        if (rv != CKR_OK) {
            FAIL_RV(P11KMS_E_TOKEN_LOST, rv, "C_OpenSession");
        }
        probes[i](&self);
        (void)host->module->C_CloseSession(self.work);
        (void)host->module->C_CloseSession(self.keys);
    }
    for (size_t i = 0; i < TOKEN_MECH_COUNT; i++) {
        host->info.mechanisms |= host->ways[i] != WAY_NONE ? USE(i) : 0;
    }
    log_info("tried private keys, HMAC and import in %lld ms", (long long)(clock_mono_us() - began_us) / 1000);
    return P11KMS_OK;
}
