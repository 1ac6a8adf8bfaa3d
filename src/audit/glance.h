/* room: audit. What a person, or a journal, wants to know of a record. */
#pragma once

#include "util/json.h"

/** Views into `doc`; empty where the record does not say. */
typedef struct {
    json_t *doc;
    slice_t time;      /* "2026-11-22T05:55:59Z" */
    slice_t principal; /* an ARN; of web identities the provider's; "p11kms" for the daemon's own acts */
    slice_t user;      /* its name, of users and web identities */
    slice_t access_key;
    slice_t source;    /* "kms.amazonaws.com" */
    slice_t event;     /* "Decrypt" */
    slice_t resource;  /* the first one's ARN */
    slice_t error;     /* the code; empty: it succeeded */
    slice_t account;   /* whose the record is */
    slice_t request_id;
    slice_t event_id;
} glance_t;

/** @retval P11KMS_E_SYNTAX  The line is no JSON object. */
MUST_USE p11kms_err glance_read(slice_t line, glance_t *ret);
void glance_free(glance_t *glance);
#define _cleanup_glance_ __attribute__((cleanup(glance_free)))

/** "kms", of "kms.amazonaws.com". */
slice_t glance_service(const glance_t *glance);
/**
 * "TIME  PRINCIPAL  SERVICE:EVENT  RESOURCE  OUTCOME  REQUEST-ID": one line without its newline, ARNs without
 * what they all begin with, "-" for what is not there. Nothing in it reaches a terminal raw.
 */
void glance_put(const glance_t *glance, buf_t *out);
