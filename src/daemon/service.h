/*
 * The running service: what is started, in which order, and how it is stopped.
 * Everything here is called on the main thread, which is the loop's.
 */
#pragma once

#include "conf/conf.h"

typedef struct service service_t;

typedef struct {
    const char *conf_file;
    const char *const *declarations; /* more files of declarations (--seed); borrowed */
    size_t n_declarations;
    bool dev;
    const char *host_path; /* the p11kms-token program */
    /** Everything is up; once. NULL: nothing to do. */
    p11kms_err (*ready)(service_t *service, void *arg);
    void *arg;
} service_options;

/**
 * Start, serve until SIGTERM or SIGINT, stop.
 *
 * @retval P11KMS_OK        Stopped as asked.
 * @retval P11KMS_E_CONFIG  Nothing was started; every problem has been printed on standard error.
 * @retval others           What could not be started; the detail says what to mend.
 */
MUST_USE p11kms_err service_run(const service_options *options);

/** Read and check the configuration and every declaration, policies included; prints each problem on standard error. */
MUST_USE p11kms_err service_check(const service_options *options);

/** The port listener @p i was bound to; for --dev, where the kernel chooses. */
unsigned service_port(const service_t *service, size_t i);
unsigned service_monitor_port(const service_t *service);
const conf_t *service_conf(const service_t *service);
