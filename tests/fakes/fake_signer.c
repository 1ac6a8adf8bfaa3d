#include "tests/fakes/fake_signer.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "audit/note.h"
#include "tests/fakes/gate.h"

static gate_t gate = GATE_OPEN;
static struct {
    unsigned fail;
    bool lies;
    unsigned calls;
} order;

#define LOCKED(statement) GATE_LOCKED(&gate, statement)

static EVP_PKEY *key_of(uint8_t seed)
{
    uint8_t raw[32];

    memset(raw, seed, sizeof(raw));
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
}

static p11kms_err make_signature(uint8_t seed, slice_t text, buf_t *signature)
{
    EVP_PKEY *key = key_of(seed);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t out[64];
    size_t len = sizeof(out);
    bool made = EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(ctx, out, &len, text.data, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    buf_put(signature, out, made ? len : 0);
    return made ? P11KMS_OK : P11KMS_E_CRYPTO;
}

static p11kms_err sign(void *arg, slice_t text, buf_t *signature)
{
    bool fails;
    bool lies;

    (void)arg;
    pthread_mutex_lock(&gate.lock);
    order.calls++;
    gate_pass(&gate);
    fails = order.fail > 0;
    order.fail -= fails;
    lies = order.lies;
    pthread_mutex_unlock(&gate.lock);
    if (fails) {
        FAIL(P11KMS_E_TOKEN, "the signer fails, as it was told");
    }
    return make_signature(lies ? 2 : 1, text, signature);
}

const audit_signer *fake_signer(void)
{
    static uint8_t spki[64];
    static audit_signer signer = { .origin = FAKE_ORIGIN, .sign = sign };
    uint8_t *to = spki;
    EVP_PKEY *key = key_of(1);

    signer.spki = SLICE(spki, (size_t)i2d_PUBKEY(key, &to));
    EVP_PKEY_free(key);
    return &signer;
}

const char *fake_signer_vkey(void)
{
    static char text[NOTE_VKEY_MAX];
    _cleanup_(note_key) note_key_t *key = NULL;
    _cleanup_buf_ buf_t vkey = { 0 };

    if (note_key_new(SLICE_LIT(FAKE_ORIGIN), fake_signer()->spki, &key) != P11KMS_OK) {
        abort();
    }
    note_key_vkey(key, &vkey);
    memcpy(text, vkey.data, vkey.len + 1);
    return text;
}

void fake_signer_reset(void)
{
    LOCKED({
        order.fail = 0;
        order.lies = false;
        gate.hold = false;
        order.calls = 0;
    });
}

void fake_signer_fail(unsigned times)
{
    LOCKED(order.fail = times);
}

void fake_signer_lie(bool lies)
{
    LOCKED(order.lies = lies);
}

void fake_signer_hold(void)
{
    gate_hold(&gate, true);
}

void fake_signer_release(void)
{
    gate_hold(&gate, false);
}

void fake_signer_await_held(void)
{
    gate_await_held(&gate);
}

unsigned fake_signer_calls(void)
{
    unsigned count;

    LOCKED(count = order.calls);
    return count;
}
