/*
 * The outbox holds the record of every change until the audit log does. Two
 * things leave rows behind: a crash between commit and append, and a log that
 * could not be written just then. Both end here.
 */
#include "core/core.h"

#include <stdio.h>
#include <string.h>

#define LOG_ROOM "core"
#include "util/log.h"

/* How far back a record of the outbox may lie in the log: changes are confirmed within seconds. */
#define SEARCH_BYTES (64u << 20)

typedef struct row {
    struct row *next;
    char event_id[UUID_TEXT];
    buf_t record;
} row_t;

typedef struct {
    const event_list_t *only; /* NULL: every row */
    row_t *first, **last;
} collect_t;

static bool wanted(const event_list_t *only, const char *event_id)
{
    for (const event_list_t *e = only; e; e = e->next) {
        if (strcmp(e->event_id, event_id) == 0) {
            return true;
        }
    }
    return only == NULL;
}

static p11kms_err collect(void *arg, const char *event_id, slice_t record)
{
    collect_t *rows = arg;

    if (!wanted(rows->only, event_id)) {
        return P11KMS_OK;
    }
    row_t *row = calloc(1, sizeof(*row));
    ENSURE(row, P11KMS_E_NOMEM);
    *rows->last = row;
    rows->last = &row->next;
    snprintf(row->event_id, sizeof(row->event_id), "%s", event_id);
    buf_put_slice(&row->record, record);
    return buf_failed(&row->record) ? P11KMS_E_NOMEM : P11KMS_OK;
}

static void free_rows(row_t *row)
{
    while (row) {
        row_t *next = row->next;
        buf_free(&row->record);
        free(row);
        row = next;
    }
}

/* The log first, the row after: a crash in between is found by audit_contains(). */
static p11kms_err replay_row(audit_t *audit, store_t *store, const row_t *row, unsigned *appended)
{
    bool there = false;

    TRY(audit_contains(audit, row->event_id, SEARCH_BYTES, &there));
    if (!there) {
        TRY(audit_append(audit, buf_slice(&row->record)));
        ++*appended;
    }
    return store_outbox_delete(store, row->event_id);
}

static p11kms_err replay_rows(audit_t *audit, store_t *store, const row_t *row, unsigned *appended)
{
    TRY(store_begin(store));
    for (; row; row = row->next) {
        p11kms_err err = replay_row(audit, store, row, appended);
        if (err != P11KMS_OK) {
            store_rollback(store);
            return err;
        }
    }
    p11kms_err err = store_commit(store);
    if (err != P11KMS_OK) {
        store_rollback(store);
    }
    return err;
}

p11kms_err outbox_replay(audit_t *audit, store_t *store, const event_list_t *only)
{
    collect_t rows = { .only = only };
    unsigned appended = 0;

    rows.last = &rows.first;
    p11kms_err err = store_outbox_each(store, collect, &rows);
    if (err == P11KMS_OK && rows.first) {
        err = replay_rows(audit, store, rows.first, &appended);
    }
    free_rows(rows.first);
    if (appended) {
        log_notice("%u records of changes that were committed but not yet recorded were added to the audit log",
                   appended);
    }
    return err;
}

p11kms_err outbox_replay_all(store_t *store, void *core)
{
    return outbox_replay(((core_t *)core)->audit, store, NULL);
}
