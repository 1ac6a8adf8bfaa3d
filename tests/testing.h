/* What every unit test includes: cmocka, and assertions over this project's types. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/bytes.h"

/* By name, so that a failure can be read. */
#define assert_err(call, expected) assert_string_equal(p11kms_err_name(call), p11kms_err_name(expected))
#define assert_ok(call) assert_err(call, P11KMS_OK)

#define assert_slice_equal(actual, expected)                                                       \
    do {                                                                                           \
        slice_t actual_ = (actual);                                                                \
        slice_t expected_ = (expected);                                                            \
        assert_int_equal(actual_.len, expected_.len);                                              \
        if (expected_.len > 0) {                                                                   \
            assert_memory_equal(actual_.data, expected_.data, expected_.len);                      \
        }                                                                                          \
    } while (0)

#define assert_slice_text(actual, text) assert_slice_equal((actual), SLICE_STR(text))
#define assert_buf_text(buf, text) assert_string_equal(buf_str(buf), (text))
