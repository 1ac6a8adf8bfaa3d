/*
 * One audit record: the fields and names of a CloudTrail record (AWS CloudTrail
 * User Guide, "CloudTrail record contents"; docs/audit-records.md tells ours).
 */
#include "core/core.h"

#include <string.h>

#define EVENT_VERSION "1.11"
#define USER_AGENT_MAX 512

static void put(jw_t *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_string(w, value);
}

/* ---- userIdentity (AWS CloudTrail User Guide, "CloudTrail userIdentity element") ---- */

const char *record_provider_arn(arena_t *arena, const principal_t *principal)
{
    return arena_printf(arena, "arn:aws:iam::%s:oidc-provider/%s", principal->account, principal->federated);
}

static void write_session_issuer(const principal_t *principal, jw_t *w)
{
    const char *id = principal->principal_id;

    jw_key(w, "sessionIssuer");
    jw_object(w);
    if (principal->role_arn) {
        put(w, "type", "Role");
        jw_key(w, "principalId");
        jw_string_slice(w, SLICE(id, strcspn(id, ":")));
        put(w, "arn", principal->role_arn);
        put(w, "accountId", principal->account);
        put(w, "userName", principal->name);
    }
    jw_end(w);
}

static void write_session(const op_t *op, const principal_t *principal, jw_t *w)
{
    char when[TIME_TEXT];

    time_format_iso(principal->issued_ms, when);
    jw_key(w, "sessionContext");
    jw_object(w);
    write_session_issuer(principal, w);
    jw_key(w, "webIdFederationData");
    jw_object(w);
    if (principal->federated) {
        put(w, "federatedProvider", record_provider_arn(op->arena, principal));
        jw_key(w, "attributes");
        jw_object(w);
        jw_end(w);
    }
    jw_end(w);
    jw_key(w, "attributes");
    jw_object(w);
    put(w, "creationDate", when);
    put(w, "mfaAuthenticated", "false");
    jw_end(w);
    if (principal->source_identity) {
        put(w, "sourceIdentity", principal->source_identity);
    }
    jw_end(w);
}

static void write_principal(const op_t *op, const principal_t *principal, jw_t *w)
{
    static const char *const types[] = {
        [PRINCIPAL_USER] = "IAMUser",
        [PRINCIPAL_ROLE] = "Role",
        [PRINCIPAL_ROLE_SESSION] = "AssumedRole",
        [PRINCIPAL_FEDERATED] = "WebIdentityUser",
        [PRINCIPAL_SERVICE] = "AWSService",
    };

    put(w, "type", types[principal->kind]);
    put(w, "principalId", principal->principal_id);
    if (principal->kind == PRINCIPAL_FEDERATED) {
        put(w, "userName", principal->name);
        put(w, "identityProvider", principal->arn);
        return;
    }
    put(w, "arn", principal->arn);
    put(w, "accountId", principal->account);
    if (op->auth.access_key_id[0]) {
        put(w, "accessKeyId", op->auth.access_key_id);
    }
    if (principal->kind == PRINCIPAL_USER) {
        put(w, "userName", principal->name);
    }
    if (principal->issued_ms) {
        write_session(op, principal, w);
    }
}

static void write_identity(const op_t *op, jw_t *w)
{
    const principal_t *principal = op->auth.principal;

    jw_key(w, "userIdentity");
    jw_object(w);
    if (!op->message) {
        put(w, "type", "AWSService");
        put(w, "invokedBy", "p11kms");
    } else if (principal) {
        write_principal(op, principal, w);
    } else {
        put(w, "type", "Unknown");
        if (op->auth.access_key_id[0]) {
            put(w, "accessKeyId", op->auth.access_key_id);
        }
    }
    jw_end(w);
}

/* ---- the rest ---- */

static void write_source(const op_t *op, jw_t *w)
{
    if (!op->message) {
        put(w, "sourceIPAddress", "p11kms");
        put(w, "userAgent", "p11kms");
        return;
    }
    slice_t agent = message_header(op->message, "user-agent");
    if (agent.len > USER_AGENT_MAX) {
        agent.len = USER_AGENT_MAX;
    }
    put(w, "sourceIPAddress", op->message->peer->address);
    jw_key(w, "userAgent");
    jw_string_slice(w, agent);
}

