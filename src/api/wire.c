/*
 * The AWS JSON 1.1 protocol: one POST, the operation in X-Amz-Target, a JSON
 * object either way, faults with __type and X-Amzn-ErrorType (docs/api.md).
 */
#include "api/api_internal.h"

#include <string.h>

#include "api/fault.h"

#define LOG_ROOM "api"
#include "util/log.h"

static p11kms_err read_body(op_t *op)
{
    slice_t body = op->message->body;

    TRY(json_parse(body.len ? body : SLICE_LIT("{}"), &op->input) == P11KMS_OK
            ? P11KMS_OK
            : p11kms_fail_plain(P11KMS_E_WIRE_SERIALIZATION));
    if (json_kind_of(op->input) != JSON_OBJECT) {
        return p11kms_fail_plain(P11KMS_E_WIRE_SERIALIZATION);
    }
    return op->row->input ? shape_check(op->row->input, op->input, op->arena) : P11KMS_OK;
}

static p11kms_err prepare(op_t *op)
{
    const char *service;

    if (!slice_eq_str(op->message->method, "POST")) {
        FAIL(P11KMS_E_WIRE_UNKNOWN_OPERATION, "%s is not POST", arena_strndup(op->arena, (const char *)op->message->method.data, op->message->method.len));
    }
    op->row = operations_find(message_header(op->message, "x-amz-target"), &service);
    TRY(op_authenticate(op, service));
    if (!op->row) {
        return p11kms_fail_plain(P11KMS_E_WIRE_UNKNOWN_OPERATION);
    }
    TRY(read_body(op));
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

static void release(op_t *op)
{
    api_t *api = op_services(op);
    buf_t headers = { 0 };
    int status = 200;

    buf_printf(&headers, "Content-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: %s\r\n", op->request_id);
    if (op->err != P11KMS_OK) {
        const fault_t *fault = fault_of(op->err);

        log_set_request(op->request_id);
        log_fault(op, fault);
        log_set_request(NULL);
        status = fault->status;
        buf_printf(&headers, "X-Amzn-ErrorType: %s\r\n", fault->code);
        buf_clear(&op->out);
        fault_write(op->err, op->err_detail ? op->err_detail : p11kms_err_text(op->err),
                    op->row ? op->row->service : "kms", &op->out);
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
    return fault_of(op->err)->record_code;
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
