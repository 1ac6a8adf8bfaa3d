/* p11kms-bench: how many requests a second a server answers, how fast, and what they cost it. */
#include <getopt.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/bench/cpu.h"
#include "tests/bench/load.h"
#include "tests/bench/operations.h"
#include "tests/bench/token_rate.h"
#include "util/json.h"

#define CONNECTIONS_MAX 10000
#define TOKEN_SECONDS 3
#define NOT_MEASURED (-1.0)

typedef struct {
    const char *url;
    const char *config;
    operations_wish wish;
    unsigned connections;
    double seconds;
    pid_t server;
    bool token;
    bool mixed;
    bool json;
    const char *program; /* argv[0] */
} options_t;

typedef struct {
    double requests_per_second, p50_ms, p99_ms, p999_ms;
    uint64_t errors;
    double server_cpu_us; /* NOT_MEASURED where the server's process is not known */
    double token_per_second;
} figures_t;

static const struct option names[] = {
    { "url", required_argument, NULL, 'u' },
    { "connections", required_argument, NULL, 'n' },
    { "seconds", required_argument, NULL, 's' },
    { "operation", required_argument, NULL, 'o' },
    { "key-id", required_argument, NULL, 'k' },
    { "server-pid", required_argument, NULL, 'p' },
    { "token", no_argument, NULL, 't' },
    { "mixed", no_argument, NULL, 'm' },
    { "config", required_argument, NULL, 'c' },
    { "json", no_argument, NULL, 'j' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static void print_help(void)
{
    printf("Usage: p11kms-bench --url URL [OPTION]...\n"
           "Ask a p11kmsd as fast as it answers, over a number of keep-alive connections.\n\n"
           "  --url URL          https://HOST[:PORT], http://HOST[:PORT] or unix:/PATH\n"
           "  --connections N    at once, each with one request in flight (64)\n"
           "  --seconds S        how long (10)\n"
           "  --operation NAME   %s (GenerateDataKey)\n"
           "  --key-id ID        instead of a key made here, whose deletion is scheduled at the end\n"
           "  --server-pid PID   whose CPU time counts; by default who listens at a loopback URL\n"
           "  --token            measure the raw rate of the token operation, too\n"
           "  --mixed            alone and beside RSA signatures that saturate the token, in turns: what these\n"
           "                     do to the quantiles\n"
           "  --config FILE      the server's p11kmsd.yaml for --token (P11KMS_CONFIG, or as its command "
           "line says)\n"
           "  --json             one JSON object\n\n"
           "Credentials and CA: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION,\n"
           "AWS_CA_BUNDLE. Without an access key requests are not signed, as over a Unix socket.\n"
           "Each connection waits for its answer before it asks again, so a stall of the server hides the\n"
           "requests that would have come meanwhile: the quantiles are those of N patient callers.\n",
           operations_names());
}

static int wrong(const char *what)
{
    fprintf(stderr, "p11kms-bench: %s; --help says more\n", what);
    return 2;
}

/** -1 to go on, else the exit status. */
static int parse(int argc, char **argv, options_t *ret)
{
    int option;

    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (option) {
        case 'u':
            ret->url = optarg;
            break;
        case 'n':
            ret->connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            ret->seconds = strtod(optarg, NULL);
            break;
        case 'o':
            ret->wish.operation = optarg;
            break;
        case 'k':
            ret->wish.key_id = optarg;
            break;
        case 'p':
            ret->server = (pid_t)strtol(optarg, NULL, 10);
            break;
        case 't':
            ret->token = true;
            break;
        case 'm':
            ret->mixed = true;
            break;
        case 'c':
            ret->config = optarg;
            break;
        case 'j':
            ret->json = true;
            break;
        case 'h':
            print_help();
            return 0;
        default:
            return 2;
        }
    }
    if (optind < argc || ret->url == NULL) {
        return wrong(ret->url == NULL ? "--url is missing" : "there are too many words");
    }
    if (ret->connections == 0 || ret->connections > CONNECTIONS_MAX || !(ret->seconds > 0)) {
        return wrong("--connections or --seconds is out of range");
    }
    return -1;
}

static void take_credentials(operations_wish *wish)
{
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY"), *region = getenv("AWS_REGION");

    region = region != NULL ? region : getenv("AWS_DEFAULT_REGION");
    wish->credentials = (sigv4_credentials){ .access_key_id = getenv("AWS_ACCESS_KEY_ID"),
                                             .secret = SLICE_STR(secret != NULL ? secret : ""),
                                             .region = region != NULL ? region : "us-east-1",
                                             .service = "kms" };
    wish->session_token = getenv("AWS_SESSION_TOKEN");
}

/* ---- the measurement ---- */

static double ms_of(const load_result *result, double share)
{
    return (double)histogram_quantile(&result->latency, share) / 1000;
}

static p11kms_err run(const options_t *options, load_t *load, figures_t *ret)
{
    static load_result result; /* too large for the stack */
    _cleanup_(operations) operations_t *operations = NULL;
    load_source source;
    int64_t before, used;

    TRY(operations_open(&options->wish, load, &operations));
    source = operations_source(operations);
    before = cpu_used_us(options->server);
    TRY(load_run(load, &source, options->seconds, &result));
    used = cpu_used_us(options->server) - before;
    if (result.errors > 0) {
        fprintf(stderr, "p11kms-bench: the first of %llu errors: %s\n", (unsigned long long)result.errors,
                result.first_error);
    }
    *ret = (figures_t){ .requests_per_second = (double)result.answers / result.seconds,
                        .p50_ms = ms_of(&result, 0.5),
                        .p99_ms = ms_of(&result, 0.99),
                        .p999_ms = ms_of(&result, 0.999),
                        .errors = result.errors,
                        .server_cpu_us = before >= 0 && result.answers > 0
                                             ? (double)used / (double)result.answers
                                             : NOT_MEASURED,
                        .token_per_second = NOT_MEASURED };
    if (options->token) {
        TRY(token_rate_measure(options->server, options->config, options->connections, TOKEN_SECONDS,
                               &ret->token_per_second));
    }
    return operations_end(operations, load);
}

/* ---- beside RSA signatures ---- */

#define MIXED_ROUNDS 5
#define SIGNERS "16" /* connections: one RSA operation takes the token some milliseconds */
#define SETTLE_US 500000

typedef struct {
    double alone_ms[MIXED_ROUNDS], beside_ms[MIXED_ROUNDS];
    double signatures[MIXED_ROUNDS]; /* a second: who starves RSA helps nobody */
    uint64_t errors;
} mixed_t;

typedef struct {
    pid_t pid;
    FILE *figures;
} signers_t;

/* A process of its own, so that the measured client does not do its work. */
static p11kms_err start_signers(const options_t *options, const char *key_id, signers_t *ret)
{
    char seconds[32];
    int ends[2];

    snprintf(seconds, sizeof(seconds), "%g", options->seconds + 1);
    const char *const argv[] = { options->program, "--url", options->url, "--operation", "Sign", "--connections",
                                 SIGNERS, "--seconds", seconds, "--key-id", key_id, "--json", NULL };
    ENSURE(pipe(ends) == 0, P11KMS_E_IO);
    ret->pid = fork();
    if (ret->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    ret->figures = fdopen(ends[0], "r");
    ENSURE(ret->pid > 0 && ret->figures != NULL, P11KMS_E_IO);
    usleep(SETTLE_US);
    return P11KMS_OK;
}

static p11kms_err await_signers(signers_t *signers, double *ret_per_second)
{
    int status;
    int found = fscanf(signers->figures, "{\"requests_per_second\": %lf", ret_per_second);

    fclose(signers->figures);
    if (waitpid(signers->pid, &status, 0) < 0 || status != 0 || found != 1) {
        FAIL(P11KMS_E_IO, "the signing process failed");
    }
    return P11KMS_OK;
}

static p11kms_err one_round(options_t *options, load_t *load, const char *signing_key, size_t i, mixed_t *ret)
{
    figures_t figures;
    signers_t signers = { 0 };

    TRY(run(options, load, &figures));
    ret->alone_ms[i] = figures.p99_ms;
    ret->errors += figures.errors;
    TRY(start_signers(options, signing_key, &signers));
    p11kms_err err = run(options, load, &figures);
    TRY(await_signers(&signers, &ret->signatures[i]));
    ret->beside_ms[i] = figures.p99_ms;
    ret->errors += figures.errors;
    return err;
}

static p11kms_err mix(options_t *options, load_t *load, mixed_t *ret)
{
    operations_wish sign = options->wish;
    _cleanup_(operations) operations_t *signing = NULL;

    sign.operation = "Sign";
    sign.key_id = NULL;
    TRY(operations_open(&sign, load, &signing));
    for (size_t i = 0; i < MIXED_ROUNDS; i++) {
        TRY(one_round(options, load, operations_key(signing), i, ret));
    }
    return operations_end(signing, load);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double values[MIXED_ROUNDS])
{
    qsort(values, MIXED_ROUNDS, sizeof(*values), by_size);
    return values[MIXED_ROUNDS / 2];
}

static void print_mixed(const options_t *options, mixed_t *mixed)
{
    double alone = median(mixed->alone_ms), beside = median(mixed->beside_ms);

    printf("%s, %u connections, %d rounds of %g s each way, p99\n", options->wish.operation, options->connections,
           MIXED_ROUNDS, options->seconds);
    printf("  alone                %10.2f ms (%.2f to %.2f)\n", alone, mixed->alone_ms[0],
           mixed->alone_ms[MIXED_ROUNDS - 1]);
    printf("  beside RSA           %10.2f ms (%.2f to %.2f)\n", beside, mixed->beside_ms[0],
           mixed->beside_ms[MIXED_ROUNDS - 1]);
    printf("  ratio                %10.2f\n", beside / alone);
    printf("  signatures beside    %10.0f a second\n", median(mixed->signatures));
}

static p11kms_err measure(options_t *options, figures_t *ret, mixed_t *ret_mixed)
{
    _cleanup_(load) load_t *load = NULL;
    load_target target;

    TRY(crypto_init());
    TRY(load_parse_url(options->url, &target));
    options->wish.authority = target.authority;
    if (options->server == 0) {
        options->server = cpu_find_listener(target.port, target.port == 0 ? target.host : NULL);
    }
    TRY(load_open(&target, getenv("AWS_CA_BUNDLE"), options->connections, &load));
    return options->mixed ? mix(options, load, ret_mixed) : run(options, load, ret);
}

/* ---- the report ---- */

static void put_number(buf_t *out, const char *name, double value, const char *end)
{
    if (value < 0) {
        buf_printf(out, "\"%s\": null%s", name, end);
    } else {
        buf_printf(out, "\"%s\": %.3f%s", name, value, end);
    }
}

static void print_json(const figures_t *figures)
{
    _cleanup_buf_ buf_t out = { 0 };

    buf_put_char(&out, '{');
    put_number(&out, "requests_per_second", figures->requests_per_second, ", ");
    put_number(&out, "p50_ms", figures->p50_ms, ", ");
    put_number(&out, "p99_ms", figures->p99_ms, ", ");
    put_number(&out, "p999_ms", figures->p999_ms, ", ");
    buf_printf(&out, "\"errors\": %llu, ", (unsigned long long)figures->errors);
    put_number(&out, "server_cpu_us_per_request", figures->server_cpu_us, ", ");
    put_number(&out, "token_ops_per_second", figures->token_per_second, "}");
    puts(buf_str(&out));
}

static void print_text(const options_t *options, const figures_t *figures)
{
    printf("%s, %u connections, %g s\n", options->wish.operation, options->connections, options->seconds);
    printf("  requests a second    %10.0f\n", figures->requests_per_second);
    printf("  p50                  %10.2f ms\n", figures->p50_ms);
    printf("  p99                  %10.2f ms\n", figures->p99_ms);
    printf("  p99.9                %10.2f ms\n", figures->p999_ms);
    printf("  errors               %10llu\n", (unsigned long long)figures->errors);
    if (figures->server_cpu_us >= 0) {
        printf("  server CPU           %10.1f us a request\n", figures->server_cpu_us);
    } else {
        printf("  server CPU             unknown; name the process with --server-pid\n");
    }
    if (figures->token_per_second >= 0) {
        printf("  token alone          %10.0f operations a second\n", figures->token_per_second);
    }
}

int main(int argc, char **argv)
{
    options_t options = { .connections = 64,
                          .seconds = 10,
                          .wish = { .operation = "GenerateDataKey" },
                          .config = getenv("P11KMS_CONFIG") };
    figures_t figures = { 0 };
    mixed_t mixed = { 0 };
    p11kms_err err;
    int status = parse(argc, argv, &options);

    if (status >= 0) {
        return status;
    }
    take_credentials(&options.wish);
    options.program = argv[0];
    err = measure(&options, &figures, &mixed);
    if (err != P11KMS_OK) {
        fprintf(stderr, "p11kms-bench: %s\n", p11kms_err_detail(err));
        return 1;
    }
    if (options.mixed) {
        print_mixed(&options, &mixed);
        return mixed.errors == 0 ? 0 : 1;
    }
    if (options.json) {
        print_json(&figures);
    } else {
        print_text(&options, &figures);
    }
    return figures.errors == 0 ? 0 : 1;
}
