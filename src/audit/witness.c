#include "audit/witness.h"

#include <fcntl.h>
#include <stdio.h>

#include "audit/thread.h"
#include "audit/witness_ask.h"
#include "util/clock.h"

#define LOG_ROOM "audit"
#include "util/log.h"

typedef struct {
    witnesses_t *all;
    pthread_t thread;
    bool running;
    char *url, *ca_file, *vkey;
    witness_at at; /* of these */
    note_key_t *key;
    witness_state state; /* the thread's alone */
    uint64_t round;      /* done last */
    bool failing;        /* told */
    uint64_t cosigned, failures, size;
} witness_t;

struct witnesses {
    int folder;
    witness_calls calls;
    pthread_mutex_t lock; /* over all below, but for each one's state */
    pthread_cond_t wake;
    pthread_cond_t idle; /* no round is under way */
    bool stopping;
    buf_t newest;  /* offered last */
    buf_t note;    /* of this round */
    buf_t lines;   /* that came in so far */
    uint64_t round;
    size_t asking; /* how many have not answered in this round */
    bool ending;   /* what they gave is being handed over */
    size_t n;
    witness_t of[WITNESSES_MAX];
};

/** Under the lock. */
static void begin_round(witnesses_t *w)
{
    buf_clear(&w->note);
    buf_clear(&w->lines);
    buf_put_slice(&w->note, buf_slice(&w->newest));
    w->round++;
    w->asking = w->n;
    pthread_cond_broadcast(&w->wake);
}

/** Under the lock, which is given up meanwhile. */
static void end_round(witnesses_t *w)
{
    _cleanup_buf_ buf_t note = { 0 };
    bool any = w->lines.len > 0;

    w->ending = true;
    buf_put_slice(&note, buf_slice(&w->note));
    buf_put_slice(&note, buf_slice(&w->lines));
    void (*cosigned)(void *arg, slice_t whole) = w->calls.cosigned;
    if (any && cosigned && !buf_failed(&note)) {
        pthread_mutex_unlock(&w->lock);
        cosigned(w->calls.arg, buf_slice(&note));
        pthread_mutex_lock(&w->lock);
    }
    if (!w->stopping && w->asking == 0 && !slice_eq(buf_slice(&w->newest), buf_slice(&w->note))) {
        begin_round(w);
    }
    w->ending = false;
    pthread_cond_broadcast(&w->idle);
}

/* One line when it begins to fail, one when it is well again; another tree is told each time. */
static void tell(witness_t *one, p11kms_err err)
{
    const char *name = note_key_name(one->key);

    if (err == P11KMS_E_CONFLICT) {
        log_error("witness %s does not cosign: %s", name, p11kms_err_detail(err));
    } else if (err != P11KMS_OK && !one->failing) {
        log_warning("witness %s does not cosign, the next checkpoint is tried: %s", name, p11kms_err_detail(err));
    } else if (err == P11KMS_OK && one->failing) {
        log_notice("witness %s cosigns again", name);
    }
    one->failing = err != P11KMS_OK;
}

static p11kms_err ask(witness_t *one, const buf_t *text, buf_t *lines, uint64_t *ret_size)
{
    note_t note;

    ENSURE(!buf_failed(text), P11KMS_E_NOMEM);
    TRY(note_parse(buf_slice(text), &note));
    *ret_size = note.size;
    return witness_ask(one->all->folder, &one->at, one->key, &note, &one->all->calls, &one->state, lines);
}

/** Under the lock, which is given up meanwhile. */
static void take_part(witness_t *one)
{
    witnesses_t *w = one->all;
    _cleanup_buf_ buf_t note = { 0 };
    _cleanup_buf_ buf_t lines = { 0 };
    uint64_t size = 0;

    one->round = w->round;
    buf_put_slice(&note, buf_slice(&w->note));
    pthread_mutex_unlock(&w->lock);
    p11kms_err err = ask(one, &note, &lines, &size);
    tell(one, err);
    pthread_mutex_lock(&w->lock);

    if (err == P11KMS_OK) {
        buf_put_slice(&w->lines, buf_slice(&lines));
        one->cosigned++;
        one->size = size;
    } else {
        one->failures++;
    }
    if (--w->asking == 0) {
        end_round(w);
    }
}

