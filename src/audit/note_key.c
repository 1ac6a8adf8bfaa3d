/* Keys that sign notes: their names, ids and text, and what each kind signs. */
#include "audit/note.h"

#include <stdio.h>

#include "util/encode.h"

#define ID_LEN 4
#define ED25519_KEY 32
#define ED25519_SIGNATURE 64
#define TIME_LEN 8
#define SIGNATURE_MAX (TIME_LEN + ED25519_SIGNATURE) /* the longest of the kinds spoken here */

_Static_assert(SIGNATURE_MAX >= ECDSA_P256_DER_MAX, "one buffer for all");

struct note_key {
    char name[NOTE_NAME_MAX + 1];
    note_kind kind;
    uint32_t id;
    uint8_t spki[SPKI_MAX];
    size_t spki_len;
    pubkey_t *pubkey;
};

/* White_Space of Unicode beyond ASCII. */
static const char *const spaces[] = {
    "\xc2\x85", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
    "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
};

static bool is_space(slice_t rest)
{
    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        if (slice_has_prefix(rest, spaces[i])) {
            return true;
        }
    }
    return false;
}

bool note_name_valid(slice_t name)
{
    if (name.len == 0 || name.len > NOTE_NAME_MAX || !utf8_valid(name)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c <= ' ' || c == '+' || c == 0x7f || (c >= 0x80 && is_space(SLICE(name.data + i, name.len - i)))) {
            return false;
        }
    }
    return true;
}

/* What stands behind the type in a vkey, and for all but ECDSA in what the id is made of. */
static slice_t public_bytes(const note_key_t *key)
{
    slice_t spki = SLICE(key->spki, key->spki_len);

    return key->kind == NOTE_ECDSA ? spki : spki_ed25519_bytes(spki);
}

/* signed-note, "Signatures"; for ECDSA, which came first, "Signature types". */
static uint32_t make_id(const note_key_t *key)
{
    uint8_t head[] = { '\n', (uint8_t)key->kind };
    slice_t parts[] = { SLICE_STR(key->name), SLICE(head, sizeof(head)), public_bytes(key) };
    uint8_t hash[SHA256_LEN];

    if (key->kind == NOTE_ECDSA) {
        crypto_sha256(public_bytes(key), hash);
    } else {
        crypto_sha256_parts(parts, COUNT_OF(parts), hash);
    }
    reader_t reader = reader_over(SLICE(hash, ID_LEN));
    return reader_u32(&reader);
}

static p11kms_err make(slice_t name, note_kind kind, slice_t spki, note_key_t **ret)
{
    if (!note_name_valid(name)) {
        FAIL(P11KMS_E_SYNTAX, "a key's name must have 1 to %d bytes and no space or '+'", NOTE_NAME_MAX);
    }
    _cleanup_(note_key) note_key_t *key = calloc(1, sizeof(*key));
    ENSURE(key, P11KMS_E_NOMEM);
    TRY(spki_read(spki, &key->pubkey));
    memcpy(key->name, name.data, name.len);
    memcpy(key->spki, spki.data, spki.len);
    key->spki_len = spki.len;
    key->kind = kind;
    key->id = make_id(key);
    *ret = STEAL(key);
    return P11KMS_OK;
}

p11kms_err note_key_new(slice_t name, slice_t spki, note_key_t **ret)
{
    return make(name, spki_ed25519_bytes(spki).len > 0 ? NOTE_ED25519 : NOTE_ECDSA, spki, ret);
}

static p11kms_err from_material(slice_t name, slice_t material, note_key_t **ret)
{
    uint8_t kind = material.data[0];
    slice_t bytes = SLICE(material.data + 1, material.len - 1);
    uint8_t spki[SPKI_ED25519_LEN];

    if (kind == NOTE_ECDSA && bytes.len == SPKI_P256_LEN) {
        return make(name, NOTE_ECDSA, bytes, ret);
    }
    if ((kind != NOTE_ED25519 && kind != NOTE_COSIGNATURE) || bytes.len != ED25519_KEY) {
        FAIL(P11KMS_E_UNSUPPORTED, "keys of type 0x%02x with %zu bytes are not known here", kind, bytes.len);
    }
    spki_of_ed25519(bytes.data, spki);
    return make(name, (note_kind)kind, SLICE(spki, sizeof(spki)), ret);
}

