/*
 * Signature Version 4, the parts that verifying and signing share. Private to the room.
 * Source: AWS, "Create a signed AWS API request" (IAM User Guide); the rules of every
 * service but S3: the path is normalised and encoded once more, bodies are always hashed.
 */
#pragma once

#include "crypto/crypto.h"
#include "util/message.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_TERMINATOR "aws4_request"
#define SIGV4_TIME_TEXT 17 /* "20150830T123600Z" and NUL */
#define SIGV4_DATE_LEN 8
#define SIGV4_NAME_MAX 32        /* region, service */
#define SIGV4_ACCESS_KEY_MAX 128 /* IAM API reference, AccessKey */
#define SIGV4_TARGET_MAX 16384   /* path or query: HTTP_HEAD_MAX bounds both */
#define SIGV4_PARAMETERS_MAX 256
#define SIGV4_HEX_LEN (2 * SHA256_LEN)

#define SIGV4_MISMATCH                                                                                       \
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "  \
    "Access Key and signing method. Consult the service documentation for details."

/** A query parameter in canonical encoding. */
typedef struct {
    slice_t name;
    slice_t value;
} sigv4_parameter;

/**
 * What one verification or signature needs, kept by each thread for the next one and
 * wiped in between. Nothing else is allocated for a request.
 */
typedef struct {
    buf_t text;                                       /* canonical request, then string to sign */
    buf_t query;                                      /* encoded parameters; parameters point into it */
    buf_t decoded;                                    /* plain values of some of them */
    sigv4_parameter parameters[SIGV4_PARAMETERS_MAX]; /* sorted */
    size_t n_parameters;
    slice_t signed_names[MESSAGE_HEADERS_MAX]; /* sorted */
    size_t n_signed_names;
} sigv4_scratch;

/** This thread's, empty; NULL when memory is out. */
sigv4_scratch *sigv4_scratch_get(void);
void sigv4_scratch_wipe(sigv4_scratch *scratch);

/** Fill scratch->parameters. @retval P11KMS_E_AUTH_INCOMPLETE  A bad escape, or too long. */
MUST_USE p11kms_err sigv4_read_query(sigv4_scratch *scratch, slice_t query);
/** The parameter called @p name (which needs no encoding), or NULL. */
const sigv4_parameter *sigv4_parameter_find(const sigv4_scratch *scratch, const char *name);
/** Fill scratch->signed_names from "host;x-amz-date". @retval P11KMS_E_AUTH_SIGNATURE  Too many, or one
 * twice. */
MUST_USE p11kms_err sigv4_read_signed_names(sigv4_scratch *scratch, slice_t list);
bool sigv4_is_signed(const sigv4_scratch *scratch, slice_t name);

typedef struct {
    slice_t method;
    slice_t path; /* as sent */
    const header_t *headers;
    size_t n_headers;
    slice_t timestamp; /* "20150830T123600Z" */
    slice_t region;
    slice_t service;
} sigv4_request;

/**
 * The string to sign, into scratch->text; parameters and signed names are read already.
 *
 * @param payload_hex  SIGV4_HEX_LEN characters.
 * @retval P11KMS_E_AUTH_SIGNATURE  A signed header is not in the request.
 */
MUST_USE p11kms_err sigv4_string_to_sign(sigv4_scratch *scratch, const sigv4_request *request,
                                         const char *payload_hex);

/** The key that signs for one day, region and service. @p secret is "AWS4" and the secret access key. */
void sigv4_signing_key(slice_t secret, slice_t date, slice_t region, slice_t service,
                       uint8_t out[SHA256_LEN]);

/** "20150830T123600Z" from ms since the epoch. */
void sigv4_time(int64_t ms, char out[SIGV4_TIME_TEXT]);
