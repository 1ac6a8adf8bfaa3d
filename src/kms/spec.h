/*
 * Key specs, usages, origins and algorithms of AWS KMS as data: what goes with
 * what (API Reference, CreateKey; Developer Guide, "Key spec reference"), and
 * what each is on a token.
 */
#pragma once

#include "token/token.h"

typedef enum {
    KMS_FAMILY_SYMMETRIC,
    KMS_FAMILY_HMAC,
    KMS_FAMILY_RSA,
    KMS_FAMILY_ECC,     /* ECDSA, and with the NIST curves ECDH */
    KMS_FAMILY_EDWARDS, /* Ed25519 */
    KMS_FAMILY_ML_DSA,
    KMS_FAMILY_SM2,
} kms_family;

typedef enum {
    KMS_USAGE_ENCRYPT_DECRYPT,
    KMS_USAGE_SIGN_VERIFY,
    KMS_USAGE_GENERATE_VERIFY_MAC,
    KMS_USAGE_KEY_AGREEMENT,
    KMS_USAGE_COUNT
} kms_usage;

typedef enum { KMS_ORIGIN_AWS_KMS, KMS_ORIGIN_EXTERNAL, KMS_ORIGIN_AWS_CLOUDHSM, KMS_ORIGIN_EXTERNAL_KEY_STORE, KMS_ORIGIN_COUNT } kms_origin;

typedef struct {
    const char *name; /* "RSA_2048" */
    kms_family family;
    unsigned usages;     /* bits 1 << kms_usage */
    token_key_type type; /* TOKEN_KEY_COUNT: no token type: such keys cannot be made */
    unsigned bits;       /* of the modulus, the curve or the secret */
} kms_spec;

/** One algorithm that a request or KeyMetadata may name. */
typedef struct {
    const char *name; /* "RSASSA_PSS_SHA_256" */
    kms_usage usage;
    kms_family family;
    unsigned bits; /* the one size of key it goes with; 0: any of the family */
    token_mechanism mechanism; /* TOKEN_MECH_NONE: SYMMETRIC_DEFAULT, ECDH, and what no token does */
    unsigned digest;           /* bits of the hash; 0: none */
} kms_algorithm;

extern const kms_spec kms_symmetric_default;

/** NULL when there is no such spec. */
const kms_spec *kms_spec_named(slice_t name);
/** "SIGN_VERIFY" */
const char *kms_usage_name(kms_usage usage);
MUST_USE bool kms_usage_named(slice_t name, kms_usage *ret);
/** "EXTERNAL" */
const char *kms_origin_name(kms_origin origin);
MUST_USE bool kms_origin_named(slice_t name, kms_origin *ret);

/** Whether a key of this spec has a public half. */
bool kms_spec_is_pair(const kms_spec *spec);
/** What its private key may do on the token. */
token_key_use kms_usage_on_token(kms_usage usage);

/** The algorithms of a spec in a usage, one after another in the order AWS lists them; NULL behind the last. */
const kms_algorithm *kms_algorithm_of(const kms_spec *spec, kms_usage usage, size_t i);
/** By name among those of spec and usage; NULL when it is none of them. */
const kms_algorithm *kms_algorithm_named(const kms_spec *spec, kms_usage usage, slice_t name);

/**
 * Whether a token can make and use such a key.
 * @retval P11KMS_E_OPERATION_UNSUPPORTED  Detail names what is missing.
 */
MUST_USE p11kms_err kms_spec_on_token(const kms_spec *spec, kms_usage usage, token_t *token);
/** The same of a key that is there already: the token need not make such keys, only use them. */
MUST_USE p11kms_err kms_spec_used_on_token(const kms_spec *spec, kms_usage usage, token_t *token);
/** Whether the token (with what its host adds) does this algorithm; what KeyMetadata lists. */
bool kms_algorithm_on_token(const kms_algorithm *algorithm, const token_info *info);
