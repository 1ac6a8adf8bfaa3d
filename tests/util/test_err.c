#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>

static void test_every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int err = P11KMS_OK; err < P11KMS_ERR_COUNT; err++) {
        assert_true(strlen(p11kms_err_name((p11kms_err)err)) > 0);
        assert_true(strlen(p11kms_err_text((p11kms_err)err)) > 0);
    }
    assert_string_equal(p11kms_err_name(P11KMS_E_TOKEN_LOST), "TOKEN_LOST");
}

static void test_a_number_that_is_no_error_is_named_too(void **state)
{
    (void)state;
    assert_non_null(p11kms_err_name(P11KMS_ERR_COUNT));
    assert_non_null(p11kms_err_text((p11kms_err)-1));
}

static p11kms_err refuse_file(const char *name)
{
    FAIL(P11KMS_E_IO, "%s: gone", name);
}

static void test_the_sentence_of_the_failing_call_is_the_detail(void **state)
{
    (void)state;
    assert_err(refuse_file("a.db"), P11KMS_E_IO);
    assert_string_equal(p11kms_err_detail(P11KMS_E_IO), "a.db: gone");
}

static void test_a_sentence_does_not_go_with_another_error(void **state)
{
    (void)state;
    assert_err(refuse_file("a.db"), P11KMS_E_IO);
    assert_string_equal(p11kms_err_detail(P11KMS_E_DENIED), p11kms_err_text(P11KMS_E_DENIED));
}

static p11kms_err ensure(bool cond)
{
    ENSURE(cond, P11KMS_E_IO);
    return P11KMS_OK;
}

static void test_ensure_drops_an_older_sentence(void **state)
{
    (void)state;
    assert_err(refuse_file("a.db"), P11KMS_E_IO);
    assert_ok(ensure(true));
    assert_err(ensure(false), P11KMS_E_IO);
    assert_string_equal(p11kms_err_detail(P11KMS_E_IO), p11kms_err_text(P11KMS_E_IO));
}

static p11kms_err through_try(int *reached)
{
    TRY(ensure(true));
    (*reached)++;
    TRY(refuse_file("b.db"));
    (*reached)++;
    return P11KMS_OK;
}

static void test_try_returns_the_first_error_as_it_is(void **state)
{
    int reached = 0;

    (void)state;
    assert_err(through_try(&reached), P11KMS_E_IO);
    assert_int_equal(reached, 1);
    assert_string_equal(p11kms_err_detail(P11KMS_E_IO), "b.db: gone");
}

static void test_a_sentence_may_quote_the_one_before(void **state)
{
    (void)state;
    assert_err(refuse_file("a.db"), P11KMS_E_IO);
    (void)p11kms_fail(P11KMS_E_STORE, "store: %s", p11kms_err_detail(P11KMS_E_IO));
    assert_string_equal(p11kms_err_detail(P11KMS_E_STORE), "store: a.db: gone");
}

static void test_a_long_sentence_is_cut_at_1023_bytes(void **state)
{
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)p11kms_fail(P11KMS_E_IO, "%s", text);
    assert_int_equal(strlen(p11kms_err_detail(P11KMS_E_IO)), 1023);
}

static void *other_thread(void *arg)
{
    (void)arg;
    (void)refuse_file("other.db");
    return NULL;
}

static void test_each_thread_has_its_own_sentence(void **state)
{
    pthread_t thread;

    (void)state;
    (void)refuse_file("mine.db");
    assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(p11kms_err_detail(P11KMS_E_IO), "mine.db: gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_name_and_a_text),
        cmocka_unit_test(test_a_number_that_is_no_error_is_named_too),
        cmocka_unit_test(test_the_sentence_of_the_failing_call_is_the_detail),
        cmocka_unit_test(test_a_sentence_does_not_go_with_another_error),
        cmocka_unit_test(test_ensure_drops_an_older_sentence),
        cmocka_unit_test(test_try_returns_the_first_error_as_it_is),
        cmocka_unit_test(test_a_sentence_may_quote_the_one_before),
        cmocka_unit_test(test_a_long_sentence_is_cut_at_1023_bytes),
        cmocka_unit_test(test_each_thread_has_its_own_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
