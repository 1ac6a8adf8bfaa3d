#include "tests/audit/made_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "tests/fakes/scratch.h"
#include "tests/testing.h"
#include "util/encode.h"

static EVP_PKEY *key_of(uint8_t seed)
{
    uint8_t raw[32];

    memset(raw, seed, sizeof(raw));
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
    assert_non_null(pkey);
    return pkey;
}

static void sign(EVP_PKEY *pkey, slice_t message, buf_t *out)
{
    uint8_t signature[128];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ed25519 = EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, ed25519 ? NULL : EVP_sha256(), NULL, pkey), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, message.data, message.len), 1);
    EVP_MD_CTX_free(ctx);
    buf_put(out, signature, len);
}

static note_key_t *note_key(EVP_PKEY *pkey, const char *name)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    note_key_t *key = NULL;

    assert_ok(note_key_new(SLICE_STR(name), SLICE(der, (size_t)len), &key));
    OPENSSL_free(der);
    return key;
}

static EVP_PKEY *signer(const made_log *log)
{
    if (log->p256) {
        EVP_PKEY_up_ref(log->pkey);
        return log->pkey;
    }
    return key_of(log->key);
}

void made_vkey(uint8_t seed, buf_t *out)
{
    EVP_PKEY *pkey = key_of(seed);
    _cleanup_(note_key) note_key_t *key = note_key(pkey, MADE_ORIGIN);

    note_key_vkey(key, out);
    EVP_PKEY_free(pkey);
}

/* A cosigner's key is an Ed25519 key under type 4, so its vkey is put together here. */
static note_key_t *witness_key(unsigned n)
{
    _cleanup_buf_ buf_t vkey = { 0 };
    _cleanup_buf_ buf_t material = { 0 };
    EVP_PKEY *pkey = key_of((uint8_t)(100 + n));
    uint8_t raw[32];
    size_t len = sizeof(raw);
    uint8_t hash[SHA256_LEN];
    char name[32];
    note_key_t *key = NULL;

    assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, raw, &len), 1);
    EVP_PKEY_free(pkey);
    snprintf(name, sizeof(name), "witness.example/%u", n);
    buf_put_u8(&material, NOTE_COSIGNATURE);
    buf_put(&material, raw, len);
    slice_t parts[] = { SLICE_STR(name), SLICE_LIT("\n"), buf_slice(&material) };
    crypto_sha256_parts(parts, COUNT_OF(parts), hash);
    buf_printf(&vkey, "%s+%02x%02x%02x%02x+", name, hash[0], hash[1], hash[2], hash[3]);
    base64_encode(&vkey, buf_slice(&material));
    assert_ok(note_key_parse(buf_slice(&vkey), &key));
    return key;
}

void made_witness_vkey(unsigned n, buf_t *out)
{
    _cleanup_(note_key) note_key_t *key = witness_key(n);

    note_key_vkey(key, out);
}

void made_pem(const made_log *log, buf_t *out)
{
    EVP_PKEY *pkey = signer(log);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    long len = BIO_get_mem_data(bio, &text);
    buf_put(out, text, (size_t)len);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

const char *made_event_id(uint64_t seed, uint64_t index)
{
    static char id[40];

    snprintf(id, sizeof(id), "%08" PRIx64 "-0000-4000-8000-%012" PRIx64, seed, index);
    return id;
}

const char *made_line(uint64_t seed, uint64_t index)
{
    static char line[256];

    snprintf(line, sizeof(line), "{\"eventVersion\":\"1.08\",\"eventName\":\"Decrypt\",\"eventID\":\"%s\",\"n\":%" PRIu64 "}",
             made_event_id(seed, index), index);
    return line;
}

static void put(const made_log *log, const char *name, int flags, slice_t data)
{
    int fd = openat(log->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data.data, data.len), data.len);
    close(fd);
}

static void put_segment(const made_log *log, const char *suffix, slice_t data)
{
    char name[40];

    snprintf(name, sizeof(name), "audit-%010" PRIu64 ".%s", log->segment, suffix);
    put(log, name, O_APPEND, data);
}

