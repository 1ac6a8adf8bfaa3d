#include "audit/space.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "util/clock.h"

#define FRESH_US INT64_C(1000000)
#define PART 20 /* of the file system: 5 % */

struct space {
    int folder;
    const segment_io *io;
    uint64_t reserve;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    audit_space seen;
    int64_t seen_us;
    bool wanted;
    bool stopping;
    unsigned users; /* the owner and the thread: the last one frees */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A look that fails changes nothing: whether a record can be written is found out by writing it. */
static void look(const space_t *space, audit_space *seen)
{
    struct statvfs st;

    if (space->io->space(space->folder, &st) == 0) {
        uint64_t unit = st.f_frsize ? st.f_frsize : st.f_bsize;

        seen->free_bytes = unit * st.f_bavail;
        seen->reserve_bytes = smaller(space->reserve, unit * st.f_blocks / PART);
        seen->low = seen->free_bytes < seen->reserve_bytes;
    }
}

/** Under the lock, which is given back. */
static void leave(space_t *space)
{
    bool last = --space->users == 0;

    pthread_mutex_unlock(&space->lock);
    if (last) {
        cleanup_fd(&space->folder);
        pthread_cond_destroy(&space->work);
        pthread_mutex_destroy(&space->lock);
        free(space);
    }
}

static void *look_when_asked(void *arg)
{
    space_t *space = arg;

    pthread_mutex_lock(&space->lock);
    while (!space->stopping) {
        if (!space->wanted) {
            pthread_cond_wait(&space->work, &space->lock);
            continue;
        }
        audit_space seen = space->seen;
        pthread_mutex_unlock(&space->lock);
        look(space, &seen);
        pthread_mutex_lock(&space->lock);
        space->seen = seen;
        space->seen_us = clock_mono_us();
        space->wanted = false;
    }
    leave(space);
    return NULL;
}

static int start_thread(space_t *space)
{
    sigset_t all, old;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&thread, NULL, look_when_asked, space);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed == 0) {
        pthread_detach(thread);
    }
    return failed;
}

p11kms_err space_start(int folder, const segment_io *io, uint64_t reserve, space_t **ret)
{
    space_t *space = calloc(1, sizeof(*space));

    ENSURE(space != NULL, P11KMS_E_NOMEM);
    *space = (space_t){ .io = io, .reserve = reserve, .users = 2 };
    space->folder = fcntl(folder, F_DUPFD_CLOEXEC, 3);
    pthread_mutex_init(&space->lock, NULL);
    pthread_cond_init(&space->work, NULL);
    look(space, &space->seen);
    space->seen_us = clock_mono_us();
    int failed = space->folder < 0 ? errno : start_thread(space);
    if (failed != 0) {
        pthread_mutex_lock(&space->lock);
        space->users = 1;
        leave(space);
        FAIL(P11KMS_E_NOMEM, "audit: no thread can be started: %s", strerror(failed));
    }
    *ret = space;
    return P11KMS_OK;
}

void space_stop(space_t *space)
{
    if (space != NULL) {
        pthread_mutex_lock(&space->lock);
        space->stopping = true;
        pthread_cond_signal(&space->work);
        leave(space);
    }
}

audit_space space_seen(space_t *space)
{
    pthread_mutex_lock(&space->lock);
    audit_space seen = space->seen;
    if (!space->wanted && clock_mono_us() - space->seen_us >= FRESH_US) {
        space->wanted = true;
        pthread_cond_signal(&space->work);
    }
    pthread_mutex_unlock(&space->lock);
    return seen;
}
