/* room: cli. Which records are wanted: "principal=app", "action=kms:Decrypt", "error=*". */
#pragma once

#include "audit/glance.h"

#define AUDIT_FILTERS_MAX 32

typedef struct {
    struct {
        size_t field;
        const char *value;
    } filters[AUDIT_FILTERS_MAX];
    size_t n;
} audit_filter_t;

/** Begins with a filter's name and "=". */
bool audit_filter_is(const char *text);
/** @p text is kept. @retval P11KMS_E_SYNTAX  Detail names the filters that there are. */
MUST_USE p11kms_err audit_filter_add(audit_filter_t *filter, const char *text);
/** For each name that is filtered by, one of its values fits. */
bool audit_filter_wants(const audit_filter_t *filter, const glance_t *glance);
