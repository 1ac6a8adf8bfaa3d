#include "tests/fakes/fake_disk.h"

#include <errno.h>

#include "tests/fakes/gate.h"

typedef struct {
    unsigned times;
    int error;
} fault_t;

static gate_t gate = GATE_OPEN;
static struct {
    long room;
    long free_bytes;
    int room_error;
    size_t short_write;
    fault_t sync;
    fault_t truncate;
    bool skip;
    unsigned writes;
    unsigned syncs;
} disk = { .room = -1, .free_bytes = -1 };

#define LOCKED(statement) GATE_LOCKED(&gate, statement)

void fake_disk_reset(void)
{
    LOCKED({
        disk.room = -1;
        disk.free_bytes = -1;
        disk.short_write = 0;
        disk.sync.times = 0;
        disk.truncate.times = 0;
        gate.hold = false;
        disk.skip = false;
        disk.writes = 0;
        disk.syncs = 0;
    });
}

void fake_disk_room(long bytes, int error)
{
    LOCKED({
        disk.room = bytes;
        disk.room_error = error;
    });
}

void fake_disk_free(long bytes)
{
    LOCKED(disk.free_bytes = bytes);
}

void fake_disk_short_writes(size_t bytes)
{
    LOCKED(disk.short_write = bytes);
}

static void set_fault(fault_t *fault, unsigned times, int error)
{
    LOCKED({
        fault->times = times;
        fault->error = error;
    });
}

void fake_disk_fail_sync(unsigned times, int error)
{
    set_fault(&disk.sync, times, error);
}

void fake_disk_fail_truncate(unsigned times, int error)
{
    set_fault(&disk.truncate, times, error);
}

void fake_disk_hold_sync(void)
{
    gate_hold(&gate, true);
}

void fake_disk_skip_syncs(void)
{
    LOCKED(disk.skip = true);
}

void fake_disk_release_sync(void)
{
    gate_hold(&gate, false);
}

void fake_disk_await_held(void)
{
    gate_await_held(&gate);
}

unsigned fake_disk_writes(void)
{
    unsigned count;

    LOCKED(count = disk.writes);
    return count;
}

unsigned fake_disk_syncs(void)
{
    unsigned count;

    LOCKED(count = disk.syncs);
    return count;
}

/** Under the lock. */
static bool strikes(fault_t *fault)
{
    if (fault->times == 0) {
        return false;
    }
    fault->times--;
    errno = fault->error;
    return true;
}

static ssize_t faulty_write(int fd, const void *data, size_t len)
{
    bool full = false;

    LOCKED({
        disk.writes++;
        if (disk.short_write != 0 && len > disk.short_write) {
            len = disk.short_write;
        }
        if (disk.room >= 0 && len > (size_t)disk.room) {
            len = (size_t)disk.room;
        }
        full = disk.room == 0;
        disk.room -= disk.room > 0 ? (long)len : 0;
        errno = disk.room_error;
    });
    return full ? -1 : write(fd, data, len);
}

static int faulty_sync(int fd)
{
    bool fails;
    bool skip;

    pthread_mutex_lock(&gate.lock);
    disk.syncs++;
    gate_pass(&gate);
    fails = strikes(&disk.sync);
    skip = disk.skip;
    pthread_mutex_unlock(&gate.lock);
    return fails ? -1 : skip ? 0 : fdatasync(fd);
}

static int faulty_truncate(int fd, off_t len)
{
    bool fails;

    LOCKED(fails = strikes(&disk.truncate));
    return fails ? -1 : ftruncate(fd, len);
}

static int faulty_space(int fd, struct statvfs *ret)
{
    long free_bytes;

    LOCKED(free_bytes = disk.free_bytes);
    if (fstatvfs(fd, ret) != 0) {
        return -1;
    }
    if (free_bytes >= 0) {
        ret->f_frsize = 1;
        ret->f_blocks = FAKE_DISK_SIZE;
        ret->f_bavail = (fsblkcnt_t)free_bytes;
    }
    return 0;
}

const segment_io fake_disk_io = {
    .write = faulty_write, .sync = faulty_sync, .truncate = faulty_truncate, .space = faulty_space
};
