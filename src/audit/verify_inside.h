/* room: audit. What the parts of verify_log() share. */
#pragma once

#include "audit/notes.h"
#include "audit/tiles.h"
#include "audit/verify.h"

/** The first record since the last good checkpoint whose hash is not what the level-0 tile says. */
typedef struct {
    bool seen;
    uint64_t index, segment, line;
    char event_id[VERIFY_EVENT_ID];
    merkle_hash leaf, tile;            /* of the record, and what the tile has there */
    bool has_next_tile, has_next_leaf; /* the same one further, to tell what happened */
    merkle_hash next_leaf, next_tile;
} difference_t;

#define ROOTS_KEPT 1024 /* cosigned copies of checkpoints come a little later than the next ones */

/** A checkpoint from outside the .notes that the log must have had on its way. */
typedef struct {
    buf_t text;
    note_t note;
    const char *name; /* NULL: there is none */
    bool is_since;
    bool reached;
} anchor_t;

/** When the service makes checkpoints, as it has recorded; 0: it has not. */
typedef struct {
    uint64_t records, seconds;
} told_t;

/** The records behind the newest checkpoint so far. */
typedef struct {
    uint64_t run;     /* records of the newest run among them */
    int64_t since;    /* seconds since the epoch: a checkpoint is owed since then */
    int64_t last;     /* the newest time of the run */
    int64_t spent;    /* seconds of the runs before it */
    int64_t full_at;  /* when as many as are left without one were there */
    uint64_t timeless;
    bool overdue;     /* none was made though it was due for long */
    uint64_t overdue_at; /* before this record */
} tail_t;

/** A start has recorded that something signed was not there any more. */
typedef struct {
    bool there;
    uint64_t segment, line, index, size, signed_size;
    char event_id[VERIFY_EVENT_ID];
} loss_t;

typedef struct {
    const verify_options *options;
    verify_report report;
    bool found; /* something is wrong: the report says what, nothing more is looked at */
    int folder;
    merkle_tree tree;
    uint64_t segment, line; /* of the record taken last */
    uint64_t begins[2]; /* the first record of the newest segment so far, and of the one before it */
    uint64_t good_segment, good_line; /* of the first record behind the last good checkpoint */

    slice_t current; /* the record taken last, within take() */
    told_t told, told_last; /* under the newest checkpoint, and read last */
    int64_t covered_time;   /* of the last record under a checkpoint */
    tail_t tail;
    loss_t loss;

    notes_t *notes; /* of the segment; NULL: none */
    note_t note;    /* the next one of it, when pending */
    bool pending;
    anchor_t anchors[2];
    uint64_t stop; /* the tree's size at which something is to be looked at */
    struct {
        uint64_t size;
        merkle_hash root;
    } roots[ROOTS_KEPT];
    size_t n_roots; /* ever put there */

    merkle_tile tile; /* the level-0 tile of the record taken last; width 0: there is none */
    uint64_t tile_index;
    uint64_t tiles_size; /* the tree's size that tiles are there for */
    difference_t difference;
    char bad_tile[TILE_PATH + 64]; /* the first one that is not true; "" */
} verifying;

/* verify_found.c: set the verdict; always P11KMS_E_CONFLICT, which ends the reading. */
MUST_USE p11kms_err verify_found(verifying *v, verify_verdict verdict, const char *fmt, ...) PRINTF(3, 4);
/** The records are not those under the signed @p note, which covers as many as there are or more. */
MUST_USE p11kms_err verify_found_records(verifying *v, verify_verdict verdict, const note_t *note, const char *name);

/* verify_acts.c */
/** Before the record is a leaf. */
MUST_USE p11kms_err verify_read_act(verifying *v, slice_t line);
/** The segments that are not read, as something before them is bad: the decisions that they begin with. */
void verify_tell_rest(verifying *v);
/** All records so far are under a checkpoint. */
void verify_covered(verifying *v);
MUST_USE p11kms_err verify_check_loss(verifying *v);
MUST_USE p11kms_err verify_check_uncovered(verifying *v);

/* verify_tiles.c */
void verify_compare_leaf(verifying *v, slice_t line, const merkle_hash *leaf);
/** The tiles above level 0 that the last append made full: levels 1 to n - 1. */
void verify_compare_full(verifying *v, unsigned n);
/** At the size of `checkpoint`: its partial tiles above level 0. */
void verify_compare_partial(verifying *v);
/** The records up to here are good: where the tiles said otherwise, the tiles are bad. */
void verify_settle_difference(verifying *v);
