#include "tests/testing.h"

#include "tests/api/sample.h"

/* States are numbered from 0; how many there are is what can be reached. */
static size_t count_states(const pattern_t *pattern)
{
    bool seen[256] = { [0] = true };
    uint8_t todo[256] = { pattern->start };
    size_t n = 1, highest = pattern->start;

    seen[pattern->start] = true;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < pattern->n_classes; c++) {
            uint8_t to = pattern->next[todo[i] * pattern->n_classes + c];

            if (!seen[to]) {
                seen[to] = true;
                todo[n++] = to;
                highest = to > highest ? to : highest;
            }
        }
    }
    return highest + 1;
}

static uint32_t point_of(const pattern_t *pattern, uint8_t class)
{
    for (size_t i = 0; i < pattern->n_ranges; i++) {
        if (pattern->ranges[i].class == class) {
            return pattern->ranges[i].first;
        }
    }
    return 0;
}

/* ends[left][state]: a match is `left` code points away from `state`. */
static bool *find_ends(const pattern_t *pattern, size_t len, size_t n_states)
{
    bool *ends = calloc(len + 1, n_states);

    assert_non_null(ends);
    for (size_t state = pattern->first_end; state < n_states; state++) {
        ends[state] = true;
    }
    for (size_t left = 1; left <= len; left++) {
        for (size_t state = 1; state < n_states; state++) {
            for (size_t c = 0; c < pattern->n_classes; c++) {
                ends[left * n_states + state] |=
                    ends[(left - 1) * n_states + pattern->next[state * pattern->n_classes + c]];
            }
        }
    }
    return ends;
}

static char *matching_text(const pattern_t *pattern, size_t len)
{
    size_t n_states = count_states(pattern);
    _cleanup_free_ bool *ends = find_ends(pattern, len, n_states);
    uint8_t state = pattern->start;
    char *text;

    if (!ends[len * n_states + state]) {
        return NULL;
    }
    text = calloc(1, len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        uint8_t class = 0;

        while (!ends[(len - 1 - i) * n_states + pattern->next[state * pattern->n_classes + class]]) {
            class += 1;
        }
        assert_true(point_of(pattern, class) < 0x80);
        text[i] = (char)point_of(pattern, class);
        state = pattern->next[state * pattern->n_classes + class];
    }
    return text;
}

char *sample_text(const shape_t *shape, size_t len)
{
    char *text;

    if (shape->pattern != NULL) {
        return matching_text(shape->pattern, len);
    }
    text = calloc(1, len + 1);
    assert_non_null(text);
    memset(text, 'a', len);
    return text;
}

static void write_string(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    bool chosen = sample->target == shape;
    size_t len = shape->min > 0 ? (size_t)shape->min : 1;
    _cleanup_free_ char *text = NULL;

    if (chosen && sample->kind == SAMPLE_NOT_IN_ENUM) {
        jw_string(w, "NOT_IN_THE_SET");
        return;
    }
    if (shape->enums != NULL) {
        jw_string(w, shape->enums[0]);
        return;
    }
    if (chosen && sample->kind == SAMPLE_SIZED) {
        text = sample_text(shape, (size_t)sample->size);
        if (text == NULL) {
            text = sample_text(&(shape_t){ 0 }, (size_t)sample->size);
        }
    }
    for (; text == NULL; len++) {
        text = sample_text(shape, len);
    }
    jw_string(w, text);
}

static void write_blob(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    bool sized = sample->target == shape && sample->kind == SAMPLE_SIZED;
    size_t len = sized ? (size_t)sample->size : 1;
    _cleanup_free_ uint8_t *bytes = calloc(1, len + 1);

    assert_non_null(bytes);
    jw_base64(w, SLICE(bytes, len));
}

static void write_integer(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    if (sample->target == shape && sample->kind == SAMPLE_SIZED) {
        jw_int(w, sample->size);
    } else {
        jw_int(w, shape->min > 0 ? shape->min : 1);
    }
}

static void write_list(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    bool sized = sample->target == shape && sample->kind == SAMPLE_SIZED;
    size_t n = sized ? (size_t)sample->size : 1;

    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        sample_write(w, shape->element, sample);
    }
    jw_end(w);
}

static void write_structure(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    jw_object(w);
    for (const shape_member *member = shape->members; member->name != NULL; member++) {
        const char *text = sample->text_for != NULL ? sample->text_for(member) : NULL;
        bool wanted = sample->all_members || member->required ||
                      (sample->target != NULL && sample_contains(member->shape, sample->target));

        if (!wanted || (sample->kind == SAMPLE_MISSING && sample->member == member)) {
            continue;
        }
        jw_key(w, member->name);
        if (sample->kind == SAMPLE_NULL && sample->member == member) {
            jw_null(w);
        } else if (text != NULL) {
            jw_string(w, text);
        } else {
            sample_write(w, member->shape, sample);
        }
    }
    jw_end(w);
}

static void write_map(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    jw_object(w);
    jw_key(w, "key");
    sample_write(w, shape->element, sample);
    jw_end(w);
}

static void write_wrong_type(jw_t *w, const shape_t *shape)
{
    if (shape->kind == SHAPE_BOOLEAN || shape->kind == SHAPE_INTEGER || shape->kind == SHAPE_TIMESTAMP) {
        jw_string(w, "1");
    } else {
        jw_bool(w, true);
    }
}

void sample_write(jw_t *w, const shape_t *shape, const sample_t *sample)
{
    bool chosen = sample->target == shape;

    if (chosen && sample->kind == SAMPLE_WRONG_TYPE) {
        write_wrong_type(w, shape);
        return;
    }
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        write_structure(w, shape, sample);
        break;
    case SHAPE_LIST:
        write_list(w, shape, sample);
        break;
    case SHAPE_MAP:
        write_map(w, shape, sample);
        break;
    case SHAPE_STRING:
        write_string(w, shape, sample);
        break;
    case SHAPE_BLOB:
        write_blob(w, shape, sample);
        break;
    case SHAPE_INTEGER:
        write_integer(w, shape, sample);
        break;
    case SHAPE_BOOLEAN:
        jw_bool(w, true);
        break;
    case SHAPE_TIMESTAMP:
        jw_int(w, 1767323045); /* 2026-01-02T03:04:05Z */
        break;
    }
}

json_t *sample_parse(const shape_t *shape, const sample_t *sample)
{
    _cleanup_buf_ buf_t text = { 0 };
    jw_t w = jw_on(&text);
    json_t *body;

    sample_write(&w, shape, sample);
    assert_ok(json_parse(buf_slice(&text), &body));
    return body;
}

bool sample_contains(const shape_t *shape, const shape_t *target)
{
    if (shape == target) {
        return true;
    }
    if (shape->kind != SHAPE_STRUCTURE) {
        return shape->element != NULL && sample_contains(shape->element, target);
    }
    for (const shape_member *member = shape->members; member->name != NULL; member++) {
        if (sample_contains(member->shape, target)) {
            return true;
        }
    }
    return false;
}
