#define _GNU_SOURCE /* memfd_create */
#include "audit/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "audit/copy_form.h"
#include "util/clock.h"

#define PAUSE_US INT64_C(200000) /* before a receiver that is away, or full, is tried again */
#define STOP_GRACE_US INT64_C(1000000)
#define KEPT (256u << 10) /* a buffer grown past this by a burst is given back */

const char *const copy_names[COPY_KINDS + 1] = { "journald", "syslog", NULL };

static const char *const usual_paths[COPY_KINDS] = { "/run/systemd/journal/socket", "/dev/log" };

typedef struct {
    copy_kind kind;
    struct sockaddr_un address;
    pthread_t thread;
    bool started;
    int fd;      /* the thread's, as are the next two */
    buf_t group; /* being sent */
    char host[HOST_NAME_MAX + 1];

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    buf_t lines;
    size_t group_left;
    bool idle; /* waits for lines */
    bool stopping;
    int64_t stop_at;
    uint64_t sent, dropped;
    char problem[160];
} outlet_t;

struct copies {
    size_t n;
    outlet_t outlets[COPIES_MAX];
};

/* ---- offering ---- */

static size_t count_lines(slice_t lines)
{
    size_t count = 0;

    for (size_t i = 0; i < lines.len; i++) {
        count += lines.data[i] == '\n';
    }
    return count;
}

/* As many whole lines as there is room for. */
static slice_t what_fits(slice_t lines, size_t room)
{
    const uint8_t *end = lines.data;

    if (lines.len <= room) {
        return lines;
    }
    for (const uint8_t *next = end; next != NULL && (size_t)(next - lines.data) <= room;) {
        end = next;
        next = memchr(next, '\n', lines.len - (size_t)(next - lines.data));
        next = next ? next + 1 : NULL;
    }
    return SLICE(lines.data, (size_t)(end - lines.data));
}

static void offer(outlet_t *outlet, slice_t lines)
{
    pthread_mutex_lock(&outlet->lock);
    size_t waiting = outlet->lines.len + outlet->group_left;
    slice_t fits = what_fits(lines, waiting < COPIES_WAITING_MAX ? COPIES_WAITING_MAX - waiting : 0);
    if (fits.len > 0 && buf_reserve(&outlet->lines, fits.len) == NULL) {
        outlet->lines.failed = false; /* what it holds is whole */
        fits.len = 0;
    }
    buf_put_slice(&outlet->lines, fits);
    outlet->dropped += count_lines(SLICE(lines.data + fits.len, lines.len - fits.len));
    if (outlet->idle) {
        outlet->idle = false;
        pthread_cond_signal(&outlet->work);
    }
    pthread_mutex_unlock(&outlet->lock);
}

void copies_offer(copies_t *copies, slice_t lines)
{
    for (size_t i = 0; copies != NULL && i < copies->n; i++) {
        offer(&copies->outlets[i], lines);
    }
}

/* ---- sending ---- */

static bool connect_outlet(outlet_t *outlet)
{
    if (outlet->fd >= 0) {
        return true;
    }
    outlet->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (outlet->fd < 0) {
        return false;
    }
    if (connect(outlet->fd, (const struct sockaddr *)&outlet->address, sizeof(outlet->address)) != 0) {
        int cause = errno;

        close(outlet->fd);
        outlet->fd = -1;
        errno = cause;
        return false;
    }
    return true;
}

