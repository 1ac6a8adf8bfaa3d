#include "audit/trust.h"

struct trust {
    struct {
        note_key_t *key; /* of a nameless one: for the origin seen last, or NULL */
        buf_t spki;      /* empty: the key came with its name */
    } of[TRUST_KEYS_MAX];
    size_t n;
};

p11kms_err trust_new(trust_t **ret)
{
    trust_t *trust = calloc(1, sizeof(*trust));

    ENSURE(trust, P11KMS_E_NOMEM);
    *ret = trust;
    return P11KMS_OK;
}

void trust_free(trust_t *trust)
{
    if (!trust) {
        return;
    }
    for (size_t i = 0; i < trust->n; i++) {
        note_key_free(trust->of[i].key);
        buf_free(&trust->of[i].spki);
    }
    free(trust);
}

static slice_t trimmed(slice_t text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\n')) {
        text = SLICE(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && strchr(" \r\n", text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool looks_like_vkey(slice_t text)
{
    return text.len > 0 && text.len <= NOTE_VKEY_MAX && memchr(text.data, '+', text.len) != NULL &&
           !slice_has_prefix(text, "-----") && text.data[0] != 0x30;
}

static bool same_key(const note_key_t *a, const note_key_t *b)
{
    return note_key_id(a) == note_key_id(b) && strcmp(note_key_name(a), note_key_name(b)) == 0;
}

static p11kms_err add_named(trust_t *trust, slice_t vkey)
{
    _cleanup_(note_key) note_key_t *key = NULL;

    TRY(note_key_parse(vkey, &key));
    for (size_t i = 0; i < trust->n; i++) {
        if (trust->of[i].spki.len == 0 && same_key(trust->of[i].key, key)) {
            FAIL(P11KMS_E_EXISTS, "the key %s was given twice", note_key_name(key));
        }
    }
    trust->of[trust->n++].key = STEAL(key);
    return P11KMS_OK;
}

static p11kms_err add_nameless(trust_t *trust, slice_t file)
{
    _cleanup_buf_ buf_t spki = { 0 };
    _cleanup_(pubkey) pubkey_t *checked = NULL;

    TRY(spki_from_file(file, &spki));
    TRY(spki_read(buf_slice(&spki), &checked));
    trust->of[trust->n++].spki = STEAL(spki);
    return P11KMS_OK;
}

p11kms_err trust_add(trust_t *trust, slice_t key)
{
    slice_t text = trimmed(key);

    if (trust->n == TRUST_KEYS_MAX) {
        FAIL(P11KMS_E_LIMIT, "at most %d keys", TRUST_KEYS_MAX);
    }
    return looks_like_vkey(text) ? add_named(trust, text) : add_nameless(trust, key);
}

size_t trust_count(const trust_t *trust)
{
    return trust->n;
}

static p11kms_err check_witness(const trust_t *trust, size_t i)
{
    const note_key_t *key = trust->of[i].key;

    if (trust->of[i].spki.len > 0 || note_key_kind(key) != NOTE_COSIGNATURE) {
        FAIL(P11KMS_E_UNSUPPORTED, "a witness's key has a name and is of type 4, a cosigner's: number %zu is not", i + 1);
    }
    for (size_t before = 0; before < i; before++) {
        if (note_key_same(trust->of[before].key, key)) {
            FAIL(P11KMS_E_EXISTS, "%s and %s are the same witness: they have one key",
                 note_key_name(trust->of[before].key), note_key_name(key));
        }
    }
    return P11KMS_OK;
}

p11kms_err trust_check_witnesses(const trust_t *trust)
{
    for (size_t i = 0; i < trust->n; i++) {
        TRY(check_witness(trust, i));
    }
    return P11KMS_OK;
}

/* The key that may sign for @p origin, or NULL. */
static const note_key_t *key_for(trust_t *trust, size_t i, slice_t origin)
{
    if (trust->of[i].spki.len > 0 && !(trust->of[i].key && slice_eq_str(origin, note_key_name(trust->of[i].key)))) {
        note_key_free(trust->of[i].key);
        trust->of[i].key = NULL;
        if (note_key_new(origin, buf_slice(&trust->of[i].spki), &trust->of[i].key) != P11KMS_OK) {
            return NULL;
        }
    }
    const note_key_t *key = trust->of[i].key;
    /* What a witness signs says that it saw the log, not that it wrote it. */
    return slice_eq_str(origin, note_key_name(key)) && note_key_kind(key) != NOTE_COSIGNATURE ? key : NULL;
}

note_verdict trust_log(trust_t *trust, const note_t *note)
{
    note_verdict verdict = NOTE_UNSIGNED;

    for (size_t i = 0; i < trust->n; i++) {
        const note_key_t *key = key_for(trust, i, note->origin);
        note_verdict of_this = key ? note_check(note, key, NULL) : NOTE_UNSIGNED;
        if (of_this == NOTE_FORGED) {
            return NOTE_FORGED;
        }
        verdict = of_this == NOTE_SIGNED ? NOTE_SIGNED : verdict;
    }
    return verdict;
}

size_t trust_witnesses(trust_t *trust, const note_t *note, uint64_t *ret_time, bool *ret_forged)
{
    size_t count = 0;

    *ret_time = 0;
    *ret_forged = false;
    for (size_t i = 0; i < trust->n; i++) {
        uint64_t time = 0;
        if (trust->of[i].spki.len > 0) {
            continue; /* a witness has a name */
        }
        note_verdict verdict = note_check(note, trust->of[i].key, &time);
        *ret_forged = *ret_forged || verdict == NOTE_FORGED;
        if (verdict == NOTE_SIGNED) {
            count++;
            *ret_time = *ret_time == 0 || time < *ret_time ? time : *ret_time;
        }
    }
    return count;
}
