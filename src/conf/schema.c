#include "conf/schema.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/conf.h"
#include "util/near.h"

#define PATH_TEXT_MAX 512
#define REPORT_MAX 768
#define NEAR_ENOUGH 3 /* edits: beyond, a suggestion misleads */

static void put_path(buf_t *out, const path_t *path)
{
    if (path == NULL) {
        return;
    }
    put_path(out, path->up);
    if (path->name == NULL) {
        buf_printf(out, "[%zu]", path->index);
        return;
    }
    buf_put_str(out, out->len > 0 ? "." : "");
    for (const char *c = path->name; *c != '\0'; c++) {
        buf_put_char(out, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
    }
}

void report(load_t *load, const node_t *node, const path_t *path, const char *fmt, ...)
{
    _cleanup_buf_ buf_t where = { 0 };
    char what[REPORT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    put_path(&where, path);
    problem_put(load->problems, load->file, node->line, node->column, "%.*s%s%s", PATH_TEXT_MAX,
                buf_str(&where), where.len > 0 ? ": " : "", what);
}

const char *item_form(const item_t *item)
{
    return item->form != NULL ? item->form : value_forms[item->type];
}

static const item_t *find_item(const section_t *section, slice_t name)
{
    for (size_t i = 0; i < section->n_items; i++) {
        if (slice_eq_str(name, section->items[i].name)) {
            return &section->items[i];
        }
    }
    return NULL;
}

static const char *nearest_item(const section_t *section, slice_t name)
{
    unsigned best = NEAR_ENOUGH;
    const char *nearest = NULL;

    for (size_t i = 0; i < section->n_items; i++) {
        const char *known = section->items[i].name;
        unsigned distance = edit_distance(name, SLICE_STR(known), best);

        if (distance < best && distance < strlen(known)) {
            best = distance;
            nearest = known;
        }
    }
    return nearest;
}

static void report_unknown(load_t *load, const section_t *section, const node_t *member, const path_t *path)
{
    _cleanup_buf_ buf_t known = { 0 };
    char name[QUOTED_SIZE];
    const char *nearest = nearest_item(section, member->name->text);

    quoted(member->name->text, name);
    if (nearest != NULL) {
        report(load, member->name, path, "unknown name %s; did you mean '%s'?", name, nearest);
        return;
    }
    for (size_t i = 0; i < section->n_items; i++) {
        buf_printf(&known, "%s%s", i > 0 ? ", " : "", section->items[i].name);
    }
    report(load, member->name, path, "unknown name %s; known here: %s", name, buf_str(&known));
}

static void read_item(load_t *load, const item_t *item, const node_t *node, const path_t *up, void *out)
{
    path_t path = { .up = up, .name = item->name };
    value_reader read = item->type == TYPE_OWN ? item->own : value_readers[item->type];

    read(load, item, node, &path, out);
}

/** A default goes through the same reader as what a user writes. */
static void read_fallback(load_t *load, const item_t *item, const node_t *section_node, const path_t *up,
                          void *out)
{
    node_t node = { .kind = NODE_SCALAR, .line = section_node->line, .column = section_node->column };

    node.text = SLICE_STR(item->fallback);
    read_item(load, item, &node, up, out);
}

/** What stands in for an absent section: an empty one, so that its defaults are set. */
static void read_absent(load_t *load, const item_t *item, const node_t *section_node, const path_t *up,
                        void *out)
{
    node_t empty = { .kind = NODE_MAP, .line = section_node->line, .column = section_node->column };

    if (item->required) {
        report(load, section_node, up, "'%s' is missing (%s)", item->name, item_form(item));
    } else if (item->fallback != NULL) {
        read_fallback(load, item, section_node, up, out);
    } else if (item->type == TYPE_SECTION) {
        read_item(load, item, &empty, up, out);
    }
}

static void read_members(load_t *load, const section_t *section, const node_t *node, const path_t *path,
                         void *out)
{
    bool seen[ITEMS_MAX] = { false };

    for (const node_t *member = node->first; member != NULL; member = member->next) {
        const item_t *item = find_item(section, member->name->text);

        if (item == NULL) {
            report_unknown(load, section, member, path);
            continue;
        }
        seen[item - section->items] = true;
        read_item(load, item, member, path, out);
    }
    for (size_t i = 0; i < section->n_items; i++) {
        if (!seen[i]) {
            read_absent(load, &section->items[i], node, path, out);
        }
    }
}

void read_section(load_t *load, const section_t *section, const node_t *node, const path_t *path, void *out)
{
    unsigned before = load->problems->n;
    node_t one = { .kind = NODE_MAP, .line = node->line, .column = node->column };
    node_t name = { .kind = NODE_SCALAR };
    node_t value = *node;

    if (node->kind == NODE_SCALAR && !node_is_null(node) && section->shorthand != NULL) {
        name.text = SLICE_STR(section->shorthand);
        value.name = &name;
        value.next = NULL;
        one.first = one.last = &value;
        one.n = 1;
        node = &one;
    }
    if (node->kind != NODE_MAP && !node_is_null(node)) {
        report(load, node, path, "must be a map (name: value)");
        return;
    }
    if (section->place != NO_PLACE) {
        conf_place *place = (conf_place *)(void *)((char *)out + section->place);

        *place = (conf_place){ load->file, node->line, node->column };
    }
    read_members(load, section, node, path, out);
    if (section->finish != NULL && load->problems->n == before) {
        section->finish(load, node, path, out);
    }
}

static void *read_elements(load_t *load, const section_t *section, const node_t *node, const path_t *path,
                           size_t *ret_n)
{
    char *elements = arena_alloc(load->arena, section->size * (node->n + 1));
    path_t element_path = { .up = path };

    for (const node_t *element = node->first; element != NULL; element = element->next) {
        read_section(load, section, element, &element_path, elements + section->size * element_path.index);
        element_path.index++;
    }
    *ret_n = node->n;
    return elements;
}

void read_list(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    if (node->kind != NODE_LIST && !node_is_null(node)) {
        report(load, node, path, "must be a list");
        return;
    }
    if (node->n < item->min) {
        report(load, node, path, "needs at least %llu", (unsigned long long)item->min);
        return;
    }
    if (item->max != 0 && node->n > item->max) {
        report(load, node, path, "takes at most %llu", (unsigned long long)item->max);
        return;
    }
    *FIELD(base, item, const void *) =
        read_elements(load, item->section, node, path, COUNT_FIELD(base, item));
}

void read_subsection(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    read_section(load, item->section, node, path, FIELD(base, item, char));
}
