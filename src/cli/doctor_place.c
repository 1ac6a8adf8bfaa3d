/* The machine around the service: clock, listeners with their certificates, audit folder. */
#include "config.h"

#include "cli/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "audit/audit.h"
#include "crypto/crypto.h"
#include "util/clock.h"
#include "util/encode.h"

#define FIRST_PLAUSIBLE_MS INT64_C(1735689600000) /* 2025-01-01: before this program was written */
#define EXPIRY_WARNING_MS (30 * CLOCK_DAY_MS)
#define FREE_WARNING_BYTES (UINT64_C(512) << 20)

/* ---- clock ---- */

void doctor_clock(doctor_t *doctor)
{
    struct timex clock = { 0 };
    int64_t now = clock_wall_ms();
    char text[TIME_TEXT];

    time_format_iso(now, text);
    if (now < FIRST_PLAUSIBLE_MS) {
        doctor_tell(doctor, DOCTOR_FAIL, "clock", "set the machine's clock",
                    "it says %s: signatures would be refused as not yet current", text);
    } else if (adjtimex(&clock) < 0 || (clock.status & STA_UNSYNC)) {
        doctor_tell(doctor, DOCTOR_WARN, "clock", "run chrony, or systemd-timesyncd",
                    "%s, not kept by a time service: signatures are refused past 5 minutes of skew", text);
    } else {
        doctor_tell(doctor, DOCTOR_OK, "clock", NULL, "%s, synchronised", text);
    }
}

/* ---- listeners ---- */

static void check_certificate(doctor_t *doctor, const char *what, const char *path)
{
    int64_t expiry;
    char text[TIME_TEXT];
    p11kms_err err = crypto_certificate_expiry(path, &expiry);

    if (err != P11KMS_OK) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "put a PEM certificate there that the service may read", "%s",
                    p11kms_err_detail(err));
        return;
    }
    time_format_iso(expiry, text);
    int64_t left = expiry - clock_wall_ms();
    if (left <= 0) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "put a new certificate there, then p11kms reload", "%s expired %s", path,
                    text);
    } else if (left < EXPIRY_WARNING_MS) {
        doctor_tell(doctor, DOCTOR_WARN, what, "put a new certificate there, then p11kms reload", "%s expires %s", path,
                    text);
    } else {
        doctor_tell(doctor, DOCTOR_OK, what, NULL, "%s is good until %s", path, text);
    }
}

static void check_private_key(doctor_t *doctor, const char *what, const char *path)
{
    struct stat st;

    if (access(path, R_OK) != 0 || stat(path, &st) != 0) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "let the service's user, and nobody else, read it", "%s: %s", path,
                    strerror(errno));
    } else if (st.st_mode & (S_IRWXO | S_IWGRP)) {
        doctor_tell(doctor, DOCTOR_FAIL, what, "chmod 0640 it, with the service's group", "%s has mode %04o", path,
                    (unsigned)(st.st_mode & 07777));
    } else {
        doctor_tell(doctor, DOCTOR_OK, what, NULL, "%s, mode %04o", path, (unsigned)(st.st_mode & 07777));
    }
}

static void check_socket(doctor_t *doctor, const char *path)
{
    _cleanup_free_ char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));

    if (folder && access(folder, W_OK | X_OK) == 0) {
        doctor_tell(doctor, DOCTOR_OK, "socket", NULL, "%s", path);
    } else if (errno == ENOENT) {
        doctor_tell(doctor, DOCTOR_WARN, "socket", "nothing, when systemd starts the service (RuntimeDirectory=)",
                    "the folder of %s is not there now", path);
    } else {
        doctor_tell(doctor, DOCTOR_FAIL, "socket", "give its folder to the service's user", "%s: %s", path,
                    strerror(errno));
    }
}

