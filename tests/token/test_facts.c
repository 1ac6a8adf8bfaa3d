/*
 * What real modules do that PKCS#11 does not say, and that the token host is shaped by. Each is
 * shown on the module itself, without the host, so that a new version's change of mind is seen.
 * The comment names what we do about it.
 */
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>

#include "tests/fakes/nss.h"
#include "tests/fakes/scratch.h"
#include "tests/fakes/softhsm.h"
#include "tests/testing.h"
#include "token/token.h"

#define assert_rv(call, expected) assert_string_equal(token_ckr_name(call), #expected)

static CK_FUNCTION_LIST *module;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static CK_BYTE id[] = "0123456789abcdef";
static CK_ULONG key_bytes = 32;

static void log_in(const char *label, const char *pin)
{
    CK_SLOT_ID slots[8];
    CK_ULONG n = COUNT_OF(slots);
    bool found = false;

    assert_rv(module->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;

        assert_rv(module->C_GetTokenInfo(slots[i], &info), CKR_OK);
        if (memcmp(info.label, label, strlen(label)) == 0) {
            slot = slots[i];
            found = true;
        }
    }
    assert_true(found);
    assert_rv(module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
    assert_rv(module->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin)), CKR_OK);
}

static int close_module(void **state)
{
    (void)state;
    if (module != NULL) {
        p11_kit_module_finalize(module);
        p11_kit_module_release(module);
        module = NULL;
    }
    return 0;
}

static void use_softhsm(void)
{
    if (softhsm_module() == NULL) {
        skip();
    }
    softhsm_new();
    softhsm_add_token("facts");
    module = p11_kit_module_load(softhsm_module(), 0);
    assert_non_null(module);
    assert_rv(p11_kit_module_initialize(module), CKR_OK);
    log_in("facts", SOFTHSM_PIN);
}

static void use_nss(void)
{
    struct {
        CK_C_INITIALIZE_ARGS standard;
        void *behind;
    } args = { .standard = { .flags = CKF_OS_LOCKING_OK } };

    if (nss_module() == NULL) {
        skip();
    }
    args.standard.pReserved = (void *)(uintptr_t)nss_new();
    module = p11_kit_module_load(nss_module(), 0);
    assert_non_null(module);
    assert_rv(module->C_Initialize(&args), CKR_OK);
    log_in(NSS_TOKEN, NSS_PIN);
}

static CK_RV make_key(const CK_ATTRIBUTE *further, CK_ULONG n_further, CK_OBJECT_HANDLE *ret)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_GENERIC_SECRET_KEY_GEN };
    CK_ATTRIBUTE template[16] = {
        { CKA_CLASS, &secret_key, sizeof(secret_key) }, { CKA_KEY_TYPE, &generic, sizeof(generic) },
        { CKA_VALUE_LEN, &key_bytes, sizeof(key_bytes) }, { CKA_PRIVATE, &yes, sizeof(yes) },
        { CKA_SENSITIVE, &yes, sizeof(yes) },           { CKA_EXTRACTABLE, &no, sizeof(no) },
        { CKA_SIGN, &yes, sizeof(yes) },                { CKA_ID, id, 16 },
    };
    CK_ULONG n = 8;

    for (CK_ULONG i = 0; i < n_further; i++) {
        template[n++] = further[i];
    }
    return module->C_GenerateKey(session, &mechanism, template, n, ret);
}

static CK_RV make_token_key(CK_OBJECT_HANDLE *ret)
{
    const CK_ATTRIBUTE further[] = { { CKA_TOKEN, &yes, sizeof(yes) } };

    return make_key(further, 1, ret);
}

static CK_RV start_hmac(CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_SHA256_HMAC };

    return module->C_SignInit(session, &mechanism, key);
}

static CK_OBJECT_HANDLE make_aes(void)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_GEN };
    CK_ATTRIBUTE template[] = {
        { CKA_ENCRYPT, &yes, sizeof(yes) }, { CKA_DECRYPT, &yes, sizeof(yes) }, { CKA_WRAP, &yes, sizeof(yes) },
        { CKA_TOKEN, &no, sizeof(no) },     { CKA_VALUE_LEN, &key_bytes, sizeof(key_bytes) },
    };
    CK_OBJECT_HANDLE key;

    assert_rv(module->C_GenerateKey(session, &mechanism, template, COUNT_OF(template), &key), CKR_OK);
    return key;
}

