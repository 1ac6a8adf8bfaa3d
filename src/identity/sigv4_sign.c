#include "identity/identity.h"
#include "identity/sigv4.h"
#include "util/encode.h"

#define ADDED_HEADERS 2 /* and one more with a session token */

/** Names of all headers, once each, as signed_names has them. */
static p11kms_err sign_all(sigv4_scratch *scratch, const header_t *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = scratch->n_signed_names;

        if (sigv4_is_signed(scratch, headers[i].name)) {
            continue;
        }
        while (at > 0 && slice_cmp(headers[i].name, scratch->signed_names[at - 1]) < 0) {
            scratch->signed_names[at] = scratch->signed_names[at - 1];
            at--;
        }
        scratch->signed_names[at] = headers[i].name;
        scratch->n_signed_names++;
    }
    ENSURE(sigv4_is_signed(scratch, SLICE_LIT("host")), P11KMS_E_RANGE);
    return P11KMS_OK;
}

static void put_lines(buf_t *out, const sigv4_credentials *credentials, const sigv4_scratch *scratch,
                      const char *timestamp, const char *payload, const char *signature)
{
    if (credentials->session_token != NULL) {
        buf_printf(out, "X-Amz-Security-Token: %s\r\n", credentials->session_token);
    }
    buf_printf(out,
               "X-Amz-Date: %s\r\nX-Amz-Content-Sha256: %s\r\nAuthorization: " SIGV4_ALGORITHM
               " Credential=%s/%.8s/%s/%s/" SIGV4_TERMINATOR ", SignedHeaders=",
               timestamp, payload, credentials->access_key_id, timestamp, credentials->region,
               credentials->service);
    for (size_t i = 0; i < scratch->n_signed_names; i++) {
        buf_put(out, ";", i > 0 ? 1 : 0);
        buf_put_slice(out, scratch->signed_names[i]);
    }
    buf_printf(out, ", Signature=%s\r\n", signature);
}

static p11kms_err sign_with(sigv4_scratch *scratch, const sigv4_credentials *credentials,
                            sigv4_request *request, slice_t body, const char *timestamp, slice_t query,
                            buf_t *out)
{
    header_t headers[MESSAGE_HEADERS_MAX];
    _cleanup_secret_ secret_t *secret = NULL;
    uint8_t digest[SHA256_LEN], key[SHA256_LEN];
    char payload[SIGV4_HEX_LEN + 1], signature[SIGV4_HEX_LEN + 1];

    size_t added = ADDED_HEADERS + (credentials->session_token != NULL);
    ENSURE(request->n_headers > 0 && request->n_headers + added <= MESSAGE_HEADERS_MAX, P11KMS_E_RANGE);
    crypto_sha256(body, digest);
    hex_encode(digest, sizeof(digest), payload);
    memcpy(headers, request->headers, sizeof(*headers) * request->n_headers);
    headers[request->n_headers++] = (header_t){ SLICE_LIT("x-amz-date"), request->timestamp };
    headers[request->n_headers++] =
        (header_t){ SLICE_LIT("x-amz-content-sha256"), SLICE(payload, SIGV4_HEX_LEN) };
    if (credentials->session_token != NULL) {
        headers[request->n_headers++] =
            (header_t){ SLICE_LIT("x-amz-security-token"), SLICE_STR(credentials->session_token) };
    }
    request->headers = headers;
    TRY(sigv4_read_query(scratch, query));
    TRY(sign_all(scratch, headers, request->n_headers));
    TRY(sigv4_string_to_sign(scratch, request, payload));

    TRY(secret_new(4 + credentials->secret.len, &secret));
    memcpy(secret_data(secret), "AWS4", 4);
    memcpy(secret_data(secret) + 4, credentials->secret.data, credentials->secret.len);
    sigv4_signing_key(secret_slice(secret), SLICE(timestamp, SIGV4_DATE_LEN), request->region,
                      request->service, key);
    crypto_hmac_sha256(SLICE(key, sizeof(key)), buf_slice(&scratch->text), digest);
    secret_wipe(key, sizeof(key));
    hex_encode(digest, sizeof(digest), signature);
    put_lines(out, credentials, scratch, timestamp, payload, signature);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

p11kms_err sigv4_sign(const sigv4_credentials *credentials, slice_t method, slice_t path, slice_t query,
                      const header_t *headers, size_t n_headers, slice_t body, int64_t now_ms, buf_t *out)
{
    sigv4_scratch *scratch = sigv4_scratch_get();
    char timestamp[SIGV4_TIME_TEXT];
    sigv4_request request = { .method = method,
                              .path = path,
                              .headers = headers,
                              .n_headers = n_headers,
                              .region = SLICE_STR(credentials->region),
                              .service = SLICE_STR(credentials->service) };

    ENSURE(scratch != NULL, P11KMS_E_NOMEM);
    sigv4_time(now_ms, timestamp);
    request.timestamp = SLICE(timestamp, SIGV4_TIME_TEXT - 1);
    p11kms_err err = sign_with(scratch, credentials, &request, body, timestamp, query, out);
    sigv4_scratch_wipe(scratch);
    return err;
}
