/* The log as other rooms see it: defaults, what a line may be, appending with a wait. */
#include "audit/audit.h"

#include <stdio.h>

#include "audit/recover.h"
#include "audit/search.h"
#include "audit/space.h"
#include "audit/writer.h"

#define DEFAULT_SEGMENT_BYTES (UINT64_C(64) << 20)
#define DEFAULT_BOUND_MS 2000
#define DEFAULT_QUEUE_MAX 16384
#define EVENT_ID_MAX 64

struct audit {
    writer_t *writer;
    space_t *space;
    int folder; /* the writer's; for reading beside it */
};

p11kms_err audit_open_on(const audit_options *options, const segment_io *io, audit_t **ret)
{
    const writer_limits limits = {
        .bound_ms = options->bound_ms != 0 ? options->bound_ms : DEFAULT_BOUND_MS,
        .queue_max = options->queue_max != 0 ? options->queue_max : DEFAULT_QUEUE_MAX,
        .copies = options->copies,
    };
    uint64_t segment_bytes = options->segment_bytes != 0 ? options->segment_bytes : DEFAULT_SEGMENT_BYTES;
    _cleanup_free_ audit_t *audit = calloc(1, sizeof(*audit));
    segments_t segments;
    p11kms_err err;

    ENSURE(audit != NULL, P11KMS_E_NOMEM);
    TRY(segments_open(options->dir, segment_bytes, io, &segments));
    audit->folder = segments.folder;
    err = space_start(segments.folder, io, options->reserve, &audit->space);
    if (err == P11KMS_OK) {
        err = writer_start(&segments, limits, &audit->writer);
    }
    if (err != P11KMS_OK) {
        space_stop(audit->space);
        segments_close(&segments);
        return err;
    }
    *ret = STEAL(audit);
    return P11KMS_OK;
}

p11kms_err audit_open(const audit_options *options, audit_t **ret)
{
    return audit_open_on(options, &segment_io_system, ret);
}

void audit_close(audit_t *audit)
{
    if (audit != NULL) {
        writer_stop(audit->writer);
        space_stop(audit->space);
        free(audit);
    }
}

/* The emitter escapes all of these: whatever comes here with one was not made by it. */
static bool is_one_line(slice_t line)
{
    if (line.len == 0 || line.len > AUDIT_RECORD_MAX) {
        return false;
    }
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < 0x20 || line.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

void audit_submit(audit_t *audit, audit_record_t *record)
{
    if (buf_failed(&record->line) || !is_one_line(buf_slice(&record->line))) {
        writer_refuse(audit->writer, record);
    } else {
        writer_submit(audit->writer, record);
    }
}

static void release_mailbox(mailbox_t **mailbox)
{
    mailbox_free(*mailbox);
}

static void ignore(completion_t *done)
{
    (void)done; /* mailbox_wait() returns: that is enough */
}

static p11kms_err append_and_wait(audit_t *audit, slice_t line, mailbox_t *mailbox)
{
    _cleanup_buf_ buf_t copy = { 0 };
    audit_record_t record = { .done = { .run = ignore }, .mailbox = mailbox };
    char problem[512];

    buf_put_slice(&copy, line);
    ENSURE(!buf_failed(&copy), P11KMS_E_NOMEM);
    record.line = copy;
    audit_submit(audit, &record);
    while (mailbox_wait(mailbox, -1) == 0) {
    }
    if (record.err != P11KMS_OK) {
        audit_problem(audit, problem, sizeof(problem));
        FAIL(record.err, "%s", problem[0] != '\0' ? problem : "audit: the record was not accepted");
    }
    return P11KMS_OK;
}

p11kms_err audit_append(audit_t *audit, slice_t line)
{
    __attribute__((cleanup(release_mailbox))) mailbox_t *mailbox = NULL;

    if (!is_one_line(line)) {
        FAIL(P11KMS_E_AUDIT, "audit: a record is one line of 1 to %u bytes without control characters",
             AUDIT_RECORD_MAX);
    }
    TRY(mailbox_new(NULL, NULL, &mailbox));
    return append_and_wait(audit, line, mailbox);
}

bool audit_healthy(const audit_t *audit)
{
    return writer_healthy(audit->writer);
}

void audit_problem(const audit_t *audit, char *out, size_t size)
{
    writer_problem(audit->writer, out, size);
}

audit_stats audit_get_stats(const audit_t *audit)
{
    return writer_stats(audit->writer);
}

audit_space audit_get_space(const audit_t *audit)
{
    return space_seen(audit->space);
}

p11kms_err audit_contains(audit_t *audit, const char *event_id, uint64_t max_bytes, bool *ret)
{
    char needle[EVENT_ID_MAX + 16];

    ENSURE(event_id[0] != '\0' && strlen(event_id) <= EVENT_ID_MAX, P11KMS_E_RANGE);
    snprintf(needle, sizeof(needle), "\"eventID\":\"%s\"", event_id);
    return search_newest(audit->folder, SLICE_STR(needle), max_bytes, ret);
}
