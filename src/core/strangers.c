#include "core/strangers.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "core/rates.h"
#include "util/clock.h"
#include "util/encode.h"

#define PEERS_TOLD 16
#define STATUSES_TOLD 16 /* those of src/http/refusal.c, and 0 for handshakes */
#define PEER_TEXT 72

typedef struct {
    char peer[PEER_TEXT];
    uint64_t count;
} peer_count_t;

typedef struct {
    int status;
    uint64_t count;
} status_count_t;

struct strangers_tally {
    int64_t first_us; /* when its first was counted; 0: nothing was */
    int64_t first_ms, last_ms;
    uint64_t unrecorded[STRANGER_VERDICTS];
    status_count_t statuses[STATUSES_TOLD];
    peer_count_t peers[PEERS_TOLD];
};

struct strangers {
    strangers_limits limits;
    rates_t *rates;
    strangers_tally_t tally;
    uint64_t unrecorded[STRANGER_VERDICTS]; /* since the start */
    status_count_t statuses[STATUSES_TOLD];
};

enum { RATE_PEER, RATE_ALL, RATE_COUNT };

p11kms_err strangers_new(const strangers_limits *limits, strangers_t **ret)
{
    const unsigned per_second[RATE_COUNT] = { [RATE_PEER] = limits->per_peer, [RATE_ALL] = limits->in_all };
    strangers_t *strangers = calloc(1, sizeof(*strangers));

    ENSURE(strangers, P11KMS_E_NOMEM);
    strangers->limits = *limits;
    p11kms_err err = rates_new(per_second, RATE_COUNT, &strangers->rates);
    if (err != P11KMS_OK) {
        free(strangers);
        return err;
    }
    *ret = strangers;
    return P11KMS_OK;
}

void strangers_free(strangers_t *strangers)
{
    if (strangers) {
        rates_free(strangers->rates);
        free(strangers);
    }
}

/* ---- who ---- */

/* Who has one address of IPv6 has 2^64: a network of that size is one peer (RFC 6177). */
static void name_peer(const peer_t *peer, char out[PEER_TEXT])
{
    struct in6_addr v6;
    char prefix[INET6_ADDRSTRLEN];

    if (peer->kind == PEER_UNIX) {
        snprintf(out, PEER_TEXT, "uid %u", peer->uid);
    } else if (inet_pton(AF_INET6, peer->address, &v6) == 1) {
        memset(&v6.s6_addr[8], 0, 8);
        inet_ntop(AF_INET6, &v6, prefix, sizeof(prefix));
        snprintf(out, PEER_TEXT, "%s/64", prefix);
    } else {
        snprintf(out, PEER_TEXT, "%s", peer->address);
    }
}

/* ---- counting ---- */

/* Space-Saving (Metwally, Agrawal, El Abbadi 2005): whoever came most is among them, and no count is too low. */
static void count_peer(strangers_tally_t *tally, const char *peer, uint64_t count)
{
    peer_count_t *least = &tally->peers[0];

    for (size_t i = 0; i < PEERS_TOLD; i++) {
        peer_count_t *one = &tally->peers[i];

        if (one->count > 0 && strcmp(one->peer, peer) == 0) {
            one->count += count;
            return;
        }
        if (one->count < least->count) {
            least = one;
        }
    }
    snprintf(least->peer, sizeof(least->peer), "%s", peer);
    least->count += count;
}

/* The last place is for all that found none. */
static void count_status(status_count_t statuses[STATUSES_TOLD], int status, uint64_t count)
{
    size_t i = 0;

    while (i + 1 < STATUSES_TOLD && statuses[i].count > 0 && statuses[i].status != status) {
        i++;
    }
    if (statuses[i].count == 0) {
        statuses[i].status = status;
    }
    statuses[i].count += count;
}

static void note_time(strangers_tally_t *tally, int64_t now_us)
{
    tally->last_ms = clock_wall_ms();
    if (tally->first_us == 0) {
        tally->first_us = now_us;
        tally->first_ms = tally->last_ms;
    }
}

static stranger_verdict judge(strangers_t *strangers, const char *name, bool low, int64_t now_us)
{
    if (low) {
        return STRANGER_NO_ROOM;
    }
    if (!rates_take(strangers->rates, SLICE_STR(name), RATE_PEER, now_us) ||
        !rates_take(strangers->rates, SLICE_LIT("all"), RATE_ALL, now_us)) {
        return STRANGER_THROTTLED;
    }
    return STRANGER_RECORDED;
}

stranger_verdict strangers_judge(strangers_t *strangers, const peer_t *peer, bool low, int64_t now_us)
{
    char name[PEER_TEXT];

    name_peer(peer, name);
    stranger_verdict verdict = judge(strangers, name, low, now_us);
    if (verdict != STRANGER_RECORDED) {
        note_time(&strangers->tally, now_us);
        count_peer(&strangers->tally, name, 1);
        strangers->tally.unrecorded[verdict]++;
        strangers->unrecorded[verdict]++;
    }
    return verdict;
}

