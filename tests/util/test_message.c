#include "tests/testing.h"

#include "util/message.h"

#define HEADER(n, v)                                                                                         \
    {                                                                                                        \
        .name = { (const uint8_t *)(n), sizeof(n) - 1 }, .value = {(const uint8_t *)(v), sizeof(v) - 1 }     \
    }

static const message_t message = {
    .headers = { HEADER("host", "kms.test"), HEADER("x-amz-date", "1"), HEADER("x-amz-date", "2") },
    .n_headers = 3,
};

static void test_the_first_header_of_a_name_is_found(void **state)
{
    (void)state;
    assert_slice_text(message_header(&message, "host"), "kms.test");
    assert_slice_text(message_header(&message, "x-amz-date"), "1");
}

static void test_an_absent_header_has_no_data(void **state)
{
    (void)state;
    assert_null(message_header(&message, "authorization").data);
    assert_null(message_header(&message, "").data);
    assert_null(message_header(&message, "hos").data);
}

static void test_an_empty_header_is_not_absent(void **state)
{
    message_t empty = { .headers = { { .name = SLICE_LIT("x-empty") } }, .n_headers = 1 };

    (void)state;
    assert_non_null(message_header(&empty, "x-empty").data);
    assert_int_equal(message_header(&empty, "x-empty").len, 0);
}

static void test_headers_of_a_name_are_counted(void **state)
{
    (void)state;
    assert_int_equal(message_header_count(&message, "x-amz-date"), 2);
    assert_int_equal(message_header_count(&message, "host"), 1);
    assert_int_equal(message_header_count(&message, "cookie"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_header_of_a_name_is_found),
        cmocka_unit_test(test_an_absent_header_has_no_data),
        cmocka_unit_test(test_an_empty_header_is_not_absent),
        cmocka_unit_test(test_headers_of_a_name_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
