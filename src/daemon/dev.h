/*
 * --dev: everything a trial or a test needs in one folder: a SoftHSM token, a
 * store, a certificate, an administrator, and a configuration file like any other.
 * Started again on the same folder it serves the same keys.
 */
#pragma once

#include "daemon/service.h"

typedef struct {
    const char *dir;           /* NULL: a temporary folder, removed at the end */
    const char *const *listen; /* URLs; none: https://127.0.0.1:8474 */
    size_t n_listen;
    const char *seed;          /* a file of declarations, or NULL */
} dev_options;

typedef struct dev_place dev_place_t;

/** Make or complete the folder. @retval P11KMS_E_CONFIG, P11KMS_E_IO with what to do. */
MUST_USE p11kms_err dev_prepare(const dev_options *options, dev_place_t **ret);
/** Removes a temporary folder. NULL is fine. */
void dev_free(dev_place_t *dev);

const char *dev_conf_file(const dev_place_t *dev);
const char *const *dev_declarations(const dev_place_t *dev, size_t *ret_n);
/** Write DIR/env, now that the ports are known, and say so on standard output. service_options.ready. */
p11kms_err dev_ready(service_t *service, void *dev);
