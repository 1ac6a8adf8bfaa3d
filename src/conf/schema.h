/*
 * Schema tables: what a section may hold, and how each value lands in its
 * struct. The manual page is generated from the same rows (name, form, default,
 * about), so a row without `about` is a mistake. Private to the room.
 */
#pragma once

#include "conf/tree.h"

/** Where a value stands in its file: "tokens[0].pin-source". On the stack of the readers. */
typedef struct conf_path path_t;
struct conf_path {
    const path_t *up;
    const char *name; /* NULL: an element of a list */
    size_t index;
};

typedef enum {
    TYPE_STRING,   /* const char *: one line of text, min..max bytes */
    TYPE_TEXT,     /* const char *: as TYPE_STRING, lines and tabs allowed */
    TYPE_PATH,     /* const char *: made absolute */
    TYPE_WORD,     /* const char *: one of `words` */
    TYPE_FLAG,     /* bool */
    TYPE_NUMBER,   /* unsigned */
    TYPE_DURATION, /* unsigned, in units of `unit` ms; min, max in ms */
    TYPE_SIZE,     /* uint64_t, bytes */
    TYPE_SECTION,  /* the struct at `offset` */
    TYPE_LIST,     /* const STRUCT *, with its length at `count`: a list of `section` */
    TYPE_STRINGS,  /* const char *const *, with its length at `count` */
    TYPE_OWN,      /* what `own` makes of it */
    TYPE_COUNT,
} item_type;

typedef struct conf_item item_t;
typedef struct conf_section section_t;
typedef void (*value_reader)(load_t *load, const item_t *item, const node_t *node, const path_t *path,
                             void *base);

struct conf_item {
    const char *name;
    item_type type;
    size_t offset; /* of the field in the section's struct */
    size_t count;  /* lists: the offset of their size_t */
    uint64_t min;
    uint64_t max; /* 0: the type's own bound */
    uint64_t unit;
    bool required;
    const char *fallback;     /* the default, as a user would write it; NULL: the field stays zero */
    const char *const *words; /* TYPE_WORD: NULL-terminated */
    const char *(*check)(slice_t text); /* strings: what is wrong, or NULL */
    const section_t *section;
    value_reader own;
    const char *form;  /* TYPE_OWN: what may stand here */
    const char *about; /* a sentence for the manual page */
};

#define ITEMS_MAX 64
#define NO_PLACE SIZE_MAX

struct conf_section {
    const char *name; /* for the manual page */
    size_t size;      /* of the struct */
    size_t place;     /* offset of its conf_place, or NO_PLACE */
    const item_t *items;
    size_t n_items;
    const char *shorthand; /* an element may be this item's value alone, without a map */
    /** Called when every item was read without a problem. */
    void (*finish)(load_t *load, const node_t *node, const path_t *path, void *out);
    const char *about;
};

/** The field of @p item in the struct at @p base. */
#define FIELD(base, item, type) ((type *)(void *)((char *)(base) + (item)->offset))
#define COUNT_FIELD(base, item) ((size_t *)(void *)((char *)(base) + (item)->count))

/** Put a problem about @p node; @p path may be NULL for the file's outermost level. */
void report(load_t *load, const node_t *node, const path_t *path, const char *fmt, ...) PRINTF(4, 5);
/** What may stand for a value of @p item: "duration, as 250ms, 5s or 2m". */
const char *item_form(const item_t *item);
/** Append what a value must keep to: "one of a, b", "from 1s to 5m". Nothing where the form says it all. */
void item_bounds(const item_t *item, buf_t *out);

/** Read a map into the zeroed struct @p out, defaults included. Problems are put; @p out is then incomplete. */
void read_section(load_t *load, const section_t *section, const node_t *node, const path_t *path, void *out);

/** A scalar's text, or NULL with a problem put. */
const char *read_scalar(load_t *load, const node_t *node, const path_t *path);
/** @p text as an absolute path: relative ones begin at the file's folder. */
const char *absolute_path(load_t *load, const char *text);
/** Text of decimal digits, at most UINT64_MAX. */
bool parse_number(slice_t text, uint64_t *ret);

/* values.c: the readers of the simple types */
extern const value_reader value_readers[TYPE_COUNT];
extern const char *const value_forms[TYPE_COUNT];
void read_list(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base);
void read_subsection(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base);
