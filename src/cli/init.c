/* p11kms init: a first configuration for a token that is there. */
#include "config.h" /* asprintf() */

#include "cli/commands.h"
#include "cli/service_conf.h"
#include "cli/probe.h"
#include "cli/stage.h"
#include "crypto/crypto.h"
#include "util/json.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SERVICE_USER "p11kms"
#define DEFAULT_DIR SYSCONFDIR "/p11kms"
#define DEFAULT_STATE "/var/lib/p11kms"
#define DEFAULT_ACCOUNT "123456789012"
#define DEFAULT_LISTEN "https://0.0.0.0:8443"
#define DEFAULT_SOCKET "unix:/run/p11kms/kms.sock"
#define DEFAULT_MONITOR "http://127.0.0.1:9464"
#define CERTIFICATE_DAYS 825 /* what common clients accept at most */
#define MANY 16

static const cli_option option_token = { "token", '\0', "URI", "RFC 7512 URI of the token, as pkcs11:token=prod." };
static const cli_option option_module = { "module", '\0', "PATH", "The token's PKCS#11 module." };
static const cli_option option_pin = { "pin-source", '\0', "SOURCE", "Where the PIN is: file:/path, credential:NAME or prompt." };
static const cli_option option_dir = { "dir", '\0', "DIR", "Where the configuration goes; " DEFAULT_DIR " unless given." };
static const cli_option option_state = { "state", '\0', "DIR", "Where store and audit log go; " DEFAULT_STATE " unless given." };
static const cli_option option_account = { "account", '\0', "ID", "12 digits that every ARN will carry; " DEFAULT_ACCOUNT " unless given." };
static const cli_option option_host = { "host", '\0', "NAME", "A name or address clients use, for the certificate; may be repeated. This machine's unless given." };
static const cli_option option_listen = { "listen", '\0', "URL", "Where to listen; may be repeated. " DEFAULT_LISTEN " and " DEFAULT_SOCKET " unless given." };
static const cli_option option_monitor = { "monitor", '\0', "URL", "Where health and metrics are served; " DEFAULT_MONITOR " unless given." };
static const cli_option option_user = { "user", '\0', "USER", "The service's user; " SERVICE_USER " unless given, when root runs this and there is one." };
static const cli_option option_no_login = { "no-login", '\0', NULL, "Do not log in to the token now, as for a credential that systemd alone can read." };

typedef struct {
    const cli_line *line;
    const char *dir;
    char *state; /* absolute paths; owned */
    char *module;
    char *pin_source;
    const char *user; /* the service's; NULL: whoever runs it */
    uid_t uid;
    gid_t gid;
    bool made_state;
} init_t;

static const char *given(const init_t *init, const cli_option *option, const char *otherwise)
{
    const char *value = cli_value(init->line, option);

    return value ? value : otherwise;
}

/* ---- what was wished for ---- */

/* A path of the caller's folder, as the service will find it from any other. */
static p11kms_err absolute(const char *prefix, const char *path, char **ret)
{
    char here[PATH_MAX];

    if (path[0] == '/') {
        here[0] = '\0';
    } else if (!getcwd(here, sizeof(here) - 1)) {
        FAIL(P11KMS_E_IO, "this folder has no name: %s", strerror(errno));
    } else {
        strcat(here, "/");
    }
    if (asprintf(ret, "%s%s%s", prefix, here, path) < 0) {
        *ret = NULL;
        return P11KMS_E_NOMEM;
    }
    return P11KMS_OK;
}

/* getpwnam() lends what its next call overwrites: nothing of it is kept. */
static p11kms_err find_user(init_t *init)
{
    const char *wanted = cli_value(init->line, &option_user);
    const struct passwd *pw = wanted || geteuid() == 0 ? getpwnam(wanted ? wanted : SERVICE_USER) : NULL;

    if (wanted && !pw) {
        FAIL(P11KMS_E_CONFIG, "there is no user '%s'", wanted);
    }
    init->user = pw ? (wanted ? wanted : SERVICE_USER) : NULL;
    init->uid = pw ? pw->pw_uid : (uid_t)-1;
    init->gid = pw ? pw->pw_gid : (gid_t)-1;
    return P11KMS_OK;
}

