/*
 * What durable records cost on this disk: bench_audit [FOLDER [SECONDS]].
 * 1, 8 and 64 records are kept waiting; groups form by themselves. Then what the tree and its
 * checkpoints cost: CPU a record without and with them, by turns, and on a log of
 * 1,000 and of 10,000,000 records.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "audit/ledger.h"
#include "audit/tiles.h"
#include "audit/writer.h"
#include "tests/fakes/fake_signer.h"
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

/* ---- the tree ---- */

#define ROUNDS 5

static double cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void must(p11kms_err err)
{
    if (err != P11KMS_OK) {
        fprintf(stderr, "bench_audit: %s\n", p11kms_err_detail(err));
        exit(1);
    }
}

static const char *folder_in(const char *parent, const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/%s-%d", parent, name, (int)getpid());
    if (mkdir(path, 0750) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

/* CPU of the whole process, signatures too, for each record of @p seconds with 64 waiting. */
static double cost(const char *dir, mailbox_t *mailbox, bool tree, double seconds)
{
    const audit_options options = { .dir = dir };
    static audit_record_t all[WAITING_MAX];
    int64_t start = clock_mono_us();
    double cpu;

    must(audit_open(&options, &audit));
    if (tree) {
        must(audit_sign_with(audit, fake_signer()));
    }
    cpu = cpu_us();
    go_on = true;
    for (unsigned i = 0; i < WAITING_MAX; i++) {
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
    audit_finish(audit, 2000);
    cpu = (cpu_us() - cpu) / (double)audit_get_stats(audit).records;
    audit_close(STEAL(audit));
    for (unsigned i = 0; i < WAITING_MAX; i++) {
        buf_free(&all[i].line);
    }
    return cpu;
}

/* A log that has had @p size records and begins its second segment: its tree and its checkpoint are there. */
static void make_history(const char *dir, uint64_t size)
{
    merkle_tree *tree = malloc(sizeof(*tree));
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ledger_file notes = { .folder = folder };
    note_key_t *key = NULL;
    buf_t note = { 0 };
    buf_t signature = { 0 };
    merkle_hash root;

    merkle_init(tree);
    for (uint64_t i = 0; i < size; i++) {
        merkle_hash leaf = { { 0 } };

        memcpy(leaf.bytes, &i, sizeof(i));
        merkle_append(tree, &leaf);
    }
    for (unsigned level = 0; level < TILE_LEVELS && tree->tile[level].width > 0; level++) {
        must(tile_write(folder, &tree->tile[level]));
    }
    merkle_root(&tree->edge, &root);
    must(note_key_new(SLICE_STR(fake_signer()->origin), fake_signer()->spki, &key));
    note_put_text(&note, fake_signer()->origin, size, root.bytes);
    must(fake_signer()->sign(NULL, buf_slice(&note), &signature));
    buf_put_char(&note, '\n');
    note_put_signature(&note, key, buf_slice(&signature));
    must(ledger_open(&notes, 2, NULL));
    must(ledger_append(&notes, buf_slice(&note)));
    must(checkpoint_replace(folder, buf_slice(&note)));
    note_key_free(key);
    buf_free(&note);
    buf_free(&signature);
    close(folder);
    free(tree);
}

/* What runs beside only ever adds. */
static double least(const double values[ROUNDS])
{
    double found = values[0];

    for (unsigned i = 1; i < ROUNDS; i++) {
        found = values[i] < found ? values[i] : found;
    }
    return found;
}

static void run_tree(const char *parent, mailbox_t *mailbox, double seconds)
{
    static const struct {
        const char *name;
        const char *says;
        bool tree;
        uint64_t before;
    } logs[] = {
        { "alone", "records alone", false, 0 },
        { "tree", "with tree and checkpoints", true, 0 },
        { "at-1000", "the same, on 1,000 records", true, 1000 },
        { "at-10000000", "the same, on 10,000,000 records", true, 10000000 },
    };
    double cpu[COUNT_OF(logs)][ROUNDS];
    double best[COUNT_OF(logs)];
    char name[64];

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < COUNT_OF(logs); i++) {
            snprintf(name, sizeof(name), "%s-%u", logs[i].name, round);
            const char *dir = folder_in(parent, name);

            if (logs[i].before > 0) {
                make_history(dir, logs[i].before);
            }
            cpu[i][round] = cost(dir, mailbox, logs[i].tree, seconds / ROUNDS);
        }
    }
    printf("\nCPU us a record, best of %d rounds by turns, 64 waiting:\n", ROUNDS);
    for (size_t i = 0; i < COUNT_OF(logs); i++) {
        best[i] = least(cpu[i]);
        printf("  %-32s %6.2f\n", logs[i].says, best[i]);
    }
    printf("  the tree and its checkpoints cost %.2f us a record (at most 5 are allowed)\n", best[1] - best[0]);
}

int main(int argc, char **argv)
{
    static const unsigned groups[] = { 1, 8, WAITING_MAX };
    const segment_io io = { .write = write, .sync = timed_sync, .truncate = ftruncate, .space = fstatvfs };
    const char *parent = argc > 1 ? argv[1] : scratch_folder();
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    mailbox_t *mailbox = NULL;

    syncs.us = calloc(SAMPLES_MAX, sizeof(*syncs.us));
    latencies.us = calloc(SAMPLES_MAX, sizeof(*latencies.us));
    if (syncs.us == NULL || latencies.us == NULL) {
        return 1;
    }
    must(crypto_init());
    must(mailbox_new(NULL, NULL, &mailbox));
    const audit_options options = { .dir = folder_in(parent, "groups") };
    must(audit_open_on(&options, &io, &audit));
    printf("waiting   records/s  per group  fdatasync us     record us\n"
           "                                   p50     p99      p50     p99\n");
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        run(mailbox, groups[i], seconds);
    }
    audit_close(STEAL(audit));
    run_tree(parent, mailbox, seconds);
    mailbox_free(mailbox);
    free(syncs.us);
    free(latencies.us);
    return 0;
}
