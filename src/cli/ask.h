/* room: cli. Asking the running service over its Unix socket. */
#pragma once

#include "cli/service_conf.h"
#include "client/client.h"
#include "util/json.h"

/**
 * The socket: --socket, else that of the file -c names, else $P11KMS_SOCKET, else that of the configuration.
 *
 * @param[out] ret  Freed by the caller.
 * @retval P11KMS_E_CONFIG  None is configured, or the configuration cannot be read; detail says what to do.
 */
MUST_USE p11kms_err cli_socket(const cli_line *line, char **ret);

/**
 * One operation: "P11KMS.CreateAccessKey" with a JSON body.
 *
 * @param[out] ret  The parsed answer; NULL is empty.
 * @retval P11KMS_E_DENIED  The service refused: detail is "CODE: message".
 */
MUST_USE p11kms_err cli_ask(const cli_line *line, const char *target, slice_t body, json_t **ret);

/** cli_ask() of the service that @p to names. */
MUST_USE p11kms_err cli_ask_at(const client_target *to, const char *target, slice_t body, json_t **ret);

/** What an answer's status and body mean. @retval as cli_ask() */
MUST_USE p11kms_err cli_judge(const client_answer *answer);
/** "X-Amz-Target" and "Content-Type" lines of a request. */
void cli_put_headers(buf_t *headers, const char *target);
