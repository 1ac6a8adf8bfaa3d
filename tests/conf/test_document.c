/* Files that hold one policy document. */
#include "conf/conf.h"
#include "tests/conf/files.h"

typedef struct {
    const char *folder;
    buf_t problems;
    conf_document *document;
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->folder = scratch_folder();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;

    conf_document_free(f->document);
    buf_free(&f->problems);
    free(f);
    return 0;
}

static p11kms_err load(fixture_t *f, const char *name, const char *text)
{
    return conf_load_document(write_file(f->folder, name, text), &f->problems, &f->document);
}

static void test_json_and_yaml_say_the_same(void **state)
{
    static const char *const texts[] = {
        "{\"Version\": \"2012-10-17\",\n\t\"Statement\": [{\"Effect\": \"Allow\", \"Condition\": {\"Bool\": "
        "{\"a:b\": true}}}]}",
        "Version: 2012-10-17\nStatement:\n  - Effect: Allow\n    Condition: {Bool: {\"a:b\": true}}\n",
    };
    fixture_t *f = *state;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_ok(load(f, "p", texts[i]));
        assert_string_equal(f->document->policy.json,
                            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                            "\"Condition\":{\"Bool\":{\"a:b\":true}}}]}");
        conf_document_free(f->document);
        f->document = NULL;
    }
}

static void test_parts_have_their_places(void **state)
{
    fixture_t *f = *state;

    assert_ok(load(f, "p.json",
                   "{\"Statement\": [\n  {\"Effect\": \"Allow\"},\n  {\"Action\": [\"a\",\n    \"b\"]}]}"));
    conf_place place = conf_policy_place(&f->document->policy, "Statement[1].Action[1]: what is wrong");
    assert_string_equal(place.file, scratch_path(f->folder, "p.json"));
    assert_int_equal(place.line, 4);
    assert_int_equal(place.column, 5);
    assert_string_equal(f->document->policy.name, scratch_path(f->folder, "p.json"));
}

static void test_what_is_no_map_is_refused(void **state)
{
    static const char *const texts[] = { "- a\n", "text\n", "{\"a\": [\n", "a: 1\na: 2\n" };
    fixture_t *f = *state;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_err(load(f, "p", texts[i]), P11KMS_E_CONFIG);
        assert_true(f->problems.len > 0);
        assert_null(f->document);
        buf_clear(&f->problems);
    }
}

static void test_a_file_that_is_not_there_is_an_error(void **state)
{
    fixture_t *f = *state;

    assert_err(conf_load_document(scratch_path(f->folder, "nowhere"), &f->problems, &f->document),
               P11KMS_E_IO);
    assert_null(f->document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_json_and_yaml_say_the_same),
        TEST(test_parts_have_their_places),
        TEST(test_what_is_no_map_is_refused),
        TEST(test_a_file_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
