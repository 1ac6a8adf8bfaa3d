/* p11kms doctor: everything the service stands on, looked at as the service will find it. */
#include "cli/doctor.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/commands.h"
#include "util/user.h"

#define SERVICE_USER "p11kms"
#define TEXT_MAX 1024

/* ---- telling ---- */

static const char *const verdict_names[] = { "ok", "warn", "FAIL" };

static void tell_json(doctor_t *doctor, doctor_verdict verdict, const char *what, const char *mend, const char *text)
{
    jw_t *w = &doctor->w;

    jw_object(w);
    jw_key(w, "verdict");
    jw_string(w, verdict == DOCTOR_FAIL ? "fail" : verdict_names[verdict]);
    jw_key(w, "what");
    jw_string(w, what);
    jw_key(w, "detail");
    jw_string(w, text);
    if (mend) {
        jw_key(w, "mend");
        jw_string(w, mend);
    }
    jw_end(w);
}

void doctor_tell(doctor_t *doctor, doctor_verdict verdict, const char *what, const char *mend, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    doctor->warnings += verdict == DOCTOR_WARN;
    doctor->failures += verdict == DOCTOR_FAIL;
    if (doctor->json) {
        tell_json(doctor, verdict, what, mend, text);
        return;
    }
    printf("%-4s  %s: %s\n", verdict_names[verdict], what, text);
    if (mend) {
        printf("      mend: %s\n", mend);
    }
}

/* ---- configuration and user: what every other check needs ---- */

static void tell_problems(doctor_t *doctor, const char *what, const buf_t *problems, p11kms_err err)
{
    const char *text = problems->len ? buf_str(problems) : p11kms_err_detail(err);
    int len = (int)strlen(text);

    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    doctor_tell(doctor, DOCTOR_FAIL, what, "correct the places named; p11kmsd --check tells the same", "%.*s", len, text);
}

static bool read_config(doctor_t *doctor)
{
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = conf_load(doctor->file, false, &problems, &doctor->conf);

    if (err != P11KMS_OK) {
        tell_problems(doctor, "configuration", &problems, err);
        return false;
    }
    doctor_tell(doctor, DOCTOR_OK, "configuration", NULL, "%s", doctor->file);
    return true;
}

static void read_declared(doctor_t *doctor)
{
    const char *paths[2];
    size_t n = 0;
    _cleanup_buf_ buf_t problems = { 0 };

    if (doctor->conf->identities_dir) {
        paths[n++] = doctor->conf->identities_dir;
    }
    if (doctor->conf->keys_dir) {
        paths[n++] = doctor->conf->keys_dir;
    }
    p11kms_err err = conf_load_declared(paths, n, false, &problems, &doctor->declared);
    if (err != P11KMS_OK) {
        tell_problems(doctor, "declarations", &problems, err);
        return;
    }
    size_t users = 0;
    for (size_t i = 0; i < doctor->declared->n_accounts; i++) {
        users += doctor->declared->accounts[i].n_users;
    }
    doctor_tell(doctor, users ? DOCTOR_OK : DOCTOR_WARN, "declarations",
                users ? NULL : "declare who may ask in identities.d: p11kms-declarations(5)",
                "%zu users, %zu peer rules, %zu keys", users, doctor->declared->n_peers, doctor->declared->n_keys);
}

/* What getpwnam() and getpwuid() lend is overwritten by their next call. */
static bool user_is_there(const char *name)
{
    return getpwnam(name) != NULL;
}

static bool are_we(const char *name)
{
    const struct passwd *pw = getpwnam(name);

    return pw && pw->pw_uid == geteuid();
}

/* As root, the rest is done as the service's user: what it cannot read or write shows by itself. */
static bool become_service(doctor_t *doctor)
{
    const char *user = doctor->conf->user;

    if (!user && user_is_there(SERVICE_USER)) {
        user = SERVICE_USER;
    }
    if (!user || are_we(user)) {
        doctor_tell(doctor, DOCTOR_OK, "user", NULL, "%s", user ? user : "whoever starts the service");
        return true;
    }
    if (geteuid() != 0) {
        doctor_tell(doctor, DOCTOR_FAIL, "user", "run doctor as root",
                    "the service runs as %s: what it may read and write cannot be seen from here", user);
        return false;
    }
    p11kms_err err = user_become(user);
    if (err != P11KMS_OK) {
        doctor_tell(doctor, DOCTOR_FAIL, "user", "systemd-sysusers makes it, from sysusers.d/p11kms.conf", "%s",
                    p11kms_err_detail(err));
        return false;
    }
    doctor_tell(doctor, DOCTOR_OK, "user", NULL, "%s, as which the following was tried", user);
    return true;
}

static void examine(doctor_t *doctor)
{
    if (!read_config(doctor) || !become_service(doctor)) {
        return;
    }
    read_declared(doctor);
    doctor_clock(doctor);
    doctor_listeners(doctor);
    doctor_audit(doctor);
    doctor_store(doctor);
    doctor_tokens(doctor);
}

/* ---- the command ---- */

static const cli_option option_no_login = { "no-login", '\0', NULL, "Do not log in to tokens." };

static int run_doctor(const cli_line *line)
{
    doctor_t doctor = {
        .file = cli_config_file(line),
        .login = !cli_has(line, &option_no_login),
        .json = cli_has(line, &cli_option_json),
    };

    doctor.w = jw_on(&doctor.out);
    jw_object(&doctor.w);
    jw_key(&doctor.w, "findings");
    jw_array(&doctor.w);
    examine(&doctor);
    jw_end(&doctor.w);
    jw_key(&doctor.w, "warnings");
    jw_int(&doctor.w, doctor.warnings);
    jw_key(&doctor.w, "failures");
    jw_int(&doctor.w, doctor.failures);
    jw_end(&doctor.w);
    if (doctor.json) {
        puts(buf_str(&doctor.out));
    }
    buf_free(&doctor.out);
    conf_declared_free(doctor.declared);
    conf_free(doctor.conf);
    return doctor.failures ? CLI_FAILED : EXIT_SUCCESS;
}

static const cli_option *const doctor_options[] = { &cli_option_config, &cli_option_json, &option_no_login, NULL };

const cli_command cli_doctor = {
    .name = "doctor",
    .args = "",
    .options = doctor_options,
    .about = "Look at everything the service stands on, and say what to mend.",
    .more = "Configuration, declarations, clock, listeners and certificates, audit log, store, PIN sources, and each "
            "token: it is found, logged in to once, tested, and its objects are compared with the store. "
            "A line each: ok, warn or FAIL. Exit status 1 when anything fails. "
            "Run it as root: it then goes on as the service's user. A wrong PIN is tried once; --no-login tries none.",
    .run = run_doctor,
};
