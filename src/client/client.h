/*
 * One question to a service and its answer: connect, ask, read, close. Over a
 * Unix socket, where the kernel tells the service who is asking, or over the
 * network. Blocking, with one deadline over all of it and a bound on every length.
 *
 * The process ignores SIGPIPE. Thread-safe: nothing is kept between calls.
 */
#pragma once

#include "util/bytes.h"

#define CLIENT_HEAD_MAX 16384
#define CLIENT_BODY_MAX (8u << 20)
#define CLIENT_TIMEOUT_MS 30000 /* unless the target says otherwise */

/** Where to: a Unix socket, or else a URL. Borrowed. */
typedef struct {
    const char *socket;  /* path */
    const char *url;     /* "https://HOST[:PORT]"; http:// too */
    const char *ca_file; /* PEM bundle of roots for https; NULL: the system's */
    const char *certificate_file; /* PEM, ours for https, its chain behind it; NULL: none */
    const char *key_file;         /* PEM; with a certificate */
    unsigned timeout_ms; /* 0: CLIENT_TIMEOUT_MS */
} client_target;

typedef struct {
    const char *method;
    const char *path;
    slice_t headers; /* more lines, each "Name: value\r\n"; Host, Content-Length and Connection are added here */
    slice_t body;
} client_request;

typedef struct {
    int status;
    buf_t body; /* the caller frees it with buf_free(), which wipes */
} client_answer;

#define CLIENT_HOST_MAX 256

/**
 * The Host header a request to @p target carries, for signing: "HOST" or "HOST:PORT", "localhost" for a socket.
 * @retval P11KMS_E_CONFIG  The URL is not one; detail says why.
 */
MUST_USE p11kms_err client_host(const client_target *target, char ret[CLIENT_HOST_MAX]);

/**
 * @retval P11KMS_E_CONFIG   The URL, the file of roots, the certificate or its key is unusable.
 * @retval P11KMS_E_IO       Not connected, not the one the certificate is for, or cut off; detail says which.
 * @retval P11KMS_E_TIMEOUT
 * @retval P11KMS_E_SYNTAX   What came back is not an HTTP answer with a Content-Length.
 * @retval P11KMS_E_RANGE    It is longer than CLIENT_HEAD_MAX or CLIENT_BODY_MAX.
 */
MUST_USE p11kms_err client_call(const client_target *target, const client_request *request, client_answer *ret);
