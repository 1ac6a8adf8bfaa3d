#define _GNU_SOURCE /* memmem */
#include "audit/glance.h"

#include <string.h>

#include "util/shown.h"

static slice_t member(const json_t *value, const char *name)
{
    return json_string(json_get(value, name));
}

static slice_t first_of(slice_t one, slice_t other)
{
    return one.len > 0 ? one : other;
}

p11kms_err glance_read(slice_t line, glance_t *ret)
{
    json_t *doc;

    TRY(json_parse(line, &doc));
    if (json_kind_of(doc) != JSON_OBJECT) {
        json_free(doc);
        FAIL(P11KMS_E_SYNTAX, "a record is a JSON object");
    }
    const json_t *who = json_get(doc, "userIdentity");
    slice_t named = first_of(member(who, "arn"), member(who, "identityProvider"));
    *ret = (glance_t){
        .doc = doc,
        .time = member(doc, "eventTime"),
        .principal = first_of(named, member(who, "invokedBy")),
        .user = member(who, "userName"),
        .access_key = member(who, "accessKeyId"),
        .source = member(doc, "eventSource"),
        .event = member(doc, "eventName"),
        .resource = member(json_at(json_get(doc, "resources"), 0), "ARN"),
        .error = member(doc, "errorCode"),
        .account = first_of(member(doc, "recipientAccountId"), member(who, "accountId")),
        .request_id = member(doc, "requestID"),
        .event_id = member(doc, "eventID"),
    };
    return P11KMS_OK;
}

void glance_free(glance_t *glance)
{
    json_free(glance->doc);
    *glance = (glance_t){ 0 };
}

slice_t glance_service(const glance_t *glance)
{
    const uint8_t *dot = glance->source.len ? memchr(glance->source.data, '.', glance->source.len) : NULL;

    return dot ? SLICE(glance->source.data, (size_t)(dot - glance->source.data)) : glance->source;
}

/* "123456789012:user/app" of "arn:aws:iam::123456789012:user/app" */
static slice_t short_arn(slice_t arn)
{
    size_t colons = 0;

    if (!slice_has_prefix(arn, "arn:")) {
        return arn;
    }
    for (size_t i = 0; i < arn.len; i++) {
        colons += arn.data[i] == ':';
        if (colons == 3 && i + 1 < arn.len && arn.data[i + 1] != ':') {
            return SLICE(arn.data + i + 1, arn.len - i - 1);
        }
        if (colons > 3) {
            return SLICE(arn.data + i + 1, arn.len - i - 1);
        }
    }
    return arn;
}

static void put_or_dash(buf_t *out, slice_t text)
{
    if (text.len > 0) {
        shown_put(out, text);
    } else {
        buf_put_char(out, '-');
    }
}

static void put_principal(const glance_t *glance, buf_t *out)
{
    if (glance->principal.len == 0 && glance->access_key.len > 0) {
        buf_put_str(out, "unknown(");
        shown_put(out, glance->access_key);
        buf_put_char(out, ')');
        return;
    }
    put_or_dash(out, short_arn(glance->principal));
    if (slice_has_prefix(glance->principal, "arn:") && memmem(glance->principal.data, glance->principal.len,
                                                              ":oidc-provider/", strlen(":oidc-provider/"))) {
        buf_put_char(out, '/');
        shown_put(out, glance->user);
    }
}

void glance_put(const glance_t *glance, buf_t *out)
{
    put_or_dash(out, glance->time);
    buf_put_str(out, "  ");
    put_principal(glance, out);
    buf_put_str(out, "  ");
    put_or_dash(out, glance_service(glance));
    buf_put_char(out, ':');
    put_or_dash(out, glance->event);
    buf_put_str(out, "  ");
    put_or_dash(out, short_arn(glance->resource));
    buf_put_str(out, "  ");
    put_or_dash(out, glance->error.len ? glance->error : SLICE_LIT("ok"));
    buf_put_str(out, "  ");
    put_or_dash(out, glance->request_id);
}
