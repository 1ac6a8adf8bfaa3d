/* Files a test writes, and the messages a load gives. */
#pragma once

#include <stdio.h>

#include "tests/fakes/scratch.h"
#include "tests/testing.h"

/** Write @p text as FOLDER/NAME; the path. */
static inline const char *write_file(const char *folder, const char *name, const char *text)
{
    const char *path = scratch_path(folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/** Take FOLDER/ out of messages, so that they can be compared. */
static inline void without_folder(buf_t *messages, const char *folder)
{
    _cleanup_buf_ buf_t out = { 0 };
    const char *at = buf_str(messages);
    size_t len = strlen(folder);

    while (*at != '\0') {
        if (strncmp(at, folder, len) == 0 && at[len] == '/') {
            at += len + 1;
        } else {
            buf_put_char(&out, *at++);
        }
    }
    buf_clear(messages);
    buf_put_slice(messages, buf_slice(&out));
}