/* What is too long for a datagram is handed over as a sealed file in memory; journald reads that. */
static bool send_as_file(const outlet_t *outlet, slice_t text)
{
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
    _cleanup_fd_ int fd = memfd_create("p11kms-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    for (size_t done = 0; fd >= 0 && done < text.len;) {
        ssize_t n = write(fd, text.data + done, text.len - done);

        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        return false;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    return sendmsg(outlet->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static bool send_text(const outlet_t *outlet, slice_t text)
{
    if (send(outlet->fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
        return true;
    }
    return outlet->kind == COPY_JOURNALD && (errno == EMSGSIZE || errno == ENOBUFS) && send_as_file(outlet, text);
}

typedef enum { SENT, FULL, AWAY, REFUSED } outcome_t;

static outcome_t outcome_of(int cause)
{
    switch (cause) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
        return FULL;
    case EMSGSIZE:
    case EFAULT:
        return REFUSED;
    default:
        return AWAY;
    }
}

static outcome_t send_line(outlet_t *outlet, slice_t line)
{
    _cleanup_buf_ buf_t text = { 0 };

    if (outlet->kind == COPY_JOURNALD) {
        copy_form_journald(line, &text);
    } else {
        copy_form_syslog(line, outlet->host, &text);
    }
    if (buf_failed(&text)) {
        errno = ENOMEM;
        return REFUSED;
    }
    if (connect_outlet(outlet) && send_text(outlet, buf_slice(&text))) {
        return SENT;
    }
    int cause = errno;
    outcome_t outcome = outcome_of(cause);
    if (outcome == AWAY && outlet->fd >= 0) {
        close(outlet->fd);
        outlet->fd = -1;
    }
    errno = cause;
    return outcome;
}

/* ---- the thread ---- */

static void wait_us(outlet_t *outlet, int64_t us)
{
    int64_t at = clock_mono_us() + us;
    struct timespec when = { .tv_sec = (time_t)(at / 1000000), .tv_nsec = (long)(at % 1000000) * 1000 };

    pthread_cond_timedwait(&outlet->work, &outlet->lock, &when);
}

static void note(outlet_t *outlet, outcome_t outcome, int cause)
{
    outlet->sent += outcome == SENT;
    outlet->dropped += outcome == REFUSED;
    if (outcome == SENT) {
        outlet->problem[0] = '\0';
    } else {
        snprintf(outlet->problem, sizeof(outlet->problem), "%.110s: %.40s", outlet->address.sun_path,
                 strerror(cause));
    }
}

static bool is_given_up(const outlet_t *outlet)
{
    return outlet->stopping && clock_mono_us() >= outlet->stop_at;
}

/** Under the lock, which is let go while sending. */
static void send_one(outlet_t *outlet, slice_t line)
{
    outcome_t outcome;

    do {
        pthread_mutex_unlock(&outlet->lock);
        outcome = send_line(outlet, line);
        int cause = errno;
        if (outcome == FULL && outlet->fd >= 0) {
            struct pollfd room = { .fd = outlet->fd, .events = POLLOUT };

            (void)poll(&room, 1, (int)(PAUSE_US / 1000));
        }
        pthread_mutex_lock(&outlet->lock);
        note(outlet, outcome, cause);
        if (outcome == AWAY && !is_given_up(outlet)) {
            wait_us(outlet, PAUSE_US);
        }
    } while ((outcome == FULL || outcome == AWAY) && !is_given_up(outlet));
    if (outcome == FULL || outcome == AWAY) {
        outlet->dropped++;
    }
}

static void send_group(outlet_t *outlet)
{
    slice_t rest = buf_slice(&outlet->group);

    while (rest.len > 0 && !is_given_up(outlet)) {
        const uint8_t *newline = memchr(rest.data, '\n', rest.len);
        size_t len = newline ? (size_t)(newline - rest.data) : rest.len;

        outlet->group_left = rest.len;
        send_one(outlet, SLICE(rest.data, len));
        len += newline != NULL;
        rest = SLICE(rest.data + len, rest.len - len);
    }
    outlet->dropped += count_lines(rest);
    outlet->group_left = 0;
}

static void *send_groups(void *arg)
{
    outlet_t *outlet = arg;

    pthread_mutex_lock(&outlet->lock);
    while (!outlet->stopping || outlet->lines.len > 0) {
        if (outlet->lines.len == 0) {
            outlet->idle = true;
            pthread_cond_wait(&outlet->work, &outlet->lock);
            outlet->idle = false;
            continue;
        }
        buf_t emptied = outlet->group;
        outlet->group = outlet->lines;
        outlet->lines = emptied;
        send_group(outlet);
        if (outlet->group.cap > KEPT) {
            buf_free(&outlet->group);
        } else {
            buf_clear(&outlet->group);
        }
    }
    pthread_mutex_unlock(&outlet->lock);
    return NULL;
}

/* ---- start and stop ---- */

static p11kms_err start_outlet(outlet_t *outlet)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&outlet->thread, NULL, send_groups, outlet);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        FAIL(P11KMS_E_NOMEM, "audit: no thread can be started: %s", strerror(failed));
    }
    outlet->started = true;
    return P11KMS_OK;
}

