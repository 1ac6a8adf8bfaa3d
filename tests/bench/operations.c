#include "config.h" /* memmem() */

#include "tests/bench/operations.h"

#include <stdio.h>

#include "util/clock.h"
#include "util/encode.h"
#include "util/json.h"

#define PLAINTEXT_LEN 32
#define DECRYPT_BODIES 16 /* different ciphertexts in turn, so that no cache can be the answer */

/** One body, and the whole request around it, signed anew every second: X-Amz-Date has no finer grain. */
typedef struct {
    buf_t body;
    buf_t request;
    int64_t second;
    char expected[128]; /* must stand in the answer */
} prepared_t;

typedef struct {
    const char *name;
    const char *body;     /* printf form taking the key id; NULL: made by prepare_decrypt() */
    const char *expected; /* in every right answer */
    const char *kind;     /* of key: more of CreateKey's body, or NULL */
} operation_row;

static const operation_row rows[] = {
    { "GenerateDataKey", "{\"KeyId\":\"%s\",\"KeySpec\":\"AES_256\"}", "\"CiphertextBlob\"" },
    { "Encrypt", "{\"KeyId\":\"%s\",\"Plaintext\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}",
      "\"CiphertextBlob\"" },
    { "Decrypt", NULL, NULL },
    { "GenerateRandom", "{\"NumberOfBytes\":32}", "\"Plaintext\"" },
    { "DescribeKey", "{\"KeyId\":\"%s\"}", "\"KeyMetadata\"" },
    { "Sign", "{\"KeyId\":\"%s\",\"Message\":\"MDEyMzQ1\",\"SigningAlgorithm\":\"RSASSA_PSS_SHA_256\"}",
      "\"Signature\"", ",\"KeySpec\":\"RSA_2048\",\"KeyUsage\":\"SIGN_VERIFY\"" },
    { "GenerateMac", "{\"KeyId\":\"%s\",\"Message\":\"MDEyMzQ1\",\"MacAlgorithm\":\"HMAC_SHA_256\"}", "\"Mac\"",
      ",\"KeySpec\":\"HMAC_256\",\"KeyUsage\":\"GENERATE_VERIFY_MAC\"" },
};

struct operations {
    const operations_wish *wish;
    const operation_row *row;
    char key_id[300];
    bool own_key;
    prepared_t prepared[DECRYPT_BODIES];
    size_t n_prepared;
};

const char *operations_key(const operations_t *operations)
{
    return operations->key_id;
}

const char *operations_names(void)
{
    static char names[128];

    names[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i > 0 ? ", " : "",
                 rows[i].name);
    }
    return names;
}

/* ---- requests ---- */

static p11kms_err sign(const operations_wish *wish, const char *target, slice_t body, int64_t now_ms,
                       buf_t *out)
{
    const header_t headers[] = {
        { SLICE_LIT("content-type"), SLICE_LIT("application/x-amz-json-1.1") },
        { SLICE_LIT("host"), SLICE_STR(wish->authority) },
        { SLICE_LIT("x-amz-target"), SLICE_STR(target) },
        { SLICE_LIT("x-amz-security-token"),
          SLICE_STR(wish->session_token != NULL ? wish->session_token : "") },
    };
    size_t n = COUNT_OF(headers) - (wish->session_token == NULL);

    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%.*s: %.*s\r\n", (int)headers[i].name.len, (const char *)headers[i].name.data,
                   (int)headers[i].value.len, (const char *)headers[i].value.data);
    }
    if (wish->credentials.access_key_id == NULL) {
        return P11KMS_OK;
    }
    return sigv4_sign(&wish->credentials, SLICE_LIT("POST"), SLICE_LIT("/"), SLICE_LIT(""), headers, n, body,
                      now_ms, out);
}