static void write_error(const op_t *op, jw_t *w)
{
    if (op->err == P11KMS_OK) {
        return;
    }
    put(w, "errorCode", op->core->edge->error_code(op));
    put(w, "errorMessage", op->err_detail ? op->err_detail : p11kms_err_text(op->err));
}

/* A refused caller's parameters are not repeated: what was denied may not have been theirs to see. */
static void write_what(const op_t *op, jw_t *w)
{
    if (!op->message) {
        jw_key(w, "serviceEventDetails");
        jw_raw(w, op->event_detail ? SLICE_STR(op->event_detail) : SLICE_LIT("null"));
        return;
    }
    jw_key(w, "requestParameters");
    if (op->auth.principal && op->err != P11KMS_E_DENIED) {
        op->core->edge->write_parameters(op, w);
    } else {
        jw_null(w);
    }
    jw_key(w, "responseElements");
    if (op->err == P11KMS_OK && op->row &&
        (!op->row->read_only || op->row->records_response)) {
        op->core->edge->write_response(op, w);
    } else {
        jw_null(w);
    }
}

static void write_resources(const op_t *op, jw_t *w)
{
    if (op->n_resources == 0) {
        return;
    }
    jw_key(w, "resources");
    jw_array(w);
    for (size_t i = 0; i < op->n_resources; i++) {
        jw_object(w);
        put(w, "accountId", op->resources[i].account);
        put(w, "type", op->resources[i].type);
        put(w, "ARN", op->resources[i].arn);
        jw_end(w);
    }
    jw_end(w);
}

static void write_transport(const op_t *op, jw_t *w)
{
    if (!op->message) {
        return;
    }
    const peer_t *peer = op->message->peer;

    jw_key(w, "additionalEventData");
    jw_object(w);
    put(w, "authentication", op->auth.method ? op->auth.method : "None");
    if (peer->kind == PEER_UNIX) {
        jw_key(w, "peerUid");
        jw_int(w, peer->uid);
        jw_key(w, "peerPid");
        jw_int(w, peer->pid);
    }
    if (peer->has_certificate) {
        put(w, "certificateSubject", peer->cert_subject);
        put(w, "certificateSha256", peer->cert_sha256);
    }
    if (op->further_name) {
        put(w, op->further_name, op->further_value);
    }
    jw_end(w);
    if (peer->tls) {
        jw_key(w, "tlsDetails");
        jw_object(w);
        put(w, "tlsVersion", peer->tls_version);
        put(w, "cipherSuite", peer->tls_cipher);
        jw_key(w, "clientProvidedHostHeader");
        jw_string_slice(w, message_header(op->message, "host"));
        jw_end(w);
    }
}

static const char *recipient(const op_t *op)
{
    if (op->n_resources && op->resources[0].account) {
        return op->resources[0].account;
    }
    return op->account;
}

void record_write(op_t *op, buf_t *line)
{
    jw_t w = jw_on(line);
    char when[TIME_TEXT];

    time_format_iso(clock_wall_ms(), when);
    jw_object(&w);
    put(&w, "eventVersion", EVENT_VERSION);
    write_identity(op, &w);
    put(&w, "eventTime", when);
    put(&w, "eventSource", op->row ? op->row->event_source : op->event_source ? op->event_source : "p11kms");
    put(&w, "eventName", op->row ? op->row->name : op->service_event ? op->service_event : "UnknownOperation");
    put(&w, "awsRegion", op->region);
    write_source(op, &w);
    write_error(op, &w);
    write_what(op, &w);
    write_transport(op, &w);
    put(&w, "requestID", op->request_id);
    put(&w, "eventID", op->event_id);
    jw_key(&w, "readOnly");
    jw_bool(&w, op->row && op->row->read_only);
    write_resources(op, &w);
    put(&w, "eventType", op->message ? "AwsApiCall" : "AwsServiceEvent");
    jw_key(&w, "managementEvent");
    jw_bool(&w, true);
    put(&w, "recipientAccountId", recipient(op));
    put(&w, "eventCategory", "Management");
    jw_end(&w);
}
