#include "tests/http/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (24L * 60 * 60)

static void must(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "test certificates: %s\n", what);
        abort();
    }
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static void add_raw_dns(X509 *certificate, const char *dns)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    must(ASN1_STRING_set(text, dns, -1) == 1, dns);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, name);
    must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1, dns);
    GENERAL_NAMES_free(names);
}

certificate_t certificate_make(const certificate_wish *wish, const certificate_t *issuer)
{
    static long serial;
    certificate_t made = { .certificate = X509_new(), .key = EVP_EC_gen("P-256") };
    X509_NAME *name = X509_get_subject_name(made.certificate);
    const certificate_t *by = issuer != NULL ? issuer : &made;

    must(made.certificate != NULL && made.key != NULL, "out of memory");
    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -30 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish->days * DAY + wish->seconds);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"p11kms test", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(by->certificate));
    X509_set_pubkey(made.certificate, made.key);
    add_extension(made.certificate, NID_basic_constraints,
                  wish->is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (wish->sans != NULL) {
        add_extension(made.certificate, NID_subject_alt_name, wish->sans);
    }
    if (wish->raw_dns != NULL) {
        add_raw_dns(made.certificate, wish->raw_dns);
    }
    must(X509_sign(made.certificate, by->key, EVP_sha256()) > 0, "signing");
    return made;
}

void certificate_free(certificate_t *certificate)
{
    X509_free(certificate->certificate);
    EVP_PKEY_free(certificate->key);
}

void certificate_write(const certificate_t *certificate, const char *certificate_path, const char *key_path)
{
    FILE *file = certificate_path != NULL ? fopen(certificate_path, "w") : NULL;

    if (file != NULL) {
        must(PEM_write_X509(file, certificate->certificate) == 1, certificate_path);
        fclose(file);
    }
    file = key_path != NULL ? fopen(key_path, "w") : NULL;
    if (file != NULL) {
        must(PEM_write_PrivateKey(file, certificate->key, NULL, NULL, 0, NULL, NULL) == 1, key_path);
        fclose(file);
    }
}

SSL_CTX *client_context(const certificate_t *authority, const certificate_t *own)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    must(context != NULL, "out of memory");
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority->certificate) == 1,
         "trusting the authority");
    if (own != NULL) {
        must(SSL_CTX_use_certificate(context, own->certificate) == 1 &&
                 SSL_CTX_use_PrivateKey(context, own->key) == 1,
             "a client certificate");
    }
    return context;
}
