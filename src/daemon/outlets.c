#include "daemon/outlets.h"

#include "daemon/service_internal.h"

#include <string.h>

#define LOG_ROOM "audit"
#include "util/log.h"

#define TELL_EVERY_TICKS 60

static copy_kind kind_of(const char *name)
{
    copy_kind kind = 0;

    while (strcmp(copy_names[kind], name) != 0) {
        kind++; /* the configuration takes no other names */
    }
    return kind;
}

p11kms_err outlets_start(service_t *s)
{
    copy_target targets[CONF_COPIES_MAX];

    for (size_t i = 0; i < s->conf->n_audit_copies; i++) {
        targets[i] = (copy_target){ kind_of(s->conf->audit_copies[i].to), s->conf->audit_copies[i].path };
    }
    return s->conf->n_audit_copies ? copies_start(targets, s->conf->n_audit_copies, &s->copies) : P11KMS_OK;
}

void outlets_stop(service_t *s)
{
    copies_stop(s->copies);
}

void outlets_tick(service_t *s)
{
    copy_stats stats[COPIES_MAX];
    uint64_t dropped = 0;

    if (s->ticks % TELL_EVERY_TICKS != 0) {
        return;
    }
    size_t n = copies_get_stats(s->copies, stats);
    for (size_t i = 0; i < n; i++) {
        dropped += stats[i].dropped;
    }
    if (dropped != s->copies_told) {
        for (size_t i = 0; i < n; i++) {
            log_warning("copies for %s: %llu sent, %llu dropped%s%s; the audit log itself has every record",
                        stats[i].name, (unsigned long long)stats[i].sent, (unsigned long long)stats[i].dropped,
                        stats[i].problem[0] ? ": " : "", stats[i].problem);
        }
        s->copies_told = dropped;
    }
}

static void put_family(const copy_stats *stats, size_t n, const char *name, const char *type,
                       uint64_t (*of)(const copy_stats *stats), buf_t *out)
{
    buf_printf(out, "# TYPE %s %s\n", name, type);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s{to=\"%s\",number=\"%zu\"} %llu\n", name, stats[i].name, i, (unsigned long long)of(&stats[i]));
    }
}

static uint64_t sent_of(const copy_stats *stats)
{
    return stats->sent;
}

static uint64_t dropped_of(const copy_stats *stats)
{
    return stats->dropped;
}

static uint64_t waiting_of(const copy_stats *stats)
{
    return stats->waiting;
}

void outlets_metrics(copies_t *copies, buf_t *out)
{
    copy_stats stats[COPIES_MAX];
    size_t n = copies_get_stats(copies, stats);

    if (n > 0) {
        put_family(stats, n, "p11kms_audit_copies_total", "counter", sent_of, out);
        put_family(stats, n, "p11kms_audit_copies_dropped_total", "counter", dropped_of, out);
        put_family(stats, n, "p11kms_audit_copies_waiting_bytes", "gauge", waiting_of, out);
    }
}
