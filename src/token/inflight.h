/*
 * What the host has been asked and has not answered: private to the room, and
 * under the front's lock.
 *
 * The host works on three lanes, each in the order of submission: crypto with secret
 * keys, private keys, and object management. The oldest of a lane is therefore being worked on, and a
 * host that lets it wait for its deadline hangs. One that waited its deadline
 * behind others is given up: its caller has been answered, its place is kept
 * until the host's late reply.
 */
#pragma once

#include "token/kinds.h"

/*
 * Key pairs that the host is asked to make at once. One of RSA_4096 takes seconds, and material of every other kind is
 * made, imported and destroyed behind it, on the same lane: more would only wait until they are given up, and be made
 * all the same.
 */
#define INFLIGHT_PAIRS_MAX 16

typedef enum { LANE_CRYPTO, LANE_PRIVATE, LANE_SLOW, LANE_COUNT } inflight_lane;

typedef struct {
    uint64_t id;
    token_op_t *op; /* NULL: given up */
    kinds_bounds bounds;
    inflight_lane lane;
    int64_t deadline_us;
    uint32_t older;
    uint32_t newer; /* also the list of free slots */
    bool taken;
} inflight_slot;

typedef struct {
    inflight_slot *slots;
    uint32_t capacity;
    uint32_t free;
    uint32_t count;
    uint64_t generation;
    struct {
        uint32_t oldest;
        uint32_t newest;
        uint32_t count;
        uint32_t capacity; /* however many of the others, they leave a quarter of all places for crypto */
        int64_t oldest_since_us; /* since when the oldest is the oldest */
        int64_t limit_us;
    } lanes[LANE_COUNT];
    uint32_t pairs; /* to be made, given up or not */
    uint64_t exclusive; /* the slow operation that holds the token alone, or 0 */
} inflight_t;

/** @param capacity  1..65536 */
MUST_USE p11kms_err inflight_init(inflight_t *table, uint32_t capacity, int64_t crypto_limit_us,
                                  int64_t slow_limit_us);
void inflight_free(inflight_t *table);

inflight_lane inflight_lane_of(token_op_kind kind, token_mechanism mechanism);

/** Sets op->id and op->deadline_us. @return false when it is full: at all, for the lane, or for pairs to be made */
bool inflight_add(inflight_t *table, token_op_t *op, int64_t now_us);
/** NULL when the host was never asked this or has answered it. */
inflight_slot *inflight_find(inflight_t *table, uint64_t id);
void inflight_remove(inflight_t *table, inflight_slot *slot, int64_t now_us);
/** Note that @p slot holds the token alone: crypto waits for it and does not hang meanwhile. */
bool inflight_set_exclusive(inflight_t *table, inflight_slot *slot);

/** A lane's oldest operation has had its whole time: the host hangs. */
bool inflight_hangs(const inflight_t *table, int64_t now_us);
/** Give up what has waited its deadline behind others: a chain by op->link, oldest first, or NULL. */
token_op_t *inflight_give_up(inflight_t *table, int64_t now_us);
/** Forget everything; a chain by op->link of the operations nobody has answered, or NULL. */
token_op_t *inflight_take_all(inflight_t *table);
/** The next time inflight_hangs() or inflight_give_up() can have something to say; INT64_MAX for never. */
int64_t inflight_next_us(const inflight_t *table);
