#include "config.h"

#include "identity/oidc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "identity/jwks.h"
#include "util/clock.h"

#define LOG_ROOM "identity"
#include "util/log.h"

#define RETRY_S 30
#define FILE_AGAIN_S 1 /* reading a file again costs nobody but us */
#define URL_MAX 2048

typedef struct {
    char account[13];
    char *url;    /* "https://issuer", as tokens say it */
    char *issuer; /* without the scheme */
    char *provider_arn;
    char *jwks; /* "file:/path", a URL, or NULL: discovered */
    char *ca;
    char **audiences;
    size_t n_audiences;
    unsigned refresh_s;
    unsigned max_age_s;
    conf_place place;
    /* under the lock */
    jwks_t keys;
    int64_t fetched_us; /* clock_mono_us() of the last success; 0: never */
    int64_t tried_us;
    bool wanted; /* an unknown key id was met */
} provider_t;

struct oidc {
    provider_t *providers;
    size_t n;
    oidc_fetch fetch;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    bool started;
    bool stopping;
};

static void free_provider(provider_t *p)
{
    free(p->url);
    free(p->issuer);
    free(p->provider_arn);
    free(p->jwks);
    free(p->ca);
    for (size_t i = 0; i < p->n_audiences; i++) {
        free(p->audiences[i]);
    }
    free(p->audiences);
    jwks_free(&p->keys);
}

static void oidc_free(oidc_t *oidc)
{
    for (size_t i = 0; i < oidc->n; i++) {
        free_provider(&oidc->providers[i]);
    }
    free(oidc->providers);
    pthread_cond_destroy(&oidc->more);
    pthread_mutex_destroy(&oidc->lock);
    free(oidc);
}

/* ---- key sets: from files, from URLs ---- */

static bool is_file(const provider_t *p)
{
    return p->jwks && strncmp(p->jwks, "file:", 5) == 0;
}

static p11kms_err read_file(const char *path, buf_t *text)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL(P11KMS_E_IO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || st.st_size > OIDC_JWKS_MAX) {
        FAIL(P11KMS_E_IO, "%s is not a file of at most %u bytes", path, OIDC_JWKS_MAX);
    }
    uint8_t *into = buf_reserve(text, (size_t)st.st_size + 1);
    ENSURE(into, P11KMS_E_NOMEM);
    ssize_t n = read(fd, into, (size_t)st.st_size);
    if (n != st.st_size) {
        FAIL(P11KMS_E_IO, "%s: %s", path, n < 0 ? strerror(errno) : "was cut off");
    }
    text->len += (size_t)n;
    return P11KMS_OK;
}

/* OpenID Connect Discovery 1.0, section 4: the document names the issuer it is of, and where the keys are. */
static p11kms_err discover(const oidc_t *oidc, const provider_t *p, char url[URL_MAX])
{
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_json_ json_t *doc = NULL;

    if ((size_t)snprintf(url, URL_MAX, "%s/.well-known/openid-configuration", p->url) >= URL_MAX) {
        return p11kms_fail_plain(P11KMS_E_RANGE);
    }
    TRY(oidc->fetch(oidc->arg, url, p->ca, &text));
    TRY(json_parse(buf_slice(&text), &doc));
    slice_t keys = json_string(json_get(doc, "jwks_uri"));
    if (!slice_eq_str(json_string(json_get(doc, "issuer")), p->url) || !slice_has_prefix(keys, "https://") ||
        keys.len >= URL_MAX) {
        FAIL(P11KMS_E_SYNTAX, "%s is not the configuration of %s", url, p->url);
    }
    memcpy(url, keys.data, keys.len);
    url[keys.len] = '\0';
    return P11KMS_OK;
}

static p11kms_err load_keys(const oidc_t *oidc, const provider_t *p, jwks_t *ret)
{
    _cleanup_buf_ buf_t text = { 0 };
    char url[URL_MAX];

    if (is_file(p)) {
        TRY(read_file(p->jwks + 5, &text));
    } else if (!oidc->fetch) {
        FAIL(P11KMS_E_IO, "nothing is fetched here");
    } else {
        if (p->jwks) {
            snprintf(url, sizeof(url), "%s", p->jwks);
        } else {
            TRY(discover(oidc, p, url));
        }
        TRY(oidc->fetch(oidc->arg, url, p->ca, &text));
    }
    return jwks_parse(buf_slice(&text), ret);
}

