/* What p11kms-bench asks for: signed KMS requests, and whether the answers are right. */
#pragma once

#include "identity/identity.h"
#include "tests/bench/load.h"

typedef struct operations operations_t;

typedef struct {
    const char *operation;
    const char *key_id;            /* NULL: one is made, and its deletion scheduled at the end */
    const char *authority;         /* Host */
    sigv4_credentials credentials; /* access_key_id NULL: unsigned, as over a Unix socket */
    const char *session_token;     /* or NULL */
} operations_wish;

/** The operations there are, for --help: "GenerateDataKey, Encrypt, ..." */
const char *operations_names(void);

/**
 * Prepare: the key where none is named, the ciphertexts that Decrypt needs.
 *
 * @param wish  Must outlive the result.
 * @retval P11KMS_E_UNSUPPORTED  No such operation.
 * @retval P11KMS_E_IO           The service refused; detail has its answer.
 */
MUST_USE p11kms_err operations_open(const operations_wish *wish, load_t *load, operations_t **ret);
/** Schedules the deletion of a key made here. */
MUST_USE p11kms_err operations_end(operations_t *operations, load_t *load);
void operations_free(operations_t *operations);
DEFINE_CLEANUP(operations_t *, operations, operations_free);

/** The key asked for. */
const char *operations_key(const operations_t *operations);

/** For load_run(). */
load_source operations_source(operations_t *operations);
