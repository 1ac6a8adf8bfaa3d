/*
 * What a mad token host may say, to the supervisor that reads it: any stream of bytes, in any pieces. Every
 * operation is answered once, with a result that fits it, or is still waited for; and what was nonsense ends
 * the host.
 *
 * Input: which operations were asked for (1 byte, a bit each), how long the pieces are (1 byte), then what
 * the host sends. In it 'ID' begins a reply: an id that is a small number is that operation's.
 */
#include "tests/fuzz/fuzz.h"
#include "token/supervisor.c" /* for what it does with a frame: it is private, and starts processes otherwise */

#define OPS 8

static const token_op_t asked[OPS] = {
    { .kind = TOKEN_OP_PRF },
    { .kind = TOKEN_OP_RANDOM, .out_len = TOKEN_RANDOM_MAX },
    { .kind = TOKEN_OP_LIST },
    { .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_PSS_SHA256 },
    { .kind = TOKEN_OP_DECRYPT, .mechanism = TOKEN_MECH_OAEP_SHA1 },
    { .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_P256 },
    { .kind = TOKEN_OP_AGREE },
    { .kind = TOKEN_OP_PUBLIC },
};

static unsigned answered[OPS];

static void on_done(completion_t *done)
{
    const token_op_t *op = (const token_op_t *)(const void *)done;
    kinds_bounds bounds = kinds_of_op(op);
    size_t len = op->kind == TOKEN_OP_LIST ? op->out_list.len : op->out_used;

    answered[op->key_id[0]]++;
    HOLDS(op->out_used <= TOKEN_RANDOM_MAX && op->out_list.len <= PROTOCOL_LIST_MAX * TOKEN_KEY_ID);
    HOLDS(op->err == P11KMS_OK ? kinds_reply_fits(&bounds, len) : len == 0);
}

static void ask(front_t *front, mailbox_t *mailbox, token_op_t ops[OPS], unsigned which)
{
    for (uint8_t i = 0; i < OPS; i++) {
        answered[i] = 0;
        ops[i] = asked[i];
        ops[i].done.run = on_done;
        ops[i].mailbox = mailbox;
        ops[i].key_id[0] = i;
        if (which & (1u << i)) {
            HOLDS(inflight_add(&front->inflight, &ops[i], clock_mono_us()));
        }
    }
}

/* The ids hold a generation: those of this run are put in for small numbers. */
static void put_ids(buf_t *stream, const token_op_t ops[OPS])
{
    slice_t rest = buf_slice(stream);
    protocol_frame frame;

    while (protocol_next(rest, &frame) == FRAME_WHOLE) {
        size_t at = (size_t)(frame.body.data - stream->data);
        size_t end = at + frame.body.len;

        while ((frame.type == MSG_REPLIES || frame.type == MSG_EXCLUSIVE) && end - at >= 8) {
            reader_t r = reader_over(SLICE(stream->data + at, end - at));
            uint64_t id = reader_u64(&r);

            for (unsigned i = 0; id < OPS && i < 8; i++) {
                stream->data[at + i] = (uint8_t)(ops[id].id >> (56 - 8 * i));
            }
            (void)reader_u8(&r);
            (void)reader_u64(&r);
            (void)reader_take(&r, reader_u32(&r));
            at = r.fails ? end : end - r.rest.len;
        }
        rest = SLICE(rest.data + frame.size, rest.len - frame.size);
    }
}

static void hear(front_t *front, slice_t stream, size_t piece)
{
    while (stream.len > 0 && front->ending.err == P11KMS_OK) {
        size_t n = stream.len < piece ? stream.len : piece;

        buf_put(&front->in, stream.data, n);
        stream = SLICE(stream.data + n, stream.len - n);
        take_frames(front);
        HOLDS(front->ending.err != P11KMS_OK || front->in.len <= PROTOCOL_FRAME_MAX + 4 + piece);
    }
    HOLDS(memchr(front->ending.text, '\0', sizeof(front->ending.text)) != NULL);
}

static void check_answers(const front_t *front, token_op_t ops[OPS], unsigned which)
{
    size_t waiting = 0;

    for (unsigned i = 0; i < OPS; i++) {
        HOLDS(answered[i] <= (which >> i & 1));
        waiting += (which >> i & 1) - answered[i];
        buf_free(&ops[i].out_list);
    }
    HOLDS(front->inflight.count == waiting);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static mailbox_t *mailbox;
    _cleanup_buf_ buf_t stream = { 0 };
    token_op_t ops[OPS];
    front_t front = { .options = { .name = "fuzz", .op_deadline_ms = 1000, .slow_deadline_ms = 1000 } };

    if (len < 3) {
        return 0;
    }
    if (mailbox == NULL) {
        log_set_level(LOG_LEVEL_ERROR);
        HOLDS(mailbox_new(NULL, NULL, &mailbox) == P11KMS_OK);
    }
    HOLDS(inflight_init(&front.inflight, 4 * OPS, 1000000, 1000000) == P11KMS_OK);
    pthread_mutex_init(&front.lock, NULL);
    pthread_cond_init(&front.changed, NULL);
    front.state = len % 4 ? TOKEN_READY : TOKEN_STARTING;
    ask(&front, mailbox, ops, data[0]);
    buf_put(&stream, data + 2, len - 2);
    put_ids(&stream, ops);
    hear(&front, buf_slice(&stream), 1 + (size_t)data[1] * 16);
    mailbox_drain(mailbox);
    check_answers(&front, ops, data[0]);
    buf_free(&front.in);
    inflight_free(&front.inflight);
    return 0;
}
