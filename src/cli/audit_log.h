/* room: cli. What the commands that check the audit log share. */
#pragma once

#include "audit/trust.h"
#include "cli/service_conf.h"

extern const cli_option cli_option_key;
extern const cli_option cli_option_witness;
extern const cli_option cli_option_witnesses;

/** The argument number @p n, else the configured folder. @param[out] ret  Freed by the caller. */
MUST_USE p11kms_err cli_log_folder(const cli_line *line, size_t n, char **ret);
/** A file of at most @p max bytes; "-" is standard input. Appended. @retval P11KMS_E_IO, P11KMS_E_RANGE */
MUST_USE p11kms_err cli_read_file(const char *path, size_t max, buf_t *out);
/**
 * The keys given with @p option, each a vkey, or a file with a vkey or a public key in PEM or DER.
 *
 * @param[out] ret  NULL where none is given.
 */
MUST_USE p11kms_err cli_trust(const cli_line *line, const cli_option *option, trust_t **ret);
/** --witness and --witnesses K: a K without as many witnesses is refused; without K all must have cosigned. */
MUST_USE p11kms_err cli_quorum(const cli_line *line, trust_t **ret_witnesses, size_t *ret_quorum);
/** The decimal number that @p text is. @retval P11KMS_E_SYNTAX  Detail names @p what. */
MUST_USE p11kms_err cli_number(const char *text, const char *what, uint64_t *ret);