static p11kms_err init_outlet(outlet_t *outlet, const copy_target *target)
{
    const char *path = target->path ? target->path : usual_paths[target->kind];
    pthread_condattr_t attr;

    pthread_mutex_init(&outlet->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&outlet->work, &attr);
    pthread_condattr_destroy(&attr);
    outlet->kind = target->kind;
    outlet->fd = -1;
    outlet->address.sun_family = AF_UNIX;
    if (gethostname(outlet->host, HOST_NAME_MAX) != 0) {
        outlet->host[0] = '\0';
    }
    if (strlen(path) >= sizeof(outlet->address.sun_path)) {
        FAIL(P11KMS_E_CONFIG, "audit: %s is too long for the path of a socket", path);
    }
    strcpy(outlet->address.sun_path, path);
    return start_outlet(outlet);
}

p11kms_err copies_start(const copy_target *targets, size_t n, copies_t **ret)
{
    copies_t *copies = calloc(1, sizeof(*copies));
    p11kms_err err = P11KMS_OK;

    ENSURE(copies != NULL, P11KMS_E_NOMEM);
    while (copies->n < n && copies->n < COPIES_MAX && err == P11KMS_OK) {
        err = init_outlet(&copies->outlets[copies->n], &targets[copies->n]);
        copies->n++;
    }
    if (err != P11KMS_OK) {
        copies_stop(copies);
        return err;
    }
    *ret = copies;
    return P11KMS_OK;
}

static void ask_to_stop(outlet_t *outlet)
{
    pthread_mutex_lock(&outlet->lock);
    outlet->stopping = true;
    outlet->stop_at = clock_mono_us() + STOP_GRACE_US;
    pthread_cond_signal(&outlet->work);
    pthread_mutex_unlock(&outlet->lock);
}

static void free_outlet(outlet_t *outlet)
{
    if (outlet->started) {
        pthread_join(outlet->thread, NULL);
    }
    cleanup_fd(&outlet->fd);
    buf_free(&outlet->group);
    buf_free(&outlet->lines);
    pthread_cond_destroy(&outlet->work);
    pthread_mutex_destroy(&outlet->lock);
}

void copies_stop(copies_t *copies)
{
    if (copies == NULL) {
        return;
    }
    for (size_t i = 0; i < copies->n; i++) {
        ask_to_stop(&copies->outlets[i]);
    }
    for (size_t i = 0; i < copies->n; i++) {
        free_outlet(&copies->outlets[i]);
    }
    free(copies);
}

/* ---- looking at it ---- */

size_t copies_get_stats(copies_t *copies, copy_stats out[COPIES_MAX])
{
    size_t n = copies != NULL ? copies->n : 0;

    for (size_t i = 0; i < n; i++) {
        outlet_t *outlet = &copies->outlets[i];

        pthread_mutex_lock(&outlet->lock);
        out[i] = (copy_stats){
            .name = copy_names[outlet->kind],
            .sent = outlet->sent,
            .dropped = outlet->dropped,
            .waiting = outlet->lines.len + outlet->group_left,
        };
        memcpy(out[i].problem, outlet->problem, sizeof(outlet->problem));
        pthread_mutex_unlock(&outlet->lock);
    }
    return n;
}
