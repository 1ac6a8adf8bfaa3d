#include "conf/tree.h"
#include "tests/testing.h"

typedef struct {
    arena_t *arena;
    buf_t messages;
    problems_t problems;
    load_t load;
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->arena = arena_new(4096);
    f->problems.out = &f->messages;
    f->load = (load_t){ .arena = f->arena, .problems = &f->problems, .file = "f.yaml", .dir = "/" };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;

    arena_free(f->arena);
    buf_free(&f->messages);
    free(f);
    return 0;
}

static const node_t *parse(fixture_t *f, const char *text)
{
    const node_t *root = NULL;

    assert_ok(tree_parse(&f->load, SLICE_STR(text), &root));
    return root;
}

static void test_nodes_know_their_place_and_kind(void **state)
{
    const node_t *root = parse(*state, "a: 1\nb:\n  - 'x'\n  - {c: ü, d: e}\n");
    const node_t *b = node_member(root, SLICE_LIT("b"));
    const node_t *d = node_member(node_element(b, 1), SLICE_LIT("d"));

    assert_int_equal(root->kind, NODE_MAP);
    assert_int_equal(root->n, 2);
    assert_true(node_member(root, SLICE_LIT("a"))->plain);
    assert_int_equal(b->kind, NODE_LIST);
    assert_false(node_element(b, 0)->plain);
    assert_slice_text(d->text, "e");
    assert_int_equal(d->line, 4);
    assert_int_equal(d->column, 15); /* in characters, not bytes */
    assert_slice_text(d->name->text, "d");
    assert_null(node_member(root, SLICE_LIT("c")));
    assert_null(node_element(b, 2));
}

static void test_nothing_is_an_empty_map(void **state)
{
    assert_int_equal(parse(*state, "# nothing\n")->kind, NODE_MAP);
}

static void test_only_plain_words_are_null(void **state)
{
    const node_t *root = parse(*state, "- ~\n- null\n-\n- ''\n- 'null'\n- nulls\n");

    assert_true(node_is_null(node_element(root, 0)));
    assert_true(node_is_null(node_element(root, 1)));
    assert_true(node_is_null(node_element(root, 2)));
    assert_false(node_is_null(node_element(root, 3)));
    assert_false(node_is_null(node_element(root, 4)));
    assert_false(node_is_null(node_element(root, 5)));
}

static void test_what_is_not_ours_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        { "a: &x 1\n", "f.yaml:1:4: anchors and aliases (&, *) are not taken: write the value out\n" },
        { "a: 1\nb: *a\n", "f.yaml:2:4: anchors and aliases (&, *) are not taken: write the value out\n" },
        { "a: &x [1]\n", "f.yaml:1:4: anchors and aliases (&, *) are not taken: write the value out\n" },
        { "a: &x {}\n", "f.yaml:1:4: anchors and aliases (&, *) are not taken: write the value out\n" },
        { "a: !!str 1\n", "f.yaml:1:4: tags (!) are not taken\n" },
        { "a: ! 1\n", "f.yaml:1:4: tags (!) are not taken\n" },
        { "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: 'a' stands here twice; first on line 1\n" },
        { "x: {a: 1, 'a': 3}\n", "f.yaml:1:11: 'a' stands here twice; first on line 1\n" },
        { "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document (---) is not taken\n" },
        { "? [a]\n: b\n", "f.yaml:1:3: a name must be text, not a list or map\n" },
        { "a: \"x\\0y\"\n", "f.yaml:1:4: text must not hold a NUL\n" },
        { "a: b: c\n", "f.yaml:1:5: not YAML: mapping values are not allowed in this context\n" },
        { "a:\n\t- b\n", "f.yaml:2:1: not YAML: while scanning for the next token, found character that "
                         "cannot start any token\n" },
        { "a: [1\n",
          "f.yaml:2:1: not YAML: while parsing a flow sequence, did not find expected ',' or ']'\n" },
        { "a: b\nc: \xff\n", "f.yaml:2:4: not YAML: invalid leading UTF-8 octet\n" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture_t *f = *state;

        buf_clear(&f->messages);
        assert_null(parse(f, rows[i].text));
        assert_buf_text(&f->messages, rows[i].message);
    }
}

/** @p before many times, with a number and @p after behind it where that is given. */
static const node_t *parse_repeated(fixture_t *f, const char *before, const char *after, size_t times)
{
    _cleanup_buf_ buf_t text = { 0 };

    buf_clear(&f->messages);
    for (size_t i = 0; i < times; i++) {
        buf_put_str(&text, before);
        if (after != NULL) {
            buf_printf(&text, "%zu%s", i, after);
        }
    }
    return parse(f, buf_str(&text));
}

static void test_size_is_bounded(void **state)
{
    fixture_t *f = *state;

    assert_non_null(parse_repeated(f, "- ", "\n", TREE_NODES_MAX - 1));
    assert_null(parse_repeated(f, "- ", "\n", TREE_NODES_MAX));
    assert_buf_text(&f->messages, "f.yaml:100000:3: more than 100000 values in one file\n");
    assert_non_null(parse_repeated(f, "n", ": x\n", TREE_MEMBERS_MAX));
    assert_null(parse_repeated(f, "n", ": x\n", TREE_MEMBERS_MAX + 1));
    assert_buf_text(&f->messages, "f.yaml:1025:1: more than 1024 names in one map\n");
}

static void test_depth_is_bounded(void **state)
{
    fixture_t *f = *state;

    assert_null(parse_repeated(f, "[", NULL, TREE_DEPTH_MAX + 1));
    assert_buf_text(&f->messages, "f.yaml:1:33: nested deeper than 32\n");
    assert_null(parse_repeated(f, "[", NULL, 200000));
    assert_buf_text(&f->messages, "f.yaml:1:33: nested deeper than 32\n");
    assert_null(parse_repeated(f, "{a: ", NULL, TREE_DEPTH_MAX + 1));
}

static void test_quoted_text_is_short_and_whole(void **state)
{
    char out[QUOTED_SIZE];

    (void)state;
    assert_string_equal(quoted(SLICE_LIT("a\x1b[1m"), out), "'a?[1m'");
    for (size_t len = 60; len < 70; len++) {
        char text[80];

        memset(text, 'x', sizeof(text));
        memcpy(text + len - 2, "\xc3\xbc", 2); /* ü across the cut in one of these */
        assert_true(strlen(quoted(SLICE(text, 72), out)) < QUOTED_SIZE);
        assert_null(strstr(out, "\xc3."));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nodes_know_their_place_and_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_an_empty_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_plain_words_are_null, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_ours_is_refused_with_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth_is_bounded, setup, teardown),
        cmocka_unit_test(test_quoted_text_is_short_and_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
