#include "api/api_internal.h"

#include <string.h>

static void request_free(op_t *op)
{
    request_t *request = op->act;

    kms_message_clear(&request->message);
    kms_message_clear(&request->source);
    secret_free(request->private_key);
    buf_free(&request->public_key);
    kms_release_key(request->kms, &request->import.claim);
    kms_release_key(request->kms, &request->unimport.claim);
    kms_key_unref(request->key);
    kms_key_unref(request->other);
    kms_grant_unref(request->grant);
}

request_t *request_begin(op_t *op)
{
    request_t *request = ARENA_NEW(op->arena, request_t);

    request->api = op_services(op);
    request->kms = request->api->kms;
    op->act = request;
    op->act_free = request_free;
    op->granted = request_granted;
    return request;
}

static json_t *member_of(const op_t *op, const char *member)
{
    return json_get(op->input, member);
}

slice_t in_string(const op_t *op, const char *member)
{
    return json_string(member_of(op, member));
}

const char *in_text(op_t *op, const char *member)
{
    slice_t s = in_string(op, member);

    return in_has(op, member) ? arena_strndup(op->arena, (const char *)s.data, s.len) : NULL;
}

bool in_has(const op_t *op, const char *member)
{
    return member_of(op, member) != NULL;
}

int64_t in_int(const op_t *op, const char *member, int64_t absent)
{
    json_t *v = member_of(op, member);

    return v ? json_int(v) : absent;
}

int64_t in_time(const op_t *op, const char *member)
{
    double seconds = json_double(member_of(op, member));
    double bound = 1e12; /* beyond any calendar, and exact in ms */

    return (int64_t)(1000 * (seconds > bound ? bound : seconds < 0 ? 0 : seconds));
}

bool in_bool(const op_t *op, const char *member, bool absent)
{
    json_t *v = member_of(op, member);

    return v ? json_bool(v) : absent;
}

slice_t in_blob(op_t *op, const char *member)
{
    buf_t decoded = { 0 };
    slice_t ret = SLICE(NULL, 0);

    /* The shape has checked the encoding; a failure here could only be memory. */
    if (base64_decode(&decoded, in_string(op, member)) == P11KMS_OK) {
        ret = arena_dup(op->arena, buf_slice(&decoded));
    }
    buf_free(&decoded);
    return ret;
}

typedef struct {
    context_pair *pairs;
    size_t n;
} pairs_t;

static p11kms_err add_pair(void *arg, slice_t name, json_t *value)
{
    pairs_t *pairs = arg;

    pairs->pairs[pairs->n++] = (context_pair){ .name = name, .value = json_string(value) };
    return P11KMS_OK;
}

p11kms_err in_context(op_t *op, const char *member, slice_t *ret)
{
    request_t *request = op->act;
    json_t *map = member_of(op, member);
    size_t n = json_length(map);
    pairs_t pairs = { .pairs = arena_alloc(op->arena, (n + 1) * sizeof(context_pair)) };

    *ret = SLICE(NULL, 0);
    TRY(json_each(map, add_pair, &pairs));
    /* Also where there is none: the other context of a ReEncrypt must not be taken for this one. */
    request->context = pairs.pairs;
    request->n_context = pairs.n;
    return context_canonical(pairs.pairs, pairs.n, op->arena, ret);
}

/* Grants count from the moment they are made: what is left for a token is to be one of ours. */
static p11kms_err check_grant_tokens(const op_t *op)
{
    const request_t *request = op->act;
    const json_t *tokens = member_of(op, "GrantTokens");
    kms_grant_name name;

    for (size_t i = 0; i < json_length(tokens); i++) {
        TRY(kms_grant_token_open(request->kms, json_string(json_at(tokens, i)), &name));
    }
    return P11KMS_OK;
}

p11kms_err in_refuse_unsupported(const op_t *op)
{
    TRY(check_grant_tokens(op));
    if (in_has(op, "Recipient")) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "Recipient needs a Nitro enclave's attestation, which exists on AWS alone.");
    }
    return P11KMS_OK;
}

p11kms_err in_dry_run(const op_t *op)
{
    return in_bool(op, "DryRun", false) ? p11kms_fail_plain(P11KMS_E_DRY_RUN) : P11KMS_OK;
}
