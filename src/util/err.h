/*
 * One vocabulary of errors for every room.
 *
 * A function that can fail returns p11kms_err and writes its `ret_` outputs on
 * success alone. The sentence that goes with an error (which key, which file)
 * is kept per thread: set it with FAIL(), read it with p11kms_err_detail().
 * Rooms return; the edge logs once, with the request id. How an error looks to
 * an AWS client is one table, src/api/fault.c.
 */
#pragma once

#include "util/cleanup.h"

typedef enum {
    P11KMS_OK = 0,
#define P11KMS_ERR(name, text) P11KMS_E_##name,
#include "util/err.def"
#undef P11KMS_ERR
    P11KMS_ERR_COUNT
} p11kms_err;

/** The enumerator without its prefix ("TOKEN_LOST"); never NULL. */
const char *p11kms_err_name(p11kms_err err);

/** What the error means, in a few words; never NULL. */
const char *p11kms_err_text(p11kms_err err);

/**
 * The sentence set by the last failing call of this thread, or the error's
 * text where there was none. Valid until the next FAIL() in this thread.
 */
const char *p11kms_err_detail(p11kms_err err);

/** Set this thread's detail (at most 1023 bytes are kept) and return @p err. */
p11kms_err p11kms_fail(p11kms_err err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Set this thread's detail to nothing, so that the error's own text is used. */
p11kms_err p11kms_fail_plain(p11kms_err err);

#define FAIL(err, ...) return p11kms_fail((err), __VA_ARGS__)

/** Return the error of a failing call to the caller, as it is. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        p11kms_err try_err_ = (call);                                                              \
        if (try_err_ != P11KMS_OK) {                                                               \
            return try_err_;                                                                       \
        }                                                                                          \
    } while (0)

/** Return @p err unless @p cond holds; the detail is the condition's absence, so only the text. */
#define ENSURE(cond, err)                                                                          \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            return p11kms_fail_plain(err);                                                         \
        }                                                                                          \
    } while (0)