static void *run(void *arg)
{
    witness_t *one = arg;
    witnesses_t *w = one->all;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        if (one->round != w->round) {
            take_part(one);
        } else {
            pthread_cond_wait(&w->wake, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void witnesses_offer(witnesses_t *w, slice_t note)
{
    pthread_mutex_lock(&w->lock);
    buf_clear(&w->newest);
    buf_put_slice(&w->newest, note);
    if (!w->stopping && w->asking == 0 && !w->ending && !slice_eq(note, buf_slice(&w->note))) {
        begin_round(w);
    }
    pthread_mutex_unlock(&w->lock);
}

size_t witnesses_get_stats(witnesses_t *w, witness_stats ret[WITNESSES_MAX])
{
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->n; i++) {
        const witness_t *one = &w->of[i];
        ret[i] = (witness_stats){ note_key_name(one->key), one->cosigned, one->failures, one->size };
    }
    pthread_mutex_unlock(&w->lock);
    return w->n;
}

static p11kms_err prepare(witnesses_t *w, const witness_at *at)
{
    witness_t *one = &w->of[w->n++];

    one->all = w;
    one->url = strdup(at->url);
    one->vkey = strdup(at->vkey);
    one->ca_file = at->ca_file ? strdup(at->ca_file) : NULL;
    ENSURE(one->url && one->vkey && (one->ca_file || !at->ca_file), P11KMS_E_NOMEM);
    one->at = (witness_at){ .url = one->url, .vkey = one->vkey, .ca_file = one->ca_file };
    p11kms_err err = note_key_parse(SLICE_STR(at->vkey), &one->key);
    if (err != P11KMS_OK || note_key_kind(one->key) != NOTE_COSIGNATURE) {
        FAIL(err != P11KMS_OK ? err : P11KMS_E_UNSUPPORTED, "the key of witness %s is none of a cosigner (type 4)",
             at->url);
    }
    return P11KMS_OK;
}

static p11kms_err start_all(witnesses_t *w, const witness_at *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        TRY(prepare(w, &at[i]));
    }
    for (size_t i = 0; i < n; i++) {
        if (thread_start(&w->of[i].thread, run, &w->of[i]) != 0) {
            FAIL(P11KMS_E_NOMEM, "no thread for a witness can be started");
        }
        w->of[i].running = true;
    }
    return P11KMS_OK;
}

p11kms_err witnesses_start(int folder, const witness_at *at, size_t n, const witness_calls *calls, witnesses_t **ret)
{
    if (n > WITNESSES_MAX) {
        FAIL(P11KMS_E_LIMIT, "at most %d witnesses", WITNESSES_MAX);
    }
    witnesses_t *w = calloc(1, sizeof(*w));
    ENSURE(w, P11KMS_E_NOMEM);
    w->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    w->calls = *calls;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    thread_cond_init(&w->idle);
    p11kms_err err = w->folder < 0 ? P11KMS_E_AUDIT : start_all(w, at, n);
    if (err != P11KMS_OK) {
        (void)witnesses_stop(w, 0);
        return err;
    }
    *ret = w;
    return P11KMS_OK;
}

static void witnesses_free(witnesses_t *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->of[i].url);
        free(w->of[i].vkey);
        free(w->of[i].ca_file);
        note_key_free(w->of[i].key);
    }
    buf_free(&w->newest);
    buf_free(&w->note);
    buf_free(&w->lines);
    cleanup_fd(&w->folder);
    pthread_cond_destroy(&w->idle);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

bool witnesses_stop(witnesses_t *w, unsigned wait_ms)
{
    int64_t deadline = clock_mono_us() + (int64_t)wait_ms * 1000;

    if (!w) {
        return true;
    }
    pthread_mutex_lock(&w->lock);
    while ((w->asking > 0 || w->ending) && clock_mono_us() < deadline) {
        thread_wait_until(&w->idle, &w->lock, deadline);
    }
    bool idle = w->asking == 0 && !w->ending;
    w->stopping = true;
    w->calls.cosigned = idle ? w->calls.cosigned : NULL;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->n; i++) {
        if (w->of[i].running) {
            (void)(idle ? pthread_join(w->of[i].thread, NULL) : pthread_detach(w->of[i].thread));
        }
    }
    if (idle) {
        witnesses_free(w);
    }
    return idle;
}
