/* Reads declarations: files, and folders of them. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "conf/gather.h"
#include "conf/tables.h"

#define FILES_MAX 4096

/** Reads one file after another and keeps what each declared. */
typedef struct {
    arena_t *arena;
    problems_t *problems;
    bool dev;
    fragment_t *first;
    fragment_t **end;
} reading_t;

static p11kms_err read_file(reading_t *reading, const char *file)
{
    fragment_t *fragment = ARENA_NEW(reading->arena, fragment_t);
    const node_t *root;
    load_t load;

    TRY(load_begin(&load, reading->arena, reading->problems, file, reading->dev));
    TRY(tree_read(&load, &root));
    if (root != NULL) {
        read_section(&load, &conf_declared_section, root, NULL, &fragment->declared);
    }
    *reading->end = fragment;
    reading->end = &fragment->next;
    return P11KMS_OK;
}

static int is_yaml(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* in every locale the same */
}

static p11kms_err read_entries(reading_t *reading, const char *dir, struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++) {
        TRY(read_file(reading, arena_printf(reading->arena, "%s/%s", dir, entries[i]->d_name)));
    }
    return P11KMS_OK;
}

static p11kms_err read_folder(reading_t *reading, const char *dir)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, is_yaml, by_name);

    if (n < 0) {
        FAIL(P11KMS_E_IO, "%s: %s", dir, strerror(errno));
    }
    p11kms_err err = n <= FILES_MAX ? read_entries(reading, dir, entries, n)
                                    : p11kms_fail(P11KMS_E_IO, "%s: more than %d files", dir, FILES_MAX);
    for (int i = 0; i < n; i++) {
        free(entries[i]);
    }
    free(entries);
    return err;
}

static p11kms_err read_paths(reading_t *reading, const char *const *paths, size_t n_paths)
{
    for (size_t i = 0; i < n_paths; i++) {
        struct stat status;

        if (stat(paths[i], &status) != 0) {
            FAIL(P11KMS_E_IO, "%s: %s", paths[i], strerror(errno));
        }
        TRY(S_ISDIR(status.st_mode) ? read_folder(reading, paths[i]) : read_file(reading, paths[i]));
    }
    return P11KMS_OK;
}

struct loaded {
    conf_declared_t declared; /* first: what callers hold */
    arena_t *arena;
};

p11kms_err conf_load_declared(const char *const *paths, size_t n_paths, bool dev, buf_t *problems,
                              conf_declared_t **ret)
{
    _cleanup_(arena) arena_t *arena = arena_new(16384);
    problems_t found = { .out = problems };
    reading_t reading = { .arena = arena, .problems = &found, .dev = dev, .end = &reading.first };

    ENSURE(arena != NULL, P11KMS_E_NOMEM);
    TRY(read_paths(&reading, paths, n_paths));
    TRY(problems_result(&found));
    struct loaded *loaded = ARENA_NEW(arena, struct loaded);
    TRY(gather(arena, &found, reading.first, &loaded->declared));
    TRY(problems_result(&found));
    loaded->arena = STEAL(arena);
    *ret = &loaded->declared;
    return P11KMS_OK;
}

static bool has_token(const conf_t *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_tokens; i++) {
        if (strcmp(conf->tokens[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

p11kms_err conf_check_key_tokens(const conf_t *conf, const conf_declared_t *declared, buf_t *problems)
{
    problems_t found = { .out = problems };

    for (size_t i = 0; i < declared->n_keys; i++) {
        const conf_key *key = &declared->keys[i];

        if (key->token != NULL && !has_token(conf, key->token)) {
            problem_put(&found, key->place.file, key->place.line, key->place.column, "%s: no token is called '%s'",
                        key->alias, key->token);
        }
    }
    return problems_result(&found);
}

void conf_declared_free(conf_declared_t *declared)
{
    if (declared != NULL) {
        arena_free(((struct loaded *)(void *)declared)->arena);
    }
}
