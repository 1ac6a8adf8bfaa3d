#include "config.h"

#include "daemon/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "identity/identity.h"
#include "util/encode.h"

#define DEFAULT_LISTEN "https://127.0.0.1:8474"
#define DEFAULT_ACCOUNT "123456789012"
#define TOKEN_LABEL "p11kms-dev"
#define PIN_BYTES 8
#define CERTIFICATE_DAYS 825

struct dev_place {
    char *dir;
    bool temporary;
    const dev_options *options;
    char pin[2 * PIN_BYTES + 1];
    char *conf_file;
    const char *declarations[2]; /* owned */
    /* the first administrator who has a fixed access key */
    char *admin_arn;
    char *access_key_id;
    secret_t *secret;
};

static char *path_in(const dev_place_t *dev, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", dev->dir, name) < 0) {
        abort();
    }
    return path;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Whole or not at all: written beside and renamed. */
static p11kms_err write_file(const char *path, const buf_t *content, mode_t mode)
{
    _cleanup_free_ char *beside = NULL;

    ENSURE(!buf_failed(content) && asprintf(&beside, "%s.new", path) > 0, P11KMS_E_NOMEM);
    _cleanup_fd_ int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, buf_str(content), content->len) != (ssize_t)content->len || fchmod(fd, mode) != 0 ||
        rename(beside, path) != 0) {
        FAIL(P11KMS_E_IO, "cannot write %s: %s", path, strerror(errno));
    }
    return P11KMS_OK;
}

/* ---- the folder ---- */

static p11kms_err make_dir(dev_place_t *dev)
{
    char template[] = "/tmp/p11kms-dev-XXXXXX";

    if (!dev->options->dir) {
        dev->temporary = true;
        dev->dir = mkdtemp(template) ? strdup(template) : NULL;
    } else {
        if (mkdir(dev->options->dir, 0700) != 0 && errno != EEXIST) {
            FAIL(P11KMS_E_IO, "cannot make %s: %s", dev->options->dir, strerror(errno));
        }
        dev->dir = realpath(dev->options->dir, NULL);
    }
    if (!dev->dir) {
        FAIL(P11KMS_E_IO, "cannot make a folder: %s", strerror(errno));
    }
    return P11KMS_OK;
}

/* ---- the token ---- */

static const char *find_module(void)
{
    static const char *const places[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm.so",
    };

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (exists(places[i])) {
            return places[i];
        }
    }
    return NULL;
}

static p11kms_err write_softhsm_conf(const dev_place_t *dev)
{
    _cleanup_free_ char *conf = path_in(dev, "softhsm2.conf");
    _cleanup_free_ char *tokens = path_in(dev, "tokens");
    _cleanup_buf_ buf_t text = { 0 };

    if (mkdir(tokens, 0700) != 0 && errno != EEXIST) {
        FAIL(P11KMS_E_IO, "cannot make %s: %s", tokens, strerror(errno));
    }
    buf_printf(&text,
               "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"
               "slots.removable = false\nlibrary.reset_on_fork = true\n",
               tokens);
    setenv("SOFTHSM2_CONF", conf, 1);
    return write_file(conf, &text, 0600);
}

/* A throw-away PIN on a command line is seen by nobody but this machine's users, who can read the token anyway. */
static p11kms_err run_softhsm_util(const dev_place_t *dev)
{
    extern char **environ;
    const char *argv[] = { "softhsm2-util", "--init-token", "--free",   "--label", TOKEN_LABEL,
                           "--so-pin",      dev->pin,       "--pin",    dev->pin,  NULL };
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&pid, argv[0], &quiet, NULL, (char **)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (failed) {
        FAIL(P11KMS_E_CONFIG, "cannot run softhsm2-util (%s); --dev needs the package softhsm2", strerror(failed));
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        FAIL(P11KMS_E_CONFIG, "softhsm2-util could not make a token in %s", dev->dir);
    }
    return P11KMS_OK;
}

/* The PIN file is written last, so a token that was not finished is made again. */
static p11kms_err make_token(dev_place_t *dev)
{
    _cleanup_free_ char *pin_file = path_in(dev, "pin");
    _cleanup_buf_ buf_t text = { 0 };
    uint8_t random[PIN_BYTES];

    TRY(write_softhsm_conf(dev));
    if (exists(pin_file)) {
        return P11KMS_OK;
    }
    TRY(crypto_random(random, sizeof(random)));
    hex_encode(random, sizeof(random), dev->pin);
    TRY(run_softhsm_util(dev));
    buf_put_str(&text, dev->pin);
    buf_put_char(&text, '\n');
    secret_wipe(dev->pin, sizeof(dev->pin));
    return write_file(pin_file, &text, 0600);
}

/* ---- the certificate ---- */