static p11kms_err make_request(const operations_wish *wish, const char *operation, slice_t body, buf_t *out)
{
    char target[64];

    snprintf(target, sizeof(target), "TrentService.%s", operation);
    buf_clear(out);
    buf_put_str(out, "POST / HTTP/1.1\r\n");
    TRY(sign(wish, target, body, clock_wall_ms(), out));
    buf_printf(out, "Content-Length: %zu\r\n\r\n", body.len);
    buf_put_slice(out, body);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/** One call outside the measurement. */
static p11kms_err call(const operations_t *operations, load_t *load, const char *operation, const buf_t *body,
                       json_t **ret)
{
    _cleanup_buf_ buf_t request = { 0 }, answer = { 0 };
    int status = 0;

    TRY(make_request(operations->wish, operation, buf_slice(body), &request));
    TRY(load_call(load, buf_slice(&request), &status, &answer));
    if (status != 200) {
        FAIL(P11KMS_E_IO, "%s: %d %.300s", operation, status, buf_str(&answer));
    }
    return json_parse(buf_slice(&answer), ret);
}

/* ---- before the run, and after ---- */

static p11kms_err make_key(operations_t *operations, load_t *load)
{
    _cleanup_buf_ buf_t body = { 0 };
    _cleanup_json_ json_t *answer = NULL;
    slice_t id;

    buf_printf(&body, "{\"Description\":\"p11kms-bench\"%s}", operations->row->kind ? operations->row->kind : "");
    TRY(call(operations, load, "CreateKey", &body, &answer));
    id = json_string(json_get(json_get(answer, "KeyMetadata"), "KeyId"));
    ENSURE(id.len > 0 && id.len < sizeof(operations->key_id), P11KMS_E_SYNTAX);
    memcpy(operations->key_id, id.data, id.len);
    operations->own_key = true;
    return P11KMS_OK;
}

static void put_plaintext(size_t i, buf_t *out)
{
    uint8_t plaintext[PLAINTEXT_LEN];

    memset(plaintext, (int)i + 1, sizeof(plaintext));
    base64_encode(out, SLICE(plaintext, sizeof(plaintext)));
}

static p11kms_err prepare_decrypt(operations_t *operations, load_t *load, size_t i)
{
    prepared_t *prepared = &operations->prepared[i];
    _cleanup_buf_ buf_t plaintext = { 0 }, body = { 0 };
    _cleanup_json_ json_t *answer = NULL;
    slice_t blob;

    put_plaintext(i, &plaintext);
    buf_printf(&body, "{\"KeyId\":\"%s\",\"Plaintext\":\"%s\"}", operations->key_id, buf_str(&plaintext));
    TRY(call(operations, load, "Encrypt", &body, &answer));
    blob = json_string(json_get(answer, "CiphertextBlob"));
    ENSURE(blob.len > 0, P11KMS_E_SYNTAX);
    buf_printf(&prepared->body, "{\"CiphertextBlob\":\"%.*s\"}", (int)blob.len, (const char *)blob.data);
    snprintf(prepared->expected, sizeof(prepared->expected), "\"Plaintext\":\"%s\"", buf_str(&plaintext));
    return P11KMS_OK;
}

static p11kms_err prepare(operations_t *operations, load_t *load)
{
    const operation_row *row = operations->row;

    operations->n_prepared = row->body == NULL ? DECRYPT_BODIES : 1;
    for (size_t i = 0; i < operations->n_prepared; i++) {
        if (row->body == NULL) {
            TRY(prepare_decrypt(operations, load, i));
        } else {
            const char *key = strstr(row->body, "%s");

            buf_put(&operations->prepared[i].body, row->body,
                    key != NULL ? (size_t)(key - row->body) : strlen(row->body));
            if (key != NULL) {
                buf_put_str(&operations->prepared[i].body, operations->key_id);
                buf_put_str(&operations->prepared[i].body, key + 2);
            }
            snprintf(operations->prepared[i].expected, sizeof(operations->prepared[i].expected), "%s",
                     row->expected);
        }
    }
    return P11KMS_OK;
}

p11kms_err operations_open(const operations_wish *wish, load_t *load, operations_t **ret)
{
    _cleanup_(operations) operations_t *operations = calloc(1, sizeof(*operations));

    ENSURE(operations != NULL, P11KMS_E_NOMEM);
    operations->wish = wish;
    for (size_t i = 0; i < COUNT_OF(rows) && operations->row == NULL; i++) {
        operations->row = strcmp(rows[i].name, wish->operation) == 0 ? &rows[i] : NULL;
    }
    if (operations->row == NULL) {
        FAIL(P11KMS_E_UNSUPPORTED, "'%s' is none of %s", wish->operation, operations_names());
    }
    if (wish->key_id != NULL) {
        snprintf(operations->key_id, sizeof(operations->key_id), "%s", wish->key_id);
    } else if (strcmp(wish->operation, "GenerateRandom") != 0) {
        TRY(make_key(operations, load));
    }
    TRY(prepare(operations, load));
    *ret = STEAL(operations);
    return P11KMS_OK;
}

p11kms_err operations_end(operations_t *operations, load_t *load)
{
    _cleanup_buf_ buf_t body = { 0 };
    _cleanup_json_ json_t *answer = NULL;

    if (!operations->own_key) {
        return P11KMS_OK;
    }
    buf_printf(&body, "{\"KeyId\":\"%s\",\"PendingWindowInDays\":7}", operations->key_id);
    return call(operations, load, "ScheduleKeyDeletion", &body, &answer);
}

void operations_free(operations_t *operations)
{
    for (size_t i = 0; i < operations->n_prepared; i++) {
        buf_free(&operations->prepared[i].body);
        buf_free(&operations->prepared[i].request);
    }
    free(operations);
}

/* ---- the run ---- */

static prepared_t *of_connection(operations_t *operations, unsigned connection)
{
    return &operations->prepared[connection % operations->n_prepared];
}

static slice_t next_request(void *arg, unsigned connection)
{
    operations_t *operations = arg;
    prepared_t *prepared = of_connection(operations, connection);
    int64_t second = clock_wall_ms() / 1000;

    if (second != prepared->second) {
        prepared->second = second;
        if (make_request(operations->wish, operations->row->name, buf_slice(&prepared->body),
                         &prepared->request) != P11KMS_OK) {
            buf_clear(&prepared->request);
        }
    }
    return buf_slice(&prepared->request);
}

static bool is_right(void *arg, unsigned connection, int status, slice_t body)
{
    const char *expected = of_connection(arg, connection)->expected;

    return status == 200 && memmem(body.data, body.len, expected, strlen(expected)) != NULL;
}

load_source operations_source(operations_t *operations)
{
    return (load_source){ next_request, is_right, operations };
}
