/*
 * What the front and the host say to each other over their socketpair.
 *
 *     frame = length u32 | type u8 | body        length counts type and body
 *
 * Integers are big-endian; strings are length u16, bytes, and a NUL that is not
 * counted, so that they can be used in place. Neither side trusts the other: a
 * frame that is too long, short, unknown or has something left over is an error,
 * and an error ends the host.
 */
#pragma once

#include "token/token.h"

#define PROTOCOL_VERSION 3
#define PROTOCOL_FD 3            /* where the host finds its end */
#define PROTOCOL_OPS_MAX 64      /* operations in a frame */
#define PROTOCOL_LIST_MAX 65536  /* keys of ours on one token */
#define PROTOCOL_STRING_MAX 4096 /* a path, a URI, a sentence */
#define PROTOCOL_FRAME_MAX (PROTOCOL_LIST_MAX * TOKEN_KEY_ID + 65536)

typedef enum {
    MSG_START = 1, /* to the host, first: what to load and how to log in */
    MSG_OPS,       /* to the host */
    MSG_LOGIN,     /* from the host: C_Login is called next, so its outcome is unknown until the next frame */
    MSG_READY,     /* from the host, once: token_info */
    MSG_FAILED,    /* from the host: why it ends now */
    MSG_REPLIES,   /* from the host: each operation of MSG_OPS once, in any order */
    MSG_EXCLUSIVE, /* from the host: this operation holds the token alone until its reply */
    MSG_LOGGED_IN, /* from the host: C_Login succeeded */
} protocol_type;

typedef struct {
    size_t size; /* of the whole frame */
    uint8_t type;
    slice_t body;
} protocol_frame;

typedef enum { FRAME_PART, FRAME_WHOLE, FRAME_BAD } protocol_state;

/** Look at the start of what was received; @p ret is set for FRAME_WHOLE and borrows from it. */
protocol_state protocol_next(slice_t received, protocol_frame *ret);

/** Begin a frame in @p out; protocol_end() fills in its length. @return what protocol_end() needs */
size_t protocol_begin(buf_t *out, protocol_type type);
void protocol_end(buf_t *out, size_t begun);

typedef enum {
    LOGIN_PLAIN,
    LOGIN_CAREFUL, /* a login before had no known outcome: not if the token says that a PIN was wrong lately */
    LOGIN_ORDERED, /* the operator asks: also with the last try the token allows */
} protocol_login;

typedef struct {
    const char *name;
    const char *uri;
    const char *module;
    const char *init_args; /* "" for none */
    const char *pin_source;
    bool dev;
    bool session_copies;
    uint8_t sessions;
    uint8_t login;
} protocol_start;

void protocol_put_start(buf_t *out, const protocol_start *start);
bool protocol_get_start(slice_t body, protocol_start *ret); /* strings borrow from the body */

typedef struct {
    uint64_t id;
    uint8_t kind; /* token_op_kind */
    const uint8_t *key_id;
    const uint8_t *unwrap_id; /* IMPORT alone has it */
    uint8_t type;             /* these three are 0 where token_op's kind has none */
    uint8_t use;
    uint8_t mechanism;
    uint16_t out_len;
    slice_t in;
} protocol_op;

void protocol_put_op(buf_t *out, const protocol_op *op);
/** The next operation of a MSG_OPS body; the caller asks reader_done() when there is none. */
bool protocol_get_op(reader_t *body, protocol_op *ret);

typedef struct {
    uint64_t id;
    p11kms_err err; /* of those token_op names */
    uint64_t ckr;
    slice_t out;
} protocol_reply;

void protocol_put_reply(buf_t *out, const protocol_reply *reply);
/** The next reply of a MSG_REPLIES body; the caller asks reader_done() when there is none. */
bool protocol_get_reply(reader_t *body, protocol_reply *ret);

void protocol_put_info(buf_t *out, const token_info *info); /* a whole MSG_READY */
bool protocol_get_info(slice_t body, token_info *ret);

typedef struct {
    p11kms_err err; /* CONFIG, TOKEN_LOST or TOKEN_PIN */
    uint64_t ckr;
    const char *text;
} protocol_failed;

void protocol_put_failed(buf_t *out, const protocol_failed *failed);
bool protocol_get_failed(slice_t body, protocol_failed *ret);

void protocol_put_login(buf_t *out);
void protocol_put_logged_in(buf_t *out);
void protocol_put_exclusive(buf_t *out, uint64_t id);
bool protocol_get_exclusive(slice_t body, uint64_t *ret_id);
