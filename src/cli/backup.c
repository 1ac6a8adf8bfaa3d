/* p11kms backup: a consistent copy of the store, beside the running service. */
#include "cli/commands.h"
#include "cli/service_conf.h"
#include "store/store.h"

static p11kms_err backup(const cli_line *line)
{
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_(store) store_t *store = NULL;

    TRY(cli_load_config(line, &conf));
    TRY(store_open_readonly(conf->store, &store));
    return store_backup(store, line->args[0]);
}

static int back_up(const cli_line *line)
{
    p11kms_err err = backup(line);

    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

static const cli_option *const backup_options[] = { &cli_option_config, NULL };

const cli_command cli_backup = {
    .name = "backup",
    .args = "FILE",
    .min_args = 1,
    .max_args = 1,
    .options = backup_options,
    .about = "Copy the store into a new FILE, whole and consistent, while the service goes on.",
    .more = "FILE must not exist. The store holds what keys are called, who may use them and which object on the token "
            "each is; the keys themselves are on the token alone, and are backed up by its own means. "
            "To restore, stop the service and put the copy where the configuration says the store is.",
    .run = back_up,
};
