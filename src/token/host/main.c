/*
 * p11kms-token: the one process that maps a PKCS#11 module, and sees its PIN. The
 * daemon starts it with a socket on PROTOCOL_FD and ends it by closing that, or with
 * SIGKILL when the module hangs.
 */
#define _GNU_SOURCE /* struct ucred */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "token/host/channel.h"
#include "token/host/keys.h"
#include "token/host/lane.h"
#include "token/host/module.h"
#include "token/host/pin.h"
#include "token/host/selftest.h"
#include "token/host/worker.h"
#include "token/inflight.h"

#define LOG_ROOM "token"
#include "util/log.h"

#define CLOSE_WAIT_MS 1000 /* for what is being carried out when the daemon stops */
#define CLOSE_STEP_MS 10
#define ORPHAN_MS 5000 /* and when it died: by then a module hangs, and nobody else would end it */

/* ---- the process ---- */

/* Whoever made the socketpair must still be our parent, or nobody would end a module that hangs. */
static bool parent_lives(void)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(PROTOCOL_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getppid();
}

/* The daemon ends us: a service manager's SIGTERM to all would lose what is in flight. */
static void set_signals(void)
{
    static const int ignored[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGTTIN, SIGTTOU };

    for (size_t i = 0; i < COUNT_OF(ignored); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
}

/*
 * Not SIGKILL at once: see channel_over(). A thread and no signal, since modules change signals. It
 * also sees a daemon that closes, which gives less time than this.
 */
static void *end_orphan(void *arg)
{
    struct pollfd front = { .fd = PROTOCOL_FD, .events = POLLRDHUP };

    while (poll(&front, 1, -1) < 0 && errno == EINTR) {
        /* on with it */
    }
    poll(NULL, 0, ORPHAN_MS);
    (void)kill(getpid(), SIGKILL);
    return arg;
}

static bool watch_parent(void)
{
    pthread_t thread;
    sigset_t all, before;
    bool started;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(&thread, NULL, end_orphan, NULL) == 0 && pthread_detach(thread) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started && parent_lives();
}

static bool harden(void)
{
    const struct rlimit none = { 0, 0 };

#ifndef WITH_SANITIZER /* leak checks trace the process */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return false;
    }
#endif
    umask(077); /* some modules write */
    (void)fcntl(PROTOCOL_FD, F_SETFD, FD_CLOEXEC); /* some run programs, which must not answer for us */
    set_signals();
    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           watch_parent();
}

static bool read_start(buf_t *in, host_t *host)
{
    protocol_frame frame;
    protocol_state state;

    while ((state = protocol_next(buf_slice(in), &frame)) == FRAME_PART) {
        if (!channel_read(in)) {
            return false;
        }
    }
    return state == FRAME_WHOLE && frame.type == MSG_START && frame.size == in->len &&
           protocol_get_start(frame.body, &host->start);
}

/* ---- start ---- */

static p11kms_err log_in(host_t *host)
{
    _cleanup_secret_ secret_t *pin = NULL;
    _cleanup_buf_ buf_t notice = { 0 };
    char what[128];

    if (!module_needs_login(host)) {
        return P11KMS_OK;
    }
    snprintf(what, sizeof(what), "token '%s' (%s)", host->start.name, host->info.label);
    TRY(module_check_tries(host));
    TRY(pin_read(host->start.pin_source, what, host->start.dev, &pin));
    (void)setpgid(0, 0); /* one that prompts is still in the daemon's group */
    protocol_put_login(&notice);
    channel_write(&notice);
    if (channel_over()) {
        FAIL(P11KMS_E_SHUTDOWN, "the daemon is gone");
    }
    TRY(module_login(host, secret_slice(pin)));
    protocol_put_logged_in(&notice);
    channel_write(&notice);
    return P11KMS_OK;
}

