#include "client/stream.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/clock.h"

struct stream {
    int fd;
    int64_t deadline_us;
    SSL_CTX *context; /* NULL: in clear */
    SSL *tls;
    char peer[CLIENT_HOST_MAX]; /* for messages */
};

void stream_close(stream_t *stream)
{
    if (!stream) {
        return;
    }
    SSL_free(stream->tls);
    SSL_CTX_free(stream->context);
    if (stream->fd >= 0) {
        close(stream->fd);
    }
    free(stream);
}

static p11kms_err wait_for(stream_t *stream, short events)
{
    int64_t left_ms = (stream->deadline_us - clock_mono_us()) / 1000;
    struct pollfd ready = { .fd = stream->fd, .events = events };
    int n = 0;

    if (left_ms > 0) {
        do {
            n = poll(&ready, 1, (int)left_ms);
        } while (n < 0 && errno == EINTR);
    }
    if (n == 0) {
        FAIL(P11KMS_E_TIMEOUT, "%s does not answer in time", stream->peer);
    }
    if (n < 0) {
        FAIL(P11KMS_E_IO, "poll: %s", strerror(errno));
    }
    return P11KMS_OK;
}

/* ---- connecting ---- */

static p11kms_err connect_to(stream_t *stream, int family, const void *address, socklen_t len)
{
    int error = 0;
    socklen_t error_len = sizeof(error);

    stream->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stream->fd < 0) {
        FAIL(P11KMS_E_IO, "socket: %s", strerror(errno));
    }
    if (connect(stream->fd, address, len) == 0) {
        return P11KMS_OK;
    }
    if (errno != EINPROGRESS) {
        FAIL(P11KMS_E_IO, "cannot connect to %s: %s", stream->peer, strerror(errno));
    }
    TRY(wait_for(stream, POLLOUT));
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0 || error != 0) {
        FAIL(P11KMS_E_IO, "cannot connect to %s: %s", stream->peer, strerror(error));
    }
    return P11KMS_OK;
}

static p11kms_err connect_socket(stream_t *stream, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(stream->peer, sizeof(stream->peer), "%s", path);
    if (strlen(path) >= sizeof(address.sun_path)) {
        FAIL(P11KMS_E_CONFIG, "the path of the socket is too long: %s", path);
    }
    memcpy(address.sun_path, path, strlen(path));
    return connect_to(stream, AF_UNIX, &address, sizeof(address));
}

