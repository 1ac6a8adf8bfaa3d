/* A log with checkpoints under a test: opened, filled, verified by the verifier that auditors use. */
#pragma once

#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#include "audit/ledger.h"
#include "audit/verify.h"
#include "audit/writer.h"
#include "tests/audit/files.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/fake_signer.h"
#include "util/clock.h"

#define SEGMENT(n) "audit-000000000" #n ".jsonl"
#define NOTES(n) "audit-000000000" #n ".notes"
#define SEGMENT_BYTES 4000 /* a hundred records */

typedef struct {
    const char *folder;
    audit_t *audit;
    uint64_t next; /* the number of the next record */
} tree_log;

static inline audit_options tree_options(const tree_log *log)
{
    return (audit_options){
        .dir = log->folder, .segment_bytes = SEGMENT_BYTES, .checkpoint_records = 10, .checkpoint_seconds = 60
    };
}

static inline p11kms_err tree_try_open(tree_log *log)
{
    const audit_options options = tree_options(log);

    return audit_open_on(&options, &fake_disk_io, &log->audit);
}

static inline void tree_open(tree_log *log)
{
    if (tree_try_open(log) != P11KMS_OK) {
        fail_msg("%s", p11kms_err_detail(P11KMS_E_AUDIT));
    }
    assert_ok(audit_sign_with(log->audit, fake_signer()));
}

static inline void tree_close(tree_log *log)
{
    audit_close(STEAL(log->audit));
}

static inline p11kms_err tree_try_add(tree_log *log, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char line[64];

        snprintf(line, sizeof(line), "{\"eventID\":\"%08" PRIu64 "\",\"some\":\"text\"}", log->next);
        p11kms_err err = audit_append(log->audit, SLICE_STR(line));
        if (err != P11KMS_OK) {
            return err;
        }
        log->next++;
    }
    return P11KMS_OK;
}

static inline void tree_add(tree_log *log, unsigned n)
{
    assert_ok(tree_try_add(log, n));
}

/** Another process opens it, adds @p n records, all of them answered, and is killed @p after_us later. */
static inline void tree_crash(tree_log *log, unsigned n, useconds_t after_us)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        tree_open(log);
        tree_add(log, n);
        usleep(after_us);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    log->next += n;
}

static inline void tree_await(const tree_log *log, bool (*holds)(audit_stats stats, uint64_t arg),
                              uint64_t arg)
{
    int64_t deadline = clock_mono_us() + 5000000;

    while (!holds(audit_get_stats(log->audit), arg)) {
        if (clock_mono_us() > deadline) {
            fail_msg("waited five seconds in vain");
        }
        usleep(1000);
    }
}

/** All records are in the tree, and at most @p without of them behind the last checkpoint. */
static inline void tree_await_covered(const tree_log *log, uint64_t without)
{
    int64_t deadline = clock_mono_us() + 5000000;
    audit_stats stats = audit_get_stats(log->audit);

    while (stats.tree_size != log->next || stats.unsigned_records > without) {
        assert_true(clock_mono_us() < deadline);
        usleep(1000);
        stats = audit_get_stats(log->audit);
    }
}

static inline bool tree_failures(audit_stats stats, uint64_t arg)
{
    return stats.checkpoint_failures >= arg;
}

static inline verify_report tree_verify(const tree_log *log)
{
    _cleanup_(trust) trust_t *keys = NULL;
    verify_report report;

    assert_ok(trust_new(&keys));
    assert_ok(trust_add(keys, SLICE_STR(fake_signer_vkey())));
    const verify_options options = { .dir = log->folder, .keys = keys };
    assert_ok(verify_log(&options, &report));
    return report;
}

/** All that was ever added is there, in order, covered by a checkpoint, and the tiles are whole. */
static inline void assert_tree_whole(const tree_log *log)
{
    verify_report report = tree_verify(log);

    assert_string_equal(report.reason, "");
    assert_int_equal(report.verdict, VERIFY_WHOLE);
    assert_int_equal(report.records, log->next);
    assert_int_equal(report.covered, log->next);
    assert_int_equal(report.without_tiles, 0);
}

static inline void tree_close_whole(tree_log *log)
{
    tree_close(log);
    assert_tree_whole(log);
}