static p11kms_err prepare_lock(host_t *host)
{
    pthread_rwlockattr_t attributes;

    ENSURE(pthread_rwlockattr_init(&attributes) == 0, P11KMS_E_NOMEM);
    /* Crypto never pauses by itself: management must not wait for it to. */
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    ENSURE(pthread_rwlock_init(&host->objects, &attributes) == 0, P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err find_keys(host_t *host)
{
    result_t result;

    TRY(map_new(&host->keys));
    result = keys_find_all(host, host->anchor);
    if (result.err == P11KMS_E_TOKEN) {
        FAIL_RV(P11KMS_E_TOKEN_LOST, result.rv, "finding keys");
    }
    host->info.keys = (unsigned)map_size(host->keys);
    return result.err;
}

typedef struct {
    host_t host;
    worker_t worker; /* this thread's, for crypto when there is one session alone */
    lane_t *lanes[LANE_COUNT]; /* LANE_CRYPTO: NULL then */
} service_t;

static p11kms_err start_lanes(service_t *service)
{
    host_t *host = &service->host;

    TRY(lane_start(host, 1, false, &service->lanes[LANE_SLOW]));
    TRY(lane_start(host, host->start.sessions, true, &service->lanes[LANE_PRIVATE]));
    if (host->start.sessions > 1) {
        return lane_start(host, host->start.sessions, false, &service->lanes[LANE_CRYPTO]);
    }
    return worker_open(&service->worker, host).err;
}

static p11kms_err start(service_t *service)
{
    host_t *host = &service->host;

    host->copies_wanted = host->start.session_copies;
    TRY(crypto_init());
    TRY(prepare_lock(host));
    TRY(module_open(host));
    TRY(log_in(host));
    TRY(find_keys(host));
    TRY(selftest_run(host));
    return start_lanes(service);
}

/* ---- serving ---- */

/* With one session this thread does the work itself: handing over would cost more than a PRF. */
static bool take_ops(service_t *service, slice_t body)
{
    reader_t reader = reader_over(body);
    replies_t replies = { .n = 0 };
    protocol_op op;

    while (protocol_get_op(&reader, &op)) {
        lane_t *lane = service->lanes[inflight_lane_of(op.kind, op.mechanism)];

        if (lane != NULL) {
            lane_push(lane, &op);
        } else {
            lane_run(&service->worker, &op, &replies);
        }
    }
    lane_send(&replies);
    buf_free(&replies.frame);
    return reader_done(&reader);
}

static bool take_frames(service_t *service, buf_t *in)
{
    slice_t rest = buf_slice(in);
    protocol_state state;
    protocol_frame frame;

    while ((state = protocol_next(rest, &frame)) == FRAME_WHOLE) {
        if (frame.type != MSG_OPS || !take_ops(service, frame.body)) {
            return false;
        }
        rest = SLICE(rest.data + frame.size, rest.len - frame.size);
    }
    buf_consume(in, in->len - rest.len);
    return state == FRAME_PART;
}

static void serve(service_t *service)
{
    _cleanup_buf_ buf_t in = { 0 };
    _cleanup_buf_ buf_t ready = { 0 };

    protocol_put_info(&ready, &service->host.info);
    channel_write(&ready);
    while (channel_read(&in)) {
        if (!take_frames(service, &in)) {
            log_error("the daemon sent what cannot be read");
            return;
        }
    }
}

static bool all_idle(const service_t *service)
{
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (service->lanes[i] != NULL && !lane_idle(service->lanes[i])) {
            return false;
        }
    }
    return true;
}

/* Nobody may be inside the module when it is finalised; one that hangs is left to the daemon. */
static void stop(service_t *service)
{
    for (int waited = 0; waited < CLOSE_WAIT_MS; waited += CLOSE_STEP_MS) {
        if (all_idle(service)) {
            module_close(&service->host);
            return;
        }
        poll(NULL, 0, CLOSE_STEP_MS);
    }
}

static int run(void)
{
    static service_t service;
    static buf_t start_frame; /* the options live in it */
    static char program[TOKEN_NAME_MAX + 32] = "p11kms-token";
    p11kms_err err;

    log_open(program, LOG_LEVEL_NOTICE);
    if (!harden()) {
        log_error("the process cannot be hardened, or the daemon is gone");
        return EXIT_FAILURE;
    }
    if (!read_start(&start_frame, &service.host)) {
        log_error("the daemon's first message cannot be read");
        return EXIT_FAILURE;
    }
    snprintf(program, sizeof(program), "p11kms-token/%s", service.host.start.name);
    err = start(&service);
    if (err != P11KMS_OK) {
        channel_fail(err, module_last_rv(), p11kms_err_detail(err));
    }
    serve(&service);
    stop(&service);
    /* Not exit(): destructors of modules and of the libraries they use run in no good order. */
    _exit(EXIT_SUCCESS);
}

static bool has_socket(void)
{
    struct stat st;

    return fstat(PROTOCOL_FD, &st) == 0 && S_ISSOCK(st.st_mode);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("p11kms-token %s\n", PACKAGE_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc != 2 || !has_socket()) {
        fprintf(stderr, "p11kms-token is started by p11kmsd, one process a token. See p11kms-token(8).\n");
        return EXIT_FAILURE;
    }
    return run();
}
