#include "audit/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "audit/ledger.h"
#include "audit/segment.h"
#include "audit/thread.h"
#include "util/clock.h"

#define STOPPED "stopped"
#define LOOK_US 200000 /* noticed within a second, with time to read a segment */
#define LOOKS_MAX 50   /* at a file that changes while it is looked at */

/** A file as it was left. */
typedef struct {
    bool watched;
    unsigned generation;
    uint64_t number;
    char name[SEGMENT_NAME];
    struct stat st;
    merkle_hash chain; /* of notes */
    uint64_t more;     /* bytes that may be on their way */
    bool suspect;      /* its times changed: the content decides */
} view_t;

struct guard {
    int folder;
    char *dir;
    struct stat folder_st;
    log_tree_t *tree;
    void (*tampered)(void *arg, const char *reason);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t wake;
    pthread_cond_t gone;
    view_t views[GUARD_FILES];
    bool told;    /* nothing is looked at until guard_resume() */
    bool marking; /* the mark is on its way to the disk */
    bool stopping;
    bool ended;
};

/* ---- the mark ---- */

p11kms_err stopped_read(int folder, char reason[GUARD_REASON_MAX], uint64_t *ret_size)
{
    _cleanup_fd_ int fd = openat(folder, STOPPED, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char text[GUARD_REASON_MAX + 32];
    ssize_t len;
    char *end;

    if (fd < 0 && errno == ENOENT) {
        return p11kms_fail_plain(P11KMS_E_NOT_FOUND);
    }
    len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (len < 0) {
        FAIL(P11KMS_E_AUDIT, "audit: %s: %s", STOPPED, strerror(errno));
    }
    /* Whatever it says, it is there: the log is stopped. */
    text[len] = '\0';
    end = strchr(text, '\n');
    *ret_size = UINT64_MAX;
    if (end != NULL) {
        *end = '\0';
        (void)sscanf(end + 1, "%" SCNu64, ret_size);
    }
    snprintf(reason, GUARD_REASON_MAX, "%.*s", GUARD_REASON_MAX - 1, text);
    return P11KMS_OK;
}

p11kms_err stopped_write(int folder, const char *reason, uint64_t size)
{
    char text[GUARD_REASON_MAX + 32];

    snprintf(text, sizeof(text), "%s\n%" PRIu64 "\n", reason, size);
    return replace_file(folder, STOPPED, SLICE_STR(text));
}

p11kms_err stopped_clear(int folder)
{
    if ((unlinkat(folder, STOPPED, 0) != 0 && errno != ENOENT) || fsync(folder) != 0) {
        FAIL(P11KMS_E_AUDIT, "audit: %s cannot be removed: %s", STOPPED, strerror(errno));
    }
    return P11KMS_OK;
}

/* ---- what is expected ---- */

static void expect(guard_t *guard, guard_file file, uint64_t number, const struct stat *st,
                   const merkle_hash *chain)
{
    static void (*const namers[])(uint64_t number, char out[SEGMENT_NAME]) = {
        [GUARD_SEGMENT] = segment_name,
        [GUARD_NOTES] = segment_notes_name,
    };
    view_t *view = &guard->views[file];

    pthread_mutex_lock(&guard->lock);
    view->watched = true;
    view->generation++;
    view->number = number;
    view->st = *st;
    view->more = 0;
    if (chain != NULL) {
        view->chain = *chain;
    }
    if (file == GUARD_LOCK) {
        snprintf(view->name, sizeof(view->name), "lock");
    } else {
        namers[file](number, view->name);
    }
    pthread_mutex_unlock(&guard->lock);
}

void guard_expect(guard_t *guard, guard_file file, uint64_t number, const struct stat *st)
{
    expect(guard, file, number, st, NULL);
}

void guard_expect_notes(guard_t *guard, uint64_t number, const struct stat *st, const merkle_hash *chain)
{
    expect(guard, GUARD_NOTES, number, st, chain);
}

void guard_growing(guard_t *guard, guard_file file, uint64_t more)
{
    pthread_mutex_lock(&guard->lock);
    guard->views[file].more = more;
    pthread_mutex_unlock(&guard->lock);
}

void guard_suspect(guard_t *guard, guard_file file)
{
    pthread_mutex_lock(&guard->lock);
    guard->views[file].suspect = true;
    pthread_cond_signal(&guard->wake);
    pthread_mutex_unlock(&guard->lock);
}

void guard_forget(guard_t *guard, guard_file file)
{
    pthread_mutex_lock(&guard->lock);
    guard->views[file].watched = false;
    guard->views[file].generation++;
    pthread_mutex_unlock(&guard->lock);
}

static view_t view_of(guard_t *guard, guard_file file)
{
    view_t view;

    pthread_mutex_lock(&guard->lock);
    view = guard->views[file];
    pthread_mutex_unlock(&guard->lock);
    return view;
}

void guard_report(guard_t *guard, const char *reason)
{
    bool first;

    pthread_mutex_lock(&guard->lock);
    first = !guard->told;
    guard->told = true;
    guard->marking = guard->marking || first;
    pthread_mutex_unlock(&guard->lock);
    if (!first) {
        return;
    }
    guard->tampered(guard->arg, reason); /* first of all no more answers, then the mark */
    (void)(stopped_write(guard->folder, reason, log_tree_size(guard->tree)) == P11KMS_OK);
    pthread_mutex_lock(&guard->lock);
    guard->marking = false;
    pthread_cond_broadcast(&guard->gone);
    pthread_mutex_unlock(&guard->lock);
}

p11kms_err guard_unmark(guard_t *guard)
{
    pthread_mutex_lock(&guard->lock);
    while (guard->marking) {
        pthread_cond_wait(&guard->gone, &guard->lock);
    }
    pthread_mutex_unlock(&guard->lock);
    return stopped_clear(guard->folder);
}

void guard_resume(guard_t *guard)
{
    pthread_mutex_lock(&guard->lock);
    guard->told = false;
    pthread_mutex_unlock(&guard->lock);
}

/* ---- comparing ---- */

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_times(const struct stat *a, const struct stat *b)
{
    return same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

/** What is wrong whatever its times say; NULL: nothing. */
static const char *judge(const view_t *view, const struct stat *st)
{
    uint64_t size = (uint64_t)st->st_size;
    uint64_t left = (uint64_t)view->st.st_size;

    if (st->st_ino != view->st.st_ino || st->st_dev != view->st.st_dev) {
        return "was replaced by another file";
    }
    if (st->st_nlink == 0) {
        return "was removed";
    }
    if (size < left) {
        return "was cut";
    }
    if (size > left + view->more) {
        return "was written to by somebody else";
    }
    return NULL;
}

static void report_file(guard_t *guard, const char *name, const char *what)
{
    char reason[GUARD_REASON_MAX];

    snprintf(reason, sizeof(reason), "audit: %s %s while it was in use", name, what);
    guard_report(guard, reason);
}

static bool segment_holds(guard_t *guard, const view_t *view)
{
    _cleanup_fd_ int fd = openat(guard->folder, view->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    return fd >= 0 && log_tree_holds(guard->tree, view->number, fd);
}

/* One that has grown meanwhile is told apart by its next look. */
static bool notes_hold(guard_t *guard, const view_t *view)
{
    merkle_hash chain;

    return ledger_chain(guard->folder, view->number, &chain) == P11KMS_OK &&
           (merkle_eq(&chain, &view->chain) || view_of(guard, GUARD_NOTES).generation != view->generation);
}

static bool lock_holds(guard_t *guard, const view_t *view)
{
    (void)guard;
    (void)view;
    return true; /* there is nothing in it */
}

/* Of the process and of the disk, not of the file: who may not read it any more has been shut out by somebody. */
static bool is_passing(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO || error == ENOENT;
}

/*
 * Times that changed alone: links, owners and modes change them, too, so the content decides. Where a call failed
 * (errno, which nothing sets where the content is another) nothing is known of it, and the next look decides. Asking
 * the disk once more would not tell: it may have an answer by then.
 */
static void look_into(guard_t *guard, guard_file file, const view_t *view, const struct stat *st)
{
    static bool (*const holds[])(guard_t * guard, const view_t *view) = {
        [GUARD_SEGMENT] = segment_holds,
        [GUARD_NOTES] = notes_hold,
        [GUARD_LOCK] = lock_holds,
    };

    pthread_mutex_lock(&guard->lock);
    guard->views[file].suspect = false; /* a doubt that comes up meanwhile stays */
    pthread_mutex_unlock(&guard->lock);
    errno = 0;
    if (!holds[file](guard, view)) {
        if (is_passing(errno)) {
            guard_suspect(guard, file);
        } else {
            report_file(guard, view->name, "was edited");
        }
        return;
    }
    pthread_mutex_lock(&guard->lock);
    if (guard->views[file].generation == view->generation) {
        guard->views[file].st.st_mtim = st->st_mtim;
        guard->views[file].st.st_ctim = st->st_ctim;
        guard->views[file].generation++;
    }
    pthread_mutex_unlock(&guard->lock);
}

bool guard_compare(guard_t *guard, guard_file file, const struct stat *st)
{
    view_t view = view_of(guard, file);
    const char *wrong = view.watched ? judge(&view, st) : NULL;

    if (wrong != NULL) {
        report_file(guard, view.name, wrong);
        return false;
    }
    if (view.watched && !same_times(st, &view.st)) {
        guard_suspect(guard, file);
    }
    return true;
}

/* Other errors are the disk's, which the writer meets as well: service comes back from those by itself. */
static bool is_gone(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

/** One look; false: it was changed by us meanwhile. */
static bool look_once(guard_t *guard, guard_file file)
{
    view_t before = view_of(guard, file);
    view_t after;
    struct stat st;
    const char *wrong;
    int failed;

    if (!before.watched) {
        return true;
    }
    failed = fstatat(guard->folder, before.name, &st, AT_SYMLINK_NOFOLLOW) != 0 ? errno : 0;
    after = view_of(guard, file);
    if (after.generation != before.generation) {
        return false;
    }
    after.more = after.more > before.more ? after.more : before.more;
    if (failed != 0) {
        if (is_gone(failed)) {
            report_file(guard, before.name, "was removed");
        }
        return true;
    }
    wrong = judge(&after, &st);
    if (wrong != NULL) {
        report_file(guard, before.name, wrong);
    } else if (after.suspect || (after.more == 0 && !same_times(&st, &after.st))) {
        look_into(guard, file, &after, &st);
    }
    return true;
}

static void look_at_folder(guard_t *guard)
{
    struct stat st;

    if (stat(guard->dir, &st) != 0) {
        if (is_gone(errno)) {
            report_file(guard, guard->dir, "was removed");
        }
    } else if (st.st_ino != guard->folder_st.st_ino || st.st_dev != guard->folder_st.st_dev) {
        report_file(guard, guard->dir, "was replaced by another folder");
    }
}

static void look(guard_t *guard)
{
    look_at_folder(guard);
    for (int file = 0; file < GUARD_FILES; file++) {
        for (unsigned i = 0; i < LOOKS_MAX && !look_once(guard, (guard_file)file); i++) {
        }
    }
}

/* ---- the thread ---- */

static void *watch(void *arg)
{
    guard_t *guard = arg;

    pthread_mutex_lock(&guard->lock);
    while (!guard->stopping) {
        bool looks = !guard->told;

        pthread_mutex_unlock(&guard->lock);
        if (looks) {
            look(guard);
        }
        pthread_mutex_lock(&guard->lock);
        if (!guard->stopping) {
            thread_wait_until(&guard->wake, &guard->lock, clock_mono_us() + LOOK_US);
        }
    }
    guard->ended = true;
    pthread_cond_broadcast(&guard->gone);
    pthread_mutex_unlock(&guard->lock);
    return NULL;
}

static void guard_free(guard_t *guard)
{
    pthread_cond_destroy(&guard->gone);
    pthread_cond_destroy(&guard->wake);
    pthread_mutex_destroy(&guard->lock);
    free(guard->dir);
    free(guard);
}

p11kms_err guard_start(int folder, const char *dir, log_tree_t *tree,
                       void (*tampered)(void *arg, const char *reason), void *arg, guard_t **ret)
{
    guard_t *guard = calloc(1, sizeof(*guard));
    int failed;

    ENSURE(guard != NULL, P11KMS_E_NOMEM);
    guard->folder = folder;
    guard->tree = tree;
    guard->told = true;
    guard->tampered = tampered;
    guard->arg = arg;
    guard->dir = realpath(dir, NULL); /* whatever the process's own folder becomes */
    pthread_mutex_init(&guard->lock, NULL);
    thread_cond_init(&guard->wake);
    thread_cond_init(&guard->gone);
    if (guard->dir == NULL || fstat(folder, &guard->folder_st) != 0) {
        failed = errno;
        guard_free(guard);
        FAIL(P11KMS_E_AUDIT, "audit: %s: %s", dir, strerror(failed));
    }
    failed = thread_start(&guard->thread, watch, guard);
    if (failed != 0) {
        guard_free(guard);
        FAIL(P11KMS_E_NOMEM, "audit: no thread can be started: %s", strerror(failed));
    }
    *ret = guard;
    return P11KMS_OK;
}

bool guard_stop(guard_t *guard, unsigned wait_ms)
{
    int64_t deadline = clock_mono_us() + (int64_t)wait_ms * 1000;
    bool ended;

    pthread_mutex_lock(&guard->lock);
    guard->stopping = true;
    pthread_cond_signal(&guard->wake);
    while (!guard->ended && clock_mono_us() < deadline) {
        thread_wait_until(&guard->gone, &guard->lock, deadline);
    }
    ended = guard->ended;
    pthread_mutex_unlock(&guard->lock);
    if (!ended) {
        pthread_detach(guard->thread);
        return false;
    }
    pthread_join(guard->thread, NULL);
    guard_free(guard);
    return true;
}