static CK_ULONG find_ids(void)
{
    CK_ATTRIBUTE template[] = { { CKA_ID, id, 16 }, { CKA_TOKEN, &yes, sizeof(yes) } };
    CK_OBJECT_HANDLE found[8];
    CK_ULONG n = 0;

    assert_rv(module->C_FindObjectsInit(session, template, COUNT_OF(template)), CKR_OK);
    assert_rv(module->C_FindObjects(session, found, COUNT_OF(found), &n), CKR_OK);
    assert_rv(module->C_FindObjectsFinal(session), CKR_OK);
    return n;
}

/* ---- GCM ---- */

static CK_BYTE iv[12] = "an iv of 12";

static CK_GCM_PARAMS gcm_parameters(CK_ULONG iv_len, CK_ULONG tag_bits)
{
    return (CK_GCM_PARAMS){ iv, iv_len, iv_len * 8, NULL, 0, tag_bits };
}

static CK_RV gcm_encrypt(CK_OBJECT_HANDLE key, CK_GCM_PARAMS parameters, CK_BYTE *sealed, CK_ULONG *sealed_len)
{
    static CK_BYTE plain[] = "attack at dawn, they say";
    CK_MECHANISM mechanism = { CKM_AES_GCM, &parameters, sizeof(parameters) };
    CK_RV rv = module->C_EncryptInit(session, &mechanism, key);

    return rv != CKR_OK ? rv : module->C_Encrypt(session, plain, sizeof(plain), sealed, sealed_len);
}

static CK_RV gcm_decrypt(CK_OBJECT_HANDLE key, CK_BYTE *sealed, CK_ULONG sealed_len, CK_BYTE *plain, CK_ULONG *plain_len)
{
    CK_GCM_PARAMS parameters = gcm_parameters(sizeof(iv), 128);
    CK_MECHANISM mechanism = { CKM_AES_GCM, &parameters, sizeof(parameters) };
    CK_RV rv = module->C_DecryptInit(session, &mechanism, key);

    return rv != CKR_OK ? rv : module->C_Decrypt(session, sealed, sealed_len, plain, plain_len);
}

/* So lengths of IV and tag are ours to fix: 12 bytes and 128 bits, whatever the module would take. */
static void test_softhsm_seals_with_no_iv_and_no_tag(void **state)
{
    CK_BYTE sealed[64];
    CK_ULONG len = sizeof(sealed);
    CK_OBJECT_HANDLE key;
    (void)state;

    use_softhsm();
    key = make_aes();
    assert_rv(gcm_encrypt(key, gcm_parameters(0, 128), sealed, &len), CKR_OK);
    len = sizeof(sealed);
    assert_rv(gcm_encrypt(key, gcm_parameters(sizeof(iv), 0), sealed, &len), CKR_OK);
}

/* So CKR_GENERAL_ERROR alone does not mean that the token is lost: a known answer tells. */
static void test_softhsm_calls_tampering_a_general_error(void **state)
{
    CK_BYTE sealed[64], plain[64];
    CK_ULONG len = sizeof(sealed), plain_len = sizeof(plain);
    CK_OBJECT_HANDLE key;
    (void)state;

    use_softhsm();
    key = make_aes();
    assert_rv(gcm_encrypt(key, gcm_parameters(sizeof(iv), 128), sealed, &len), CKR_OK);
    sealed[0] ^= 1;
    assert_rv(gcm_decrypt(key, sealed, len, plain, &plain_len), CKR_GENERAL_ERROR);
}

/* So tampering is told by whatever is not CKR_OK, not by one error. */
static void test_nss_says_encrypted_data_invalid_for_tampering(void **state)
{
    CK_BYTE sealed[64], plain[64];
    CK_ULONG len = sizeof(sealed), plain_len = sizeof(plain);
    CK_OBJECT_HANDLE key;
    (void)state;

    use_nss();
    key = make_aes();
    assert_rv(gcm_encrypt(key, gcm_parameters(sizeof(iv), 128), sealed, &len), CKR_OK);
    sealed[0] ^= 1;
    assert_rv(gcm_decrypt(key, sealed, len, plain, &plain_len), CKR_ENCRYPTED_DATA_INVALID);
}

