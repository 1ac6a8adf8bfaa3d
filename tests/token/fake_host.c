/*
 * A token host without a token, for tests of the front: it speaks the protocol and does what
 * its script says. The script is the token's init-args, "LOG MANNER": each start appends a line
 * to LOG, and MANNER says how the start goes. How an operation goes is said by its input.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "token/protocol.h"
#include "util/clock.h"

#define SLOW_MS 60
#define EXCLUSIVE_MS 400
#define LEAVE_MS 150 /* within what a host gets that has said it is going */

static buf_t out; /* what goes with the next send_out() */

static void send_out(void)
{
    slice_t rest = buf_slice(&out);

    while (rest.len > 0) {
        ssize_t n = send(PROTOCOL_FD, rest.data, rest.len, MSG_NOSIGNAL);

        if (n <= 0) {
            _exit(0);
        }
        rest = SLICE(rest.data + n, rest.len - (size_t)n);
    }
    buf_clear(&out);
}

static void sleep_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

_Noreturn static void hang(void)
{
    for (;;) {
        pause();
    }
}

static void put_reply(uint64_t id, p11kms_err err, uint64_t ckr, slice_t result)
{
    protocol_reply reply = { .id = id, .err = err, .ckr = ckr, .out = result };
    size_t begun = protocol_begin(&out, MSG_REPLIES);

    protocol_put_reply(&out, &reply);
    protocol_end(&out, begun);
}

/* ---- how an operation can go ---- */

static void prf_out(slice_t in, uint8_t result[TOKEN_PRF_LEN + 1])
{
    for (size_t i = 0; i <= TOKEN_PRF_LEN; i++) {
        result[i] = in.len > 0 ? in.data[i % in.len] ^ 0x5a : 0;
    }
}

static void put_prf(const protocol_op *op, size_t len)
{
    uint8_t result[TOKEN_PRF_LEN + 1];

    prf_out(op->in, result);
    put_reply(op->id, P11KMS_OK, 0, SLICE(result, len));
}

static void do_right(const protocol_op *op)
{
    static const uint8_t bytes[TOKEN_RANDOM_MAX] = { 0x42 };

    switch (op->kind) {
    case TOKEN_OP_PRF:
        put_prf(op, TOKEN_PRF_LEN);
        break;
    case TOKEN_OP_RANDOM:
        put_reply(op->id, P11KMS_OK, 0, SLICE(bytes, op->out_len));
        break;
    case TOKEN_OP_LIST:
        put_reply(op->id, P11KMS_OK, 0, SLICE(bytes, 2 * TOKEN_KEY_ID));
        break;
    default:
        put_reply(op->id, P11KMS_OK, 0, (slice_t){ 0 });
    }
}

static void do_hang(const protocol_op *op)
{
    (void)op;
    send_out();
    hang();
}

static void do_die(const protocol_op *op)
{
    (void)op;
    send_out();
    _exit(3);
}

static void do_leave(const protocol_op *op)
{
    (void)op;
    close(PROTOCOL_FD);
    sleep_ms(LEAVE_MS);
    _exit(3);
}

static void do_half(const protocol_op *op)
{
    send_out();
    do_right(op);
    out.len /= 2;
    send_out();
    _exit(3);
}

static void do_slow(const protocol_op *op)
{
    sleep_ms(SLOW_MS);
    do_right(op);
    send_out();
}

static void do_refuse(const protocol_op *op)
{
    put_reply(op->id, P11KMS_E_TOKEN, 0x70, (slice_t){ 0 });
}

static void do_no_key(const protocol_op *op)
{
    put_reply(op->id, P11KMS_E_TOKEN_NO_KEY, 0, (slice_t){ 0 });
}

static void do_length_zero(const protocol_op *op)
{
    (void)op;
    buf_put_u32(&out, 0);
}

static void do_length_huge(const protocol_op *op)
{
    (void)op;
    buf_put_u32(&out, PROTOCOL_FRAME_MAX + 1);
}

static void do_bad_type(const protocol_op *op)
{
    (void)op;
    protocol_end(&out, protocol_begin(&out, 77));
}

static void do_start_back(const protocol_op *op)
{
    (void)op;
    protocol_end(&out, protocol_begin(&out, MSG_START));
}

static void do_unknown_id(const protocol_op *op)
{
    put_reply(op->id ^ 0xffff0000, P11KMS_OK, 0, SLICE("12345678901234567890123456789012", TOKEN_PRF_LEN));
}