static p11kms_err read_wishes(init_t *init)
{
    static const cli_option *const needed[] = { &option_token, &option_module, &option_pin };

    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (!cli_has(init->line, needed[i])) {
            FAIL(P11KMS_E_SYNTAX, "init needs --%s %s", needed[i]->name, needed[i]->value);
        }
    }
    const char *pin = cli_value(init->line, &option_pin);
    bool is_file = strncmp(pin, "file:", 5) == 0;
    init->dir = given(init, &option_dir, DEFAULT_DIR);
    TRY(find_user(init));
    TRY(absolute("", given(init, &option_state, DEFAULT_STATE), &init->state));
    TRY(absolute("", cli_value(init->line, &option_module), &init->module));
    if (is_file) {
        return absolute("file:", pin + 5, &init->pin_source);
    }
    init->pin_source = strdup(pin);
    ENSURE(init->pin_source, P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/* ---- the files ---- */

/* "NAME: "value"", quoted as JSON is, which YAML reads. */
static void put_line(buf_t *text, const char *name, const char *value)
{
    jw_t w = jw_on(text);

    buf_printf(text, "%s: ", name);
    jw_string(&w, value);
    buf_put_char(text, '\n');
}

static void put_listener(buf_t *text, const char *url)
{
    put_line(text, "  - url", url);
    if (strncmp(url, "https:", 6) == 0) {
        buf_put_str(text, "    certificate: tls/server.pem\n    key: tls/server.key\n");
    }
}

static void write_config(const init_t *init, buf_t *text)
{
    const char *urls[MANY] = { DEFAULT_LISTEN, DEFAULT_SOCKET };
    size_t n = cli_values(init->line, &option_listen, urls, MANY);

    buf_put_str(text, "# Made by p11kms init. p11kmsd.yaml(5) tells what may stand here; check a change with\n"
                      "# p11kmsd --check, and have the service take it over with: p11kms reload\n\nlisten:\n");
    for (size_t i = 0; i < (n ? n : 2); i++) {
        put_listener(text, urls[i]);
    }
    buf_put_str(text, "\n# /healthz, /readyz and /metrics\n");
    put_line(text, "monitor", given(init, &option_monitor, DEFAULT_MONITOR));
    buf_put_str(text, "\ntokens:\n  - name: main\n");
    put_line(text, "    uri", cli_value(init->line, &option_token));
    put_line(text, "    module", init->module);
    put_line(text, "    pin-source", init->pin_source);
    buf_printf(text, "\n");
    buf_t store = { 0 }, audit = { 0 };
    buf_printf(&store, "%s/p11kms.db", init->state);
    buf_printf(&audit, "%s/audit", init->state);
    put_line(text, "store", buf_str(&store));
    buf_put_str(text, "audit:\n");
    put_line(text, "  dir", buf_str(&audit));
    buf_put_str(text, "\n# who may ask, and which keys shall exist\nidentities: identities.d\nkeys: keys.d\n");
    if (init->user) {
        put_line(text, "\n# the user to become when started as root\nuser", init->user);
    }
    buf_free(&store);
    buf_free(&audit);
}

static void write_administrator(const init_t *init, buf_t *text)
{
    const char *account = given(init, &option_account, DEFAULT_ACCOUNT);
    char uid[16] = "root";

    if (geteuid() != 0) {
        snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
    }
    buf_printf(text,
               "# Made by p11kms init. An access key for the administrator: p11kms identity add-key admin\n\n"
               "accounts:\n  - id: \"%s\"\n    users:\n      - name: admin\n        administrator: true\n\n"
               "# Who comes over the Unix socket as this user is the administrator, without a signature.\n"
               "peers:\n  - unix: {uid: %s}\n    principal: arn:aws:iam::%s:user/admin\n",
               account, uid, account);
}

static p11kms_err make_certificate(const init_t *init, buf_t *certificate, buf_t *key)
{
    char this_machine[256] = "localhost";
    const char *names[MANY + 3] = { this_machine };
    size_t n = cli_values(init->line, &option_host, names, MANY);

    if (n == 0) {
        (void)gethostname(this_machine, sizeof(this_machine) - 1);
        n = 1;
    }
    names[n++] = "localhost";
    names[n++] = "127.0.0.1";
    names[n++] = "::1";
    return crypto_make_certificate(names, n, CERTIFICATE_DAYS, certificate, key);
}

static p11kms_err write_files(const init_t *init, stage_t *stage)
{
    _cleanup_buf_ buf_t config = { 0 };
    _cleanup_buf_ buf_t administrator = { 0 };
    _cleanup_buf_ buf_t certificate = { 0 };
    _cleanup_buf_ buf_t key = { 0 };

    TRY(make_certificate(init, &certificate, &key));
    write_config(init, &config);
    write_administrator(init, &administrator);
    TRY(stage_folder(stage, "tls", 0755));
    TRY(stage_folder(stage, "identities.d", 0750));
    TRY(stage_folder(stage, "keys.d", 0750));
    TRY(stage_file(stage, "tls/server.key", init->user ? 0640 : 0600, &key));
    TRY(stage_file(stage, "tls/server.pem", 0644, &certificate));
    TRY(stage_file(stage, "identities.d/admin.yaml", 0640, &administrator));
    /* the last: where it is, everything is */
    return stage_file(stage, "p11kmsd.yaml", 0644, &config);
}

/* The files as the service will read them, and the token as it will find it. */
static p11kms_err check_files(const init_t *init, const stage_t *stage, buf_t *found)
{
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    char file[PATH_MAX];

    snprintf(file, sizeof(file), "%s/p11kmsd.yaml", stage_dir(stage));
    p11kms_err err = conf_load(file, false, &problems, &conf);
    if (err != P11KMS_OK) {
        fputs(buf_str(&problems), stderr);
        FAIL(err, "what was given does not make a configuration");
    }
    TRY(cli_load_declared(conf, &declared));
    if (cli_has(init->line, &option_no_login)) {
        return P11KMS_OK;
    }
    return probe_token(&conf->tokens[0], init->uid == geteuid() ? NULL : init->user, found);
}

/* ---- into place ---- */

static p11kms_err make_state(init_t *init)
{
    struct stat st;

    if (mkdir(init->state, 0750) != 0) {
        if (errno == EEXIST && stat(init->state, &st) == 0 && S_ISDIR(st.st_mode)) {
            return P11KMS_OK;
        }
        FAIL(P11KMS_E_IO, "cannot make %s: %s", init->state, strerror(errno));
    }
    init->made_state = true;
    if (chmod(init->state, 0750) != 0) {
        FAIL(P11KMS_E_IO, "cannot set the mode of %s: %s", init->state, strerror(errno));
    }
    if (init->user && chown(init->state, init->uid, init->gid) != 0) {
        FAIL(P11KMS_E_IO, "cannot give %s to %s: %s", init->state, init->user, strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err make_all(init_t *init, buf_t *found)
{
    _cleanup_(stage) stage_t *stage = NULL;

    TRY(read_wishes(init));
    TRY(stage_begin(init->dir, init->gid, &stage));
    TRY(write_files(init, stage));
    TRY(check_files(init, stage, found));
    TRY(make_state(init));
    return stage_commit(stage);
}

static void tell_next(const init_t *init, const buf_t *found)
{
    printf("made   %s/p11kmsd.yaml, identities.d/admin.yaml, keys.d/, tls/server.pem, tls/server.key\n", init->dir);
    if (found->len > 0) {
        printf("token  %s\n", buf_str(found));
    }
    printf("next   p11kms doctor                    checks what the service needs\n"
           "       systemctl enable --now p11kmsd   starts it\n"
           "       p11kms identity add-key admin    as %s, over the Unix socket: an access key, shown once\n"
           "       clients trust %s/tls/server.pem (AWS_CA_BUNDLE)\n",
           geteuid() == 0 ? "root" : "this user", init->dir);
}

/* Whoever interrupts must not leave half of it: signals wait until all is in place, or gone. */
static void hold_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

static int make_configuration(const cli_line *line)
{
    init_t init = { .line = line };
    _cleanup_buf_ buf_t found = { 0 };

    hold_signals(SIG_BLOCK);
    p11kms_err err = make_all(&init, &found);
    if (err != P11KMS_OK && init.made_state) {
        rmdir(init.state);
    }
    if (err == P11KMS_OK) {
        tell_next(&init, &found);
    }
    hold_signals(SIG_UNBLOCK);
    free(init.state);
    free(init.module);
    free(init.pin_source);
    return err == P11KMS_OK ? EXIT_SUCCESS : err == P11KMS_E_SYNTAX ? (cli_fail(err), CLI_USAGE) : cli_fail(err);
}

static const cli_option *const init_options[] = {
    &option_token, &option_module, &option_pin, &option_dir, &option_state, &option_account,
    &option_host, &option_listen, &option_monitor, &option_user, &option_no_login, NULL,
};

const cli_command cli_init = {
    .name = "init",
    .args = "",
    .options = init_options,
    .about = "Make a first configuration for a token that is there.",
    .more = "Makes p11kmsd.yaml, an administrator whom root is over the Unix socket, an empty keys.d, and a self-signed "
            "certificate, after the token was found, logged in to once and tested. "
            "Nothing is overwritten, and where a step fails nothing is left. "
            "As root, everything is tried as the service's user, who may then read what was made.",
    .run = make_configuration,
};
