#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "crypto/context.h"

#define NAME_MAX_LEN 253       /* RFC 1035, as text */
#define COMMON_NAME_MAX_LEN 64 /* RFC 5280 appendix A, ub-common-name */
#define SERIAL_LEN 16
#define DAYS_MAX 36500
#define DAY_SECONDS 86400
#define BACKDATE_SECONDS (-3600) /* for clients whose clock is behind */

static void free_bio(BIO *bio)
{
    BIO_free(bio);
}

DEFINE_CLEANUP(EVP_PKEY *, pkey, EVP_PKEY_free);
DEFINE_CLEANUP(X509 *, x509, X509_free);
DEFINE_CLEANUP(BIO *, bio, free_bio);
DEFINE_CLEANUP(GENERAL_NAMES *, names, GENERAL_NAMES_free);

static bool is_host_name(const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len <= NAME_MAX_LEN &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*") == len;
}

static GENERAL_NAME *dns_name(const char *name)
{
    GENERAL_NAME *entry = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    if (entry == NULL || text == NULL || ASN1_STRING_set(text, name, -1) != 1) {
        GENERAL_NAME_free(entry);
        ASN1_IA5STRING_free(text);
        return NULL;
    }
    GENERAL_NAME_set0_value(entry, GEN_DNS, text); /* transferred */
    return entry;
}

static GENERAL_NAME *ip_name(ASN1_OCTET_STRING *address)
{
    GENERAL_NAME *entry = GENERAL_NAME_new();

    if (entry == NULL) {
        ASN1_OCTET_STRING_free(address);
        return NULL;
    }
    GENERAL_NAME_set0_value(entry, GEN_IPADD, address); /* transferred */
    return entry;
}

static p11kms_err add_name(GENERAL_NAMES *names, const char *name)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    GENERAL_NAME *entry;

    if (address == NULL && !is_host_name(name)) {
        FAIL(P11KMS_E_RANGE, "'%s' is neither a host name nor an IP address", name);
    }
    entry = address != NULL ? ip_name(address) : dns_name(name);
    if (entry == NULL || sk_GENERAL_NAME_push(names, entry) == 0) {
        GENERAL_NAME_free(entry);
        return crypto_failed("subjectAltName");
    }
    return P11KMS_OK;
}

static p11kms_err set_alternative_names(X509 *cert, const char *const *names, size_t n_names)
{
    _cleanup_(names) GENERAL_NAMES *list = GENERAL_NAMES_new();

    ENSURE(list != NULL, P11KMS_E_NOMEM);
    for (size_t i = 0; i < n_names; i++) {
        TRY(add_name(list, names[i]));
    }
    return X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0) == 1 ? P11KMS_OK
                                                                          : crypto_failed("subjectAltName");
}

static p11kms_err set_serial(X509 *cert)
{
    uint8_t bytes[SERIAL_LEN];
    BIGNUM *number;
    bool done;

    TRY(crypto_random(bytes, sizeof(bytes)));
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive and of constant length */
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return done ? P11KMS_OK : crypto_failed("serial number");
}

static p11kms_err set_subject(X509 *cert, const char *name)
{
    const char *common = strlen(name) <= COMMON_NAME_MAX_LEN ? name : "p11kms";
    X509_NAME *subject = X509_get_subject_name(cert);

    if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const unsigned char *)common, -1,
                                   -1, 0) != 1 ||
        X509_set_issuer_name(cert, subject) != 1) {
        return crypto_failed("subject");
    }
    return P11KMS_OK;
}

/* Constants alone come here: the text is in OpenSSL's configuration syntax. */
static p11kms_err set_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return added ? P11KMS_OK : crypto_failed(value);
}

static p11kms_err set_extensions(X509 *cert)
{
    static const struct {
        int nid;
        const char *value;
    } extensions[] = {
        { NID_basic_constraints, "critical,CA:FALSE" },
        { NID_key_usage, "critical,digitalSignature" },
        { NID_ext_key_usage, "serverAuth" },
        { NID_subject_key_identifier, "hash" },
        { NID_authority_key_identifier, "keyid:always" },
    };
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    for (size_t i = 0; i < COUNT_OF(extensions); i++) {
        TRY(set_extension(cert, &ctx, extensions[i].nid, extensions[i].value));
    }
    return P11KMS_OK;
}

static p11kms_err fill_certificate(X509 *cert, EVP_PKEY *key, const char *const *names, size_t n_names,
                                   int days)
{
    if (X509_set_version(cert, X509_VERSION_3) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(cert), BACKDATE_SECONDS) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * DAY_SECONDS) == NULL ||
        X509_set_pubkey(cert, key) != 1) {
        return crypto_failed("certificate");
    }
    TRY(set_alternative_names(cert, names, n_names)); /* first, as it says which names are none */
    TRY(set_serial(cert));
    TRY(set_subject(cert, names[0]));
    TRY(set_extensions(cert));
    return X509_sign(cert, key, EVP_sha256()) > 0 ? P11KMS_OK : crypto_failed("signing the certificate");
}

static p11kms_err bio_to_buf(BIO *bio, buf_t *out)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);

    buf_put(out, data, len > 0 ? (size_t)len : 0);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err write_pem(X509 *cert, EVP_PKEY *key, buf_t *out)
{
    _cleanup_(bio) BIO *bio = BIO_new(BIO_s_mem()); /* wipes its buffer when freed */

    ENSURE(bio != NULL, P11KMS_E_NOMEM);
    if ((cert != NULL && PEM_write_bio_X509(bio, cert) != 1) ||
        (key != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)) {
        return crypto_failed("PEM");
    }
    return bio_to_buf(bio, out);
}

p11kms_err crypto_make_certificate(const char *const *names, size_t n_names, int days, buf_t *ret_cert_pem,
                                   buf_t *ret_key_pem)
{
    _cleanup_(pkey) EVP_PKEY *key = NULL;
    _cleanup_(x509) X509 *cert = NULL;
    _cleanup_buf_ buf_t cert_pem = { 0 };
    _cleanup_buf_ buf_t key_pem = { 0 };

    ENSURE(n_names >= 1 && days >= 1 && days <= DAYS_MAX, P11KMS_E_RANGE);
    key = EVP_EC_gen("P-256");
    cert = X509_new();
    if (key == NULL || cert == NULL) {
        return crypto_failed("P-256 key");
    }
    TRY(fill_certificate(cert, key, names, n_names, days));
    TRY(write_pem(cert, NULL, &cert_pem));
    TRY(write_pem(NULL, key, &key_pem));
    *ret_cert_pem = STEAL(cert_pem);
    *ret_key_pem = STEAL(key_pem);
    return P11KMS_OK;
}

p11kms_err crypto_certificate_expiry(const char *path, int64_t *ret_ms)
{
    _cleanup_(bio) BIO *file = BIO_new_file(path, "re");
    _cleanup_(x509) X509 *cert = NULL;
    struct tm when;

    if (file == NULL) {
        ERR_clear_error();
        FAIL(P11KMS_E_IO, "%s cannot be read", path);
    }
    cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
    if (cert == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &when) != 1) {
        ERR_clear_error();
        FAIL(P11KMS_E_SYNTAX, "%s holds no certificate", path);
    }
    *ret_ms = (int64_t)timegm(&when) * 1000;
    return P11KMS_OK;
}
