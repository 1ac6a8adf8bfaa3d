/*
 * The two wires. AWS JSON 1.1: one POST, the operation in X-Amz-Target, a JSON object
 * either way, faults with __type and X-Amzn-ErrorType (docs/api.md). The query protocol
 * of STS: a form with an Action, XML back.
 */
#include "api/api_internal.h"

#include <string.h>

#include "api/fault.h"
#include "api/query.h"
#include "api/rates.h"
#include "api/shape_value.h"

#define LOG_ROOM "api"
#include "util/log.h"

/* ---- AWS JSON ---- */

static p11kms_err parse_json_body(op_t *op, slice_t text)
{
    if (json_parse(text.len ? text : SLICE_LIT("{}"), &op->input) != P11KMS_OK ||
        json_kind_of(op->input) != JSON_OBJECT) {
        return p11kms_fail_plain(P11KMS_E_WIRE_SERIALIZATION);
    }
    return P11KMS_OK;
}

static p11kms_err prepare_json(op_t *op)
{
    op->row = operations_find(message_header(op->message, "x-amz-target"), &op->service);
    TRY(op_authenticate(op, op->service));
    TRY(rates_check(op));
    if (!op->row) {
        return p11kms_fail_plain(P11KMS_E_WIRE_UNKNOWN_OPERATION);
    }
    return parse_json_body(op, op->message->body);
}

/* ---- the query protocol, of STS ---- */

#define STS_VERSION "2011-06-15"

/* "Action" stands in a form, or in the query of a presigned GET. */
static slice_t query_form(const message_t *message)
{
    return slice_eq_str(message->method, "GET") ? message->query : message->body;
}

static bool is_query(const message_t *message)
{
    bool form = slice_has_prefix(message_header(message, "content-type"), "application/x-www-form-urlencoded");
    bool get = slice_eq_str(message->method, "GET");

    return !message_header(message, "x-amz-target").data && (get || form);
}

static p11kms_err read_query(op_t *op, const query_t *query)
{
    _cleanup_buf_ buf_t json = { 0 };

    if (!slice_eq_str(query_get(query, "Version"), STS_VERSION)) {
        FAIL(P11KMS_E_WIRE_UNKNOWN_OPERATION, "The Version must be " STS_VERSION);
    }
    if (op->row->input) {
        query_to_json(query, op->row->input, &json);
    }
    return parse_json_body(op, buf_slice(&json));
}

static p11kms_err prepare_query(op_t *op)
{
    query_t query = { 0 };

    op->service = "sts";
    TRY(query_parse(query_form(op->message), op->arena, &query));
    op->row = operations_named("sts", query_get(&query, "Action"));
    /* A web identity is its own proof; the handler checks it. */
    if (!op->row || op->row->start != api_assume_role_with_web_identity) {
        TRY(op_authenticate(op, op->service));
        TRY(rates_check(op));
    }
    if (!op->row) {
        FAIL(P11KMS_E_WIRE_UNKNOWN_OPERATION, "Could not find operation %s for version " STS_VERSION,
             arena_strndup(op->arena, (const char *)query_get(&query, "Action").data,
                           shape_cut(query_get(&query, "Action"), 64).len));
    }
    return read_query(op, &query);
}

/* ---- both ---- */

static p11kms_err prepare(op_t *op)
{
    op->query = is_query(op->message);
    if (!op->query && !slice_eq_str(op->message->method, "POST")) {
        FAIL(P11KMS_E_WIRE_UNKNOWN_OPERATION, "Only POST is answered here");
    }
    TRY(op->query ? prepare_query(op) : prepare_json(op));
    /* A condition key reads any member of its name, and would take one that the operation does not have. */
    shape_keep_known(op->row->input, op->input);
    if (op->row->input) {
        TRY(shape_check(op->row->input, op->input, op->arena));
    }
    if (!op->row->start) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s is not supported by this version of p11kms.", op->row->name);
    }
    return P11KMS_OK;
}

