/*
 * A log's folder after anybody was at it: its files are any bytes, and each is there or not. Reading it as a
 * follower and verifying it ends, and what is verified is what was logged: as the key is not here, a log
 * whose checkpoints hold is the one that the corpus has, record by record as far as they cover it.
 *
 * Input: files, each as its place in the table of names (1 byte), its length (2 bytes) and its contents.
 */
#include "config.h" /* memmem() */

#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/follow.h"
#include "audit/source.h"
#include "audit/verify.h"

/* Made with openssl genpkey; nobody has the private half any more. */
#define LOG_KEY "p11kms/fuzz.example+0160893f+AWVcR/xfQuQjbO9diV7r2tJe/SUIkVVhS+TWlKeW5/Ee"
#define RECORDS 6

static const char *const names[] = {
    "audit-0000000001.jsonl",
    "audit-0000000001.notes",
    "audit-0000000002.jsonl",
    "audit-0000000002.notes",
    "audit-0000000001.jsonl.gz",
    "audit-0000000001.jsonl.zst",
    "audit-0000000002.jsonl.gz",
    "audit-0000000002.jsonl.zst",
    "checkpoint",
    "tile/0/000.p/3",
    "tile/0/000.p/6",
    "tile/0/000",
    "tile/1/000.p/1",
    "resumed",
};

static char folder[64];

static void make_folder(void)
{
    static const char *const folders[] = { "tile", "tile/0", "tile/1", "tile/0/000.p", "tile/1/000.p" };

    snprintf(folder, sizeof(folder), "%s/p11kms-fuzz-log-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    HOLDS(mkdtemp(folder) != NULL);
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        HOLDS(mkdirat(at, folders[i], 0700) == 0);
    }
    close(at);
}

static void remove_files(int at)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)unlinkat(at, names[i], 0);
    }
}

static void remove_folder(void)
{
    static const char *const folders[] = { "tile/0/000.p", "tile/1/000.p", "tile/0", "tile/1", "tile" };
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    remove_files(at);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        (void)unlinkat(at, folders[i], AT_REMOVEDIR);
    }
    close(at);
    (void)rmdir(folder);
}

static void put_files(int at, reader_t *r)
{
    while (r->rest.len >= 3) {
        const char *name = names[reader_u8(r) % COUNT_OF(names)];
        size_t len = reader_u16(r);
        slice_t bytes = reader_take(r, len < r->rest.len ? len : r->rest.len);
        _cleanup_fd_ int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd >= 0) { /* "tile/0/000" may be no file beside "tile/0/000.p" */
            HOLDS(write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
        }
    }
}

/* The records of the log in the corpus; eventID counts. */
static bool is_record(slice_t line, uint64_t index)
{
    char expected[64];

    snprintf(expected, sizeof(expected), "{\"eventID\":\"%llu\",\"eventName\":\"Decrypt\"}",
             (unsigned long long)index);
    return slice_eq_str(line, expected);
}

/* The oldest segments may have been moved away. */
static void check_lines(int at, uint64_t index, uint64_t covered)
{
    uint64_t *numbers = NULL;
    size_t count = 0;

    HOLDS(source_list(at, &numbers, &count) == P11KMS_OK);
    for (size_t i = 0; i < count; i++) {
        _cleanup_(source) source_t *source = NULL;
        slice_t line;

        HOLDS(source_open(at, numbers[i], &source) == P11KMS_OK);
        for (; index < covered && source_line(source, &line) == P11KMS_OK; index++) {
            HOLDS(is_record(line, index));
        }
    }
    HOLDS(index == covered);
    free(numbers);
}

static void check_log(int at, trust_t *trust)
{
    verify_options options = { .dir = folder, .keys = trust, .from = 1 };
    verify_report report;
    p11kms_err err = verify_log(&options, &report);

    HOLDS(err == P11KMS_OK || err == P11KMS_E_AUDIT || err == P11KMS_E_NOT_FOUND);
    if (err != P11KMS_OK) {
        return;
    }
    HOLDS(memchr(report.reason, '\0', sizeof(report.reason)) != NULL);
    HOLDS((report.verdict == VERIFY_WHOLE) == (report.reason[0] == '\0'));
    if (report.verdict == VERIFY_WHOLE) {
        HOLDS(report.covered >= 1 && report.covered <= RECORDS && report.records >= report.covered);
        check_lines(at, report.first, report.covered);
    }
}

static bool is_decrypt(void *arg, slice_t line)
{
    (void)arg;
    return memmem(line.data, line.len, "Decrypt", strlen("Decrypt")) != NULL;
}

/* To the end, and from the end. */
static void check_follower(void)
{
    _cleanup_(follow) follow_t *follow = NULL;
    slice_t line;

    HOLDS(follow_open(folder, &follow) == P11KMS_OK);
    for (int i = 0; i < 10000; i++) {
        p11kms_err err = follow_next(follow, &line);

        if (err == P11KMS_E_NOT_FOUND) {
            break;
        }
        HOLDS(err == P11KMS_E_AUDIT || (err == P11KMS_OK && line.len <= AUDIT_RECORD_MAX));
        HOLDS(i + 1 < 10000 || err == P11KMS_OK);
    }
    (void)!follow_last(follow, 2, is_decrypt, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static trust_t *trust;
    reader_t r = reader_over(SLICE(data, len));

    if (trust == NULL) {
        HOLDS(crypto_init() == P11KMS_OK && trust_new(&trust) == P11KMS_OK);
        HOLDS(trust_add(trust, SLICE_LIT(LOG_KEY)) == P11KMS_OK);
        make_folder();
        HOLDS(atexit(remove_folder) == 0);
    }
    _cleanup_fd_ int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HOLDS(at >= 0);
    put_files(at, &r);
    check_log(at, trust);
    check_follower();
    remove_files(at);
    return 0;
}
