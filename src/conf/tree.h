/*
 * A YAML file as a bounded tree of nodes, each with its place. Private to the room.
 *
 * Anchors, aliases, tags, a second document, a name given twice in one map and
 * NUL in text are refused. Which type a scalar has is the reader's business.
 */
#pragma once

#include "conf/problem.h"
#include "util/arena.h"

#define TREE_FILE_MAX (1u << 20)
#define TREE_DEPTH_MAX 32
#define TREE_NODES_MAX 100000
#define TREE_MEMBERS_MAX 1024 /* of one map */

typedef enum { NODE_SCALAR, NODE_LIST, NODE_MAP } node_kind;

typedef struct conf_node node_t;
struct conf_node {
    node_kind kind;
    bool plain;         /* a scalar without quotes and block marks */
    slice_t text;       /* of a scalar: UTF-8, NUL-terminated behind its end */
    const node_t *name; /* of a map's member */
    node_t *first;      /* of a list or map */
    node_t *last;
    node_t *next;
    size_t n;
    unsigned line;
    unsigned column;
};

/** What one load carries from function to function. */
typedef struct {
    arena_t *arena; /* the result lives here, the tree too */
    problems_t *problems;
    const char *file;
    const char *dir; /* absolute; relative paths of the file begin here */
    bool dev;
} load_t;

/** Begin with @p file; problems and the result's arena are borrowed. @retval P11KMS_E_IO  No working
 * directory. */
MUST_USE p11kms_err load_begin(load_t *load, arena_t *arena, problems_t *problems, const char *file,
                               bool dev);

/**
 * Read load->file. NULL with a problem put where it is no YAML of ours; an empty file is an empty map.
 *
 * @retval P11KMS_E_IO  Cannot be read.
 */
MUST_USE p11kms_err tree_read(const load_t *load, const node_t **ret);
/** The same from memory. */
MUST_USE p11kms_err tree_parse(const load_t *load, slice_t text, const node_t **ret);

/** A scalar that says "nothing": plain and empty, "~" or "null". */
bool node_is_null(const node_t *node);
/** Member @p name of a map, or NULL. */
const node_t *node_member(const node_t *map, slice_t name);
/** Element @p index of a list, or NULL. */
const node_t *node_element(const node_t *list, size_t index);
