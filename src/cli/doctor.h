/* room: cli. What p11kms doctor looks at, and how its findings are told. */
#pragma once

#include "cli/service_conf.h"
#include "util/json.h"

typedef enum { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL } doctor_verdict;

typedef struct {
    const char *file; /* of the configuration */
    conf_t *conf;
    conf_declared_t *declared;
    bool login;   /* tokens may be logged in to */
    bool running; /* the service writes the audit log now */
    bool json;
    buf_t out; /* the findings in JSON */
    jw_t w;
    unsigned warnings;
    unsigned failures;
} doctor_t;

/**
 * Tell a finding.
 *
 * @param what  "token main", a few words.
 * @param mend  What to do about it; NULL when nothing is to be done.
 */
void doctor_tell(doctor_t *doctor, doctor_verdict verdict, const char *what, const char *mend, const char *fmt, ...)
    PRINTF(5, 6);

/* The checks; each tells at least one finding. */
void doctor_clock(doctor_t *doctor);       /* doctor_place.c */
void doctor_listeners(doctor_t *doctor);
void doctor_audit(doctor_t *doctor);
void doctor_store(doctor_t *doctor);       /* doctor_keys.c */
void doctor_tokens(doctor_t *doctor);
