/* CPU time of a server and of the token hosts it started, as the kernel counts it. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/** The process that listens at @p port on this machine, or at the Unix socket @p path; 0: cannot be told. */
pid_t cpu_find_listener(unsigned port, const char *path);
/** The first child of @p parent that runs the program @p name; 0: none. */
pid_t cpu_find_child(pid_t parent, const char *name);
/** User and system time of @p pid and its living children, in microseconds; -1 where it cannot be read. */
int64_t cpu_used_us(pid_t pid);
/** Resident memory of @p pid, in KB; -1 where it cannot be read. */
long cpu_resident_kb(pid_t pid);
