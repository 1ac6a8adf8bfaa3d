/*
 * How work done elsewhere comes back to the thread that asked: one queue a
 * loop, one wake-up for many completions.
 *
 * Embed completion_t first in your own struct; set run before handing it out.
 * Whoever finished the work posts it (or a chain of them); the owner drains.
 */
#pragma once

#include "util/err.h"

typedef struct completion completion_t;
struct completion {
    completion_t *next;
    void (*run)(completion_t *self); /* on the mailbox owner's thread */
};

typedef struct mailbox mailbox_t;

/**
 * @param wake  Called, from any thread, when the mailbox goes from empty to not empty;
 *              must not block (uv_async_send, an eventfd write). May be NULL for mailbox_wait().
 */
MUST_USE p11kms_err mailbox_new(void (*wake)(void *arg), void *arg, mailbox_t **ret);
void mailbox_free(mailbox_t *box); /* what is still in it is dropped, not run */
/** Post a chain linked by next, first to last; runs in that order. */
void mailbox_post(mailbox_t *box, completion_t *first, completion_t *last);
/** Run what is there now; the number run. Owner's thread only. */
size_t mailbox_drain(mailbox_t *box);
/** Block up to @p timeout_ms (-1: for ever) until something is there, then drain. For threads without a loop. */
size_t mailbox_wait(mailbox_t *box, int timeout_ms);
