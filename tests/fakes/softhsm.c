#include "tests/fakes/softhsm.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/fakes/scratch.h"

extern char **environ;

static const char *const modules[] = {
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
};

static void die(const char *what)
{
    fprintf(stderr, "softhsm: %s failed\n", what);
    _exit(99);
}

const char *softhsm_module(void)
{
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        if (access(modules[i], R_OK) == 0) {
            return modules[i];
        }
    }
    return NULL;
}

void softhsm_use(const char *folder)
{
    if (setenv("SOFTHSM2_CONF", scratch_path(folder, "softhsm2.conf"), 1) != 0) {
        die("setenv");
    }
}

const char *softhsm_new(void)
{
    const char *folder = scratch_folder();
    const char *tokens = scratch_path(folder, "tokens");
    FILE *conf = fopen(scratch_path(folder, "softhsm2.conf"), "w");

    if (conf == NULL || mkdir(tokens, 0700) != 0) {
        die("the configuration");
    }
    fprintf(conf, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens);
    if (fclose(conf) != 0) {
        die("the configuration");
    }
    softhsm_use(folder);
    return folder;
}

void softhsm_add_token(const char *label)
{
    char program[] = "softhsm2-util", init[] = "--init-token", free_slot[] = "--free";
    char label_option[] = "--label", so_option[] = "--so-pin", so_pin[] = "12345678";
    char pin_option[] = "--pin", pin[] = SOFTHSM_PIN, label_value[33];
    char *argv[] = { program, init,       free_slot, label_option, label_value, so_option,
                     so_pin,  pin_option, pin,       NULL };
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status;

    snprintf(label_value, sizeof(label_value), "%s", label);
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
    if (posix_spawnp(&pid, program, &quiet, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0) {
        die("softhsm2-util");
    }
    posix_spawn_file_actions_destroy(&quiet);
}

const char *softhsm_pin_source(const char *pin)
{
    static char sources[8][4200];
    static unsigned next;
    char *source = sources[next++ % COUNT_OF(sources)];
    const char *path = scratch_path(scratch_folder(), "pin");
    FILE *file = fopen(path, "w");

    if (file == NULL || fchmod(fileno(file), 0600) != 0 || fprintf(file, "%s\n", pin) < 0 || fclose(file) != 0) {
        die("the PIN file");
    }
    snprintf(source, sizeof(sources[0]), "file:%s", path);
    return source;
}

token_options softhsm_options(const char *label)
{
    static char uri[64], host[4200];
    const char *built = getenv("P11KMS_BUILDDIR");

    snprintf(uri, sizeof(uri), "pkcs11:token=%s", label);
    snprintf(host, sizeof(host), "%s/src/p11kms-token", built != NULL ? built : ".");
    return (token_options){
        .name = label,
        .uri = uri,
        .module = softhsm_module(),
        .pin_source = softhsm_pin_source(SOFTHSM_PIN),
        .host_path = host,
        .session_copies = true,
        .sessions = 1,
    };
}