static p11kms_err make_certificate(const dev_place_t *dev)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "::1" };
    _cleanup_free_ char *cert_file = path_in(dev, "tls.crt");
    _cleanup_free_ char *key_file = path_in(dev, "tls.key");
    _cleanup_buf_ buf_t cert = { 0 };
    _cleanup_buf_ buf_t key = { 0 };

    if (exists(cert_file) && exists(key_file)) {
        return P11KMS_OK;
    }
    TRY(crypto_make_certificate(names, COUNT_OF(names), CERTIFICATE_DAYS, &cert, &key));
    TRY(write_file(key_file, &key, 0600));
    return write_file(cert_file, &cert, 0644);
}

/* ---- who may ask ---- */

static p11kms_err make_administrator(const char *file)
{
    _cleanup_secret_ secret_t *secret = NULL;
    _cleanup_buf_ buf_t text = { 0 };
    char id[21];

    TRY(identity_make_key(id, &secret));
    buf_printf(&text,
               "# Made by p11kmsd --dev at its first start.\n"
               "accounts:\n  - id: \"" DEFAULT_ACCOUNT "\"\n    users:\n      - name: admin\n"
               "        administrator: true\n        access-keys: [{id: %s, secret: \"",
               id);
    buf_put_slice(&text, secret_slice(secret));
    buf_put_str(&text, "\"}]\n");
    return write_file(file, &text, 0600);
}

static p11kms_err note_administrator(dev_place_t *dev, const conf_account *account, const conf_user *user)
{
    const char *path = user->path ? user->path : "/";

    if (asprintf(&dev->admin_arn, "arn:aws:iam::%s:user%s%s", account->id, path, user->name) < 0) {
        return P11KMS_E_NOMEM;
    }
    dev->access_key_id = strdup(user->access_keys[0].id);
    ENSURE(dev->access_key_id, P11KMS_E_NOMEM);
    return secret_copy(user->access_keys[0].secret, strlen(user->access_keys[0].secret), &dev->secret);
}

static p11kms_err find_administrator(dev_place_t *dev, const conf_declared_t *declared)
{
    for (size_t a = 0; a < declared->n_accounts; a++) {
        for (size_t u = 0; u < declared->accounts[a].n_users; u++) {
            const conf_user *user = &declared->accounts[a].users[u];
            if (user->administrator && user->n_access_keys && user->access_keys[0].secret) {
                return note_administrator(dev, &declared->accounts[a], user);
            }
        }
    }
    FAIL(P11KMS_E_CONFIG, "%s declares no administrator with an access key", dev->declarations[0]);
}

static p11kms_err make_identities(dev_place_t *dev)
{
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_buf_ buf_t peers = { 0 };
    char *file = dev->options->seed ? realpath(dev->options->seed, NULL) : path_in(dev, "identities.yaml");

    if (!file) {
        FAIL(P11KMS_E_CONFIG, "cannot read %s: %s", dev->options->seed, strerror(errno));
    }
    dev->declarations[0] = file;
    dev->declarations[1] = path_in(dev, "peers.yaml");
    if (!dev->options->seed && !exists(file)) {
        TRY(make_administrator(file));
    }
    p11kms_err err = conf_load_declared(dev->declarations, 1, true, &problems, &declared);
    if (err != P11KMS_OK) {
        fputs(buf_str(&problems), stderr);
        return err;
    }
    TRY(find_administrator(dev, declared));
    buf_printf(&peers, "# Who started p11kmsd --dev is its administrator over the Unix socket.\n"
                       "peers:\n  - unix: {uid: %u}\n    principal: %s\n",
               (unsigned)getuid(), dev->admin_arn);
    return write_file(dev->declarations[1], &peers, 0600);
}

/* ---- the configuration ---- */

static void write_listen(const dev_place_t *dev, const char *url, buf_t *text)
{
    buf_printf(text, "  - url: \"%s\"\n", url);
    if (strncmp(url, "https:", 6) == 0) {
        buf_printf(text, "    certificate: %s/tls.crt\n    key: %s/tls.key\n", dev->dir, dev->dir);
    }
}

static p11kms_err make_conf(dev_place_t *dev)
{
    const dev_options *options = dev->options;
    const char *module = find_module();
    _cleanup_buf_ buf_t text = { 0 };

    if (!module) {
        FAIL(P11KMS_E_CONFIG, "libsofthsm2.so was not found; --dev needs the package softhsm2");
    }
    buf_put_str(&text, "# Made by p11kmsd --dev at every start.\nlisten:\n");
    for (size_t i = 0; i < options->n_listen; i++) {
        write_listen(dev, options->listen[i], &text);
    }
    if (options->n_listen == 0) {
        write_listen(dev, DEFAULT_LISTEN, &text);
    }
    buf_printf(&text,
               "  - url: \"unix:%s/p11kms.sock\"\n    mode: \"0600\"\n"
               "monitor: \"http://127.0.0.1:0\"\n"
               "tokens:\n  - name: dev\n    uri: \"pkcs11:token=" TOKEN_LABEL "\"\n    module: %s\n"
               "    pin-source: \"file:%s/pin\"\n"
               "store: %s/store.db\naudit:\n  dir: %s/audit\n  append-flag: false # the folder can be removed again\n"
               "  bound: 30s # a developer's disk may stall\n"
               "  strangers-per-peer: 0 # tests want a record of every refusal\n  strangers-in-all: 0\n",
               dev->dir, module, dev->dir, dev->dir, dev->dir);
    return write_file(dev->conf_file, &text, 0600);
}

