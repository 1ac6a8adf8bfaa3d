#include "config.h" /* pipe2() */

#include "cli/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/service_conf.h"
#include "util/user.h"

#define SAID_MAX 2048

p11kms_err probe_open(const conf_token *conf, token_t **ret, buf_t *found)
{
    _cleanup_(token) token_t *token = NULL;
    char room[TOKEN_HOST_PATH_MAX];
    const token_options options = cli_token_options(conf, token_find_host(room));

    TRY(token_open(&options, false, &token));
    token_info info = token_get_info(token);
    buf_printf(found, "'%s', %s, serial %s: self-test %s, %u keys of ours on it", info.label, info.library, info.serial,
               probe_serves(&info) == P11KMS_OK ? "passed" : "done", info.keys);
    *ret = STEAL(token);
    return P11KMS_OK;
}

p11kms_err probe_serves(const token_info *info)
{
    if (!info->can_prf || !info->can_generate) {
        FAIL(P11KMS_E_UNSUPPORTED, "token '%s' (%s) failed the self-test: %s", info->label, info->library,
             info->can_prf ? "it makes no keys with the attributes asked for" : "no HMAC-SHA-256 with its keys");
    }
    return P11KMS_OK;
}

/* The child: exit status is the error, standard text goes down the pipe. */
static _Noreturn void probe_in_child(const conf_token *conf, const char *user, int to)
{
    buf_t found = { 0 };
    token_t *token = NULL;
    p11kms_err err = user ? user_become(user) : P11KMS_OK;
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (err == P11KMS_OK) {
        err = probe_open(conf, &token, &found);
    }
    if (err == P11KMS_OK) {
        token_info info = token_get_info(token);
        err = probe_serves(&info);
    }
    const char *says = err == P11KMS_OK ? buf_str(&found) : p11kms_err_detail(err);
    (void)!write(to, says, strlen(says));
    if (token) {
        token_close(token); /* its host must not outlive us */
    }
    _exit(err);
}

p11kms_err probe_token(const conf_token *conf, const char *user, buf_t *found)
{
    char said[SAID_MAX];
    size_t len = 0;
    ssize_t n;
    int ends[2], status;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        FAIL(P11KMS_E_IO, "pipe: %s", strerror(errno));
    }
    _cleanup_fd_ int from = ends[0];
    pid_t child = fork();
    if (child == 0) {
        probe_in_child(conf, user, ends[1]);
    }
    close(ends[1]);
    if (child < 0) {
        FAIL(P11KMS_E_IO, "fork: %s", strerror(errno));
    }
    while (len < sizeof(said) && ((n = read(from, said + len, sizeof(said) - len)) > 0 || (n < 0 && errno == EINTR))) {
        len += n > 0 ? (size_t)n : 0;
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        FAIL(P11KMS_E_IO, "interrupted while looking at the token");
    }
    if (WEXITSTATUS(status) != P11KMS_OK) {
        FAIL((p11kms_err)WEXITSTATUS(status), "%.*s", (int)len, said);
    }
    buf_put(found, said, len);
    return P11KMS_OK;
}
