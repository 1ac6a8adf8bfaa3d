/* Scope-bound cleanup, and the attributes every header uses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define MUST_USE __attribute__((warn_unused_result))
/** A large array that is written before it is read: the compiler's zeroing of all locals would cost a microsecond. */
#define NOT_ZEROED __attribute__((uninitialized))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/** Hand a value over: yields it and leaves zero (NULL, an empty struct) behind. */
#define STEAL(lvalue)                                                                              \
    (__extension__({                                                                               \
        __typeof__(lvalue) stolen_ = (lvalue);                                                     \
        __typeof__(lvalue) nothing_ = { 0 };                                                       \
        (lvalue) = nothing_;                                                                       \
        stolen_;                                                                                   \
    }))

/** Define cleanup_NAME(type **) for a type freed by @p free_fn; use as _cleanup_(NAME). */
#define DEFINE_CLEANUP(type, name, free_fn)                                                        \
    static inline void cleanup_##name(type *value)                                                 \
    {                                                                                              \
        if (*value) {                                                                              \
            free_fn(*value);                                                                       \
        }                                                                                          \
    }                                                                                              \
    struct cleanup_needs_semicolon_##name

#define _cleanup_(name) __attribute__((cleanup(cleanup_##name)))

static inline void cleanup_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))

static inline void cleanup_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}
#define _cleanup_fd_ __attribute__((cleanup(cleanup_fd)))
