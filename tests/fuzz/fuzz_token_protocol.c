/*
 * protocol_next() and every protocol_get_...(): what a mad host or front may send. What is
 * taken has one encoding alone, so putting it again gives the same bytes.
 */
#include "tests/fuzz/fuzz.h"
#include "token/protocol.h"

typedef void (*put_again)(slice_t body, buf_t *again);

static void start_again(slice_t body, buf_t *again)
{
    protocol_start start;

    if (protocol_get_start(body, &start)) {
        HOLDS(start.sessions <= TOKEN_SESSIONS_MAX);
        protocol_put_start(again, &start);
    }
}

static void ops_again(slice_t body, buf_t *again)
{
    size_t begun = protocol_begin(again, MSG_OPS);
    reader_t reader = reader_over(body);
    protocol_op op;

    while (protocol_get_op(&reader, &op)) {
        HOLDS(op.kind < TOKEN_OP_COUNT && op.in.len <= TOKEN_IN_MAX && op.out_len <= TOKEN_RANDOM_MAX);
        protocol_put_op(again, &op);
    }
    protocol_end(again, begun);
    if (!reader_done(&reader)) {
        buf_clear(again);
    }
}

static void replies_again(slice_t body, buf_t *again)
{
    size_t begun = protocol_begin(again, MSG_REPLIES);
    reader_t reader = reader_over(body);
    protocol_reply reply;

    while (protocol_get_reply(&reader, &reply)) {
        HOLDS(reply.err == P11KMS_OK || reply.out.len == 0);
        protocol_put_reply(again, &reply);
    }
    protocol_end(again, begun);
    if (!reader_done(&reader)) {
        buf_clear(again);
    }
}

static void info_again(slice_t body, buf_t *again)
{
    token_info info;

    if (protocol_get_info(body, &info)) {
        HOLDS(memchr(info.label, '\0', sizeof(info.label)) != NULL);
        HOLDS(memchr(info.library, '\0', sizeof(info.library)) != NULL);
        protocol_put_info(again, &info);
    }
}

static void failed_again(slice_t body, buf_t *again)
{
    protocol_failed failed;

    if (protocol_get_failed(body, &failed)) {
        protocol_put_failed(again, &failed);
    }
}

static void exclusive_again(slice_t body, buf_t *again)
{
    uint64_t id;

    if (protocol_get_exclusive(body, &id)) {
        protocol_put_exclusive(again, id);
    }
}

static const put_again messages[] = {
    [MSG_START] = start_again,     [MSG_OPS] = ops_again,       [MSG_READY] = info_again,
    [MSG_FAILED] = failed_again,   [MSG_REPLIES] = replies_again, [MSG_EXCLUSIVE] = exclusive_again,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    slice_t rest = SLICE(data, len);
    protocol_frame frame;

    while (protocol_next(rest, &frame) == FRAME_WHOLE) {
        _cleanup_buf_ buf_t again = { 0 };

        HOLDS(frame.size <= rest.len);
        if (frame.type < COUNT_OF(messages) && messages[frame.type] != NULL) {
            messages[frame.type](frame.body, &again);
        }
        HOLDS(again.len == 0 || slice_eq(buf_slice(&again), SLICE(rest.data, frame.size)));
        rest = SLICE(rest.data + frame.size, rest.len - frame.size);
    }
    return 0;
}