void made_begin(made_log *log, const char *folder)
{
    memset(log, 0, sizeof(*log));
    log->folder = folder;
    log->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(log->fd >= 0);
    log->segment = 1;
    log->key = 1;
    merkle_init(&log->tree);
    put_segment(log, "jsonl", SLICE(NULL, 0));
}

void made_end(made_log *log)
{
    close(log->fd);
    buf_free(&log->last);
    EVP_PKEY_free(log->pkey);
}

void made_add(made_log *log, unsigned n)
{
    _cleanup_buf_ buf_t lines = { 0 };

    while (n-- > 0) {
        size_t begin = lines.len;
        merkle_hash leaf;
        buf_put_str(&lines, made_line(log->seed, log->tree.edge.size));
        if (log->pad > 0) {
            lines.len--; /* the closing brace */
            buf_printf(&lines, ",\"pad\":\"%0*d\"}", (int)log->pad, 0);
        }
        merkle_leaf(SLICE(lines.data + begin, lines.len - begin), &leaf);
        buf_put_char(&lines, '\n');
        for (unsigned full = merkle_append(&log->tree, &leaf); full > 0; full--) {
            assert_ok(tile_write(log->fd, &log->tree.tile[full - 1]));
        }
    }
    put_segment(log, "jsonl", buf_slice(&lines));
}

void made_put(made_log *log, const char *line)
{
    merkle_hash leaf;

    merkle_leaf(SLICE_STR(line), &leaf);
    for (unsigned full = merkle_append(&log->tree, &leaf); full > 0; full--) {
        assert_ok(tile_write(log->fd, &log->tree.tile[full - 1]));
    }
    put_segment(log, "jsonl", SLICE_STR(line));
    put_segment(log, "jsonl", SLICE_LIT("\n"));
}

static void put_newest(made_log *log)
{
    put_segment(log, "notes", buf_slice(&log->last));
    put_segment(log, "notes", SLICE_LIT("\n"));
    put(log, "checkpoint", O_TRUNC, buf_slice(&log->last));
}

void made_checkpoint(made_log *log)
{
    merkle_hash root;
    _cleanup_buf_ buf_t signature = { 0 };

    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        uint64_t index;
        unsigned width;
        merkle_tile_at(log->tree.edge.size, level, &index, &width);
        if (width > 0 && width < TILE_WIDTH) {
            assert_ok(tile_write(log->fd, &log->tree.tile[level]));
        }
    }
    if (log->p256 && !log->pkey) {
        log->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    }
    EVP_PKEY *pkey = signer(log);
    _cleanup_(note_key) note_key_t *key = note_key(pkey, MADE_ORIGIN);
    merkle_root(&log->tree.edge, &root);
    buf_clear(&log->last);
    note_put_text(&log->last, MADE_ORIGIN, log->tree.edge.size, root.bytes);
    sign(pkey, buf_slice(&log->last), &signature);
    buf_put_char(&log->last, '\n');
    note_put_signature(&log->last, key, buf_slice(&signature));
    EVP_PKEY_free(pkey);
    put_newest(log);
}

void made_cosignature(unsigned n, slice_t text, uint64_t time, buf_t *out)
{
    _cleanup_(note_key) note_key_t *key = witness_key(n);
    _cleanup_buf_ buf_t message = { 0 };
    _cleanup_buf_ buf_t signature = { 0 };
    EVP_PKEY *pkey = key_of((uint8_t)(100 + n));

    note_put_cosigned(&message, text, time);
    buf_put_u64(&signature, time);
    sign(pkey, buf_slice(&message), &signature);
    note_put_signature(out, key, buf_slice(&signature));
    EVP_PKEY_free(pkey);
}

void made_cosign(made_log *log, unsigned n, uint64_t time)
{
    note_t note;
    _cleanup_buf_ buf_t text = { 0 };

    assert_ok(note_parse(buf_slice(&log->last), &note));
    buf_put_slice(&text, note.text);
    for (unsigned i = 1; i <= n; i++) {
        made_cosignature(i, buf_slice(&text), time, &log->last);
    }
    put_newest(log);
}

void made_next(made_log *log)
{
    made_checkpoint(log);
    log->segment++;
    put_segment(log, "notes", buf_slice(&log->last));
    put_segment(log, "notes", SLICE_LIT("\n"));
    put_segment(log, "jsonl", SLICE(NULL, 0));
}