void api_handle(api_t *api, const message_t *message, void *exchange)
{
    op_t *op = op_new(api->core, message, exchange);

    log_set_request(op->request_id);
    p11kms_err err = prepare(op);
    if (err != P11KMS_OK) {
        op_fail(op, err);
    } else {
        op->row->start(op);
    }
    log_set_request(NULL);
}

/* ---- the way back ---- */

static void log_fault(const op_t *op, const fault_t *fault)
{
    const char *operation = op->row ? op->row->name : "unknown operation";
    const char *why = op->err_detail ? op->err_detail : p11kms_err_text(op->err);

    if (fault->status >= 500) {
        log_error("%s: %s", operation, why);
    } else {
        log_notice("%s refused: %s: %s", operation, fault->code, why);
    }
}

/* An answer was written as JSON for the record; the query protocol sends it as XML. */
static void answer_to_xml(op_t *op)
{
    _cleanup_json_ json_t *answer = NULL;
    buf_t xml = { 0 };

    if (op->out.len == 0 || json_parse(buf_slice(&op->out), &answer) == P11KMS_OK) {
        query_answer(op->row->name, op->row->output, answer, op->request_id, &xml);
    }
    buf_free(&op->out);
    op->out = STEAL(xml);
}

static int write_fault(op_t *op, buf_t *headers)
{
    const char *service = op->service ? op->service : "kms";
    const char *detail = op->err_detail ? op->err_detail : p11kms_err_text(op->err);
    const fault_t *fault = fault_of(op->err, service);

    if (!op->unrecorded) { /* those are summed up: a flood must not fill this log either */
        log_set_request(op->request_id);
        log_fault(op, fault);
        log_set_request(NULL);
    }
    buf_clear(&op->out);
    if (op->query) {
        query_fault(fault->code, fault_message(fault, detail), fault->status, op->request_id, &op->out);
    } else {
        buf_printf(headers, "X-Amzn-ErrorType: %s\r\n", fault->code);
        fault_write(op->err, detail, service, &op->out);
    }
    return fault->status;
}

static void release(op_t *op)
{
    api_t *api = op_services(op);
    buf_t headers = { 0 };
    int status = 200;

    buf_printf(&headers, "Content-Type: %s\r\nx-amzn-RequestId: %s\r\n",
               op->query ? "text/xml" : "application/x-amz-json-1.1", op->request_id);
    if (op->err != P11KMS_OK) {
        status = write_fault(op, &headers);
    } else if (op->query) {
        answer_to_xml(op);
    }
    api->options.answer(op->exchange, status, buf_slice(&headers), &op->out);
    buf_free(&headers);
}

/* ---- the record's part ---- */

static void write_parameters(const op_t *op, jw_t *w)
{
    if (op->row && op->row->input && op->input) {
        shape_record(op->row->input, op->input, w);
    } else {
        jw_null(w);
    }
}

/* A change's answer is short and rare, so it is read back rather than written twice. */
static void write_response(const op_t *op, jw_t *w)
{
    _cleanup_json_ json_t *answer = NULL;

    if (op->row->output && op->out.len && json_parse(buf_slice(&op->out), &answer) == P11KMS_OK) {
        shape_record(op->row->output, answer, w);
    } else {
        jw_null(w);
    }
}

static const char *error_code(const op_t *op)
{
    return fault_of(op->err, op->service ? op->service : "kms")->record_code;
}

const core_edge *api_edge(void)
{
    static const core_edge edge = {
        .write_parameters = write_parameters,
        .write_response = write_response,
        .error_code = error_code,
        .release = release,
    };
    return &edge;
}

/* ---- start and stop ---- */

p11kms_err api_new(const api_options *options, api_t **ret)
{
    api_t *api = calloc(1, sizeof(*api));

    ENSURE(api, P11KMS_E_NOMEM);
    api->options = *options;
    p11kms_err err = operations_init();
    if (err != P11KMS_OK) {
        free(api);
        return err;
    }
    *ret = api;
    return P11KMS_OK;
}

void api_attach(api_t *api, core_t *core, kms_t *kms)
{
    api->core = core;
    api->kms = kms;
}

void api_free(api_t *api)
{
    free(api);
}
