#include "tests/testing.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "util/clock.h"

static const char *const names[] = { "kms.example.test", "localhost", "127.0.0.1", "::1" };

static buf_t cert_pem, key_pem;
static X509 *cert;

static int make_certificate(void **state)
{
    BIO *bio;

    (void)state;
    if (crypto_init() != P11KMS_OK ||
        crypto_make_certificate(names, COUNT_OF(names), 30, &cert_pem, &key_pem) != P11KMS_OK) {
        return -1;
    }
    bio = BIO_new_mem_buf(cert_pem.data, (int)cert_pem.len);
    cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return cert != NULL ? 0 : -1;
}

static int drop_certificate(void **state)
{
    (void)state;
    X509_free(cert);
    buf_free(&cert_pem);
    buf_free(&key_pem);
    return 0;
}

static void test_the_key_is_the_certificates(void **state)
{
    BIO *bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    char group[16] = "";

    (void)state;
    assert_non_null(key);
    assert_int_equal(X509_check_private_key(cert, key), 1);
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
    assert_string_equal(group, "prime256v1");
    EVP_PKEY_free(key);
    BIO_free(bio);
}

static void test_it_is_good_for_each_name_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(X509_check_host(cert, "kms.example.test", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
    assert_int_equal(X509_check_host(cert, "example.test", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.2", 0), 0);
}

static void test_the_first_name_is_the_common_name(void **state)
{
    char common[80];

    (void)state;
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, common, sizeof(common));
    assert_string_equal(common, "kms.example.test");
}

/* As the clients do it that are given the certificate as their bundle, the strict ones too. */
static int verify_as_server(unsigned long flags)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int verified;

    X509_STORE_add_cert(store, cert);
    X509_STORE_CTX_init(ctx, store, cert, NULL);
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
    X509_STORE_CTX_set_flags(ctx, flags);
    verified = X509_verify_cert(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return verified;
}

static void test_a_client_that_trusts_it_accepts_it(void **state)
{
    (void)state;
    assert_int_equal(verify_as_server(0), 1);
    assert_int_equal(verify_as_server(X509_V_FLAG_X509_STRICT), 1);
    assert_int_equal(verify_as_server(X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN), 1);
}

static void test_it_signs_no_other_certificate(void **state)
{
    (void)state;
    assert_int_equal(X509_check_ca(cert), 0);
}

static void write_file(const char *path, slice_t data)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(data.data, 1, data.len, file), data.len);
    assert_int_equal(fclose(file), 0);
}

static void test_its_expiry_is_read_from_a_file(void **state)
{
    char path[] = "/tmp/p11kms-cert-XXXXXX";
    int fd = mkstemp(path);
    int64_t expiry = 0;
    int64_t due = clock_wall_ms() + 30 * CLOCK_DAY_MS;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    write_file(path, buf_slice(&cert_pem));
    assert_ok(crypto_certificate_expiry(path, &expiry));
    assert_in_range(expiry, due - 60000, due + 60000);
    write_file(path, buf_slice(&key_pem));
    assert_err(crypto_certificate_expiry(path, &expiry), P11KMS_E_SYNTAX);
    write_file(path, SLICE_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    assert_err(crypto_certificate_expiry(path, &expiry), P11KMS_E_SYNTAX);
    write_file(path, SLICE_LIT(""));
    assert_err(crypto_certificate_expiry(path, &expiry), P11KMS_E_SYNTAX);
    unlink(path);
    assert_err(crypto_certificate_expiry(path, &expiry), P11KMS_E_IO);
    assert_int_equal(ERR_peek_error(), 0); /* TLS would take it for its own */
}

static p11kms_err make_for(const char *name, int days)
{
    _cleanup_buf_ buf_t made_cert = { 0 };
    _cleanup_buf_ buf_t made_key = { 0 };
    p11kms_err err = crypto_make_certificate(&name, 1, days, &made_cert, &made_key);

    assert_int_equal(made_cert.len > 0, err == P11KMS_OK);
    assert_int_equal(made_key.len > 0, err == P11KMS_OK);
    assert_int_equal(ERR_peek_error(), 0);
    return err;
}

static void test_names_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = { "",          "a,DNS:evil.test", "a b", "a\nb",
                                       "https://a", "*\xc3\xa9",       "1:2", "user@host" };
    char longest[255];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(make_for(bad[i], 1), P11KMS_E_RANGE);
    }
    memset(longest, 'a', sizeof(longest));
    longest[254] = '\0';
    assert_err(make_for(longest, 1), P11KMS_E_RANGE);
    longest[253] = '\0'; /* a name, though too long for a common name */
    assert_ok(make_for(longest, 1));
}

static void test_days_out_of_range_are_refused(void **state)
{
    buf_t none = { 0 };

    (void)state;
    assert_err(make_for("a", 0), P11KMS_E_RANGE);
    assert_err(make_for("a", -1), P11KMS_E_RANGE);
    assert_err(make_for("a", 36501), P11KMS_E_RANGE);
    assert_err(crypto_make_certificate(names, 0, 1, &none, &none), P11KMS_E_RANGE);
    assert_ok(make_for("a", 36500));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_is_the_certificates),
        cmocka_unit_test(test_it_is_good_for_each_name_and_no_other),
        cmocka_unit_test(test_the_first_name_is_the_common_name),
        cmocka_unit_test(test_a_client_that_trusts_it_accepts_it),
        cmocka_unit_test(test_it_signs_no_other_certificate),
        cmocka_unit_test(test_its_expiry_is_read_from_a_file),
        cmocka_unit_test(test_names_that_are_none_are_refused),
        cmocka_unit_test(test_days_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, make_certificate, drop_certificate);
}