/* Each address of the host in its turn. */
static p11kms_err connect_host(stream_t *stream, const client_url *url)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
    struct addrinfo *found;
    p11kms_err err = P11KMS_E_IO;

    snprintf(stream->peer, sizeof(stream->peer), "%s", url->authority);
    int failed = getaddrinfo(url->host, url->port, &hints, &found);
    if (failed) {
        FAIL(P11KMS_E_IO, "cannot find %s: %s", url->host, gai_strerror(failed));
    }
    for (const struct addrinfo *a = found; a && err == P11KMS_E_IO; a = a->ai_next) {
        if (stream->fd >= 0) {
            close(stream->fd);
        }
        err = connect_to(stream, a->ai_family, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(found);
    return err;
}

/* ---- TLS ---- */

static p11kms_err tls_failed(const stream_t *stream, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    long verify = stream->tls ? SSL_get_verify_result(stream->tls) : X509_V_OK;
    const char *why = ERR_reason_error_string(code);

    ERR_clear_error();
    return p11kms_fail(P11KMS_E_IO, "%s: %s: %s", stream->peer, what,
                       verify != X509_V_OK ? X509_verify_cert_error_string(verify) : why ? why : "cut off");
}

static p11kms_err use_certificate(SSL_CTX *context, const client_target *target)
{
    const char *key = target->key_file ? target->key_file : target->certificate_file;

    if (!target->certificate_file) {
        return P11KMS_OK;
    }
    if (SSL_CTX_use_certificate_chain_file(context, target->certificate_file) != 1) {
        ERR_clear_error();
        FAIL(P11KMS_E_CONFIG, "no certificate can be read from %s", target->certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_clear_error();
        FAIL(P11KMS_E_CONFIG, "the key of %s cannot be read from %s", target->certificate_file, key);
    }
    return P11KMS_OK;
}

static p11kms_err make_context(stream_t *stream, const client_target *target)
{
    const char *ca_file = target->ca_file;

    stream->context = SSL_CTX_new(TLS_client_method());
    ENSURE(stream->context, P11KMS_E_NOMEM);
    SSL_CTX_set_min_proto_version(stream->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(stream->context, SSL_VERIFY_PEER, NULL);
    int loaded = ca_file ? SSL_CTX_load_verify_file(stream->context, ca_file)
                         : SSL_CTX_set_default_verify_paths(stream->context);
    if (loaded != 1) {
        ERR_clear_error();
        FAIL(P11KMS_E_CONFIG, "no certificates can be read from %s", ca_file ? ca_file : "the system's store");
    }
    return use_certificate(stream->context, target);
}

/* The certificate must be for the name, or the address, that was asked for. */
static bool expect_host(SSL *tls, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1) {
        return true;
    }
    ERR_clear_error();
    /* SSL_set_tlsext_host_name() spelled out: the macro casts const away, which we are warned of */
    return SSL_set1_host(tls, host) == 1 &&
           SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) == 1;
}

/* What a TLS call that returned @p result waits for; 0: nothing, it failed. */
static short wanted(const stream_t *stream, int result)
{
    int why = SSL_get_error(stream->tls, result);

    return why == SSL_ERROR_WANT_READ ? POLLIN : why == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

static p11kms_err shake_hands(stream_t *stream, const char *host)
{
    stream->tls = SSL_new(stream->context);
    if (!stream->tls || !SSL_set_fd(stream->tls, stream->fd) || !expect_host(stream->tls, host)) {
        return tls_failed(stream, "TLS");
    }
    for (;;) {
        int result = SSL_connect(stream->tls);
        if (result == 1) {
            return P11KMS_OK;
        }
        short events = wanted(stream, result);
        if (!events) {
            return tls_failed(stream, "TLS handshake");
        }
        TRY(wait_for(stream, events));
    }
}

p11kms_err stream_open(const client_target *target, const client_url *url, stream_t **ret)
{
    _cleanup_(stream) stream_t *stream = calloc(1, sizeof(*stream));
    unsigned timeout_ms = target->timeout_ms ? target->timeout_ms : CLIENT_TIMEOUT_MS;

    ENSURE(stream, P11KMS_E_NOMEM);
    stream->fd = -1;
    stream->deadline_us = clock_mono_us() + (int64_t)timeout_ms * 1000;
    if (target->socket) {
        TRY(connect_socket(stream, target->socket));
    } else {
        TRY(connect_host(stream, url));
        if (url->tls) {
            TRY(make_context(stream, target));
            TRY(shake_hands(stream, url->host));
        }
    }
    *ret = STEAL(stream);
    return P11KMS_OK;
}

/* ---- bytes ---- */

p11kms_err stream_write(stream_t *stream, slice_t bytes)
{
    for (size_t done = 0; done < bytes.len;) {
        const uint8_t *from = bytes.data + done;
        size_t left = bytes.len - done;
        ssize_t n;
        short events = 0;

        if (stream->tls) {
            n = SSL_write(stream->tls, from, left > INT32_MAX ? INT32_MAX : (int)left);
            events = n > 0 ? 0 : wanted(stream, (int)n);
        } else {
            n = send(stream->fd, from, left, MSG_NOSIGNAL);
            events = n < 0 && (errno == EAGAIN || errno == EINTR) ? POLLOUT : 0;
        }
        if (n > 0) {
            done += (size_t)n;
        } else if (events) {
            TRY(wait_for(stream, events));
        } else if (stream->tls) {
            return tls_failed(stream, "write");
        } else {
            FAIL(P11KMS_E_IO, "cannot write to %s: %s", stream->peer, strerror(errno));
        }
    }
    return P11KMS_OK;
}

static p11kms_err read_clear(stream_t *stream, void *into, size_t size, size_t *ret_len)
{
    for (;;) {
        ssize_t n = recv(stream->fd, into, size, 0);
        if (n >= 0) {
            *ret_len = (size_t)n;
            return P11KMS_OK;
        }
        if (errno != EAGAIN && errno != EINTR) {
            FAIL(P11KMS_E_IO, "cannot read from %s: %s", stream->peer, strerror(errno));
        }
        TRY(wait_for(stream, POLLIN));
    }
}

static p11kms_err read_tls(stream_t *stream, void *into, size_t size, size_t *ret_len)
{
    for (;;) {
        int n = SSL_read(stream->tls, into, size > INT32_MAX ? INT32_MAX : (int)size);
        if (n > 0) {
            *ret_len = (size_t)n;
            return P11KMS_OK;
        }
        if (SSL_get_error(stream->tls, n) == SSL_ERROR_ZERO_RETURN) {
            *ret_len = 0;
            return P11KMS_OK;
        }
        short events = wanted(stream, n);
        if (!events) {
            return tls_failed(stream, "read");
        }
        TRY(wait_for(stream, events));
    }
}

p11kms_err stream_read(stream_t *stream, void *into, size_t size, size_t *ret_len)
{
    return stream->tls ? read_tls(stream, into, size, ret_len) : read_clear(stream, into, size, ret_len);
}
