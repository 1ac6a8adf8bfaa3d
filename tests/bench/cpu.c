#include "tests/bench/cpu.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- who listens ---- */

/* proc(5): "sl local_address rem_address st ... inode"; state 0A is listening. */
static unsigned long inode_of_port(const char *table, unsigned port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned long inode = 0;

    while (file != NULL && inode == 0 && fgets(line, sizeof(line), file) != NULL) {
        unsigned local_port, state;
        unsigned long found;

        if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %lu", &local_port, &state,
                   &found) == 3 &&
            local_port == port && state == 0x0A) {
            inode = found;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return inode;
}

static unsigned long inode_of_path(const char *path)
{
    FILE *file = fopen("/proc/net/unix", "re");
    char line[512], at[256];
    unsigned long inode = 0, found;
    unsigned flags;

    while (file != NULL && inode == 0 && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%*s %*x %*x %x %*x %*x %lu %255s", &flags, &found, at) == 3 &&
            strcmp(at, path) == 0 && (flags & 0x10000) != 0) { /* __SO_ACCEPTCON */
            inode = found;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return inode;
}

static bool holds_inode(pid_t pid, const char *link)
{
    char folder[64], path[320], target[64];
    DIR *fds;
    struct dirent *entry;
    bool holds = false;

    snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
    fds = opendir(folder);
    while (fds != NULL && !holds && (entry = readdir(fds)) != NULL) {
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        n = readlink(path, target, sizeof(target) - 1);
        if (n > 0) {
            target[n] = '\0';
            holds = strcmp(target, link) == 0;
        }
    }
    if (fds != NULL) {
        closedir(fds);
    }
    return holds;
}

/** Call @p each for every process until it says stop; that process. */
static pid_t each_process(bool (*each)(pid_t pid, void *arg), void *arg)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    while (proc != NULL && found == 0 && (entry = readdir(proc)) != NULL) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;

        if (pid > 0 && each(pid, arg)) {
            found = pid;
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return found;
}

static bool is_holder(pid_t pid, void *link)
{
    return holds_inode(pid, link);
}

pid_t cpu_find_listener(unsigned port, const char *path)
{
    unsigned long inode = path != NULL ? inode_of_path(path) : inode_of_port("/proc/net/tcp", port);
    char link[64];

    if (inode == 0 && path == NULL) {
        inode = inode_of_port("/proc/net/tcp6", port);
    }
    snprintf(link, sizeof(link), "socket:[%lu]", inode);
    return inode != 0 ? each_process(is_holder, link) : 0;
}

/* ---- what it used ---- */

typedef struct {
    char name[16]; /* as the kernel cuts it */
    pid_t parent;
    int64_t ticks;
} process_t;

static bool read_process(pid_t pid, process_t *ret)
{
    char path[64], text[1024], *name, *after_name;
    unsigned long user, system;
    FILE *file;
    size_t n;
    int parent;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    name = strchr(text, '(');
    after_name = strrchr(text, ')'); /* the name may hold anything */
    if (name == NULL || after_name == NULL ||
        sscanf(after_name + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &parent, &user,
               &system) != 3) {
        return false;
    }
    *after_name = '\0';
    snprintf(ret->name, sizeof(ret->name), "%.15s", name + 1);
    ret->parent = parent;
    ret->ticks = (int64_t)(user + system);
    return true;
}

typedef struct {
    pid_t parent;
    const char *name; /* NULL: any */
    int64_t ticks;
} family;

static bool add_child(pid_t pid, void *arg)
{
    family *counted = arg;
    process_t process;

    if (read_process(pid, &process) && process.parent == counted->parent) {
        counted->ticks += process.ticks;
    }
    return false;
}

static bool is_wanted_child(pid_t pid, void *arg)
{
    const family *wanted = arg;
    process_t process;

    return read_process(pid, &process) && process.parent == wanted->parent &&
           strcmp(process.name, wanted->name) == 0;
}

pid_t cpu_find_child(pid_t parent, const char *name)
{
    family wanted = { .parent = parent, .name = name };

    return parent > 0 ? each_process(is_wanted_child, &wanted) : 0;
}

int64_t cpu_used_us(pid_t pid)
{
    process_t own;
    family counted = { .parent = pid };

    if (pid <= 0 || !read_process(pid, &own)) {
        return -1;
    }
    each_process(add_child, &counted);
    return (own.ticks + counted.ticks) * (1000000 / sysconf(_SC_CLK_TCK));
}

long cpu_resident_kb(pid_t pid)
{
    char path[64];
    long pages = -1;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
        pages = -1;
    }
    if (file != NULL) {
        fclose(file);
    }
    return pages < 0 ? -1 : pages * (sysconf(_SC_PAGESIZE) / 1024);
}
