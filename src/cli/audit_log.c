#include "cli/audit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"

#define KEY_FILE_MAX 4096

const cli_option cli_option_key = { "key", 'k', "KEY", "The key that signs the log's checkpoints: as audit key prints it, or a "
                                                       "file with that or with the public key in PEM or DER." };
const cli_option cli_option_witness = { "witness", 'w', "KEY", "The key of a witness, as text or a file with that." };
const cli_option cli_option_witnesses = { "witnesses", '\0', "K", "How many of the witnesses must have cosigned; all, "
                                                                  "unless given." };

p11kms_err cli_log_folder(const cli_line *line, size_t n, char **ret)
{
    _cleanup_(conf) conf_t *conf = NULL;
    const char *dir = n < line->n_args ? line->args[n] : NULL;

    if (!dir) {
        TRY(cli_load_config(line, &conf));
        dir = conf->audit_dir;
    }
    *ret = strdup(dir);
    return *ret ? P11KMS_OK : P11KMS_E_NOMEM;
}

p11kms_err cli_read_file(const char *path, size_t max, buf_t *out)
{
    bool standard = strcmp(path, "-") == 0;
    _cleanup_fd_ int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd < 0) {
        FAIL(P11KMS_E_IO, "%s: %s", path, strerror(errno));
    }
    uint8_t *into = buf_reserve(out, max + 1);
    ENSURE(into, P11KMS_E_NOMEM);
    for (size_t done = 0; done <= max; done += (size_t)n) {
        n = read(fd, into + done, max + 1 - done);
        if (n < 0) {
            FAIL(P11KMS_E_IO, "%s: %s", path, strerror(errno));
        }
        if (n == 0) {
            out->len += done;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_RANGE, "%s has more than %zu bytes", path, max);
}

static p11kms_err add_key(trust_t *trust, const char *given)
{
    _cleanup_buf_ buf_t file = { 0 };
    bool is_file = access(given, F_OK) == 0 || !strchr(given, '+');

    if (is_file) {
        TRY(cli_read_file(given, KEY_FILE_MAX, &file));
    }
    p11kms_err err = trust_add(trust, is_file ? buf_slice(&file) : SLICE_STR(given));
    if (err != P11KMS_OK) {
        _cleanup_free_ char *why = strdup(p11kms_err_detail(err));
        FAIL(err, "%s: %s", given, why ? why : "");
    }
    return P11KMS_OK;
}

p11kms_err cli_trust(const cli_line *line, const cli_option *option, trust_t **ret)
{
    _cleanup_(trust) trust_t *trust = NULL;
    const char *given[CLI_GIVEN_MAX];
    size_t n = cli_values(line, option, given, COUNT_OF(given));

    TRY(crypto_init());
    TRY(trust_new(&trust));
    for (size_t i = 0; i < n; i++) {
        TRY(add_key(trust, given[i]));
    }
    *ret = n > 0 ? STEAL(trust) : NULL;
    return P11KMS_OK;
}

p11kms_err cli_number(const char *text, const char *what, uint64_t *ret)
{
    char *end;

    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        FAIL(P11KMS_E_SYNTAX, "%s takes a number", what);
    }
    *ret = n;
    return P11KMS_OK;
}

p11kms_err cli_quorum(const cli_line *line, trust_t **ret_witnesses, size_t *ret_quorum)
{
    _cleanup_(trust) trust_t *witnesses = NULL;
    const char *wanted = cli_value(line, &cli_option_witnesses);

    TRY(cli_trust(line, &cli_option_witness, &witnesses));
    if (witnesses) {
        TRY(trust_check_witnesses(witnesses));
    }
    uint64_t count = witnesses ? trust_count(witnesses) : 0;
    uint64_t quorum = count;
    if (wanted) {
        TRY(cli_number(wanted, "--witnesses", &quorum));
    }
    if (quorum > count || (wanted && quorum == 0)) {
        FAIL(P11KMS_E_SYNTAX, "--witnesses takes 1 to as many as --witness names: %zu", (size_t)count);
    }
    *ret_witnesses = STEAL(witnesses);
    *ret_quorum = (size_t)quorum;
    return P11KMS_OK;
}
