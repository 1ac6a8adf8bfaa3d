#include <stdio.h>

#include "identity/claim.h"
#include "identity/snapshot.h"
#include "util/encode.h"

#define SKEW_MAX_S 300 /* what AWS's services allow */

/* What is answered here. */
static const char *const services[] = { "kms", "secretsmanager", "ssm", "sts", "p11kms" };

/* ---- who signed ---- */

/** Host and all of x-amz-* must be signed: the operation stands in one of them. */
static p11kms_err check_signed_headers(const message_t *message, const sigv4_scratch *scratch)
{
    if (!sigv4_is_signed(scratch, SLICE_LIT("host"))) {
        FAIL(P11KMS_E_AUTH_SIGNATURE,
             "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    }
    for (size_t i = 0; i < message->n_headers; i++) {
        slice_t name = message->headers[i].name;

        if (slice_has_prefix(name, "x-amz-") && !sigv4_is_signed(scratch, name)) {
            FAIL(P11KMS_E_AUTH_SIGNATURE, "'%.*s' must be a 'SignedHeader' in the AWS Authorization.",
                 (int)(name.len < 64 ? name.len : 64), name.data);
        }
    }
    return P11KMS_OK;
}

static p11kms_err out_of_window(const sigv4_claim *claim, int64_t now_ms, bool early, int64_t allowed_s)
{
    char bound[SIGV4_TIME_TEXT], now[SIGV4_TIME_TEXT];
    bool minutes = allowed_s % 60 == 0;
    const char *unit = minutes ? "min" : "sec";
    long long amount = (long long)(minutes ? allowed_s / 60 : allowed_s);

    sigv4_time(now_ms, now);
    sigv4_time(now_ms + (early ? allowed_s : -allowed_s) * 1000, bound);
    if (early) {
        FAIL(P11KMS_E_AUTH_SIGNATURE,
             "Signature not yet current: %.*s is still later than %s (%s + %lld %s.)",
             (int)claim->timestamp.len, claim->timestamp.data, bound, now, amount, unit);
    }
    FAIL(P11KMS_E_AUTH_SIGNATURE, "Signature expired: %.*s is now earlier than %s (%s - %lld %s.)",
         (int)claim->timestamp.len, claim->timestamp.data, bound, now, amount, unit);
}

/** Whole seconds count, as in the signature's date. */
static p11kms_err check_window(const sigv4_claim *claim, const identity_check *check)
{
    int64_t skew_s = check->skew_seconds < SKEW_MAX_S ? check->skew_seconds : SKEW_MAX_S;
    int64_t past_s = claim->expires_s > 0 ? claim->expires_s : skew_s;
    int64_t age_s = check->now_ms / 1000 - claim->time_ms / 1000;

    if (age_s > past_s) {
        return out_of_window(claim, check->now_ms, false, past_s);
    }
    if (age_s < -skew_s) {
        return out_of_window(claim, check->now_ms, true, skew_s);
    }
    return P11KMS_OK;
}

static bool is_region(slice_t region)
{
    for (size_t i = 0; i < region.len; i++) {
        uint8_t c = region.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return region.len > 0 && region.len <= SIGV4_NAME_MAX;
}

static bool is_service(slice_t service, const char *wanted)
{
    if (wanted != NULL) {
        return slice_eq_str(service, wanted) && service.len <= SIGV4_NAME_MAX;
    }
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        if (slice_eq_str(service, services[i])) {
            return true;
        }
    }
    return false;
}

static p11kms_err check_scope(const sigv4_claim *claim, const identity_check *check)
{
    slice_t day = SLICE(claim->timestamp.data, SIGV4_DATE_LEN);

    if (!is_region(claim->region)) {
        FAIL(P11KMS_E_AUTH_SIGNATURE, "Credential should be scoped to a valid region.");
    }
    if (!is_service(claim->service, check->service)) {
        FAIL(P11KMS_E_AUTH_SIGNATURE, "Credential should be scoped to correct service: '%s'.",
             check->service != NULL ? check->service : "kms");
    }
    if (!slice_eq_str(claim->terminator, SIGV4_TERMINATOR)) {
        FAIL(P11KMS_E_AUTH_SIGNATURE,
             "Credential should be scoped with a valid terminator: '" SIGV4_TERMINATOR "', not '%.*s'.",
             (int)(claim->terminator.len < 64 ? claim->terminator.len : 64), claim->terminator.data);
    }
    if (!slice_eq(claim->date, day)) {
        FAIL(P11KMS_E_AUTH_SIGNATURE,
             "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
             "'%.*s' != "
             "'%.*s', from '%.*s'.",
             (int)(claim->date.len < 64 ? claim->date.len : 64), claim->date.data, (int)day.len, day.data,
             (int)claim->timestamp.len, claim->timestamp.data);
    }
    return P11KMS_OK;
}

/** What a request was signed with, if it is right. */
typedef struct {
    slice_t id;     /* which its signing keys are kept by */
    slice_t secret; /* "AWS4" and the secret access key */
} signer_t;

/** Whether the signature is that of @p signer over the request; the same work whatever the answer. */
static p11kms_err verify(identity_t *identity, const message_t *message, const sigv4_claim *claim,
                         const signer_t *signer, sigv4_scratch *scratch, bool *ret)
{
    const sigv4_request request = { .method = message->method,
                                    .path = message->path,
                                    .headers = message->headers,
                                    .n_headers = message->n_headers,
                                    .timestamp = claim->timestamp,
                                    .region = claim->region,
                                    .service = claim->service };
    uint8_t digest[SHA256_LEN], signing_key[SHA256_LEN];
    char payload[SIGV4_HEX_LEN + 1], signature[SIGV4_HEX_LEN + 1];
    slice_t told = message_header(message, "x-amz-content-sha256");

    crypto_sha256(message->body, digest);
    hex_encode(digest, sizeof(digest), payload);
    TRY(sigv4_string_to_sign(scratch, &request, payload));
    daykeys_get(identity->daykeys, signer->id, signer->secret, claim->date, claim->region, claim->service,
                signing_key);
    crypto_hmac_sha256(SLICE(signing_key, sizeof(signing_key)), buf_slice(&scratch->text), digest);
    hex_encode(digest, sizeof(digest), signature);

    bool same = secret_eq(SLICE(signature, SIGV4_HEX_LEN), claim->signature);
    *ret = same & (told.data == NULL || secret_eq(SLICE(payload, SIGV4_HEX_LEN), told));
    secret_wipe(signing_key, sizeof(signing_key));
    secret_wipe(signature, sizeof(signature));
    secret_wipe(digest, sizeof(digest));
    return P11KMS_OK;
}

/** By its access key alone. */
static p11kms_err judge_key(identity_t *identity, const message_t *message, const sigv4_claim *claim,
                            sigv4_scratch *scratch, bool *ret_same, identity_auth *ret)
{
    const access_key_t *key = map_get(identity->keys, claim->access_key_id);
    /* All unknown keys are one, so that nobody's signing keys are pushed out or taken for another's. */
    const signer_t signer = { key != NULL ? claim->access_key_id : SLICE_LIT(""),
                              secret_slice(key != NULL ? key->secret : identity->unknown.secret) };

    TRY(verify(identity, message, claim, &signer, scratch, ret_same));
    ENSURE(key != NULL && key->active, P11KMS_E_AUTH_UNKNOWN_KEY);
    ret->principal = key->principal;
    return P11KMS_OK;
}

/** By which clock sessions live. */
static int64_t session_time(const identity_check *check)
{
    return check->service_ms != 0 ? check->service_ms : check->now_ms;
}

/** By its session token. Signing keys are kept by the token's salt, which no access key id is like. */
static p11kms_err judge_session(identity_t *identity, const message_t *message, const identity_check *check,
                                const sigv4_claim *claim, sigv4_scratch *scratch, bool *ret_same,
                                identity_auth *ret)
{
    _cleanup_(session) identity_session *session = NULL;

    TRY(session_find(identity, claim->access_key_id, claim->token, session_time(check), &session));
    const signer_t signer = { SLICE(session->salt, TOKEN_SALT), secret_slice(session->secret) };
    TRY(verify(identity, message, claim, &signer, scratch, ret_same));
    ret->principal = &session->principal;
    ret->session = STEAL(session);
    return P11KMS_OK;
}

/** What is wrong with the credentials, in AWS's words. */
static p11kms_err refusal(p11kms_err err)
{
    if (err == P11KMS_E_AUTH_UNKNOWN_KEY) {
        FAIL(err, "The security token included in the request is invalid.");
    }
    if (err == P11KMS_E_AUTH_EXPIRED) {
        FAIL(err, "The security token included in the request is expired");
    }
    return err;
}

static p11kms_err judge(identity_t *identity, const message_t *message, const identity_check *check,
                        sigv4_claim *claim, sigv4_scratch *scratch, identity_auth *ret)
{
    bool same = false;

    TRY(sigv4_read_signed_names(scratch, claim->signed_headers));
    TRY(check_signed_headers(message, scratch));
    TRY(claim_read_time(claim));
    TRY(check_window(claim, check));
    TRY(claim_read_credential(claim));
    TRY(check_scope(claim, check));
    TRY(refusal(claim->token.data != NULL
                    ? judge_session(identity, message, check, claim, scratch, &same, ret)
                    : judge_key(identity, message, claim, scratch, &same, ret)));
    if (!same) {
        FAIL(P11KMS_E_AUTH_SIGNATURE, SIGV4_MISMATCH);
    }
    return P11KMS_OK;
}

static p11kms_err read_claim(const message_t *message, claim_form form, sigv4_scratch *scratch,
                             sigv4_claim *claim)
{
    if (form == CLAIM_BOTH) {
        FAIL(P11KMS_E_AUTH_SIGNATURE,
             "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
             "Signature query string parameter or the Authorization header should be "
             "specified");
    }
    return form == CLAIM_HEADER ? claim_read_header(message, claim) : claim_read_query(scratch, claim);
}

/** Text for a fixed field, which is all zeros; cut to it. */
static void keep_text(char *out, size_t size, slice_t text)
{
    if (text.len > 0) {
        memcpy(out, text.data, text.len < size ? text.len : size - 1);
    }
}

static p11kms_err authenticate_signature(identity_t *identity, const message_t *message,
                                         const identity_check *check, claim_form form, sigv4_scratch *scratch,
                                         identity_auth *ret)
{
    sigv4_claim claim = { 0 };
    p11kms_err err = read_claim(message, form, scratch, &claim);

    ret->method = "SigV4";
    if (err == P11KMS_OK) {
        err = judge(identity, message, check, &claim, scratch, ret);
    }
    keep_text(ret->access_key_id, sizeof(ret->access_key_id), claim.access_key_id);
    if (err != P11KMS_OK) {
        identity_auth_clear(ret);
        return err;
    }
    keep_text(ret->region, sizeof(ret->region), claim.region);
    keep_text(ret->service, sizeof(ret->service), claim.service);
    return P11KMS_OK;
}

/* ---- who the transport vouches for ---- */

/** A session of the rule's role, for this request: the rule is the trust. */
static p11kms_err assume_for_peer(const peer_rule_t *rule, const message_t *message, int64_t now_ms,
                                  identity_auth *ret)
{
    char name[PEER_SESSION_NAME_MAX + 1];
    session_content content = { .issued_ms = now_ms,
                                .expires_ms = now_ms + INT64_C(1000) * rule->principal->max_session_s };

    peers_session_name(message->peer, name);
    content.session_name = SLICE_STR(rule->session_name != NULL ? rule->session_name : name);
    TRY(session_make(rule->principal, &content, &ret->session));
    ret->principal = &ret->session->principal;
    return P11KMS_OK;
}

static p11kms_err authenticate_peer(const identity_t *identity, const message_t *message,
                                    const identity_check *check, identity_auth *ret)
{
    const peer_rule_t *rule = message->peer != NULL ? peers_match(identity, message->peer) : NULL;

    if (rule == NULL) {
        FAIL(P11KMS_E_AUTH_MISSING, "Request is missing Authentication Token");
    }
    ret->method = rule->is_unix ? "UnixPeer" : "Certificate";
    if (rule->principal->kind == PRINCIPAL_ROLE) {
        return assume_for_peer(rule, message, session_time(check), ret);
    }
    ret->principal = rule->principal;
    return P11KMS_OK;
}

static p11kms_err authenticate(identity_t *identity, const message_t *message, const identity_check *check,
                               sigv4_scratch *scratch, identity_auth *ret)
{
    TRY(sigv4_read_query(scratch, message->query));
    claim_form form = claim_find(message, scratch);
    if (form == CLAIM_NONE) {
        return authenticate_peer(identity, message, check, ret);
    }
    return authenticate_signature(identity, message, check, form, scratch, ret);
}

p11kms_err identity_authenticate(identity_t *identity, const message_t *message, const identity_check *check,
                                 identity_auth *ret)
{
    sigv4_scratch *scratch = sigv4_scratch_get();

    *ret = (identity_auth){ .method = "" };
    ENSURE(scratch != NULL, P11KMS_E_NOMEM);
    p11kms_err err = authenticate(identity, message, check, scratch, ret);
    sigv4_scratch_wipe(scratch);
    return err;
}

void identity_auth_clear(identity_auth *auth)
{
    session_unref(auth->session);
    auth->session = NULL;
    auth->principal = NULL;
}
