#define _GNU_SOURCE /* memmem */
#include "audit/acts.h"

#include <stdio.h>

#include "util/clock.h"
#include "util/encode.h"
#include "util/json.h"

#define OWN "\"userIdentity\":{\"type\":\"AWSService\""
#define OWN_WITHIN 96 /* it stands behind eventVersion */
#define TIME_LEN 20 /* 2026-11-22T05:55:59Z */

static const struct {
    const char *name;
    act_kind kind;
} kinds[] = {
    { "StartService", ACT_START },
    { "ResumeAudit", ACT_WRITABLE },
    { "AuditResumed", ACT_RESUMED },
    { "AuditContinued", ACT_CONTINUED },
};

/* ---- reading ---- */

bool act_looks_own(slice_t line)
{
    size_t len = line.len < OWN_WITHIN ? line.len : OWN_WITHIN;

    return len > 0 && memmem(line.data, len, OWN, sizeof(OWN) - 1) != NULL;
}

static act_kind kind_of(const json_t *doc)
{
    slice_t name = json_string(json_get(doc, "eventName"));

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (slice_eq_str(name, kinds[i].name)) {
            return kinds[i].kind;
        }
    }
    return ACT_NONE;
}

static void copy(slice_t text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;

    while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80) {
        len--; /* not within a character */
    }
    snprintf(out, size, "%.*s", (int)len, len > 0 ? (const char *)text.data : "");
}

static uint64_t number(const json_t *details, const char *name)
{
    int64_t value = json_int(json_get(details, name));

    return value > 0 ? (uint64_t)value : 0;
}

static void read_place(const json_t *details, act_t *ret)
{
    _cleanup_buf_ buf_t root = { 0 };
    const json_t *size = json_get(details, "treeSize");

    if (json_kind_of(size) != JSON_INT || json_int(size) < 0 ||
        base64_decode(&root, json_string(json_get(details, "rootHash"))) != P11KMS_OK || root.len != sizeof(ret->root)) {
        return;
    }
    ret->placed = true;
    ret->size = (uint64_t)json_int(size);
    memcpy(&ret->root, root.data, sizeof(ret->root));
}

bool act_read(slice_t line, act_t *ret)
{
    _cleanup_json_ json_t *doc = NULL;

    *ret = (act_t){ .kind = ACT_NONE };
    if (json_parse(line, &doc) != P11KMS_OK) {
        return false;
    }
    const json_t *details = json_get(doc, "serviceEventDetails");
    ret->kind = kind_of(doc);
    copy(json_string(json_get(doc, "eventID")), ret->event_id, sizeof(ret->event_id));
    copy(json_string(json_get(details, "because")), ret->because, sizeof(ret->because));
    copy(json_string(json_get(details, "by")), ret->by, sizeof(ret->by));
    read_place(details, ret);
    ret->signed_size = number(details, "signedSize");
    ret->kept = json_bool(json_get(details, "kept"));
    ret->records = number(details, "checkpointRecords");
    ret->seconds = number(details, "checkpointInterval");
    return ret->kind != ACT_NONE;
}

bool act_time(slice_t line, int64_t *ret)
{
    _cleanup_json_ json_t *doc = NULL;
    char basic[TIME_LEN];
    size_t len = 0;
    int64_t ms;

    if (json_parse(line, &doc) != P11KMS_OK) {
        return false;
    }
    slice_t text = json_string(json_get(doc, "eventTime"));
    if (text.len != TIME_LEN) {
        return false;
    }
    for (size_t i = 0; i < TIME_LEN; i++) {
        if (text.data[i] != '-' && text.data[i] != ':') {
            basic[len++] = (char)text.data[i];
        }
    }
    if (time_parse_amz(SLICE(basic, len), &ms) != P11KMS_OK) {
        return false;
    }
    *ret = ms / 1000;
    return true;
}

/* ---- writing ---- */

static void put(jw_t *w, const char *name, const char *value)
{
    jw_key(w, name);
    jw_string(w, value);
}

static void put_id(jw_t *w, const char *name)
{
    uint8_t id[16];
    char text[UUID_TEXT];

    uuid_random(id);
    uuid_format(id, text);
    put(w, name, text);
}

void act_put(const char *event, const char *region, slice_t details, buf_t *line)
{
    char when[TIME_TEXT];
    jw_t w = jw_on(line);

    time_format_iso(clock_wall_ms(), when);
    jw_object(&w);
    put(&w, "eventVersion", "1.11");
    jw_key(&w, "userIdentity");
    jw_object(&w);
    put(&w, "type", "AWSService");
    put(&w, "invokedBy", "p11kms");
    jw_end(&w);
    put(&w, "eventTime", when);
    put(&w, "eventSource", "p11kms");
    put(&w, "eventName", event);
    put(&w, "awsRegion", region);
    put(&w, "sourceIPAddress", "p11kms");
    put(&w, "userAgent", "p11kms");
    jw_key(&w, "serviceEventDetails");
    jw_raw(&w, details);
    put_id(&w, "requestID");
    put_id(&w, "eventID");
    jw_key(&w, "readOnly");
    jw_bool(&w, false);
    put(&w, "eventType", "AwsServiceEvent");
    jw_key(&w, "managementEvent");
    jw_bool(&w, true);
    put(&w, "recipientAccountId", "");
    put(&w, "eventCategory", "Management");
    jw_end(&w);
}
