/* p11kmsd: see p11kmsd(8). */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "crypto/crypto.h"
#include "daemon/dev.h"
#include "daemon/service.h"
#include "token/token.h"

#define LOG_ROOM "daemon"
#include "util/log.h"

#define EXIT_CONFIGURATION 78 /* EX_CONFIG of sysexits.h */
#define LISTEN_MAX 16
#define DEFAULT_CONF SYSCONFDIR "/p11kms/p11kmsd.yaml"

typedef struct {
    const char *conf_file;
    bool check;
    bool dev;
    const char *dir;
    const char *listen[LISTEN_MAX];
    size_t n_listen;
    const char *seed;
} options_t;

static const char usage[] =
    "p11kmsd [-c FILE]                        serve, as FILE says (" DEFAULT_CONF ")\n"
    "p11kmsd --check [-c FILE]                check the configuration and what it names, then exit\n"
    "p11kmsd --dev [--dir DIR] [--listen URL]... [--seed FILE]\n"
    "                                         a service of its own for tests and trials, on SoftHSM\n"
    "\n"
    "  -c, --config FILE   the configuration\n"
    "      --dir DIR       keep everything in DIR (a temporary folder, removed at the end)\n"
    "      --listen URL    https://HOST:PORT, http://127.0.0.1:PORT or unix:PATH; port 0 is any\n"
    "      --seed FILE     accounts, identities with fixed access keys, keys and aliases\n"
    "  -h, --help\n"
    "  -V, --version\n";

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
    { "dev", no_argument, NULL, 'd' },          { "dir", required_argument, NULL, 'D' },
    { "listen", required_argument, NULL, 'l' }, { "seed", required_argument, NULL, 's' },
    { "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static int wrong(const char *why)
{
    fprintf(stderr, "p11kmsd: %s\n\n%s", why, usage);
    return EXIT_FAILURE;
}

/* Exit status, or -1 to go on. */
static int parse(int argc, char **argv, options_t *options)
{
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            options->conf_file = optarg;
            break;
        case 'k':
            options->check = true;
            break;
        case 'd':
            options->dev = true;
            break;
        case 'D':
            options->dir = optarg;
            break;
        case 'l':
            if (options->n_listen == LISTEN_MAX) {
                return wrong("too many --listen");
            }
            options->listen[options->n_listen++] = optarg;
            break;
        case 's':
            options->seed = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case 'V':
            puts("p11kmsd " PACKAGE_VERSION);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        return wrong("unexpected argument");
    }
    if (!options->dev && (options->dir || options->n_listen || options->seed)) {
        return wrong("--dir, --listen and --seed go with --dev");
    }
    if (options->dev && (options->conf_file || options->check)) {
        return wrong("--dev makes its own configuration");
    }
    return -1;
}

/* A crash must not write keys to disk, and no other process of this user may read our memory. */
static void protect_process(void)
{
    const struct rlimit none = { 0, 0 };
    struct rlimit files;

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef WITH_SANITIZER /* the leak checker reads its own process */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int status_of(p11kms_err err)
{
    if (err == P11KMS_OK) {
        return EXIT_SUCCESS;
    }
    log_error("%s", p11kms_err_detail(err));
    return err == P11KMS_E_CONFIG ? EXIT_CONFIGURATION : EXIT_FAILURE;
}

static int run_dev(const options_t *options, service_options *service)
{
    const dev_options wanted = {
        .dir = options->dir,
        .listen = options->listen,
        .n_listen = options->n_listen,
        .seed = options->seed,
    };
    dev_place_t *dev;
    p11kms_err err = dev_prepare(&wanted, &dev);

    if (err != P11KMS_OK) {
        return status_of(err);
    }
    service->conf_file = dev_conf_file(dev);
    service->declarations = dev_declarations(dev, &service->n_declarations);
    service->dev = true;
    service->ready = dev_ready;
    service->arg = dev;
    int status = status_of(service_run(service));
    dev_free(dev);
    return status;
}

int main(int argc, char **argv)
{
    options_t options = { 0 };
    char room[TOKEN_HOST_PATH_MAX];
    int status = parse(argc, argv, &options);

    if (status >= 0) {
        return status;
    }
    log_open("p11kmsd", LOG_LEVEL_NOTICE);
    protect_process();
    p11kms_err err = crypto_init();
    if (err != P11KMS_OK) {
        return status_of(err);
    }
    service_options service = {
        .conf_file = options.conf_file ? options.conf_file : DEFAULT_CONF,
        .host_path = token_find_host(room),
    };
    if (options.check) {
        return status_of(service_check(&service));
    }
    return options.dev ? run_dev(&options, &service) : status_of(service_run(&service));
}
