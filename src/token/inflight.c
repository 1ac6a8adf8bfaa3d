#include "token/inflight.h"

#define NONE UINT32_MAX
#define SLOT_BITS 16 /* an id is generation << SLOT_BITS | slot */
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)

static const inflight_lane lane_of[TOKEN_OP_COUNT] = {
    [TOKEN_OP_PRF] = LANE_CRYPTO,     [TOKEN_OP_GENERATE] = LANE_SLOW,    [TOKEN_OP_DESTROY] = LANE_SLOW,
    [TOKEN_OP_RANDOM] = LANE_CRYPTO,  [TOKEN_OP_LIST] = LANE_SLOW,        [TOKEN_OP_PING] = LANE_CRYPTO,
    [TOKEN_OP_SIGN] = LANE_PRIVATE,   [TOKEN_OP_DECRYPT] = LANE_PRIVATE,  [TOKEN_OP_AGREE] = LANE_PRIVATE,
    [TOKEN_OP_IMPORT] = LANE_SLOW,    [TOKEN_OP_PUBLIC] = LANE_PRIVATE,
};

inflight_lane inflight_lane_of(token_op_kind kind, token_mechanism mechanism)
{
    const kinds_mechanism *row = kinds_of_mechanism(mechanism);

    if (kind == TOKEN_OP_SIGN && row != NULL && row->family == FAMILY_SECRET) {
        return LANE_CRYPTO; /* as quick as a PRF */
    }
    return lane_of[kind];
}

static void make_empty(inflight_t *table)
{
    table->count = 0;
    table->pairs = 0;
    table->exclusive = 0;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        table->lanes[i].oldest = table->lanes[i].newest = NONE;
        table->lanes[i].count = 0;
    }
    for (uint32_t i = 0; i < table->capacity; i++) {
        table->slots[i].taken = false;
        table->slots[i].newer = i + 1 < table->capacity ? i + 1 : NONE;
    }
    table->free = 0;
}

p11kms_err inflight_init(inflight_t *table, uint32_t capacity, int64_t crypto_limit_us, int64_t slow_limit_us)
{
    ENSURE(capacity >= 1 && capacity <= SLOT_MASK + 1, P11KMS_E_RANGE);
    table->slots = calloc(capacity, sizeof(*table->slots));
    ENSURE(table->slots != NULL, P11KMS_E_NOMEM);
    table->capacity = capacity;
    table->lanes[LANE_CRYPTO].capacity = capacity;
    table->lanes[LANE_PRIVATE].capacity = (capacity + 3) / 4;
    table->lanes[LANE_SLOW].capacity = (capacity + 1) / 2;
    table->lanes[LANE_CRYPTO].limit_us = crypto_limit_us;
    table->lanes[LANE_PRIVATE].limit_us = crypto_limit_us;
    table->lanes[LANE_SLOW].limit_us = slow_limit_us;
    make_empty(table);
    return P11KMS_OK;
}

void inflight_free(inflight_t *table)
{
    free(table->slots);
    *table = (inflight_t){ 0 };
}

static bool makes_pair(const kinds_bounds *bounds)
{
    return bounds->kind == TOKEN_OP_GENERATE && kinds_is_pair(bounds->type);
}

static bool is_full(const inflight_t *table, inflight_lane lane, const kinds_bounds *bounds)
{
    return table->free == NONE || table->lanes[lane].count == table->lanes[lane].capacity ||
           (makes_pair(bounds) && table->pairs == INFLIGHT_PAIRS_MAX);
}

bool inflight_add(inflight_t *table, token_op_t *op, int64_t now_us)
{
    kinds_bounds bounds = kinds_of_op(op);
    inflight_lane lane = inflight_lane_of(bounds.kind, bounds.mechanism);
    uint32_t at = table->free;
    inflight_slot *slot;

    if (is_full(table, lane, &bounds)) {
        return false;
    }
    slot = &table->slots[at];
    table->free = slot->newer;
    table->generation++;
    op->id = table->generation << SLOT_BITS | at;
    op->deadline_us = now_us + table->lanes[lane].limit_us;
    *slot = (inflight_slot){
        .id = op->id,
        .op = op,
        .bounds = bounds,
        .lane = lane,
        .deadline_us = op->deadline_us,
        .older = table->lanes[lane].newest,
        .newer = NONE,
        .taken = true,
    };
    if (slot->older == NONE) {
        table->lanes[lane].oldest = at;
        table->lanes[lane].oldest_since_us = now_us;
    } else {
        table->slots[slot->older].newer = at;
    }
    table->lanes[lane].newest = at;
    table->lanes[lane].count++;
    table->pairs += makes_pair(&bounds);
    table->count++;
    return true;
}

