/* room: cli. The service's configuration, as commands beside it read it. */
#pragma once

#include "cli/line.h"
#include "conf/conf.h"
#include "token/token.h"

/** -c FILE, else $P11KMS_CONFIG, else the installed one. */
const char *cli_config_file(const cli_line *line);
/** Prints what is wrong with the file on standard error. */
MUST_USE p11kms_err cli_load_config(const cli_line *line, conf_t **ret);
/** The identities and keys it names. Prints as above. */
MUST_USE p11kms_err cli_load_declared(const conf_t *conf, conf_declared_t **ret);
/** A token's options as the service has them. */
token_options cli_token_options(const conf_token *conf, const char *host_path);

/** "p11kms: DETAIL" on standard error. @return CLI_FAILED */
int cli_fail(p11kms_err err);
