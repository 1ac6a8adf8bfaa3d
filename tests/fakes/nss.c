#include "tests/fakes/nss.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/fakes/scratch.h"

extern char **environ;

static const char *const modules[] = {
    "/usr/lib/x86_64-linux-gnu/libsoftokn3.so",
    "/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so",
    "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
    "/usr/lib64/libsoftokn3.so",
};

static void die(const char *what)
{
    fprintf(stderr, "nss: %s failed\n", what);
    _exit(99);
}

const char *nss_module(void)
{
    if (access("/usr/bin/certutil", X_OK) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        if (access(modules[i], R_OK) == 0) {
            return modules[i];
        }
    }
    return NULL;
}

static void make_database(const char *folder, const char *password_file)
{
    char program[] = "certutil", make[] = "-N", folder_option[] = "-d", password_option[] = "-f";
    char database[4200], password[4200];
    char *argv[] = { program, make, folder_option, database, password_option, password, NULL };
    pid_t pid;
    int status;

    snprintf(database, sizeof(database), "sql:%s", folder);
    snprintf(password, sizeof(password), "%s", password_file);
    if (posix_spawnp(&pid, program, NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0) {
        die("certutil");
    }
}

const char *nss_new(void)
{
    static char init_args[4][4400];
    static unsigned next;
    const char *folder = scratch_folder();
    const char *password_file = scratch_path(scratch_folder(), "password");
    FILE *file = fopen(password_file, "w");
    char *args = init_args[next++ % COUNT_OF(init_args)];

    if (file == NULL || fprintf(file, NSS_PIN "\n") < 0 || fclose(file) != 0) {
        die("the password file");
    }
    setenv("NSS_MAX_MP_PBE_ITERATION_COUNT", "1", 1); /* or every login takes long */
    make_database(folder, password_file);
    snprintf(args, sizeof(init_args[0]), "configdir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
             folder);
    return args;
}