/* ---- keys and handles ---- */

/* So the known-answer key of the self-test has 32 bytes, and materials too. */
static void test_softhsm_takes_no_hmac_key_shorter_than_the_digest(void **state)
{
    CK_BYTE value[31] = { 1 };
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &secret_key, sizeof(secret_key) }, { CKA_KEY_TYPE, &generic, sizeof(generic) },
        { CKA_TOKEN, &no, sizeof(no) },                 { CKA_SIGN, &yes, sizeof(yes) },
        { CKA_VALUE, value, sizeof(value) },
    };
    CK_OBJECT_HANDLE key;
    (void)state;

    use_softhsm();
    assert_rv(module->C_CreateObject(session, template, COUNT_OF(template), &key), CKR_OK);
    assert_rv(start_hmac(key), CKR_KEY_SIZE_RANGE);
}

/* So the host never logs out and keeps its anchor session open: handles are cached. */
static void test_softhsm_forgets_handles_with_logout_and_with_the_last_session(void **state)
{
    CK_OBJECT_HANDLE key;
    (void)state;

    use_softhsm();
    assert_rv(make_token_key(&key), CKR_OK);
    assert_rv(module->C_Logout(session), CKR_OK);
    assert_rv(module->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)SOFTHSM_PIN, 4), CKR_OK);
    assert_rv(start_hmac(key), CKR_OBJECT_HANDLE_INVALID);
    assert_rv(make_token_key(&key), CKR_OK);
    assert_rv(module->C_CloseSession(session), CKR_OK);
    log_in("facts", SOFTHSM_PIN);
    assert_rv(start_hmac(key), CKR_OBJECT_HANDLE_INVALID);
}