/* Without the lock held: fetching takes its time. */
static p11kms_err refresh(oidc_t *oidc, provider_t *p)
{
    jwks_t fresh = { 0 };
    p11kms_err err = load_keys(oidc, p, &fresh);

    pthread_mutex_lock(&oidc->lock);
    p->tried_us = clock_mono_us();
    p->wanted = false;
    if (err == P11KMS_OK) {
        jwks_t old = p->keys;
        p->keys = fresh;
        p->fetched_us = p->tried_us;
        jwks_free(&old);
    }
    pthread_mutex_unlock(&oidc->lock);
    return err;
}

/* ---- the thread ---- */

static int64_t seconds_us(unsigned s)
{
    return (int64_t)s * 1000000;
}

static bool is_due(const provider_t *p, int64_t now_us)
{
    if (p->tried_us == 0) {
        return true;
    }
    unsigned pause_s = is_file(p) ? FILE_AGAIN_S : OIDC_UNKNOWN_KEY_S;
    if (p->wanted && now_us - p->tried_us >= seconds_us(pause_s)) {
        return true;
    }
    bool failed = p->fetched_us != p->tried_us;
    return now_us - p->tried_us >= seconds_us(failed ? RETRY_S : p->refresh_s);
}

static provider_t *next_due(oidc_t *oidc)
{
    int64_t now_us = clock_mono_us();

    for (size_t i = 0; i < oidc->n; i++) {
        if (is_due(&oidc->providers[i], now_us)) {
            return &oidc->providers[i];
        }
    }
    return NULL;
}

static void wait_a_second(oidc_t *oidc)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 1;
    pthread_cond_timedwait(&oidc->more, &oidc->lock, &until);
}

static void *keep_fresh(void *arg)
{
    oidc_t *oidc = arg;

    pthread_mutex_lock(&oidc->lock);
    while (!oidc->stopping) {
        provider_t *p = next_due(oidc);
        if (!p) {
            wait_a_second(oidc);
            continue;
        }
        pthread_mutex_unlock(&oidc->lock);
        p11kms_err err = refresh(oidc, p);
        if (err != P11KMS_OK) {
            log_warning("the keys of %s cannot be had: %s", p->url, p11kms_err_detail(err));
        }
        pthread_mutex_lock(&oidc->lock);
    }
    pthread_mutex_unlock(&oidc->lock);
    oidc_free(oidc);
    return NULL;
}

/* ---- open and close ---- */

static p11kms_err copy_text(const char *text, char **ret)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? p11kms_fail_plain(P11KMS_E_NOMEM) : P11KMS_OK;
}

static p11kms_err copy_audiences(provider_t *p, const conf_oidc_provider *conf)
{
    p->audiences = calloc(conf->n_audiences + 1, sizeof(*p->audiences));
    ENSURE(p->audiences, P11KMS_E_NOMEM);
    for (size_t i = 0; i < conf->n_audiences; i++) {
        TRY(copy_text(conf->audiences[i], &p->audiences[p->n_audiences]));
        p->n_audiences++;
    }
    return P11KMS_OK;
}

