/*
 * One HTTP request as the rooms between the socket and the handlers see it:
 * plain views into the connection's buffer, and who is at the other end.
 */
#pragma once

#include "util/bytes.h"

typedef struct {
    slice_t name;  /* lower-cased in place */
    slice_t value; /* outer spaces trimmed */
} header_t;

typedef enum { PEER_TCP, PEER_UNIX } peer_kind;

/** What the transport itself vouches for. */
typedef struct {
    peer_kind kind;
    char address[64]; /* "192.0.2.1", "2001:db8::1", or "unix" */
    bool tls;
    char tls_version[16]; /* "TLSv1.3" */
    char tls_cipher[48];
    /* PEER_UNIX, from SO_PEERCRED */
    int64_t pid;
    uint32_t uid;
    uint32_t gid;
    /* a verified client certificate, else has_certificate is false */
    bool has_certificate;
    char cert_subject[512];      /* RFC 2253 text */
    char cert_issuer[512];
    char cert_sans[1024];        /* "DNS:a,URI:spiffe://b", as openssl writes them, unsafe names left out */
    char cert_sha256[65];        /* lower-case hex of the DER's digest */
} peer_t;

#define MESSAGE_HEADERS_MAX 64

typedef struct {
    slice_t method;
    slice_t path;  /* of the target, before '?', undecoded */
    slice_t query; /* after '?', undecoded */
    header_t headers[MESSAGE_HEADERS_MAX];
    size_t n_headers;
    slice_t body;
    const peer_t *peer; /* borrowed from the connection */
} message_t;

/** The first header called @p name (lower case), or an empty view with data == NULL. */
slice_t message_header(const message_t *message, const char *name);
/** How many headers are called @p name. */
size_t message_header_count(const message_t *message, const char *name);