void strangers_count(strangers_t *strangers, const peer_t *peer, int status, int64_t now_us)
{
    char name[PEER_TEXT];

    name_peer(peer, name);
    note_time(&strangers->tally, now_us);
    count_peer(&strangers->tally, name, 1);
    count_status(strangers->tally.statuses, status, 1);
    count_status(strangers->statuses, status, 1);
}

/* ---- summing up ---- */

bool strangers_counted(const strangers_t *strangers)
{
    return strangers->tally.first_us != 0;
}

bool strangers_due(const strangers_t *strangers, bool low, int64_t now_us)
{
    const strangers_tally_t *tally = &strangers->tally;

    if (!strangers_counted(strangers)) {
        return false;
    }
    return (!low && tally->unrecorded[STRANGER_NO_ROOM] > 0) ||
           now_us - tally->first_us >= (int64_t)strangers->limits.every_ms * 1000;
}

strangers_tally_t *strangers_take(strangers_t *strangers)
{
    strangers_tally_t *taken = malloc(sizeof(*taken));

    if (taken) {
        *taken = STEAL(strangers->tally);
    }
    return taken;
}

void strangers_give_back(strangers_t *strangers, strangers_tally_t *tally)
{
    strangers_tally_t *now = &strangers->tally;

    for (size_t i = 0; i < STRANGER_VERDICTS; i++) {
        now->unrecorded[i] += tally->unrecorded[i];
    }
    for (size_t i = 0; i < STATUSES_TOLD && tally->statuses[i].count > 0; i++) {
        count_status(now->statuses, tally->statuses[i].status, tally->statuses[i].count);
    }
    for (size_t i = 0; i < PEERS_TOLD && tally->peers[i].count > 0; i++) {
        count_peer(now, tally->peers[i].peer, tally->peers[i].count);
    }
    now->last_ms = now->first_us ? now->last_ms : tally->last_ms;
    now->first_us = tally->first_us;
    now->first_ms = tally->first_ms;
    free(tally);
}

static void put_time(jw_t *w, const char *name, int64_t ms)
{
    char when[TIME_TEXT];

    time_format_iso(ms, when);
    jw_key(w, name);
    jw_string(w, when);
}

static void put_count(jw_t *w, const char *name, uint64_t count)
{
    jw_key(w, name);
    jw_int(w, (int64_t)count);
}

static void put_http(const strangers_tally_t *tally, jw_t *w)
{
    char status[16];
    uint64_t handshakes = 0;

    jw_key(w, "http");
    jw_object(w);
    for (size_t i = 0; i < STATUSES_TOLD && tally->statuses[i].count > 0; i++) {
        if (tally->statuses[i].status == 0) {
            handshakes = tally->statuses[i].count;
            continue;
        }
        snprintf(status, sizeof(status), "%d", tally->statuses[i].status);
        put_count(w, status, tally->statuses[i].count);
    }
    jw_end(w);
    put_count(w, "handshakes", handshakes);
}

void strangers_write(const strangers_tally_t *tally, jw_t *w)
{
    jw_object(w);
    put_time(w, "from", tally->first_ms);
    put_time(w, "until", tally->last_ms);
    put_count(w, "tooMany", tally->unrecorded[STRANGER_THROTTLED]);
    put_count(w, "noRoom", tally->unrecorded[STRANGER_NO_ROOM]);
    put_http(tally, w);
    jw_key(w, "peers");
    jw_array(w);
    for (size_t i = 0; i < PEERS_TOLD && tally->peers[i].count > 0; i++) {
        jw_object(w);
        jw_key(w, "peer");
        jw_string(w, tally->peers[i].peer);
        put_count(w, "count", tally->peers[i].count);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

/* ---- metrics ---- */

uint64_t strangers_unrecorded(const strangers_t *strangers, stranger_verdict verdict)
{
    return strangers->unrecorded[verdict];
}

void strangers_metrics(const strangers_t *strangers, buf_t *out)
{
    buf_printf(out,
               "# HELP p11kms_refusals_unrecorded_total Refusals without a record of their own.\n"
               "# TYPE p11kms_refusals_unrecorded_total counter\n"
               "p11kms_refusals_unrecorded_total{why=\"too-many\"} %llu\n"
               "p11kms_refusals_unrecorded_total{why=\"no-room\"} %llu\n"
               "# HELP p11kms_http_refused_total Requests that no operation came of.\n"
               "# TYPE p11kms_http_refused_total counter\n",
               (unsigned long long)strangers->unrecorded[STRANGER_THROTTLED],
               (unsigned long long)strangers->unrecorded[STRANGER_NO_ROOM]);
    for (size_t i = 0; i < STATUSES_TOLD && strangers->statuses[i].count > 0; i++) {
        if (strangers->statuses[i].status != 0) {
            buf_printf(out, "p11kms_http_refused_total{status=\"%d\"} %llu\n", strangers->statuses[i].status,
                       (unsigned long long)strangers->statuses[i].count);
        }
    }
}