static p11kms_err add_provider(provider_t *p, const conf_account *account, const conf_oidc_provider *conf)
{
    const char *bare = strncmp(conf->issuer, "https://", 8) == 0 ? conf->issuer + 8 : conf->issuer;
    char *arn = NULL;

    snprintf(p->account, sizeof(p->account), "%s", account->id);
    p->refresh_s = conf->refresh_s;
    p->max_age_s = conf->max_age_s;
    p->place = conf->place;
    TRY(copy_text(conf->issuer, &p->url));
    TRY(copy_text(bare, &p->issuer));
    TRY(copy_text(conf->jwks, &p->jwks));
    TRY(copy_text(conf->ca, &p->ca));
    if (asprintf(&arn, "arn:aws:iam::%s:oidc-provider/%s", account->id, bare) < 0) {
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    p->provider_arn = arn;
    return copy_audiences(p, conf);
}

static p11kms_err add_providers(oidc_t *oidc, const conf_declared_t *declared)
{
    size_t n = 0;

    for (size_t a = 0; a < declared->n_accounts; a++) {
        n += declared->accounts[a].n_oidc_providers;
    }
    oidc->providers = calloc(n + 1, sizeof(*oidc->providers));
    ENSURE(oidc->providers, P11KMS_E_NOMEM);
    for (size_t a = 0; a < declared->n_accounts; a++) {
        const conf_account *account = &declared->accounts[a];
        for (size_t i = 0; i < account->n_oidc_providers; i++) {
            TRY(add_provider(&oidc->providers[oidc->n++], account, &account->oidc_providers[i]));
        }
    }
    return P11KMS_OK;
}

/* A file can be read at once, and what is wrong with it is the operator's to know at once. */
static p11kms_err load_files(oidc_t *oidc, buf_t *problems)
{
    p11kms_err ret = P11KMS_OK;

    for (size_t i = 0; i < oidc->n; i++) {
        provider_t *p = &oidc->providers[i];
        p11kms_err err = is_file(p) ? refresh(oidc, p) : P11KMS_OK;

        if (err != P11KMS_OK) {
            conf_problem(problems, p->place, "oidc-providers: %s: %s", p->url, p11kms_err_detail(err));
            ret = P11KMS_E_CONFIG;
        }
    }
    return ret == P11KMS_OK ? ret : p11kms_fail(ret, "a key set of an identity provider is unusable");
}

static p11kms_err start(oidc_t *oidc)
{
    if (oidc->n == 0 || !oidc->fetch) {
        return P11KMS_OK;
    }
    if (pthread_create(&oidc->thread, NULL, keep_fresh, oidc) != 0) {
        FAIL(P11KMS_E_NOMEM, "cannot start the thread that fetches key sets");
    }
    oidc->started = true;
    return P11KMS_OK;
}

p11kms_err oidc_open(const conf_declared_t *declared, oidc_fetch fetch, void *arg, buf_t *problems, oidc_t **ret)
{
    _cleanup_(oidc) oidc_t *oidc = calloc(1, sizeof(*oidc));
    pthread_condattr_t attr;

    ENSURE(oidc, P11KMS_E_NOMEM);
    oidc->fetch = fetch;
    oidc->arg = arg;
    pthread_mutex_init(&oidc->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&oidc->more, &attr);
    pthread_condattr_destroy(&attr);
    TRY(add_providers(oidc, declared));
    TRY(load_files(oidc, problems));
    TRY(start(oidc));
    *ret = STEAL(oidc);
    return P11KMS_OK;
}

/* Who closes does not wait for a fetch under way: the thread frees what is left. */
void oidc_close(oidc_t *oidc)
{
    if (!oidc) {
        return;
    }
    if (!oidc->started) {
        oidc_free(oidc);
        return;
    }
    pthread_mutex_lock(&oidc->lock);
    oidc->stopping = true;
    pthread_cond_broadcast(&oidc->more);
    pthread_detach(oidc->thread);
    pthread_mutex_unlock(&oidc->lock);
}

/* ---- tokens ---- */

static p11kms_err invalid(const char *why)
{
    FAIL(P11KMS_E_WEB_TOKEN, "%s", why);
}

static provider_t *find_provider(const oidc_t *oidc, slice_t account, slice_t issuer)
{
    for (size_t i = 0; i < oidc->n; i++) {
        provider_t *p = &oidc->providers[i];
        if (slice_eq_str(account, p->account) && slice_eq_str(issuer, p->url)) {
            return p;
        }
    }
    return NULL;
}

/* With the lock held. */
static p11kms_err check_signature_locked(provider_t *p, const jwt_t *jwt)
{
    bool never = p->fetched_us == 0;

    if (never || (!is_file(p) && clock_mono_us() - p->fetched_us > seconds_us(p->max_age_s))) {
        p->wanted = true;
        FAIL(P11KMS_E_WEB_PROVIDER, "The keys of %s %s", p->issuer,
             never ? "could not be fetched" : "are too old: they could not be fetched again");
    }
    const jwks_key *key = jwks_find(&p->keys, jwt->kid, jwt->kind);
    if (!key) {
        p->wanted = true;
        return invalid("No key of the provider has the token's key id and algorithm");
    }
    return pubkey_verify(key->key, jwt->signed_part, jwt->signature) ? P11KMS_OK
                                                                     : invalid("Couldn't verify the token's signature");
}

static p11kms_err check_signature(oidc_t *oidc, provider_t *p, const jwt_t *jwt)
{
    pthread_mutex_lock(&oidc->lock);
    p11kms_err err = check_signature_locked(p, jwt);
    pthread_mutex_unlock(&oidc->lock);
    return err;
}

static bool is_time(const json_t *v)
{
    return json_kind_of(v) == JSON_INT || json_kind_of(v) == JSON_DOUBLE;
}

/* RFC 7519, 4.1: exp is required here, nbf and iat count where they are. */
static p11kms_err check_times(const json_t *claims, int64_t now_ms)
{
    const json_t *expires = json_get(claims, "exp");
    const json_t *not_before = json_get(claims, "nbf");
    const json_t *issued = json_get(claims, "iat");
    double now = (double)now_ms / 1000;

    if (!is_time(expires) || (not_before && !is_time(not_before)) || (issued && !is_time(issued))) {
        return invalid("The token's times are missing or malformed");
    }
    if (now >= json_double(expires)) {
        FAIL(P11KMS_E_WEB_EXPIRED, "Token expired: current date/time must be before the expiration date/time");
    }
    if ((not_before && now + OIDC_LEEWAY_S < json_double(not_before)) ||
        (issued && now + OIDC_LEEWAY_S < json_double(issued))) {
        return invalid("The token is not valid yet");
    }
    return P11KMS_OK;
}

static const char *accepted(const provider_t *p, slice_t audience)
{
    for (size_t i = 0; i < p->n_audiences; i++) {
        if (slice_eq_str(audience, p->audiences[i])) {
            return p->audiences[i];
        }
    }
    return NULL;
}

/* "aud" is one string or a list of them. */
static const char *find_audience(const provider_t *p, const json_t *aud)
{
    const char *found = accepted(p, json_string(aud));

    for (size_t i = 0; !found && i < json_length(aud); i++) {
        found = accepted(p, json_string(json_at(aud, i)));
    }
    return found;
}

static p11kms_err identify(const provider_t *p, const jwt_t *jwt, arena_t *arena, oidc_identity *ret)
{
    slice_t subject = json_string(json_get(jwt->claims, "sub"));
    const char *audience = find_audience(p, json_get(jwt->claims, "aud"));

    /* One that goes on behind a NUL would be told, and recorded, as another's. */
    if (subject.len == 0 || subject.len > 255 || memchr(subject.data, '\0', subject.len) != NULL) {
        return invalid("The token has no subject");
    }
    if (!audience) {
        return invalid("Incorrect token audience");
    }
    ret->account = arena_strdup(arena, p->account);
    ret->issuer = arena_strdup(arena, p->issuer);
    ret->provider_arn = arena_strdup(arena, p->provider_arn);
    ret->subject = arena_strndup(arena, (const char *)subject.data, subject.len);
    ret->audience = arena_strdup(arena, audience);
    return P11KMS_OK;
}

static p11kms_err verify(oidc_t *oidc, slice_t account, const jwt_t *jwt, int64_t now_ms, arena_t *arena,
                         oidc_identity *ret)
{
    provider_t *p = find_provider(oidc, account, json_string(json_get(jwt->claims, "iss")));

    if (!p) {
        return invalid("No OpenIDConnect provider found in your account for the token's issuer");
    }
    TRY(check_signature(oidc, p, jwt));
    TRY(check_times(jwt->claims, now_ms));
    return identify(p, jwt, arena, ret);
}

p11kms_err oidc_verify(oidc_t *oidc, slice_t account, slice_t token, int64_t now_ms, arena_t *arena,
                       oidc_identity *ret)
{
    jwt_t jwt;

    *ret = (oidc_identity){ 0 };
    if (token.len > OIDC_TOKEN_MAX || jwt_parse(token, arena, &jwt) != P11KMS_OK) {
        return invalid("The ID Token provided is not a valid JWT of an accepted algorithm");
    }
    p11kms_err err = verify(oidc, account, &jwt, now_ms, arena, ret);
    if (err == P11KMS_OK) {
        ret->claims = STEAL(jwt.claims);
    }
    jwt_free(&jwt);
    return err;
}
