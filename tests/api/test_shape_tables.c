/* Every constraint in the tables, tried from both sides. */
#include "tests/testing.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/api/sample.h"

#define ARENA_SIZE 4096

static int setup(void **state)
{
    *state = arena_new(ARENA_SIZE);
    return *state == NULL;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Call @p each once for every shape of every input, with an operation it belongs to. */
typedef void (*each_shape)(arena_t *arena, const shape_t *input, const shape_t *shape);

static void visit(arena_t *arena, const shape_t *input, const shape_t *shape, each_shape each)
{
    each(arena, input, shape);
    if (shape->kind == SHAPE_STRUCTURE) {
        for (const shape_member *member = shape->members; member->name != NULL; member++) {
            visit(arena, input, member->shape, each);
        }
    } else if (shape->element != NULL) {
        visit(arena, input, shape->element, each);
    }
}

static const shape_operation *const tables[] = { shape_kms_operations, shape_p11kms_operations };

static void for_each_input_shape(arena_t *arena, each_shape each)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (const shape_operation *operation = tables[i]; operation->name != NULL; operation++) {
            if (operation->input != NULL) {
                visit(arena, operation->input, operation->input, each);
            }
        }
    }
}

static p11kms_err check_sample(arena_t *arena, const shape_t *input, const sample_t *sample)
{
    _cleanup_json_ json_t *body = sample_parse(input, sample);
    p11kms_err err = shape_check(input, body, arena);

    arena_reset(arena);
    return err;
}

static void expect_valid(arena_t *arena, const shape_t *input, const sample_t *sample)
{
    p11kms_err err = check_sample(arena, input, sample);

    if (err != P11KMS_OK) {
        print_error("%s, %s: %s\n", input->name, sample->target ? sample->target->name : "-",
                    p11kms_err_detail(err));
    }
    assert_ok(err);
}

static void expect_refused(arena_t *arena, const shape_t *input, const sample_t *sample, p11kms_err expected,
                           const char *sentence)
{
    p11kms_err err = check_sample(arena, input, sample);

    if (err != expected || strstr(p11kms_err_detail(err), sentence) == NULL) {
        print_error("%s, %s: %s, not '%s'\n", input->name, sample->target ? sample->target->name : "-",
                    err == P11KMS_OK ? "taken" : p11kms_err_detail(err), sentence);
    }
    assert_err(err, expected);
    assert_non_null(strstr(p11kms_err_detail(err), sentence));
}

static void test_operations_stand_in_name_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        assert_non_null(tables[i][0].name);
        for (const shape_operation *operation = tables[i]; operation[1].name != NULL; operation++) {
            assert_true(strcmp(operation[0].name, operation[1].name) < 0);
        }
    }
}

static void test_an_operation_is_found_by_its_whole_name(void **state)
{
    (void)state;
    for (const shape_operation *operation = shape_kms_operations; operation->name != NULL; operation++) {
        assert_ptr_equal(shape_find_operation(shape_kms_operations, SLICE_STR(operation->name)), operation);
        assert_non_null(operation->errors[0]);
    }
    assert_null(shape_find_operation(shape_kms_operations, SLICE_LIT("Encryp")));
    assert_null(shape_find_operation(shape_kms_operations, SLICE_LIT("Encrypt\0")));
    assert_null(shape_find_operation(shape_kms_operations, SLICE_LIT("encrypt")));
    assert_null(shape_find_operation(shape_kms_operations, (slice_t){ 0 }));
}

static void try_valid(arena_t *arena, const shape_t *input, const shape_t *shape)
{
    if (shape == input) {
        expect_valid(arena, input, &(sample_t){ .kind = SAMPLE_VALID });
        expect_valid(arena, input, &(sample_t){ .kind = SAMPLE_VALID, .all_members = true });
    }
}

static void test_a_body_of_required_members_and_one_of_all_members_are_taken(void **state)
{
    for_each_input_shape(*state, try_valid);
}

static bool can_match(const shape_t *shape, int64_t size)
{
    _cleanup_free_ char *text = shape->kind == SHAPE_STRING ? sample_text(shape, (size_t)size) : strdup("");

    return text != NULL;
}

