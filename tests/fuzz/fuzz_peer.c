/*
 * Names in client certificates: any certificate that OpenSSL reads has names that a rule can be held against.
 * Each name in the list is one of the certificate's, whole, and no name can bring another along.
 *
 * Input: a certificate in DER.
 */
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "http/tls_peer.h"

static bool is_text(const ASN1_STRING *string, slice_t text)
{
    return slice_eq(SLICE(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)), text);
}

static bool is_address(const ASN1_STRING *string, slice_t text)
{
    char copy[INET6_ADDRSTRLEN] = { 0 };
    uint8_t bytes[16];

    HOLDS(text.len < sizeof(copy));
    memcpy(copy, text.data, text.len);
    size_t len = inet_pton(AF_INET, copy, bytes) == 1 ? 4 : inet_pton(AF_INET6, copy, bytes) == 1 ? 16 : 0;
    HOLDS(len > 0);
    return slice_eq(SLICE(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)),
                    SLICE(bytes, len));
}

static bool is_name(const GENERAL_NAME *name, slice_t entry)
{
    static const struct {
        const char *prefix;
        int type;
    } kinds[] = {
        { "DNS:", GEN_DNS }, { "URI:", GEN_URI }, { "email:", GEN_EMAIL }, { "IP Address:", GEN_IPADD }
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (slice_has_prefix(entry, kinds[i].prefix) && name->type == kinds[i].type) {
            size_t len = strlen(kinds[i].prefix);
            slice_t text = SLICE(entry.data + len, entry.len - len);
            const ASN1_STRING *string = name->d.ia5; /* the four are all strings */

            return name->type == GEN_IPADD ? is_address(string, text) : is_text(string, text);
        }
    }
    return false;
}

/* In the certificate's order, each at most once. */
static void check_sans(const X509 *certificate, const char *sans)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int at = 0;

    for (const char *rest = sans; *rest != '\0';) {
        slice_t entry = SLICE(rest, strcspn(rest, ","));

        while (at < sk_GENERAL_NAME_num(names) && !is_name(sk_GENERAL_NAME_value(names, at), entry)) {
            at++;
        }
        HOLDS(at++ < sk_GENERAL_NAME_num(names));
        rest += entry.len + (rest[entry.len] == ',');
        HOLDS(*rest != '\0' || rest[-1] != ',');
    }
    GENERAL_NAMES_free(names);
}

static void check_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        HOLDS(*text >= 0x20 && *text < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)len);
    peer_t peer = { .kind = PEER_TCP };

    if (certificate != NULL) {
        HOLDS(tls_describe_names(certificate, &peer) && !peer.has_certificate);
        HOLDS(strlen(peer.cert_sha256) == 64 && strlen(peer.cert_subject) < sizeof(peer.cert_subject));
        check_printable(peer.cert_subject);
        check_printable(peer.cert_issuer);
        check_printable(peer.cert_sans);
        check_sans(certificate, peer.cert_sans);
        X509_free(certificate);
    }
    ERR_clear_error();
    return 0;
}
