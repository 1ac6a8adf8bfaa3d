/*
 * The files of the log: "audit-NNNNNNNNNN.jsonl", appended to durably or not at
 * all. One thread at a time. segments_open() is in recover.c.
 */
#pragma once

#include <sys/statvfs.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/bytes.h"

/** What a disk can fail at; tests put faults here. The calls of the same names otherwise. */
typedef struct {
    ssize_t (*write)(int fd, const void *data, size_t len);
    int (*sync)(int fd); /* fdatasync */
    int (*truncate)(int fd, off_t len);
    int (*space)(int fd, struct statvfs *ret); /* fstatvfs */
} segment_io;

extern const segment_io segment_io_system;

typedef struct {
    const segment_io *io;
    int folder;
    int lock;         /* holds the folder's lock while open */
    int fd;           /* the current segment; -1: the next append begins one */
    uint64_t number;  /* of the newest segment; 0: there is none */
    uint64_t durable; /* bytes of the current segment known to be on disk */
    uint64_t limit;   /* a segment is closed when it is as long as this */
    bool by_day;      /* and with the first record of another UTC day */
    int64_t day;      /* of the current segment's beginning, since the epoch */
    bool append_flag; /* files get FS_APPEND_FL where that can be had */
    bool touched;     /* somebody else wrote to it between the write and the end of the sync of the last append */
} segments_t;

/**
 * Append whole lines and make them durable: one write, one sync.
 *
 * @retval P11KMS_E_AUDIT  They are not in the log, or not known to be. Another
 *                         append may be tried at once; detail names file and cause.
 */
MUST_USE p11kms_err segments_append(segments_t *segments, slice_t lines);
/** The current segment is closed: read-only from now on; the next append begins another. */
void segments_leave(segments_t *segments);
void segments_close(segments_t *segments);
/** The current segment, or the one left last, as it is on disk. @retval false  There is none, or it cannot be seen. */
bool segments_stat(const segments_t *segments, struct stat *ret);

#define SEGMENT_NAME 32
void segment_name(uint64_t number, char out[SEGMENT_NAME]);
/** "audit-NNNNNNNNNN.notes" */
void segment_notes_name(uint64_t number, char out[SEGMENT_NAME]);

/** The numbers of the segments in @p folder, rising. Caller frees. @retval P11KMS_E_AUDIT, P11KMS_E_NOMEM */
MUST_USE p11kms_err segment_list(int folder, uint64_t **ret, size_t *ret_count);

/** What a folder has of one number. */
typedef struct {
    uint64_t number;
    bool plain;
    bool packed; /* .jsonl.gz or .jsonl.zst */
    bool notes;
} segment_entry;
/** Everything numbered in @p folder, rising. Caller frees. @retval P11KMS_E_AUDIT, P11KMS_E_NOMEM */
MUST_USE p11kms_err segment_scan(int folder, segment_entry **ret, size_t *ret_count);

/**
 * FS_APPEND_FL of a file: the kernel then refuses everybody, root too, to write over, cut, rename or remove it.
 *
 * @retval false  Neither this file system nor these privileges, perhaps; errno says. No harm.
 */
bool append_flag_set(int fd, bool on);
/** Read-only from now on, and as append-only as it was. What cannot be has been closed all the same. */
void segment_seal(int fd);
/** Have the current segment so, where segments->append_flag is wanted; a refusal is logged once and ends the wish. */
void segments_protect(segments_t *segments);