static void check_listener(doctor_t *doctor, const conf_listen *listen)
{
    if (listen->kind == LISTEN_UNIX) {
        check_socket(doctor, listen->path);
    } else if (listen->kind == LISTEN_HTTPS) {
        check_certificate(doctor, "certificate", listen->certificate);
        check_private_key(doctor, "private key", listen->key);
        if (listen->client_ca) {
            check_certificate(doctor, "client CA", listen->client_ca);
        }
    }
}

void doctor_listeners(doctor_t *doctor)
{
    for (size_t i = 0; i < doctor->conf->n_listen; i++) {
        check_listener(doctor, &doctor->conf->listen[i]);
    }
    if (doctor->conf->monitor) {
        check_listener(doctor, doctor->conf->monitor);
    }
}

/* ---- audit ---- */

static bool can_make(const char *path)
{
    _cleanup_free_ char *above = strndup(path, (size_t)(strrchr(path, '/') - path));

    return above && access(above[0] ? above : "/", W_OK | X_OK) == 0;
}

static void check_space(doctor_t *doctor, const char *dir)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < FREE_WARNING_BYTES) {
        doctor_tell(doctor, DOCTOR_WARN, "audit space", "make room: without it every request is refused",
                    "%" PRIu64 " MiB are free for %s", ((uint64_t)fs.f_bavail * fs.f_frsize) >> 20, dir);
    }
}

/* A log that nobody has written to yet has none. */
static void check_checkpoint(doctor_t *doctor, const audit_look *look)
{
    if (look->checkpoint) {
        doctor_tell(doctor, DOCTOR_OK, "checkpoints", NULL, "%" PRIu64 " records are under a signed checkpoint",
                    look->records);
    } else if (look->last != 0) {
        doctor_tell(doctor, DOCTOR_WARN, "checkpoints",
                    "the service's log says why; the default token needs Ed25519 or ECDSA on P-256",
                    "no record is under a signed checkpoint: changes to the log cannot be proven");
    }
}

static void check_log(doctor_t *doctor, const char *dir, const audit_look *look)
{
    doctor->running = look->in_use;
    if (access(dir, W_OK | X_OK) != 0) {
        doctor_tell(doctor, DOCTOR_FAIL, "audit log", "give it to the service's user: without it every request is refused",
                    "%s: %s", dir, strerror(errno));
    } else if (look->stopped[0]) {
        doctor_tell(doctor, DOCTOR_FAIL, "audit log", "look into it, then: p11kms audit resume --because \"...\"",
                    "%s", look->stopped);
    } else if (look->missing) {
        doctor_tell(doctor, DOCTOR_FAIL, "audit log", "bring the segment back, or move all before it away",
                    "%s: segment %" PRIu64 " is missing", dir, look->missing);
    } else if (look->torn) {
        doctor_tell(doctor, DOCTOR_WARN, "audit log", "nothing: the next start keeps the torn line beside the log",
                    "%s ends within a line, as after a crash", dir);
    } else {
        doctor_tell(doctor, DOCTOR_OK, "audit log", NULL, "%s, segments %" PRIu64 " to %" PRIu64 ", %" PRIu64 " KiB%s",
                    dir, look->first, look->last, look->bytes >> 10, look->in_use ? ", the service is running" : "");
    }
    check_checkpoint(doctor, look);
    check_space(doctor, dir);
}

void doctor_audit(doctor_t *doctor)
{
    const char *dir = doctor->conf->audit_dir;
    audit_look look;
    p11kms_err err = audit_inspect(dir, &look);

    if (err == P11KMS_OK) {
        check_log(doctor, dir, &look);
    } else if (err == P11KMS_E_NOT_FOUND && can_make(dir)) {
        doctor_tell(doctor, DOCTOR_OK, "audit log", NULL, "%s will be made at the first start", dir);
    } else {
        doctor_tell(doctor, DOCTOR_FAIL, "audit log", "make the folder above it, and give it to the service's user", "%s",
                    p11kms_err_detail(err));
    }
}
