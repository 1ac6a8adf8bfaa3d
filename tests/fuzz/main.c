/*
 * Stands in for libFuzzer where it is not linked: runs the target once over every file of
 * the folders named. What begins with '-' is libFuzzer's and means nothing here.
 */
#include <dirent.h>
#include <stdio.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1u << 20)

static bool read_file(FILE *file, buf_t *out)
{
    uint8_t *at = buf_reserve(out, INPUT_MAX);

    if (at == NULL) {
        return false;
    }
    out->len = fread(at, 1, INPUT_MAX, file);
    return ferror(file) == 0;
}

/* From memory of just that size, so that a sanitizer sees a read past the end. */
static bool run_input(slice_t input)
{
    uint8_t *exact = malloc(input.len > 0 ? input.len : 1);

    if (exact == NULL) {
        return false;
    }
    memcpy(exact, input.data, input.len);
    LLVMFuzzerTestOneInput(exact, input.len);
    free(exact);
    return true;
}

static bool run_file(const char *path)
{
    _cleanup_buf_ buf_t input = { 0 };
    FILE *file = fopen(path, "re");
    bool done = file != NULL && read_file(file, &input) && run_input(buf_slice(&input));

    if (file != NULL) {
        fclose(file);
    }
    if (!done) {
        perror(path);
    }
    return done;
}

static bool run_folder(const char *path)
{
    DIR *folder = opendir(path);
    bool done = folder != NULL;
    struct dirent *entry;

    if (folder == NULL) {
        perror(path);
        return false;
    }
    while ((entry = readdir(folder)) != NULL) {
        _cleanup_buf_ buf_t file = { 0 };

        if (entry->d_name[0] != '.') {
            buf_printf(&file, "%s/%s", path, entry->d_name);
            done = run_file(buf_str(&file)) && done;
        }
    }
    closedir(folder);
    return done;
}

int main(int argc, char **argv)
{
    bool done = true;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            done = run_folder(argv[i]) && done;
        }
    }
    return done ? 0 : 1;
}
