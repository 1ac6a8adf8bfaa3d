/*
 * The one table between our errors and AWS's: code, HTTP status, and what the
 * message is. docs/api.md lists them.
 */
#pragma once

#include "util/bytes.h"

typedef struct {
    p11kms_err err;
    const char *code;        /* "NotFoundException" */
    const char *record_code; /* in audit records: "AccessDenied", else as code */
    int status;
    enum {
        FAULT_DETAIL, /* the error's detail */
        FAULT_FIXED,  /* `message` below: the detail is ours, for the log alone */
        FAULT_NONE    /* no message member at all */
    } says;
    const char *message;
} fault_t;

/**
 * Every error has a row; what is unexpected becomes KMSInternalException (InternalFailure where @p service is
 * "sts"), whose detail never leaves.
 */
const fault_t *fault_of(p11kms_err err, const char *service);
/** What the client is told, or NULL: nothing. */
const char *fault_message(const fault_t *fault, const char *detail);

/**
 * {"__type":CODE,"message":...}; @p service decides between "message" and "Message".
 * Appends. Where the detail is told and @p detail is NULL or "", there is no message.
 */
void fault_write(p11kms_err err, const char *detail, const char *service, buf_t *body);