static void do_short(const protocol_op *op)
{
    put_prf(op, TOKEN_PRF_LEN - 1);
}

static void do_long(const protocol_op *op)
{
    put_prf(op, TOKEN_PRF_LEN + 1);
}

static void do_twice(const protocol_op *op)
{
    do_right(op);
    do_right(op);
}

static void do_bad_status(const protocol_op *op)
{
    size_t begun = out.len;

    do_right(op);
    out.data[begun + 4 + 1 + 8] = 200;
}

static void do_result_with_error(const protocol_op *op)
{
    put_reply(op->id, P11KMS_E_TOKEN, 5, SLICE_LIT("12345678901234567890123456789012"));
}

static void do_trailing(const protocol_op *op)
{
    size_t begun = out.len;

    do_right(op);
    buf_put_u8(&out, 0);
    protocol_end(&out, begun);
}

static void do_ready_again(const protocol_op *op)
{
    token_info info = { .label = "again" };
    (void)op;

    protocol_put_info(&out, &info);
}

static void do_exclusive_of_nothing(const protocol_op *op)
{
    (void)op;
    protocol_put_exclusive(&out, 12345);
}

static void do_exclusive_of_crypto(const protocol_op *op)
{
    protocol_put_exclusive(&out, op->id);
}

_Noreturn static void flood(void)
{
    buf_t frames = out;

    out = (buf_t){ 0 };
    for (;;) {
        buf_clear(&out);
        buf_put_slice(&out, buf_slice(&frames));
        send_out();
    }
}

/* True as a notice, if not in this number. */
static void do_exclusive_for_ever(const protocol_op *op)
{
    for (int i = 0; i < 10000; i++) {
        protocol_put_exclusive(&out, op->id);
    }
    flood();
}

static void do_empty_replies_for_ever(const protocol_op *op)
{
    (void)op;
    for (int i = 0; i < 20000; i++) {
        protocol_end(&out, protocol_begin(&out, MSG_REPLIES));
    }
    flood();
}

static void do_exclusive(const protocol_op *op)
{
    protocol_put_exclusive(&out, op->id);
    send_out();
    sleep_ms(EXCLUSIVE_MS);
    do_right(op);
}

static void do_big_list(const protocol_op *op)
{
    static uint8_t ids[(PROTOCOL_LIST_MAX + 1) * TOKEN_KEY_ID];

    put_reply(op->id, P11KMS_OK, 0, SLICE(ids, sizeof(ids)));
}

static const struct {
    const char *in;
    void (*go)(const protocol_op *op);
} ways[] = {
    { "hang", do_hang },
    { "die", do_die },
    { "leave", do_leave },
    { "half", do_half },
    { "slow", do_slow },
    { "refuse", do_refuse },
    { "no-key", do_no_key },
    { "length-zero", do_length_zero },
    { "length-huge", do_length_huge },
    { "bad-type", do_bad_type },
    { "start-back", do_start_back },
    { "unknown-id", do_unknown_id },
    { "short", do_short },
    { "long", do_long },
    { "twice", do_twice },
    { "bad-status", do_bad_status },
    { "result-with-error", do_result_with_error },
    { "trailing", do_trailing },
    { "ready-again", do_ready_again },
    { "exclusive-of-nothing", do_exclusive_of_nothing },
    { "exclusive-of-crypto", do_exclusive_of_crypto },
    { "exclusive", do_exclusive },
    { "exclusive-for-ever", do_exclusive_for_ever },
    { "empty-replies-for-ever", do_empty_replies_for_ever },
    { "big-list", do_big_list },
};

static void go(const protocol_op *op)
{
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        if (slice_eq_str(op->in, ways[i].in)) {
            ways[i].go(op);
            return;
        }
    }
    do_right(op);
}

/* ---- how a start can go ---- */

static void be_ready(void)
{
    token_info info = { .label = "fake", .library = "fake host", .can_prf = true, .keys = 2 };

    protocol_put_login(&out);
    protocol_put_info(&out, &info);
    send_out();
}

static void fail_with(p11kms_err err, const char *text)
{
    protocol_failed failed = { .err = err, .ckr = 0xa0, .text = text };

    protocol_put_failed(&out, &failed);
    send_out();
    _exit(1);
}

