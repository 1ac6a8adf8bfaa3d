/*
 * What durable records cost on this disk: bench_audit [FOLDER [SECONDS]].
 * 1, 8 and 64 records are kept waiting; groups form by themselves.
 */
#include <stdio.h>
#include <string.h>

#include "audit/writer.h"
#include "tests/fakes/scratch.h"
#include "util/clock.h"

#define RECORD_BYTES 1150 /* a GenerateDataKey record takes about this */
#define WAITING_MAX 64
#define SAMPLES_MAX 1000000

typedef struct {
    uint32_t *us;
    size_t count;
} samples_t;

static samples_t syncs;     /* written by the log's writer thread */
static samples_t latencies; /* submit to completion */
static audit_t *audit;
static bool go_on;
static unsigned waiting;

static void sample(samples_t *samples, int64_t us)
{
    if (samples->count < SAMPLES_MAX) {
        samples->us[samples->count++] = (uint32_t)us;
    }
}

static int timed_sync(int fd)
{
    int64_t start = clock_mono_us();
    int failed = fdatasync(fd);

    sample(&syncs, clock_mono_us() - start);
    return failed;
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static uint32_t percentile(const samples_t *samples, unsigned of_1000)
{
    return samples->count == 0 ? 0 : samples->us[(samples->count - 1) * of_1000 / 1000];
}

static void completed(completion_t *done)
{
    audit_record_t *record = (audit_record_t *)done;

    sample(&latencies, clock_mono_us() - record->submitted_us);
    waiting--;
    if (record->err != P11KMS_OK) {
        fprintf(stderr, "bench_audit: a record was refused\n");
        go_on = false;
    }
    if (go_on) {
        waiting++;
        audit_submit(audit, record);
    }
}

static void run(mailbox_t *mailbox, unsigned records, double seconds)
{
    static audit_record_t all[WAITING_MAX];
    audit_stats before = audit_get_stats(audit);
    int64_t start = clock_mono_us();
    audit_stats after;
    double took;

    syncs.count = latencies.count = 0;
    go_on = true;
    for (unsigned i = 0; i < records; i++) {
        all[i] = (audit_record_t){ .done = { .run = completed }, .mailbox = mailbox };
        memset(buf_reserve(&all[i].line, RECORD_BYTES), 'x', RECORD_BYTES);
        all[i].line.len = RECORD_BYTES;
        waiting++;
        audit_submit(audit, &all[i]);
    }
    while (waiting > 0) {
        mailbox_wait(mailbox, -1);
        go_on = go_on && clock_mono_us() - start < (int64_t)(seconds * 1e6);
    }
    took = (double)(clock_mono_us() - start) / 1e6;
    after = audit_get_stats(audit);
    qsort(syncs.us, syncs.count, sizeof(*syncs.us), by_size);
    qsort(latencies.us, latencies.count, sizeof(*latencies.us), by_size);
    printf("%7u  %10.0f  %9.1f  %7u %7u  %7u %7u\n", records, (double)(after.records - before.records) / took,
           (double)(after.records - before.records) / (double)(after.commits - before.commits),
           percentile(&syncs, 500), percentile(&syncs, 990), percentile(&latencies, 500),
           percentile(&latencies, 990));
    for (unsigned i = 0; i < records; i++) {
        buf_free(&all[i].line);
    }
}

int main(int argc, char **argv)
{
    static const unsigned groups[] = { 1, 8, WAITING_MAX };
    const segment_io io = { .write = write, .sync = timed_sync, .truncate = ftruncate };
    const audit_options options = { .dir = argc > 1 ? argv[1] : scratch_folder() };
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    mailbox_t *mailbox = NULL;

    syncs.us = calloc(SAMPLES_MAX, sizeof(*syncs.us));
    latencies.us = calloc(SAMPLES_MAX, sizeof(*latencies.us));
    if (syncs.us == NULL || latencies.us == NULL || mailbox_new(NULL, NULL, &mailbox) != P11KMS_OK ||
        audit_open_on(&options, &io, &audit) != P11KMS_OK) {
        fprintf(stderr, "bench_audit: %s\n", p11kms_err_detail(P11KMS_E_AUDIT));
        return 1;
    }
    printf("waiting   records/s  per group  fdatasync us     record us\n"
           "                                   p50     p99      p50     p99\n");
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        run(mailbox, groups[i], seconds);
    }
    audit_close(audit);
    mailbox_free(mailbox);
    free(syncs.us);
    free(latencies.us);
    return 0;
}
