/*
 * How fast a log is verified, beside how fast SHA-256 is: bench_verify [MIB [RECORD_BYTES [PER_CHECKPOINT]]].
 * The log lies in the page cache: what a disk gives is another figure.
 */
#include "tests/testing.h"

#include <stdio.h>

#include "audit/verify.h"
#include "tests/audit/made_log.h"
#include "tests/fakes/scratch.h"
#include "util/clock.h"

#define LINE_BYTES 110 /* of made_line(), about */
#define SEGMENT_BYTES (64u << 20)
#define PIECE ((size_t)16 * 1024) /* as `openssl speed` has it */

static double mb_per_second(uint64_t bytes, int64_t us)
{
    return (double)bytes / (double)us;
}

static double sha256_rate(void)
{
    static uint8_t piece[PIECE];
    uint8_t out[SHA256_LEN];
    uint64_t bytes = 0;
    int64_t began = clock_mono_us(), now;

    do {
        crypto_sha256(SLICE(piece, sizeof(piece)), out);
        bytes += sizeof(piece);
        now = clock_mono_us();
    } while (now - began < 1000000);
    return mb_per_second(bytes, now - began);
}

static uint64_t make(made_log *log, uint64_t records, unsigned record_bytes, unsigned per_checkpoint)
{
    uint64_t in_segment = 0;

    made_begin(log, scratch_folder());
    log->pad = record_bytes > LINE_BYTES ? record_bytes - LINE_BYTES : 0;
    for (uint64_t done = 0; done < records; done += per_checkpoint) {
        made_add(log, per_checkpoint);
        in_segment += (uint64_t)per_checkpoint * record_bytes;
        if (in_segment >= SEGMENT_BYTES) {
            made_next(log);
            in_segment = 0;
        } else {
            made_checkpoint(log);
        }
    }
    return records;
}

int main(int argc, char **argv)
{
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 512;
    unsigned record_bytes = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1150;
    unsigned per_checkpoint = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000;
    _cleanup_(trust) trust_t *keys = NULL;
    _cleanup_buf_ buf_t vkey = { 0 };
    verify_report report = { 0 };
    made_log log;

    if (mib == 0 || record_bytes == 0 || per_checkpoint == 0 || crypto_init() != P11KMS_OK ||
        trust_new(&keys) != P11KMS_OK) {
        return 1;
    }
    made_vkey(1, &vkey);
    if (trust_add(keys, buf_slice(&vkey)) != P11KMS_OK) {
        return 1;
    }
    make(&log, (mib << 20) / record_bytes, record_bytes, per_checkpoint);
    double sha256 = sha256_rate();
    const verify_options options = { .dir = log.folder, .keys = keys };
    int64_t began = clock_mono_us();
    p11kms_err err = verify_log(&options, &report);
    double verify = mb_per_second(mib << 20, clock_mono_us() - began);
    if (err != P11KMS_OK || report.verdict != VERIFY_WHOLE) {
        fprintf(stderr, "bench_verify: %s %s\n", p11kms_err_detail(err), report.reason);
        return 1;
    }
    printf("%llu records of about %u bytes, %llu checkpoints\n", (unsigned long long)report.records, record_bytes,
           (unsigned long long)report.checkpoints);
    printf("SHA-256 of %zu byte pieces  %7.0f MB/s\n", PIECE, sha256);
    printf("verify                     %7.0f MB/s  %.2f of it\n", verify, verify / sha256);
    made_end(&log);
    return 0;
}
