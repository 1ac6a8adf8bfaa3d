/* A snapshot while it is made. Private to the room. */
#pragma once

#include "identity/snapshot.h"

typedef struct {
    identity_t *identity;
    buf_t *problems;
    unsigned n_problems;
    map_t *groups; /* "ACCOUNT/NAME" -> group_t of principals.c */
    map_t *users;  /* "ACCOUNT/NAME" -> principal_t */
    map_t *off;    /* ids of access keys declared inactive */
} builder_t;

#define PROBLEM(builder, place, ...)                                                                         \
    do {                                                                                                     \
        if ((builder)->n_problems++ < CONF_PROBLEMS_MAX) {                                                   \
            conf_problem((builder)->problems, (place), __VA_ARGS__);                                         \
        }                                                                                                    \
    } while (0)

/** "ACCOUNT/NAME" */
const char *builder_key(builder_t *builder, const char *account, const char *name);

/* principals.c */
MUST_USE p11kms_err builder_add_accounts(builder_t *builder, const conf_declared_t *declared);
void builder_free_groups(builder_t *builder);
