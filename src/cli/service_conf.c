#include "cli/service_conf.h"

#include <stdio.h>

#define DEFAULT_CONFIG SYSCONFDIR "/p11kms/p11kmsd.yaml"

const cli_option cli_option_config = { "config", 'c', "FILE", "The service's configuration; " DEFAULT_CONFIG " unless given or named by $P11KMS_CONFIG." };
const cli_option cli_option_json = { "json", '\0', NULL, "Answer in JSON." };

const char *cli_config_file(const cli_line *line)
{
    const char *given = cli_value(line, &cli_option_config);
    const char *named = getenv("P11KMS_CONFIG");

    return given ? given : named && named[0] ? named : DEFAULT_CONFIG;
}

p11kms_err cli_load_config(const cli_line *line, conf_t **ret)
{
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = conf_load(cli_config_file(line), false, &problems, ret);

    fputs(buf_str(&problems), stderr);
    return err;
}

p11kms_err cli_load_declared(const conf_t *conf, conf_declared_t **ret)
{
    const char *const folders[] = { conf->identities_dir, conf->keys_dir };
    const char *paths[COUNT_OF(folders)];
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    size_t n = 0;

    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        if (folders[i]) {
            paths[n++] = folders[i];
        }
    }
    p11kms_err err = conf_load_declared(paths, n, false, &problems, &declared);
    if (err == P11KMS_OK) {
        err = conf_check_key_tokens(conf, declared, &problems);
    }
    fputs(buf_str(&problems), stderr);
    TRY(err);
    *ret = STEAL(declared);
    return P11KMS_OK;
}

token_options cli_token_options(const conf_token *conf, const char *host_path)
{
    return (token_options){
        .name = conf->name,
        .uri = conf->uri,
        .module = conf->module,
        .init_args = conf->init_args,
        .pin_source = conf->pin_source,
        .host_path = host_path,
        .session_copies = false, /* nothing will be done often enough */
        .sessions = 1,
        .op_deadline_ms = conf->op_deadline_ms,
        .slow_deadline_ms = conf->slow_deadline_ms,
        .start_deadline_ms = conf->start_deadline_ms,
        .queue_max = conf->queue_max,
    };
}

int cli_fail(p11kms_err err)
{
    fprintf(stderr, "p11kms: %s\n", p11kms_err_detail(err));
    return CLI_FAILED;
}
