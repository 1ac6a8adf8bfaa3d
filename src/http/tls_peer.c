#include "http/tls_peer.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "util/encode.h"

static void put_name(const X509_NAME *name, char *out, size_t size)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;

    out[0] = '\0';
    if (text != NULL && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0) {
        len = BIO_get_mem_data(text, &data);
        if (len > 0 && (size_t)len < size && memchr(data, '\0', (size_t)len) == NULL) {
            memcpy(out, data, (size_t)len);
            out[len] = '\0';
        }
    }
    BIO_free(text);
}

/* A comma would begin another name in the list, a NUL end it: neither occurs in an honest one. */
static bool is_safe(slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == ',') {
            return false;
        }
    }
    return text.len > 0;
}

static void append_san(char *out, size_t size, const char *kind, slice_t value)
{
    size_t used = strlen(out);

    if (is_safe(value) && used + 1 + strlen(kind) + value.len < size) {
        snprintf(out + used, size - used, "%s%s%.*s", used > 0 ? "," : "", kind, (int)value.len,
                 (const char *)value.data);
    }
}

static void append_text_san(char *out, size_t size, const char *kind, const ASN1_STRING *text)
{
    append_san(out, size, kind, SLICE(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
}

static void append_address_san(char *out, size_t size, const ASN1_STRING *bytes)
{
    int len = ASN1_STRING_length(bytes);
    char text[INET6_ADDRSTRLEN];

    if ((len == 4 || len == 16) &&
        inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text, sizeof(text)) != NULL) {
        append_san(out, size, "IP Address:", SLICE_STR(text));
    }
}

static void put_sans(const X509 *certificate, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        switch (name->type) {
        case GEN_DNS:
            append_text_san(out, size, "DNS:", name->d.dNSName);
            break;
        case GEN_URI:
            append_text_san(out, size, "URI:", name->d.uniformResourceIdentifier);
            break;
        case GEN_EMAIL:
            append_text_san(out, size, "email:", name->d.rfc822Name);
            break;
        case GEN_IPADD:
            append_address_san(out, size, name->d.iPAddress);
            break;
        default:
            break;
        }
    }
    GENERAL_NAMES_free(names);
}

/* A resumed session brings its certificate along without a new verification. */
static bool is_valid_now(const X509 *certificate)
{
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

bool tls_describe_names(const X509 *certificate, peer_t *ret)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1 || len * 2 + 1 != sizeof(ret->cert_sha256)) {
        return false;
    }
    hex_encode(digest, len, ret->cert_sha256);
    put_name(X509_get_subject_name(certificate), ret->cert_subject, sizeof(ret->cert_subject));
    put_name(X509_get_issuer_name(certificate), ret->cert_issuer, sizeof(ret->cert_issuer));
    put_sans(certificate, ret->cert_sans, sizeof(ret->cert_sans));
    return true;
}

void tls_describe_certificate(SSL *tls, peer_t *ret)
{
    X509 *certificate = SSL_get0_peer_certificate(tls);

    if (certificate != NULL && SSL_get_verify_result(tls) == X509_V_OK && is_valid_now(certificate)) {
        ret->has_certificate = tls_describe_names(certificate, ret);
    }
}
