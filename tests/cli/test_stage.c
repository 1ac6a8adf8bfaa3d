#include "tests/testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/stage.h"
#include "tests/fakes/scratch.h"

#define NO_GROUP ((gid_t)-1)

static const char *parent, *dir;

static int prepare(void **state)
{
    (void)state;
    parent = scratch_folder();
    dir = scratch_path(parent, "dir");
    return 0;
}

static unsigned mode_of(const char *name)
{
    struct stat st;

    return stat(scratch_path(dir, name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static size_t count_entries(const char *path)
{
    DIR *listing = opendir(path);
    size_t n = 0;

    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    if (listing) {
        closedir(listing);
    }
    return n;
}

static p11kms_err put(stage_t *stage, const char *name, const char *text, mode_t mode)
{
    _cleanup_buf_ buf_t content = { 0 };

    buf_put_str(&content, text);
    return stage_file(stage, name, mode, &content);
}

static void put_existing(const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(dir, name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_content(const char *name, const char *text)
{
    char content[64] = "";
    FILE *file = fopen(scratch_path(dir, name), "r");

    assert_non_null(file);
    assert_int_equal(fread(content, 1, sizeof(content) - 1, file), strlen(text));
    fclose(file);
    assert_string_equal(content, text);
}

static stage_t *begin(void)
{
    stage_t *stage;

    assert_ok(stage_begin(dir, NO_GROUP, &stage));
    assert_ok(stage_folder(stage, "sub", 0750));
    assert_ok(put(stage, "sub/secret", "s", 0600));
    return stage;
}

static void test_everything_appears_with_its_mode_and_nothing_else(void **state)
{
    mode_t mask = umask(077);
    stage_t *stage = begin();

    (void)state;
    assert_ok(put(stage, "main", "text", 0644));
    assert_false(access(scratch_path(dir, "main"), F_OK) == 0);
    assert_ok(stage_commit(stage));
    stage_end(stage);
    umask(mask);
    assert_content("main", "text");
    assert_content("sub/secret", "s");
    assert_int_equal(mode_of("main"), 0644);
    assert_int_equal(mode_of("sub"), 0750);
    assert_int_equal(mode_of("sub/secret"), 0600);
    assert_int_equal(mode_of("."), 0755);
    assert_int_equal(count_entries(dir), 2);
}

static void test_what_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    stage_end(begin());
    assert_int_equal(count_entries(parent), 0);
}

static void test_a_folder_that_was_there_stays(void **state)
{
    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(mkdir(scratch_path(dir, "sub"), 0711), 0);
    put_existing("pin", "1234");
    stage_end(begin());
    assert_int_equal(count_entries(dir), 2);
    stage_t *stage = begin();
    assert_ok(stage_commit(stage));
    stage_end(stage);
    assert_content("pin", "1234");
    assert_int_equal(mode_of("sub"), 0711);
    assert_int_equal(mode_of("."), 0700);
}

static void test_a_file_that_is_there_is_refused_at_once(void **state)
{
    stage_t *stage = begin();

    (void)state;
    put_existing("main", "mine");
    assert_err(put(stage, "main", "other", 0644), P11KMS_E_EXISTS);
    stage_end(stage);
    assert_content("main", "mine");
}

static void test_a_file_that_came_meanwhile_undoes_the_rest(void **state)
{
    stage_t *stage = begin();

    (void)state;
    assert_ok(put(stage, "main", "other", 0644));
    put_existing("main", "mine");
    assert_err(stage_commit(stage), P11KMS_E_EXISTS);
    stage_end(stage);
    assert_content("main", "mine");
    assert_int_equal(count_entries(dir), 1);
}

static void test_a_place_that_cannot_be_made_is_told(void **state)
{
    stage_t *stage = NULL;

    (void)state;
    assert_err(stage_begin("/nonexistent/dir", NO_GROUP, &stage), P11KMS_E_IO);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_IO), "/nonexistent/dir"));
    assert_null(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_everything_appears_with_its_mode_and_nothing_else, prepare),
        cmocka_unit_test_setup(test_what_is_given_up_leaves_nothing, prepare),
        cmocka_unit_test_setup(test_a_folder_that_was_there_stays, prepare),
        cmocka_unit_test_setup(test_a_file_that_is_there_is_refused_at_once, prepare),
        cmocka_unit_test_setup(test_a_file_that_came_meanwhile_undoes_the_rest, prepare),
        cmocka_unit_test_setup(test_a_place_that_cannot_be_made_is_told, prepare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
