/* Shorter calls for tests, and many operations at once. */
#pragma once

#include "tests/testing.h"
#include "token/token.h"

static inline p11kms_err call(token_t *token, token_op_t *op, token_op_kind kind, const uint8_t *key, slice_t in)
{
    op->kind = kind;
    op->in = in;
    if (key != NULL) {
        memcpy(op->key_id, key, TOKEN_KEY_ID);
    }
    return token_call(token, op);
}

/* Operations that are submitted, not waited for: done counts those that came back. */
typedef struct {
    token_op_t op; /* first */
    unsigned *done;
} counted_op;

static inline void counted_run(completion_t *self)
{
    counted_op *counted = (counted_op *)self;

    (*counted->done)++;
}

static inline void counted_submit(token_t *token, counted_op *counted, mailbox_t *box, unsigned *done)
{
    counted->op.mailbox = box;
    counted->op.done.run = counted_run;
    counted->done = done;
    token_submit(token, &counted->op);
}

/* Wait until @p done is @p n, at most some seconds. */
static inline void wait_for(mailbox_t *box, const unsigned *done, unsigned n)
{
    for (int i = 0; i < 1000 && *done < n; i++) {
        mailbox_wait(box, 10);
    }
    assert_int_equal(*done, n);
}
