#include "token/token.h"

#include <stdio.h>

#include "token/front.h"
#include "token/kinds.h"
#include "util/clock.h"

struct token {
    char name[TOKEN_NAME_MAX + 1];
    const token_driver *driver;
    void *self;
    front_t *front; /* NULL behind a driver of someone else's */
};

static p11kms_err token_new(const char *name, token_t **ret)
{
    token_t *token;

    ENSURE(name != NULL && name[0] != '\0' && strlen(name) <= TOKEN_NAME_MAX, P11KMS_E_RANGE);
    token = calloc(1, sizeof(*token));
    ENSURE(token != NULL, P11KMS_E_NOMEM);
    snprintf(token->name, sizeof(token->name), "%s", name);
    *ret = token;
    return P11KMS_OK;
}

p11kms_err token_open(const token_options *options, bool keep_trying, token_t **ret)
{
    token_t *token = NULL;
    p11kms_err err;

    TRY(token_new(options->name, &token));
    err = front_open(options, keep_trying, &token->front);
    if (token->front == NULL) {
        free(token);
        return err;
    }
    token->driver = &front_driver;
    token->self = token->front;
    *ret = token;
    return err;
}

p11kms_err token_open_driver(const char *name, const token_driver *driver, void *self, token_t **ret)
{
    token_t *token = NULL;

    TRY(token_new(name, &token));
    token->driver = driver;
    token->self = self;
    *ret = token;
    return P11KMS_OK;
}

void token_close(token_t *token)
{
    if (token != NULL) {
        token->driver->close(token->self);
        free(token);
    }
}

const char *token_name(const token_t *token)
{
    return token->name;
}

token_state token_get_state(const token_t *token)
{
    return token->driver->state(token->self);
}

token_info token_get_info(const token_t *token)
{
    return token->driver->info(token->self);
}

void token_problem(const token_t *token, char *out, size_t size)
{
    static const char *const problems[] = {
        [TOKEN_STARTING] = "starting",
        [TOKEN_READY] = "",
        [TOKEN_LOST] = "lost",
        [TOKEN_PIN_REFUSED] = "the PIN was refused",
    };

    if (token->front != NULL) {
        front_problem(token->front, out, size);
    } else {
        snprintf(out, size, "%s", problems[token_get_state(token)]);
    }
}

void token_retry_login(token_t *token)
{
    if (token->front != NULL) {
        front_retry_login(token->front);
    }
}

token_stats token_get_stats(const token_t *token)
{
    return token->front != NULL ? front_get_stats(token->front) : (token_stats){ 0 };
}

int token_host_pid(const token_t *token)
{
    return token->front != NULL ? front_host_pid(token->front) : 0;
}

void token_submit(token_t *token, token_op_t *op)
{
    kinds_bounds bounds = kinds_of_op(op);

    op->started_us = clock_mono_us();
    op->err = P11KMS_OK;
    op->ckr = 0;
    op->out_used = 0;
    if (!kinds_op_fits(&bounds)) {
        op->err = P11KMS_E_RANGE;
        mailbox_post(op->mailbox, &op->done, &op->done);
        return;
    }
    token->driver->submit(token->self, op);
}

void token_flush(token_t *token)
{
    token->driver->flush(token->self);
}

static void call_returned(completion_t *self)
{
    (void)self;
}

p11kms_err token_call(token_t *token, token_op_t *op)
{
    mailbox_t *box = NULL;

    TRY(mailbox_new(NULL, NULL, &box));
    op->mailbox = box;
    op->done.run = call_returned;
    token_submit(token, op);
    token_flush(token);
    while (mailbox_wait(box, -1) == 0) {
        /* a spurious wake-up of the condition variable */
    }
    mailbox_free(box);
    op->mailbox = NULL;
    if (op->err != P11KMS_OK) {
        p11kms_fail_plain(op->err);
    }
    return op->err;
}

void token_op_wipe(token_op_t *op)
{
    secret_wipe(op->out, sizeof(op->out));
    op->out_used = 0;
    buf_free(&op->out_list);
}
