#include "crypto/rsa_padding.h"

/* RFC 8017 9.2, note 1: what stands before a digest. */
static const uint8_t digest_info[] = { 0x30, 0, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                       0x65, 0x03, 0x04, 0x02, 0,    0x05, 0x00, 0x04, 0 };
#define DIGEST_INFO_LEN sizeof(digest_info)
#define SHA2_OID_LAST(hash) ((uint8_t)((hash) == CRYPTO_SHA256 ? 1 : (hash) == CRYPTO_SHA384 ? 2 : 3))

size_t rsa_digest_info(crypto_hash hash, slice_t digest, uint8_t out[RSA_DIGEST_INFO_MAX])
{
    memcpy(out, digest_info, DIGEST_INFO_LEN);
    out[1] = (uint8_t)(DIGEST_INFO_LEN - 2 + digest.len);
    out[14] = SHA2_OID_LAST(hash);
    out[18] = (uint8_t)digest.len;
    memcpy(out + DIGEST_INFO_LEN, digest.data, digest.len);
    return DIGEST_INFO_LEN + digest.len;
}

/* B.2.1, exclusive-or'ed onto @p out. */
static void mask_with(crypto_hash hash, slice_t seed, uint8_t *out, size_t len)
{
    uint8_t input[RSA_MODULUS_MAX + 4];
    uint8_t block[CRYPTO_DIGEST_MAX];
    size_t h = crypto_hash_len(hash);

    memcpy(input, seed.data, seed.len);
    memset(input + seed.len, 0, 4);
    for (size_t done = 0; done < len; done += h) {
        input[seed.len + 3] = (uint8_t)(done / h); /* 512 / 20 blocks at most */
        crypto_digest(hash, SLICE(input, seed.len + 4), block);
        for (size_t i = 0; i < h && done + i < len; i++) {
            out[done + i] ^= block[i];
        }
    }
    secret_wipe(input, sizeof(input));
    secret_wipe(block, sizeof(block));
}

p11kms_err rsa_pss_encode(crypto_hash hash, slice_t digest, uint8_t *out, size_t k)
{
    size_t h = crypto_hash_len(hash);
    size_t db_len = k - h - 1;
    uint8_t *db = out, *digest_out = out + db_len;
    uint8_t salted[8 + 2 * CRYPTO_DIGEST_MAX] = { 0 };

    TRY(crypto_random(salted + 8 + h, h));
    memcpy(salted + 8, digest.data, h);
    crypto_digest(hash, SLICE(salted, 8 + 2 * h), digest_out);
    memset(db, 0, db_len);
    db[db_len - h - 1] = 1;
    memcpy(db + db_len - h, salted + 8 + h, h);
    mask_with(hash, SLICE(digest_out, h), db, db_len);
    db[0] &= 0x7f; /* the encoding has one bit less than the modulus */
    out[k - 1] = 0xbc;
    return P11KMS_OK;
}

/* ---- OAEP: a mask is all ones or all zeros ---- */

/* Keeps the compiler from seeing that it is one of two values, and branching on it. */
static size_t hide(size_t mask)
{
    __asm__("" : "+r"(mask));
    return mask;
}

static size_t is_zero(size_t x)
{
    return hide((size_t)0 - ((~x & (x - 1)) >> (8 * sizeof(x) - 1)));
}

static size_t choose(size_t mask, size_t yes, size_t no)
{
    return (mask & yes) | (~mask & no);
}

static size_t same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t differ = 0;

    for (size_t i = 0; i < len; i++) {
        differ |= a[i] ^ b[i];
    }
    return is_zero(differ);
}

/* The first 1 after zeros alone. @return whether there is one */
static size_t find_separator(const uint8_t *db, size_t from, size_t len, size_t *ret_at)
{
    size_t found = 0, clean = ~(size_t)0, at = 0;

    for (size_t i = from; i < len; i++) {
        size_t one = is_zero(db[i] ^ 1u);

        at = choose(~found & one, i, at);
        found |= one;
        clean &= found | is_zero(db[i]);
    }
    *ret_at = at;
    return found & clean;
}

/* Move down by @p shift bytes, a power of two at a time, each over everything. */
static void move_down(uint8_t *data, size_t len, size_t shift)
{
    for (size_t step = 1; step < len; step <<= 1) {
        size_t mask = ~is_zero(shift & step);

        for (size_t i = 0; i + step < len; i++) {
            data[i] = (uint8_t)choose(mask, data[i + step], data[i]);
        }
    }
}

p11kms_err rsa_oaep_decode(crypto_hash hash, uint8_t *em, size_t k, uint8_t *out, size_t *ret_len)
{
    size_t h = crypto_hash_len(hash);
    size_t db_len = k - h - 1, max = db_len - h - 1;
    uint8_t *seed = em + 1, *db = em + 1 + h;
    uint8_t empty[CRYPTO_DIGEST_MAX];
    size_t good, separator;

    crypto_digest(hash, SLICE("", 0), empty);
    mask_with(hash, SLICE(db, db_len), seed, h);
    mask_with(hash, SLICE(seed, h), db, db_len);
    good = is_zero(em[0]) & same_bytes(db, empty, h);
    good &= find_separator(db, h, db_len, &separator);
    separator = choose(good, separator, db_len - 1);
    move_down(db + h + 1, max, separator - h);
    for (size_t i = 0; i < max; i++) {
        out[i] = (uint8_t)(db[h + 1 + i] & good);
    }
    secret_wipe(em, k);
    *ret_len = db_len - 1 - separator;
    return (p11kms_err)choose(good, P11KMS_OK, P11KMS_E_CIPHERTEXT);
}
