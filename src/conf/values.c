#include "conf/schema.h"

#include <inttypes.h>
#include <stdio.h>

#define STRING_MAX 1024

typedef struct {
    const char *name;
    uint64_t of;
} unit_t;

/* largest first: a bound is told in the largest unit that divides it */
static const unit_t durations[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const unit_t sizes[] = {
    { "GiB", UINT64_C(1) << 30 },
    { "MiB", 1u << 20 },
    { "KiB", 1u << 10 },
    { "B", 1 },
};

bool parse_number(slice_t text, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret = value;
    return text.len > 0;
}

/** A number with a unit behind it. */
static bool parse_with_unit(slice_t text, const unit_t *units, size_t n_units, uint64_t *ret)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    if (!parse_number(SLICE(text.data, digits), &number)) {
        return false;
    }
    for (size_t i = 0; i < n_units; i++) {
        if (slice_eq_str(SLICE(text.data + digits, text.len - digits), units[i].name)) {
            *ret = number * units[i].of;
            return number <= UINT64_MAX / units[i].of;
        }
    }
    return false;
}

#define BOUND_TEXT 32
static const char *bound_text(uint64_t value, const unit_t *units, size_t n_units, char out[BOUND_TEXT])
{
    size_t i = 0;

    while (i + 1 < n_units && (value < units[i].of || value % units[i].of != 0)) {
        i++;
    }
    snprintf(out, BOUND_TEXT, "%" PRIu64 "%s", value / units[i].of, units[i].name);
    return out;
}

static void put_measures(buf_t *out, const item_t *item, const unit_t *units, size_t n_units)
{
    char least[BOUND_TEXT], most[BOUND_TEXT];

    buf_printf(out, "from %s to %s", bound_text(item->min, units, n_units, least),
               bound_text(item->max, units, n_units, most));
}

void item_bounds(const item_t *item, buf_t *out)
{
    switch (item->type) {
    case TYPE_WORD:
        buf_put_str(out, item->words[1] != NULL ? "one of " : "");
        for (const char *const *word = item->words; *word != NULL; word++) {
            buf_printf(out, "%s%s", word != item->words ? ", " : "", *word);
        }
        break;
    case TYPE_NUMBER:
        buf_printf(out, "from %" PRIu64 " to %" PRIu64, item->min, item->max);
        break;
    case TYPE_DURATION:
        put_measures(out, item, durations, COUNT_OF(durations));
        break;
    case TYPE_SIZE:
        put_measures(out, item, sizes, COUNT_OF(sizes));
        break;
    default:
        break;
    }
}

static void report_bounds(load_t *load, const item_t *item, const node_t *node, const path_t *path, const char *must)
{
    _cleanup_buf_ buf_t bounds = { 0 };

    item_bounds(item, &bounds);
    report(load, node, path, "%s %s", must, buf_str(&bounds));
}

const char *read_scalar(load_t *load, const node_t *node, const path_t *path)
{
    if (node->kind != NODE_SCALAR) {
        report(load, node, path, "must be one value, not a list or map");
        return NULL;
    }
    if (node_is_null(node)) {
        report(load, node, path, "needs a value");
        return NULL;
    }
    return (const char *)node->text.data;
}

