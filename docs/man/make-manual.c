/*
 * The parts of the manual that are made from tables:
 *
 *     make-manual commands | configuration | declarations
 *
 * prints mdoc, which takes the place of the line @TABLE@ in a page.
 */
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "conf/tables.h"

#define SECTIONS_MAX 32

typedef struct {
    const section_t *section;
    char path[128]; /* "tokens[]", "accounts[].users[]" */
} place_t;

/* Found so far, in the order in which they are told. */
static place_t places[SECTIONS_MAX];
static size_t n_places;

static bool is_told(const section_t *section)
{
    for (size_t i = 0; i < n_places; i++) {
        if (places[i].section == section) {
            return true;
        }
    }
    return false;
}

static void add_place(const section_t *section, const char *above, const item_t *item)
{
    if (!section || is_told(section) || n_places == SECTIONS_MAX) {
        return;
    }
    place_t *place = &places[n_places++];
    place->section = section;
    if (item) {
        snprintf(place->path, sizeof(place->path), "%s%s%s%s", above, above[0] ? "." : "", item->name,
                 item->type == TYPE_LIST ? "[]" : "");
    }
}

static void put_item(const item_t *item)
{
    buf_t bounds = { 0 };

    item_bounds(item, &bounds);
    printf(".It Ic %s\n", item->name);
    printf(".Pq %s%s%s%s", item_form(item), bounds.len ? ", " : "", buf_str(&bounds), item->required ? "; required" : "");
    if (item->fallback && item->fallback[0]) {
        printf("; default: %s", item->fallback);
    }
    putchar('\n');
    manual_text(stdout, item->about);
    buf_free(&bounds);
}

static void put_place(const place_t *place)
{
    const section_t *section = place->section;

    if (place->path[0]) {
        printf(".Ss %s\n", place->path);
    }
    manual_text(stdout, section->about);
    printf(".Bl -tag -width Ds\n");
    for (size_t i = 0; i < section->n_items; i++) {
        put_item(&section->items[i]);
    }
    printf(".El\n");
    for (size_t i = 0; i < section->n_items; i++) {
        add_place(section->items[i].section, place->path, &section->items[i]);
    }
}

static void put_schema(const section_t *outermost)
{
    add_place(outermost, "", NULL);
    for (size_t i = 0; i < n_places; i++) {
        put_place(&places[i]);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "commands") == 0) {
        cli_manual(stdout);
    } else if (strcmp(what, "configuration") == 0) {
        put_schema(&conf_file_section);
    } else if (strcmp(what, "declarations") == 0) {
        put_schema(&conf_declared_section);
    } else {
        fputs("make-manual commands | configuration | declarations\n", stderr);
        return 64;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