static void start_refused(unsigned start)
{
    (void)start;
    protocol_put_login(&out);
    fail_with(P11KMS_E_TOKEN_PIN, "C_Login: CKR_PIN_INCORRECT");
}

/* As after the operator mended the PIN. */
static void start_refused_once(unsigned start)
{
    if (start == 0) {
        start_refused(start);
    }
    be_ready();
}

static void start_misconfigured(unsigned start)
{
    (void)start;
    fail_with(P11KMS_E_CONFIG, "the URI matches none");
}

static void start_silent(unsigned start)
{
    (void)start;
    hang();
}

static void start_nonsense(unsigned start)
{
    (void)start;
    put_reply(1, P11KMS_OK, 0, (slice_t){ 0 });
    send_out();
    hang();
}

static void start_dies(unsigned start)
{
    (void)start;
    _exit(7);
}

static void start_dies_thrice(unsigned start)
{
    if (start < 3) {
        _exit(7);
    }
    be_ready();
}

static void start_dies_in_login(unsigned start)
{
    (void)start;
    protocol_put_login(&out);
    send_out();
    _exit(7);
}

/* Whatever the module starts may keep the socket open: the host's death must be seen all the same. */
static void start_with_child(unsigned start)
{
    be_ready();
    if (start == 0 && fork() == 0) {
        sleep_ms(3000);
        _exit(0);
    }
}

static void start_checked(unsigned start)
{
    char text[64];
    (void)start;

    for (int fd = PROTOCOL_FD + 1; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            snprintf(text, sizeof(text), "descriptor %d is open", fd);
            fail_with(P11KMS_E_CONFIG, text);
        }
    }
    if (getpgrp() != getpid()) {
        fail_with(P11KMS_E_CONFIG, "not in a group of its own");
    }
    if (signal(SIGUSR1, SIG_DFL) != SIG_DFL) {
        fail_with(P11KMS_E_CONFIG, "a signal is not at its default");
    }
    be_ready();
}

static void start_right(unsigned start)
{
    (void)start;
    be_ready();
}

static const struct {
    const char *manner;
    void (*start)(unsigned start);
} manners[] = {
    { "right", start_right },
    { "refused", start_refused },
    { "refused-once", start_refused_once },
    { "misconfigured", start_misconfigured },
    { "silent", start_silent },
    { "nonsense", start_nonsense },
    { "dies", start_dies },
    { "dies-thrice", start_dies_thrice },
    { "dies-in-login", start_dies_in_login },
    { "with-child", start_with_child },
    { "checked", start_checked },
};

/* The number of starts before this one. */
static unsigned note_start(const char *path, uint8_t login)
{
    FILE *log = fopen(path, "a+");
    unsigned before = 0;
    int c;

    if (log == NULL) {
        _exit(99);
    }
    while ((c = fgetc(log)) != EOF) {
        before += c == '\n';
    }
    fprintf(log, "%d %lld\n", login, (long long)(clock_mono_us() / 1000));
    fclose(log);
    return before;
}

static void start(const protocol_start *options)
{
    char path[4096], manner[64];

    if (sscanf(options->init_args, "%4095s %63s", path, manner) != 2) {
        _exit(99);
    }
    for (size_t i = 0; i < COUNT_OF(manners); i++) {
        if (strcmp(manners[i].manner, manner) == 0) {
            manners[i].start(note_start(path, options->login));
            return;
        }
    }
    _exit(99);
}

static void take(const protocol_frame *frame)
{
    reader_t reader = reader_over(frame->body);
    protocol_start options;
    protocol_op op;

    if (frame->type == MSG_START && protocol_get_start(frame->body, &options)) {
        start(&options);
        return;
    }
    while (frame->type == MSG_OPS && protocol_get_op(&reader, &op)) {
        go(&op);
    }
    if (!reader_done(&reader)) {
        _exit(98);
    }
    send_out();
}

int main(void)
{
    static buf_t in;
    protocol_frame frame;
    protocol_state state;

    for (;;) {
        uint8_t *at = buf_reserve(&in, 65536);
        ssize_t n = recv(PROTOCOL_FD, at, 65536, 0);

        if (n <= 0) {
            return 0;
        }
        in.len += (size_t)n;
        while ((state = protocol_next(buf_slice(&in), &frame)) == FRAME_WHOLE) {
            take(&frame);
            buf_consume(&in, frame.size);
        }
        if (state == FRAME_BAD) {
            return 97;
        }
    }
}
