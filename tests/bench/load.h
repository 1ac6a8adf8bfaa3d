/*
 * A closed-loop load: a fixed number of keep-alive connections, each sending its
 * next request when the answer to the last one is there. One thread, epoll,
 * OpenSSL; what the client costs is taken from the server's two cores, so it
 * parses no more than status, length and body.
 *
 * A closed loop sends less when the server stalls, so requests that a fixed
 * rate would have sent into the stall are missing from the quantiles
 * (coordinated omission): read them as the time of one of N patient callers.
 */
#pragma once

#include "tests/bench/histogram.h"
#include "util/bytes.h"

typedef struct {
    char host[256];      /* or the path of a Unix socket */
    char authority[280]; /* for the Host header */
    unsigned port;       /* 0: Unix socket */
    bool tls;
} load_target;

typedef struct {
    /** The whole request for @p connection, alive until the next call for it. */
    slice_t (*request)(void *arg, unsigned connection);
    /** False where the answer is wrong. */
    bool (*check)(void *arg, unsigned connection, int status, slice_t body);
    void *arg;
} load_source;

typedef struct {
    histogram_t latency;
    uint64_t answers; /* right ones */
    uint64_t errors;  /* wrong answers, and connections lost */
    double seconds;
    char first_error[300];
} load_result;

typedef struct load load_t;

/** "https://host[:port]", "http://host[:port]", "unix:/path". @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err load_parse_url(const char *url, load_target *ret);
/**
 * Connect them all, handshakes done.
 *
 * @param ca_bundle  PEM; NULL: the system's.
 * @retval P11KMS_E_IO, P11KMS_E_CONFIG
 */
MUST_USE p11kms_err load_open(const load_target *target, const char *ca_bundle, unsigned connections,
                              load_t **ret);
void load_close(load_t *load);
DEFINE_CLEANUP(load_t *, load, load_close);

/** Drive every connection for @p seconds; answers still out at the end are waited for. */
MUST_USE p11kms_err load_run(load_t *load, const load_source *source, double seconds, load_result *ret);
/** One request over the first connection, and its answer. @retval P11KMS_E_IO */
MUST_USE p11kms_err load_call(load_t *load, slice_t request, int *ret_status, buf_t *ret_body);