inflight_slot *inflight_find(inflight_t *table, uint64_t id)
{
    uint64_t at = id & SLOT_MASK;

    if (at >= table->capacity || !table->slots[at].taken || table->slots[at].id != id) {
        return NULL;
    }
    return &table->slots[at];
}

void inflight_remove(inflight_t *table, inflight_slot *slot, int64_t now_us)
{
    inflight_lane lane = slot->lane;

    if (slot->older == NONE) {
        table->lanes[lane].oldest = slot->newer;
        table->lanes[lane].oldest_since_us = now_us;
    } else {
        table->slots[slot->older].newer = slot->newer;
    }
    if (slot->newer == NONE) {
        table->lanes[lane].newest = slot->older;
    } else {
        table->slots[slot->newer].older = slot->older;
    }
    if (slot->id == table->exclusive) {
        table->exclusive = 0;
        table->lanes[LANE_CRYPTO].oldest_since_us = now_us;
        table->lanes[LANE_PRIVATE].oldest_since_us = now_us;
    }
    slot->taken = false;
    slot->op = NULL;
    slot->newer = table->free;
    table->free = (uint32_t)(slot - table->slots);
    table->lanes[lane].count--;
    table->pairs -= makes_pair(&slot->bounds);
    table->count--;
}

bool inflight_set_exclusive(inflight_t *table, inflight_slot *slot)
{
    if (slot->lane != LANE_SLOW || (table->exclusive != 0 && table->exclusive != slot->id)) {
        return false;
    }
    table->exclusive = slot->id;
    return true;
}

/* When a lane's oldest has had its time; INT64_MAX where it cannot be blamed. */
static int64_t hangs_at(const inflight_t *table, inflight_lane lane)
{
    if (table->lanes[lane].oldest == NONE || (lane != LANE_SLOW && table->exclusive != 0)) {
        return INT64_MAX;
    }
    return table->lanes[lane].oldest_since_us + table->lanes[lane].limit_us;
}

bool inflight_hangs(const inflight_t *table, int64_t now_us)
{
    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        if (now_us >= hangs_at(table, lane)) {
            return true;
        }
    }
    return false;
}

/* Deadlines of a lane are in its order, so what was given up before comes first. */
static uint32_t oldest_waiting(const inflight_t *table, inflight_lane lane)
{
    uint32_t at = table->lanes[lane].oldest;

    while (at != NONE && table->slots[at].op == NULL) {
        at = table->slots[at].newer;
    }
    return at;
}

static token_op_t **append(token_op_t **end, token_op_t *op)
{
    op->link = NULL;
    *end = op;
    return &op->link;
}

token_op_t *inflight_give_up(inflight_t *table, int64_t now_us)
{
    token_op_t *chain = NULL;
    token_op_t **end = &chain;

    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        uint32_t at = oldest_waiting(table, lane);

        for (; at != NONE && table->slots[at].deadline_us <= now_us; at = table->slots[at].newer) {
            end = append(end, table->slots[at].op);
            table->slots[at].op = NULL;
        }
    }
    return chain;
}

token_op_t *inflight_take_all(inflight_t *table)
{
    token_op_t *chain = NULL;
    token_op_t **end = &chain;

    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        uint32_t at = oldest_waiting(table, lane);

        for (; at != NONE; at = table->slots[at].newer) {
            end = append(end, table->slots[at].op);
        }
    }
    make_empty(table);
    return chain;
}

int64_t inflight_next_us(const inflight_t *table)
{
    int64_t next = INT64_MAX;

    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        uint32_t waiting = oldest_waiting(table, lane);
        int64_t hangs = hangs_at(table, lane);

        if (hangs < next) {
            next = hangs;
        }
        if (waiting != NONE && table->slots[waiting].deadline_us < next) {
            next = table->slots[waiting].deadline_us;
        }
    }
    return next;
}
