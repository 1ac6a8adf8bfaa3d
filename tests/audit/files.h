/* Reading back what the log wrote. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fakes/scratch.h"
#include "tests/testing.h"

static inline void write_file(const char *folder, const char *name, slice_t content)
{
    int fd = open(scratch_path(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.data, content.len), content.len);
    close(fd);
}

/** The file's content, or "absent"; the last answer only. */
static inline const char *file_text(const char *folder, const char *name)
{
    static char text[65536];
    int fd = open(scratch_path(folder, name), O_RDONLY | O_CLOEXEC);
    ssize_t len;

    if (fd < 0) {
        return "absent";
    }
    len = read(fd, text, sizeof(text) - 1);
    assert_true(len >= 0);
    text[len] = '\0';
    close(fd);
    return text;
}

static inline int64_t file_size(const char *folder, const char *name)
{
    struct stat st;

    return stat(scratch_path(folder, name), &st) == 0 ? (int64_t)st.st_size : -1;
}

static inline unsigned count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;

    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2; /* . and .. */
}

static inline void assert_detail_names(p11kms_err err, const char *part)
{
    if (strstr(p11kms_err_detail(err), part) == NULL) {
        fail_msg("'%s' does not name '%s'", p11kms_err_detail(err), part);
    }
}