p11kms_err dev_prepare(const dev_options *options, dev_place_t **ret)
{
    dev_place_t *dev = calloc(1, sizeof(*dev));
    p11kms_err err;

    ENSURE(dev, P11KMS_E_NOMEM);
    dev->options = options;
    err = make_dir(dev);
    if (err == P11KMS_OK) {
        dev->conf_file = path_in(dev, "p11kmsd.yaml");
        err = make_token(dev);
    }
    if (err == P11KMS_OK) {
        err = make_certificate(dev);
    }
    if (err == P11KMS_OK) {
        err = make_identities(dev);
    }
    if (err == P11KMS_OK) {
        err = make_conf(dev);
    }
    if (err != P11KMS_OK) {
        dev_free(dev);
        return err;
    }
    *ret = dev;
    return P11KMS_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void dev_free(dev_place_t *dev)
{
    if (!dev) {
        return;
    }
    if (dev->temporary && dev->dir) {
        nftw(dev->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(dev->dir);
    free(dev->conf_file);
    free((char *)(uintptr_t)dev->declarations[0]);
    free((char *)(uintptr_t)dev->declarations[1]);
    free(dev->admin_arn);
    free(dev->access_key_id);
    secret_free(dev->secret);
    secret_wipe(dev->pin, sizeof(dev->pin));
    free(dev);
}

const char *dev_conf_file(const dev_place_t *dev)
{
    return dev->conf_file;
}

const char *const *dev_declarations(const dev_place_t *dev, size_t *ret_n)
{
    *ret_n = COUNT_OF(dev->declarations);
    return dev->declarations;
}

/* ---- what a client needs to know ---- */

/* Single quotes hold everything in a shell but themselves. */
static void put_export(buf_t *text, const char *name, slice_t value)
{
    buf_printf(text, "export %s='", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\'') {
            buf_put_str(text, "'\\''");
        } else {
            buf_put_char(text, (char)value.data[i]);
        }
    }
    buf_put_str(text, "'\n");
}

static void put_text_export(buf_t *text, const char *name, const char *value)
{
    put_export(text, name, SLICE_STR(value));
}

/* The first network listener; its port may have been the kernel's choice. */
static const conf_listen *first_endpoint(service_t *service, char url[320])
{
    const conf_t *conf = service_conf(service);

    for (size_t i = 0; i < conf->n_listen; i++) {
        const conf_listen *listen = &conf->listen[i];
        if (listen->kind != LISTEN_UNIX) {
            bool v6 = strchr(listen->host, ':') != NULL;
            snprintf(url, 320, "%s://%s%s%s:%u", listen->kind == LISTEN_HTTPS ? "https" : "http", v6 ? "[" : "",
                     listen->host, v6 ? "]" : "", service_port(service, i));
            return listen;
        }
    }
    return NULL;
}

p11kms_err dev_ready(service_t *service, void *arg)
{
    dev_place_t *dev = arg;
    const conf_t *conf = service_conf(service);
    _cleanup_free_ char *env_file = path_in(dev, "env");
    _cleanup_free_ char *socket = path_in(dev, "p11kms.sock");
    _cleanup_free_ char *ca = path_in(dev, "tls.crt");
    _cleanup_buf_ buf_t text = { 0 };
    char url[320] = "", monitor[64];

    const conf_listen *endpoint = first_endpoint(service, url);
    snprintf(monitor, sizeof(monitor), "http://127.0.0.1:%u", service_monitor_port(service));
    buf_put_str(&text, "# Made by p11kmsd --dev; read it with: . env\nunset AWS_PROFILE AWS_SESSION_TOKEN\n");
    if (endpoint) {
        put_text_export(&text, "AWS_ENDPOINT_URL", url);
        if (endpoint->kind == LISTEN_HTTPS) {
            put_text_export(&text, "AWS_CA_BUNDLE", ca);
        }
    }
    put_text_export(&text, "AWS_ACCESS_KEY_ID", dev->access_key_id);
    put_export(&text, "AWS_SECRET_ACCESS_KEY", secret_slice(dev->secret));
    put_text_export(&text, "AWS_REGION", conf->region);
    put_text_export(&text, "AWS_DEFAULT_REGION", conf->region);
    put_text_export(&text, "P11KMS_CONFIG", dev->conf_file);
    put_text_export(&text, "P11KMS_SOCKET", socket);
    put_text_export(&text, "P11KMS_MONITOR_URL", monitor);
    put_text_export(&text, "SOFTHSM2_CONF", getenv("SOFTHSM2_CONF"));
    TRY(write_file(env_file, &text, 0600));
    printf("ready: %s\n", endpoint ? url : socket);
    printf("environment: . %s\n", env_file);
    fflush(stdout);
    return P11KMS_OK;
}