p11kms_err note_key_parse(slice_t vkey, note_key_t **ret)
{
    _cleanup_buf_ buf_t material = { 0 };
    _cleanup_(note_key) note_key_t *key = NULL;
    slice_t name, hex, rest = vkey;
    uint8_t id[ID_LEN];

    if (vkey.len > NOTE_VKEY_MAX || !slice_cut(&rest, '+', &name) || !slice_cut(&rest, '+', &hex) ||
        hex.len != 2 * ID_LEN || hex_decode(hex, id) != P11KMS_OK ||
        base64_decode(&material, rest) != P11KMS_OK || material.len == 0) {
        FAIL(P11KMS_E_SYNTAX, "a verifier key is NAME+HASH+BASE64");
    }
    TRY(from_material(name, buf_slice(&material), &key));
    reader_t reader = reader_over(SLICE(id, sizeof(id)));
    if (reader_u32(&reader) != key->id) {
        FAIL(P11KMS_E_SYNTAX, "the verifier key's hash is %08x, not what stands in it", key->id);
    }
    *ret = STEAL(key);
    return P11KMS_OK;
}

void note_key_free(note_key_t *key)
{
    if (key) {
        pubkey_free(key->pubkey);
        free(key);
    }
}

const char *note_key_name(const note_key_t *key)
{
    return key->name;
}

uint32_t note_key_id(const note_key_t *key)
{
    return key->id;
}

note_kind note_key_kind(const note_key_t *key)
{
    return key->kind;
}

bool note_key_same(const note_key_t *a, const note_key_t *b)
{
    return slice_eq(SLICE(a->spki, a->spki_len), SLICE(b->spki, b->spki_len));
}

void note_key_vkey(const note_key_t *key, buf_t *out)
{
    _cleanup_buf_ buf_t material = { 0 };

    buf_put_u8(&material, (uint8_t)key->kind);
    buf_put_slice(&material, public_bytes(key));
    buf_printf(out, "%s+%08x+", key->name, key->id);
    base64_encode(out, buf_slice(&material));
    out->failed = out->failed || buf_failed(&material);
}

void note_put_cosigned(buf_t *out, slice_t text, uint64_t time)
{
    buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time);
    buf_put_slice(out, text);
}

static bool check_ecdsa(const note_key_t *key, slice_t text, slice_t signature)
{
    uint8_t raw[ECDSA_P256_RAW];

    return ecdsa_p256_from_der(signature, raw) == P11KMS_OK && pubkey_verify(key->pubkey, text, SLICE(raw, sizeof(raw)));
}

static bool check_cosignature(const note_key_t *key, slice_t text, slice_t signature, uint64_t *ret_time)
{
    _cleanup_buf_ buf_t message = { 0 };
    reader_t reader = reader_over(signature);
    uint64_t time = reader_u64(&reader);

    if (signature.len != TIME_LEN + ED25519_SIGNATURE || time > INT64_MAX) {
        return false;
    }
    note_put_cosigned(&message, text, time);
    *ret_time = time;
    return !buf_failed(&message) && pubkey_verify(key->pubkey, buf_slice(&message), reader.rest);
}

static bool check_one(const note_key_t *key, slice_t text, slice_t base64, uint64_t *ret_time)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    if (base64_decoded_len(base64) > ID_LEN + SIGNATURE_MAX || base64_decode(&bytes, base64) != P11KMS_OK) {
        return false;
    }
    slice_t signature = SLICE(bytes.data + ID_LEN, bytes.len - ID_LEN);
    *ret_time = 0;
    switch (key->kind) {
    case NOTE_ED25519:
        return signature.len == ED25519_SIGNATURE && pubkey_verify(key->pubkey, text, signature);
    case NOTE_ECDSA:
        return check_ecdsa(key, text, signature);
    case NOTE_COSIGNATURE:
        return check_cosignature(key, text, signature, ret_time);
    }
    return false;
}

note_verdict note_check(const note_t *note, const note_key_t *key, uint64_t *ret_time)
{
    note_verdict verdict = NOTE_UNSIGNED;
    uint64_t time = 0;

    for (size_t i = 0; i < note->n_signatures; i++) {
        const note_signature *line = &note->signatures[i];
        if (line->id != key->id || !slice_eq_str(line->name, key->name)) {
            continue;
        }
        if (!check_one(key, note->text, line->base64, &time)) {
            return NOTE_FORGED;
        }
        verdict = NOTE_SIGNED;
    }
    if (ret_time && verdict == NOTE_SIGNED) {
        *ret_time = time;
    }
    return verdict;
}
