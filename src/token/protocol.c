#include "token/protocol.h"

#include <stdio.h>

#include "token/kinds.h"

#define LENGTH_SIZE 4

/* Errors have numbers of their own here: err.def may grow in its middle. */
static const p11kms_err wire_errors[] = {
    P11KMS_OK,           P11KMS_E_TOKEN,   P11KMS_E_TOKEN_LOST, P11KMS_E_TOKEN_PIN,   P11KMS_E_TOKEN_NO_KEY,
    P11KMS_E_CONFIG,     P11KMS_E_EXISTS,  P11KMS_E_RANGE,      P11KMS_E_UNSUPPORTED, P11KMS_E_NOMEM,
    P11KMS_E_CIPHERTEXT, P11KMS_E_SYNTAX,
};

static uint8_t error_to_wire(p11kms_err err)
{
    for (uint8_t i = 0; i < COUNT_OF(wire_errors); i++) {
        if (wire_errors[i] == err) {
            return i;
        }
    }
    return error_to_wire(P11KMS_E_TOKEN);
}

static bool error_from_wire(uint8_t wire, p11kms_err *ret)
{
    if (wire >= COUNT_OF(wire_errors)) {
        return false;
    }
    *ret = wire_errors[wire];
    return true;
}

protocol_state protocol_next(slice_t received, protocol_frame *ret)
{
    reader_t reader = reader_over(received);
    uint32_t length = reader_u32(&reader);

    if (reader.fails) {
        return FRAME_PART;
    }
    if (length < 1 || length > PROTOCOL_FRAME_MAX) {
        return FRAME_BAD;
    }
    if (reader.rest.len < length) {
        return FRAME_PART;
    }
    ret->size = LENGTH_SIZE + length;
    ret->type = reader_u8(&reader);
    ret->body = reader_take(&reader, length - 1);
    return FRAME_WHOLE;
}

size_t protocol_begin(buf_t *out, protocol_type type)
{
    size_t begun = out->len;

    buf_put_u32(out, 0);
    buf_put_u8(out, (uint8_t)type);
    return begun;
}

void protocol_end(buf_t *out, size_t begun)
{
    size_t length = out->len - begun - LENGTH_SIZE;

    if (buf_failed(out)) {
        return;
    }
    for (size_t i = 0; i < LENGTH_SIZE; i++) {
        out->data[begun + i] = (uint8_t)(length >> (8 * (LENGTH_SIZE - 1 - i)));
    }
}

static void put_string(buf_t *out, const char *text)
{
    size_t len = strlen(text);

    len = len <= PROTOCOL_STRING_MAX ? len : PROTOCOL_STRING_MAX;
    buf_put_u16(out, (uint16_t)len);
    buf_put(out, text, len);
    buf_put_u8(out, 0);
}

static const char *get_string(reader_t *reader)
{
    size_t len = reader_u16(reader);
    slice_t text = reader_take(reader, len + 1);

    if (reader->fails || len > PROTOCOL_STRING_MAX || memchr(text.data, '\0', text.len) != text.data + len) {
        reader->fails = true;
        return "";
    }
    return (const char *)text.data;
}

/* Only 0 and 1 are truths. */
static bool get_bool(reader_t *reader)
{
    uint8_t value = reader_u8(reader);

    if (value > 1) {
        reader->fails = true;
    }
    return value == 1;
}

void protocol_put_start(buf_t *out, const protocol_start *start)
{
    size_t begun = protocol_begin(out, MSG_START);

    buf_put_u16(out, PROTOCOL_VERSION);
    put_string(out, start->name);
    put_string(out, start->uri);
    put_string(out, start->module);
    put_string(out, start->init_args);
    put_string(out, start->pin_source);
    buf_put_u8(out, start->dev);
    buf_put_u8(out, start->session_copies);
    buf_put_u8(out, start->sessions);
    buf_put_u8(out, start->login);
    protocol_end(out, begun);
}

bool protocol_get_start(slice_t body, protocol_start *ret)
{
    reader_t reader = reader_over(body);

    if (reader_u16(&reader) != PROTOCOL_VERSION) {
        return false;
    }
    ret->name = get_string(&reader);
    ret->uri = get_string(&reader);
    ret->module = get_string(&reader);
    ret->init_args = get_string(&reader);
    ret->pin_source = get_string(&reader);
    ret->dev = get_bool(&reader);
    ret->session_copies = get_bool(&reader);
    ret->sessions = reader_u8(&reader);
    ret->login = reader_u8(&reader);
    return reader_done(&reader) && ret->sessions >= 1 && ret->sessions <= TOKEN_SESSIONS_MAX &&
           ret->login <= LOGIN_ORDERED;
}

void protocol_put_op(buf_t *out, const protocol_op *op)
{
    buf_put_u64(out, op->id);
    buf_put_u8(out, op->kind);
    buf_put(out, op->key_id, TOKEN_KEY_ID);
    if (op->kind == TOKEN_OP_IMPORT) {
        buf_put(out, op->unwrap_id, TOKEN_KEY_ID);
    }
    buf_put_u8(out, op->type);
    buf_put_u8(out, op->use);
    buf_put_u8(out, op->mechanism);
    buf_put_u16(out, op->out_len);
    buf_put_u16(out, (uint16_t)op->in.len);
    buf_put_slice(out, op->in);
}

static bool op_fits(const protocol_op *op)
{
    const kinds_bounds bounds = {
        .kind = op->kind,
        .type = op->type,
        .use = op->use,
        .mechanism = op->mechanism,
        .in_len = op->in.len,
        .out_len = op->out_len,
    };

    return kinds_op_fits(&bounds);
}

