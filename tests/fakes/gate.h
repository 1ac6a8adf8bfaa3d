/* What two threads share of a fake: its orders, under one lock, and calls that hang until they are let go. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hold;
    unsigned held; /* calls in gate_pass() */
} gate_t;

#define GATE_OPEN { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

#define GATE_LOCKED(gate, statement)                                                                         \
    do {                                                                                                     \
        pthread_mutex_lock(&(gate)->lock);                                                                   \
        statement;                                                                                           \
        pthread_cond_broadcast(&(gate)->changed);                                                            \
        pthread_mutex_unlock(&(gate)->lock);                                                                 \
    } while (0)

/** Calls hang from now on, or no more. */
static inline void gate_hold(gate_t *gate, bool hold)
{
    GATE_LOCKED(gate, gate->hold = hold);
}

/** Under the lock, which is given up while it hangs. */
static inline void gate_pass(gate_t *gate)
{
    gate->held++;
    pthread_cond_broadcast(&gate->changed);
    while (gate->hold) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    gate->held--;
}

/** Wait until a call hangs. */
static inline void gate_await_held(gate_t *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->held == 0) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}
