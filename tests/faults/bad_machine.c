/*
 * Loaded before the daemon (LD_PRELOAD), for what no file system does on demand: a
 * disk that is slow or fails to sync, a clock that is set. The file that
 * $BAD_MACHINE names says it, and is looked at at every call:
 *
 *     SYNC_MS SYNC_ERRNO CLOCK_SECONDS
 *
 * Only files in a folder called "audit" are on the bad disk.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    long sync_ms;
    int sync_errno;
    long clock_seconds;
} machine_t;

#define VISIBLE __attribute__((visibility("default")))
VISIBLE int fdatasync(int fd);
VISIBLE int clock_gettime(clockid_t clock, struct timespec *now);

static machine_t look(void)
{
    const char *path = getenv("BAD_MACHINE");
    machine_t machine = { 0 };
    char text[64] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        if (read(fd, text, sizeof(text) - 1) > 0) {
            (void)sscanf(text, "%ld %d %ld", &machine.sync_ms, &machine.sync_errno, &machine.clock_seconds);
        }
        close(fd);
    }
    return machine;
}

static int is_of_the_log(int fd)
{
    char link[32], path[4096];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    return strstr(path, "/audit/") != NULL;
}

int fdatasync(int fd)
{
    machine_t machine = look();

    if (!is_of_the_log(fd)) {
        return (int)syscall(SYS_fdatasync, fd);
    }
    if (machine.sync_ms > 0) {
        usleep((useconds_t)machine.sync_ms * 1000);
    }
    if (machine.sync_errno != 0) {
        errno = machine.sync_errno;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock == CLOCK_REALTIME) {
        now->tv_sec += look().clock_seconds;
    }
    return result;
}