bool protocol_get_op(reader_t *body, protocol_op *ret)
{
    if (body->fails || body->rest.len == 0) {
        return false;
    }
    ret->id = reader_u64(body);
    ret->kind = reader_u8(body);
    ret->key_id = reader_take(body, TOKEN_KEY_ID).data;
    ret->unwrap_id = ret->kind == TOKEN_OP_IMPORT ? reader_take(body, TOKEN_KEY_ID).data : NULL;
    ret->type = reader_u8(body);
    ret->use = reader_u8(body);
    ret->mechanism = reader_u8(body);
    ret->out_len = reader_u16(body);
    ret->in = reader_take(body, reader_u16(body));
    if (!body->fails && op_fits(ret)) {
        return true;
    }
    body->fails = true;
    return false;
}

void protocol_put_reply(buf_t *out, const protocol_reply *reply)
{
    buf_put_u64(out, reply->id);
    buf_put_u8(out, error_to_wire(reply->err));
    buf_put_u64(out, reply->ckr);
    buf_put_u32(out, (uint32_t)reply->out.len);
    buf_put_slice(out, reply->out);
}

bool protocol_get_reply(reader_t *body, protocol_reply *ret)
{
    if (body->fails || body->rest.len == 0) {
        return false;
    }
    *ret = (protocol_reply){ .id = reader_u64(body) };
    if (!error_from_wire(reader_u8(body), &ret->err)) {
        body->fails = true;
    }
    ret->ckr = reader_u64(body);
    ret->out = reader_take(body, reader_u32(body));
    if (ret->err != P11KMS_OK && ret->out.len > 0) {
        body->fails = true;
    }
    return !body->fails;
}

/* The texts of token_info travel as strings and must fit where they came from. */
static void get_text(reader_t *reader, char *out, size_t size)
{
    const char *text = get_string(reader);

    if (strlen(text) >= size) {
        reader->fails = true;
        return;
    }
    snprintf(out, size, "%s", text);
}

void protocol_put_info(buf_t *out, const token_info *info)
{
    size_t begun = protocol_begin(out, MSG_READY);

    put_string(out, info->label);
    put_string(out, info->manufacturer);
    put_string(out, info->model);
    put_string(out, info->serial);
    put_string(out, info->library);
    buf_put_u8(out, info->can_prf);
    buf_put_u8(out, info->can_generate);
    buf_put_u8(out, info->can_gcm);
    buf_put_u8(out, info->can_random);
    buf_put_u8(out, info->can_session_copy);
    buf_put_u32(out, info->key_types);
    buf_put_u32(out, info->mechanisms);
    buf_put_u8(out, info->can_agree);
    buf_put_u8(out, info->can_import);
    buf_put_u32(out, info->keys);
    protocol_end(out, begun);
}

bool protocol_get_info(slice_t body, token_info *ret)
{
    reader_t reader = reader_over(body);

    *ret = (token_info){ 0 };
    get_text(&reader, ret->label, sizeof(ret->label));
    get_text(&reader, ret->manufacturer, sizeof(ret->manufacturer));
    get_text(&reader, ret->model, sizeof(ret->model));
    get_text(&reader, ret->serial, sizeof(ret->serial));
    get_text(&reader, ret->library, sizeof(ret->library));
    ret->can_prf = get_bool(&reader);
    ret->can_generate = get_bool(&reader);
    ret->can_gcm = get_bool(&reader);
    ret->can_random = get_bool(&reader);
    ret->can_session_copy = get_bool(&reader);
    ret->key_types = reader_u32(&reader);
    ret->mechanisms = reader_u32(&reader);
    ret->can_agree = get_bool(&reader);
    ret->can_import = get_bool(&reader);
    ret->keys = reader_u32(&reader);
    return reader_done(&reader) && ret->keys <= PROTOCOL_LIST_MAX && ret->key_types >> TOKEN_KEY_COUNT == 0 &&
           ret->mechanisms >> TOKEN_MECH_COUNT == 0;
}

void protocol_put_failed(buf_t *out, const protocol_failed *failed)
{
    size_t begun = protocol_begin(out, MSG_FAILED);

    buf_put_u8(out, error_to_wire(failed->err));
    buf_put_u64(out, failed->ckr);
    put_string(out, failed->text);
    protocol_end(out, begun);
}

bool protocol_get_failed(slice_t body, protocol_failed *ret)
{
    reader_t reader = reader_over(body);

    if (!error_from_wire(reader_u8(&reader), &ret->err)) {
        return false;
    }
    ret->ckr = reader_u64(&reader);
    ret->text = get_string(&reader);
    return reader_done(&reader) && ret->err != P11KMS_OK;
}

void protocol_put_login(buf_t *out)
{
    protocol_end(out, protocol_begin(out, MSG_LOGIN));
}

void protocol_put_logged_in(buf_t *out)
{
    protocol_end(out, protocol_begin(out, MSG_LOGGED_IN));
}

void protocol_put_exclusive(buf_t *out, uint64_t id)
{
    size_t begun = protocol_begin(out, MSG_EXCLUSIVE);

    buf_put_u64(out, id);
    protocol_end(out, begun);
}

bool protocol_get_exclusive(slice_t body, uint64_t *ret_id)
{
    reader_t reader = reader_over(body);

    *ret_id = reader_u64(&reader);
    return reader_done(&reader);
}