/* So where session copies are wanted, keys are made modifiable on such a module. */
static void test_softhsm_copies_no_unmodifiable_key(void **state)
{
    const CK_ATTRIBUTE unmodifiable[] = { { CKA_TOKEN, &yes, sizeof(yes) }, { CKA_MODIFIABLE, &no, sizeof(no) } };
    CK_ATTRIBUTE as_session_object[] = { { CKA_TOKEN, &no, sizeof(no) } };
    CK_OBJECT_HANDLE key, copy;
    (void)state;

    use_softhsm();
    assert_rv(make_key(unmodifiable, COUNT_OF(unmodifiable), &key), CKR_OK);
    assert_rv(module->C_CopyObject(session, key, as_session_object, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(make_token_key(&key), CKR_OK);
    assert_rv(module->C_CopyObject(session, key, as_session_object, 1, &copy), CKR_OK);
}

/* So a CKA_ID is searched for before a key is made under it. */
static void test_nss_replaces_a_key_of_the_same_id_silently(void **state)
{
    CK_OBJECT_HANDLE first, second;
    (void)state;

    use_nss();
    assert_rv(make_token_key(&first), CKR_OK);
    assert_rv(make_token_key(&second), CKR_OK);
    assert_int_equal(find_ids(), 1);
}

/* So two keys of one id make both unusable. */
static void test_softhsm_keeps_two_keys_of_one_id(void **state)
{
    CK_OBJECT_HANDLE first, second;
    (void)state;

    use_softhsm();
    assert_rv(make_token_key(&first), CKR_OK);
    assert_rv(make_token_key(&second), CKR_OK);
    assert_int_equal(find_ids(), 2);
}

/* So what a session object may have says nothing of token objects: generation has a plainer last try. */
static void test_nss_refuses_for_a_token_object_what_a_session_object_may_have(void **state)
{
    const CK_ATTRIBUTE in_session[] = { { CKA_TOKEN, &no, sizeof(no) }, { CKA_COPYABLE, &yes, sizeof(yes) } };
    const CK_ATTRIBUTE on_token[] = { { CKA_TOKEN, &yes, sizeof(yes) }, { CKA_COPYABLE, &yes, sizeof(yes) } };
    CK_OBJECT_HANDLE key;
    (void)state;

    use_nss();
    assert_rv(make_key(in_session, COUNT_OF(in_session), &key), CKR_OK);
    assert_rv(make_key(on_token, COUNT_OF(on_token), &key), CKR_GENERAL_ERROR);
}

/* So NSS is for tests: with it, "not extractable" is no promise. */
static void test_nss_wraps_a_key_that_is_not_extractable(void **state)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
    CK_OBJECT_HANDLE key;
    CK_BYTE wrapped[64];
    CK_ULONG len = sizeof(wrapped);
    (void)state;

    use_nss();
    assert_rv(make_token_key(&key), CKR_OK);
    assert_rv(module->C_WrapKey(session, &mechanism, make_aes(), key, wrapped, &len), CKR_OK);
}

/* So init-args are part of a token's configuration. */
static void test_nss_without_arguments_has_no_database(void **state)
{
    CK_SLOT_ID slots[8];
    CK_ULONG n = COUNT_OF(slots);
    CK_RV rv;
    (void)state;

    if (nss_module() == NULL) {
        skip();
    }
    module = p11_kit_module_load(nss_module(), 0);
    assert_non_null(module);
    rv = p11_kit_module_initialize(module);
    if (rv != CKR_OK) {
        p11_kit_module_release(module);
        module = NULL;
        return;
    }
    assert_rv(module->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;

        assert_true(module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
                    memcmp(info.label, NSS_TOKEN, strlen(NSS_TOKEN)) != 0 || (info.flags & CKF_LOGIN_REQUIRED) == 0);
    }
}

/* ---- RSA ---- */

static CK_RV try_oaep(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE hash, CK_RSA_PKCS_MGF_TYPE mgf)
{
    CK_RSA_PKCS_OAEP_PARAMS parameters = { hash, mgf, CKZ_DATA_SPECIFIED, NULL, 0 };
    CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &parameters, sizeof(parameters) };

    return module->C_EncryptInit(session, &mechanism, key);
}

/* So a key encapsulation by RSA has to choose its hash by trying. */
static void test_softhsm_does_oaep_with_sha_1_alone(void **state)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN };
    CK_ULONG bits = 1024;
    CK_BYTE exponent[] = { 1, 0, 1 };
    CK_ATTRIBUTE public_template[] = {
        { CKA_ENCRYPT, &yes, sizeof(yes) },
        { CKA_MODULUS_BITS, &bits, sizeof(bits) },
        { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) },
    };
    CK_OBJECT_HANDLE public_key, private_key;
    (void)state;

    use_softhsm();
    assert_rv(module->C_GenerateKeyPair(session, &mechanism, public_template, COUNT_OF(public_template), NULL, 0,
                                        &public_key, &private_key),
              CKR_OK);
    assert_rv(try_oaep(public_key, CKM_SHA256, CKG_MGF1_SHA256), CKR_ARGUMENTS_BAD);
    assert_rv(try_oaep(public_key, CKM_SHA_1, CKG_MGF1_SHA1), CKR_OK);
}

#define FACT(test) cmocka_unit_test_teardown(test, close_module)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(test_softhsm_seals_with_no_iv_and_no_tag),
        FACT(test_softhsm_calls_tampering_a_general_error),
        FACT(test_nss_says_encrypted_data_invalid_for_tampering),
        FACT(test_softhsm_takes_no_hmac_key_shorter_than_the_digest),
        FACT(test_softhsm_forgets_handles_with_logout_and_with_the_last_session),
        FACT(test_softhsm_copies_no_unmodifiable_key),
        FACT(test_softhsm_keeps_two_keys_of_one_id),
        FACT(test_nss_replaces_a_key_of_the_same_id_silently),
        FACT(test_nss_refuses_for_a_token_object_what_a_session_object_may_have),
        FACT(test_nss_wraps_a_key_that_is_not_extractable),
        FACT(test_nss_without_arguments_has_no_database),
        FACT(test_softhsm_does_oaep_with_sha_1_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
