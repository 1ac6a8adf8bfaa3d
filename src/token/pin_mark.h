/*
 * Whether a PIN source is still what it was, without a look at the PIN: private to the room.
 * An order to log in must not send the token a PIN again that it has refused.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct {
    bool known; /* a regular file */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written;
    struct timespec changed;
} pin_mark;

pin_mark pin_mark_of(const char *source);
/** False also for what gives another PIN each time: a prompt, a FIFO. */
bool pin_mark_same(const pin_mark *a, const pin_mark *b);
