#include "cli/audit_filter.h"

#include <fnmatch.h>
#include <string.h>

/* Whole, or what stands behind the last '/' or ':' of it; a pattern where it has '*', '?' or '['. */
static bool fits(const char *value, slice_t text)
{
    const char *whole = (const char *)text.data; /* json_string(): NUL-terminated */

    if (text.len == 0) {
        return value[0] == '\0';
    }
    size_t tail = text.len;
    while (tail > 0 && whole[tail - 1] != '/' && whole[tail - 1] != ':') {
        tail--;
    }
    return value[0] != '\0' && (fnmatch(value, whole, 0) == 0 || fnmatch(value, whole + tail, 0) == 0);
}

static bool fits_principal(const char *value, const glance_t *glance)
{
    return fits(value, glance->principal) || (glance->access_key.len > 0 && slice_eq_str(glance->access_key, value)) ||
           (glance->user.len > 0 && slice_eq_str(glance->user, value));
}

/* "Decrypt" or "kms:Decrypt" */
static bool fits_action(const char *value, const glance_t *glance)
{
    slice_t service = glance_service(glance);
    const char *colon = strchr(value, ':');
    size_t len = colon ? (size_t)(colon - value) : 0;

    if (!colon) {
        return fits(value, glance->event);
    }
    bool same = slice_eq(service, SLICE(value, len));
    return (same || (len == 1 && value[0] == '*')) && fits(colon + 1, glance->event);
}

static bool fits_error(const char *value, const glance_t *glance)
{
    return fits(value, glance->error);
}

static bool fits_key(const char *value, const glance_t *glance)
{
    const json_t *resources = json_get(glance->doc, "resources");
    size_t n = json_length(resources);

    for (size_t i = 0; i < n; i++) {
        if (fits(value, json_string(json_get(json_at(resources, i), "ARN")))) {
            return true;
        }
    }
    return n == 0 && value[0] == '\0';
}

static bool fits_account(const char *value, const glance_t *glance)
{
    return fits(value, glance->account);
}

static const struct {
    const char *name;
    bool (*fits)(const char *value, const glance_t *glance);
} fields[] = {
    { "principal", fits_principal }, { "action", fits_action }, { "error", fits_error },
    { "key", fits_key },             { "account", fits_account },
};

static size_t field_of(const char *text)
{
    size_t i = 0;
    size_t len = strcspn(text, "=");

    while (i < COUNT_OF(fields) &&
           (text[len] != '=' || strlen(fields[i].name) != len || strncmp(fields[i].name, text, len) != 0)) {
        i++;
    }
    return i;
}

bool audit_filter_is(const char *text)
{
    return field_of(text) < COUNT_OF(fields);
}

p11kms_err audit_filter_add(audit_filter_t *filter, const char *text)
{
    size_t field = field_of(text);

    if (field == COUNT_OF(fields)) {
        FAIL(P11KMS_E_SYNTAX, "'%s' is no filter: principal=, action=, error=, key= or account= and a value", text);
    }
    if (filter->n == AUDIT_FILTERS_MAX) {
        FAIL(P11KMS_E_SYNTAX, "there may be %d filters", AUDIT_FILTERS_MAX);
    }
    filter->filters[filter->n].field = field;
    filter->filters[filter->n++].value = strchr(text, '=') + 1;
    return P11KMS_OK;
}

bool audit_filter_wants(const audit_filter_t *filter, const glance_t *glance)
{
    for (size_t field = 0; field < COUNT_OF(fields); field++) {
        bool asked = false, fitted = false;

        for (size_t i = 0; i < filter->n && !fitted; i++) {
            if (filter->filters[i].field == field) {
                asked = true;
                fitted = fields[field].fits(filter->filters[i].value, glance);
            }
        }
        if (asked && !fitted) {
            return false;
        }
    }
    return true;
}
