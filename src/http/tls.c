#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "http/tls_peer.h"

#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define SESSION_SECONDS 3600   /* a resumed client certificate is not verified again for as long */
#define CERTIFICATES_MAX 32768 /* of one client, all in all */
#define CHAIN_DEPTH_MAX 4
#define HANDSHAKE_MESSAGES_MAX 64 /* of one client; a handshake has six at most */

static char groups[] = "X25519:P-256:P-384"; /* not const: the macro that takes it casts that away */
static const unsigned char http_1_1[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

static const char *reason(unsigned long error)
{
    const char *text = ERR_reason_error_string(error);

    return text != NULL ? text : "no reason given";
}

/* The first error in the queue is the cause, the ones behind it its consequences. */
static p11kms_err unusable(const char *what, const char *file)
{
    unsigned long error = ERR_peek_error();

    ERR_clear_error();
    return p11kms_fail(P11KMS_E_CONFIG, "%s '%s' is not usable (%s)", what, file, reason(error));
}

static int no_passphrase(char *into, int size, int writing, void *arg)
{
    (void)into;
    (void)size;
    (void)writing;
    (void)arg;
    return -1; /* never ask on a terminal */
}

/* RFC 7301: a client that offers protocols, but not this one, is refused. */
static int choose_protocol(SSL *tls, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    unsigned char *chosen = NULL;

    (void)tls;
    (void)arg;
    if (SSL_select_next_proto(&chosen, ret_len, http_1_1, sizeof(http_1_1), offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/*
 * SSL_read() takes key updates for as long as they come, and everybody else waits. An honest client
 * has no reason for one. The count stands where OpenSSL keeps a pointer of ours.
 */
static void count_message(int written, int version, int type, const void *bytes, size_t len, SSL *tls,
                          void *arg)
{
    uintptr_t count = (uintptr_t)SSL_get_app_data(tls);

    (void)version;
    (void)bytes;
    (void)len;
    (void)arg;
    if (written || type != SSL3_RT_HANDSHAKE) {
        return;
    }
    SSL_set_app_data(tls, (void *)(count + 1));
    if (count >= HANDSHAKE_MESSAGES_MAX) {
        shutdown(SSL_get_fd(tls), SHUT_RDWR); /* SSL_read() finds the end */
    }
}

static p11kms_err set_parameters(SSL_CTX *context)
{
    SSL_CTX_set_msg_callback(context, count_message);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_max_cert_list(context, CERTIFICATES_MAX);
    /* Tickets carry the sessions: nothing is kept here for a client that may not come again. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, SESSION_SECONDS);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS_TLS12) != 1 ||
        SSL_CTX_set1_groups_list(context, groups) != 1 || SSL_CTX_set_num_tickets(context, 1) != 1 ||
        SSL_CTX_set_session_id_context(context, http_1_1, sizeof(http_1_1)) != 1) {
        FAIL(P11KMS_E_CRYPTO, "TLS cannot be set up (%s)", reason(ERR_peek_error()));
    }
    return P11KMS_OK;
}

static p11kms_err load_identity(SSL_CTX *context, const char *certificate, const char *key)
{
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        return unusable("certificate", certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) !=
        1) { /* also one of another certificate */
        return unusable("key", key);
    }
    return P11KMS_OK;
}

static p11kms_err load_client_ca(SSL_CTX *context, const char *client_ca)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(client_ca);

    if (names == NULL || SSL_CTX_load_verify_file(context, client_ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return unusable("client CA file", client_ca);
    }
    SSL_CTX_set_client_CA_list(context, names); /* transferred */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(context, CHAIN_DEPTH_MAX);
    return P11KMS_OK;
}

static p11kms_err fill_context(SSL_CTX *context, const char *certificate, const char *key,
                               const char *client_ca)
{
    TRY(set_parameters(context));
    TRY(load_identity(context, certificate, key));
    return client_ca != NULL ? load_client_ca(context, client_ca) : P11KMS_OK;
}

p11kms_err tls_context_new(const char *certificate, const char *key, const char *client_ca, SSL_CTX **ret)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    p11kms_err err;

    ENSURE(context != NULL, P11KMS_E_CRYPTO);
    ERR_clear_error();
    err = fill_context(context, certificate, key, client_ca);
    if (err != P11KMS_OK) {
        SSL_CTX_free(context);
        return err;
    }
    *ret = context;
    return P11KMS_OK;
}

void tls_context_free(SSL_CTX *context)
{
    SSL_CTX_free(context);
}

SSL *tls_new(SSL_CTX *context, int fd)
{
    SSL *tls = SSL_new(context);

    if (tls != NULL && SSL_set_fd(tls, fd) != 1) {
        SSL_free(tls);
        return NULL;
    }
    if (tls != NULL) {
        SSL_set_accept_state(tls);
    }
    return tls;
}

void tls_free(SSL *tls)
{
    if (SSL_is_init_finished(tls)) { /* not so either after a fatal error */
        SSL_shutdown(tls);
    }
    SSL_free(tls);
    ERR_clear_error();
}

/*
 * What SSL_MODE_RELEASE_BUFFERS does, but for the wiping of 16 KB a request that comes with it: SSL_read() has
 * wiped already what it gave (SSL_OP_CLEANSE_PLAINTEXT), and nothing else was in there. Not after an error, when
 * SSL_free() wipes all; nor within a record, which libssl before 3.0.14 gives away and goes on with (CVE-2024-4741).
 */
static void release_buffers(SSL *tls)
{
    bool between_records = strcmp(SSL_rstate_string(tls), "RH") == 0; /* a header is read next */

    if (between_records && !SSL_has_pending(tls)) {
        SSL_clear_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
        SSL_free_buffers(tls);
        SSL_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
    }
}

static wire_result judge(SSL *tls, int result)
{
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_NONE:
        release_buffers(tls);
        return WIRE_OK;
    case SSL_ERROR_WANT_READ:
        release_buffers(tls);
        return WIRE_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return WIRE_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return WIRE_END;
    default:
        return WIRE_FAILED;
    }
}

/* SSL_get_error() looks into the thread's queue, where another session's error may still stand. */
static void clear_old_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

wire_result tls_handshake(SSL *tls)
{
    int result;

    clear_old_errors();
    result = SSL_do_handshake(tls);
    return judge(tls, result);
}

const char *tls_problem(const SSL *tls)
{
    unsigned long error = ERR_peek_error();
    long verified = SSL_get_verify_result(tls);

    if (error != 0 && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
        return X509_verify_cert_error_string(verified);
    }
    return error != 0 ? reason(error) : "the connection was closed";
}

wire_result tls_read(SSL *tls, void *into, size_t size, size_t *ret_len)
{
    int result;

    clear_old_errors();
    result = SSL_read_ex(tls, into, size, ret_len);
    return judge(tls, result);
}

wire_result tls_write(SSL *tls, slice_t bytes, size_t *ret_len)
{
    int result;

    clear_old_errors();
    result = SSL_write_ex(tls, bytes.data, bytes.len, ret_len);
    return judge(tls, result);
}

bool tls_has_pending(const SSL *tls)
{
    return SSL_has_pending(tls) == 1;
}

void tls_describe(SSL *tls, peer_t *ret)
{
    ret->tls = true;
    snprintf(ret->tls_version, sizeof(ret->tls_version), "%s", SSL_get_version(tls));
    snprintf(ret->tls_cipher, sizeof(ret->tls_cipher), "%s", SSL_get_cipher_name(tls));
    tls_describe_certificate(tls, ret);
}
