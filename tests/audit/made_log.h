/*
 * A log with its tree as the service writes it, made without the service: keys from
 * fixed seeds, segments, notes, tiles and the newest checkpoint.
 */
#pragma once

#include "audit/note.h"
#include "audit/tiles.h"

#define MADE_ORIGIN "p11kms/made.example"

typedef struct {
    const char *folder;
    int fd; /* of the folder */
    merkle_tree tree;
    uint64_t segment;
    uint64_t seed; /* of the lines' event ids: another log where it is another */
    unsigned pad;  /* bytes more in each line */
    buf_t last;    /* the newest checkpoint */
    uint8_t key;   /* the seed of the key that signs */
    bool p256;     /* with a key made anew for this log instead */
    void *pkey;
} made_log;

/** Begins segment 1. */
void made_begin(made_log *log, const char *folder);
void made_end(made_log *log);
/** @p n records into the current segment. */
void made_add(made_log *log, unsigned n);
/** One record of the caller's. */
void made_put(made_log *log, const char *line);
/** Signed, into .notes and `checkpoint`, with the partial tiles. */
void made_checkpoint(made_log *log);
/** The same note once more with cosignatures of witnesses 1 to @p n at @p time. */
void made_cosign(made_log *log, unsigned n, uint64_t time);
/** The signature line of witness @p n over a checkpoint's text, appended. */
void made_cosignature(unsigned n, slice_t text, uint64_t time, buf_t *out);
/** A checkpoint, then the next segment, whose notes begin with it. */
void made_next(made_log *log);

/** Line @p index of such a log; the last answer only. */
const char *made_line(uint64_t seed, uint64_t index);
const char *made_event_id(uint64_t seed, uint64_t index);

/** The vkey of the key with a seed; of witness @p n, from 1. Appended. */
void made_vkey(uint8_t seed, buf_t *out);
void made_witness_vkey(unsigned n, buf_t *out);
/** The SPKI of this log's key, in PEM. */
void made_pem(const made_log *log, buf_t *out);