static void try_bounds(arena_t *arena, const shape_t *input, const shape_t *shape)
{
    const char *what = shape->kind == SHAPE_INTEGER ? "value" : "length";
    sample_t sample = { .kind = SAMPLE_SIZED, .target = shape };
    char sentence[128];

    if (shape->enums != NULL || shape->max == -1) {
        return;
    }
    for (int side = 0; side < 2; side++) {
        int64_t bound = side == 0 ? shape->min : shape->max;

        sample.size = bound;
        if (can_match(shape, sample.size)) {
            expect_valid(arena, input, &sample);
        }
        if (side == 0 && bound == 0) {
            continue;
        }
        sample.size = side == 0 ? bound - 1 : bound + 1;
        snprintf(sentence, sizeof(sentence), "Member must have %s %s than or equal to %" PRId64, what,
                 side == 0 ? "greater" : "less", bound);
        expect_refused(arena, input, &sample, P11KMS_E_VALIDATION, sentence);
    }
}

static void test_lengths_and_values_are_taken_up_to_their_bounds_and_no_further(void **state)
{
    for_each_input_shape(*state, try_bounds);
}

static void try_enum(arena_t *arena, const shape_t *input, const shape_t *shape)
{
    if (shape->enums != NULL) {
        expect_refused(arena, input, &(sample_t){ .kind = SAMPLE_NOT_IN_ENUM, .target = shape },
                       P11KMS_E_VALIDATION, "Member must satisfy enum value set: [");
    }
}

static void test_a_value_outside_its_set_is_refused(void **state)
{
    for_each_input_shape(*state, try_enum);
}

static void try_type(arena_t *arena, const shape_t *input, const shape_t *shape)
{
    expect_refused(arena, input, &(sample_t){ .kind = SAMPLE_WRONG_TYPE, .target = shape },
                   P11KMS_E_WIRE_SERIALIZATION, "");
}

static void test_a_value_of_another_json_type_is_refused(void **state)
{
    for_each_input_shape(*state, try_type);
}

static void try_required(arena_t *arena, const shape_t *input, const shape_t *shape)
{
    if (shape->kind != SHAPE_STRUCTURE) {
        return;
    }
    for (const shape_member *member = shape->members; member->name != NULL; member++) {
        sample_t missing = { .kind = SAMPLE_MISSING, .member = member, .all_members = true };
        sample_t null = { .kind = SAMPLE_NULL, .member = member, .all_members = true };

        if (member->required) {
            expect_refused(arena, input, &missing, P11KMS_E_VALIDATION, "Member must not be null");
            expect_refused(arena, input, &null, P11KMS_E_VALIDATION, "Member must not be null");
        } else {
            expect_valid(arena, input, &missing);
            expect_valid(arena, input, &null);
        }
    }
}

static void test_required_members_must_be_there_and_others_need_not(void **state)
{
    for_each_input_shape(*state, try_required);
}

static void test_a_sample_of_every_answer_fits_its_shape(void **state)
{
    const sample_t all = { .kind = SAMPLE_VALID, .all_members = true };

    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (const shape_operation *operation = tables[i]; operation->name != NULL; operation++) {
            if (operation->output != NULL) {
                _cleanup_json_ json_t *body = sample_parse(operation->output, &all);

                assert_ok(shape_check_response(operation->output, body, *state));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_stand_in_name_order),
        cmocka_unit_test(test_an_operation_is_found_by_its_whole_name),
        cmocka_unit_test(test_a_body_of_required_members_and_one_of_all_members_are_taken),
        cmocka_unit_test(test_lengths_and_values_are_taken_up_to_their_bounds_and_no_further),
        cmocka_unit_test(test_a_value_outside_its_set_is_refused),
        cmocka_unit_test(test_a_value_of_another_json_type_is_refused),
        cmocka_unit_test(test_required_members_must_be_there_and_others_need_not),
        cmocka_unit_test(test_a_sample_of_every_answer_fits_its_shape),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