static bool has_control(slice_t text, bool lines)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if ((c < 0x20 && !(lines && (c == '\n' || c == '\t'))) || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static const char *checked_text(load_t *load, const item_t *item, const node_t *node, const path_t *path)
{
    uint64_t min = item->min == 0 && item->type == TYPE_PATH ? 1 : item->min;
    uint64_t max = item->max != 0 ? item->max : STRING_MAX;
    const char *text = read_scalar(load, node, path);

    if (text == NULL) {
        return NULL;
    }
    if (has_control(node->text, item->type == TYPE_TEXT)) {
        report(load, node, path, "must not hold control characters");
        return NULL;
    }
    if (node->text.len < min || node->text.len > max) {
        report(load, node, path, "must have %" PRIu64 " to %" PRIu64 " bytes", min, max);
        return NULL;
    }
    const char *wrong = item->check != NULL ? item->check(node->text) : NULL;
    if (wrong != NULL) {
        report(load, node, path, "%s", wrong);
        return NULL;
    }
    return text;
}

static void read_text(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    *FIELD(base, item, const char *) = checked_text(load, item, node, path);
}

const char *absolute_path(load_t *load, const char *text)
{
    return text[0] == '/' ? text : arena_printf(load->arena, "%s/%s", load->dir, text);
}

static void read_path(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    const char *text = checked_text(load, item, node, path);

    if (text != NULL) {
        *FIELD(base, item, const char *) = absolute_path(load, text);
    }
}

static void read_word(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    if (read_scalar(load, node, path) == NULL) {
        return;
    }
    for (const char *const *word = item->words; *word != NULL; word++) {
        if (slice_eq_str(node->text, *word)) {
            *FIELD(base, item, const char *) = *word;
            return;
        }
    }
    report_bounds(load, item, node, path, "must be");
}

static void read_flag(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    if (read_scalar(load, node, path) == NULL) {
        return;
    }
    bool yes = slice_eq_str(node->text, "true");
    if (!yes && !slice_eq_str(node->text, "false")) {
        report(load, node, path, "must be true or false");
        return;
    }
    *FIELD(base, item, bool) = yes;
}

static void read_number(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    uint64_t value;

    if (read_scalar(load, node, path) == NULL) {
        return;
    }
    if (!parse_number(node->text, &value) || value < item->min || value > item->max) {
        report_bounds(load, item, node, path, "must be a number");
        return;
    }
    *FIELD(base, item, unsigned) = (unsigned)value;
}

/** A number with a unit, within the item's bounds. */
static bool read_measure(load_t *load, const item_t *item, const node_t *node, const path_t *path,
                         const unit_t *units, size_t n_units, uint64_t *ret)
{
    if (read_scalar(load, node, path) == NULL) {
        return false;
    }
    if (!parse_with_unit(node->text, units, n_units, ret)) {
        report(load, node, path, "must be a %s", value_forms[item->type]);
        return false;
    }
    if (*ret < item->min || *ret > item->max) {
        report_bounds(load, item, node, path, "must be");
        return false;
    }
    return true;
}

static void read_duration(load_t *load, const item_t *item, const node_t *node, const path_t *path,
                          void *base)
{
    uint64_t ms;

    if (!read_measure(load, item, node, path, durations, COUNT_OF(durations), &ms)) {
        return;
    }
    if (ms % item->unit != 0) {
        report(load, node, path, "must be whole seconds");
        return;
    }
    *FIELD(base, item, unsigned) = (unsigned)(ms / item->unit);
}

static void read_size(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    uint64_t bytes;

    if (read_measure(load, item, node, path, sizes, COUNT_OF(sizes), &bytes)) {
        *FIELD(base, item, uint64_t) = bytes;
    }
}

static void read_strings(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    path_t element_path = { .up = path };

    if (node->kind != NODE_LIST && !node_is_null(node)) {
        report(load, node, path, "must be a list");
        return;
    }
    const char **strings = arena_alloc(load->arena, sizeof(*strings) * (node->n + 1));
    for (const node_t *element = node->first; element != NULL; element = element->next) {
        strings[element_path.index] = checked_text(load, item, element, &element_path);
        element_path.index++;
    }
    *FIELD(base, item, const char *const *) = strings;
    *COUNT_FIELD(base, item) = node->n;
}

const value_reader value_readers[TYPE_COUNT] = {
    [TYPE_STRING] = read_text,       [TYPE_TEXT] = read_text,       [TYPE_PATH] = read_path,
    [TYPE_WORD] = read_word,         [TYPE_FLAG] = read_flag,       [TYPE_NUMBER] = read_number,
    [TYPE_DURATION] = read_duration, [TYPE_SIZE] = read_size,       [TYPE_SECTION] = read_subsection,
    [TYPE_LIST] = read_list,         [TYPE_STRINGS] = read_strings,
};

const char *const value_forms[TYPE_COUNT] = {
    [TYPE_STRING] = "text",
    [TYPE_TEXT] = "text",
    [TYPE_PATH] = "path",
    [TYPE_WORD] = "word",
    [TYPE_FLAG] = "true or false",
    [TYPE_NUMBER] = "number",
    [TYPE_DURATION] = "duration, as 250ms, 5s, 2m, 1h or 1d",
    [TYPE_SIZE] = "size, as 512KiB, 64MiB or 1GiB",
    [TYPE_SECTION] = "map",
    [TYPE_LIST] = "list",
    [TYPE_STRINGS] = "list of texts",
};
