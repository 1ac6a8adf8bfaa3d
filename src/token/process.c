#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np */
#include "token/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "token/protocol.h"
#include "util/clock.h"

extern char **environ;

#define KILLED_WAIT_MS 5000 /* one stuck in the kernel is left behind after that */
#define REAP_PAUSE_MS 5

static p11kms_err set_attributes(posix_spawnattr_t *attributes, bool own_group)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    if (own_group) {
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    if (posix_spawnattr_setsigmask(attributes, &none) != 0 || posix_spawnattr_setsigdefault(attributes, &all) != 0 ||
        posix_spawnattr_setpgroup(attributes, 0) != 0 || posix_spawnattr_setflags(attributes, flags) != 0) {
        return p11kms_fail_plain(P11KMS_E_IO);
    }
    return P11KMS_OK;
}

/* The socket's place first: the other moves may land on its old number. */
static p11kms_err set_descriptors(posix_spawn_file_actions_t *actions, int socket_fd)
{
    if (posix_spawn_file_actions_adddup2(actions, socket_fd, PROTOCOL_FD) != 0 ||
        posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO) != 0 ||
        posix_spawn_file_actions_addclosefrom_np(actions, PROTOCOL_FD + 1) != 0) {
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    return P11KMS_OK;
}

static p11kms_err spawn(const char *path, const char *name, bool own_group, int socket_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    _cleanup_free_ char *program = strdup(path);
    _cleanup_free_ char *argument = strdup(name);
    char *argv[] = { program, argument, NULL };
    p11kms_err err;
    int failed;

    ENSURE(program != NULL && argument != NULL, P11KMS_E_NOMEM);
    ENSURE(posix_spawn_file_actions_init(&actions) == 0, P11KMS_E_NOMEM);
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    err = set_attributes(&attributes, own_group);
    if (err == P11KMS_OK) {
        err = set_descriptors(&actions, socket_fd);
    }
    if (err == P11KMS_OK) {
        failed = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
        if (failed != 0) {
            err = p11kms_fail(P11KMS_E_CONFIG, "cannot run '%s': %s", path, strerror(failed));
        }
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

p11kms_err process_start(const char *path, const char *name, bool own_group, process_t *ret)
{
    _cleanup_fd_ int ours = -1;
    _cleanup_fd_ int theirs = -1;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        FAIL(P11KMS_E_IO, "socketpair: %s", strerror(errno));
    }
    ours = pair[0];
    theirs = pair[1];
    if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0) {
        FAIL(P11KMS_E_IO, "fcntl: %s", strerror(errno));
    }
    TRY(spawn(path, name, own_group, theirs, &pid));
    ret->pid = pid;
    ret->pidfd = pidfd_open(pid, 0);
    ret->fd = ours;
    ours = -1;
    return P11KMS_OK;
}

static bool reap(pid_t pid, int wait_ms, int *ret_status)
{
    int64_t until_us = clock_mono_us() + (int64_t)wait_ms * 1000;
    pid_t reaped;

    while ((reaped = waitpid(pid, ret_status, WNOHANG)) == 0 && clock_mono_us() < until_us) {
        poll(NULL, 0, REAP_PAUSE_MS);
    }
    return reaped != 0; /* an error: someone else has reaped it */
}

static void wait_for_end(const process_t *process, int grace_ms)
{
    struct pollfd ended = { .fd = process->pidfd, .events = POLLIN };

    if (grace_ms > 0 && process->pidfd >= 0) {
        (void)poll(&ended, 1, grace_ms);
    }
}

static void describe(int status, char how[PROCESS_ENDING_MAX])
{
    if (WIFSIGNALED(status)) {
        snprintf(how, PROCESS_ENDING_MAX, "was ended by signal %d", WTERMSIG(status));
    } else {
        snprintf(how, PROCESS_ENDING_MAX, "exited with status %d", WEXITSTATUS(status));
    }
}

void process_end(process_t *process, int grace_ms, char how[PROCESS_ENDING_MAX])
{
    int status = 0;

    how[0] = '\0';
    close(process->fd);
    wait_for_end(process, grace_ms);
    /*
     * What the module may have started goes with it, where it has its own group: also of one that has
     * ended, whose id is nobody else's before it is reaped.
     */
    (void)kill(-process->pid, SIGKILL);
    (void)kill(process->pid, SIGKILL);
    if (!reap(process->pid, KILLED_WAIT_MS, &status)) {
        snprintf(how, PROCESS_ENDING_MAX, "cannot be ended");
    }
    if (how[0] == '\0') {
        describe(status, how);
    }
    if (process->pidfd >= 0) {
        close(process->pidfd);
    }
    *process = PROCESS_NONE;
}
