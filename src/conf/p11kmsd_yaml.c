/* What p11kmsd.yaml may hold. */
#include <limits.h>

#include "conf/checks.h"
#include "conf/conf.h"
#include "conf/listen.h"
#include "conf/tables.h"

#define SECONDS(n) ((uint64_t)(n)*1000)
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n) MINUTES((n)*60)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* ---- checks of texts ---- */

static bool uri_has(slice_t uri, const char *attribute)
{
    return strstr((const char *)uri.data, attribute) != NULL;
}

static const char *check_token_uri(slice_t text)
{
    if (!slice_has_prefix(text, "pkcs11:")) {
        return "must begin with pkcs11: (RFC 7512)";
    }
    if (uri_has(text, "pin-value=") || uri_has(text, "pin-source=")) {
        return "must not say where the PIN is: use pin-source";
    }
    if (uri_has(text, "module-path=") || uri_has(text, "module-name=")) {
        return "must not name a module: use module";
    }
    return NULL;
}

/* ---- values of their own form ---- */

static void own_url(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    conf_listen *listen = base;
    conf_listen parsed;
    char *storage;

    (void)item;
    if (read_scalar(load, node, path) == NULL) {
        return;
    }
    storage = arena_alloc(load->arena, node->text.len + 1);
    if (listen_parse(node->text, true, storage, &parsed) != P11KMS_OK) {
        report(load, node, path, "%s", p11kms_err_detail(P11KMS_E_CONFIG));
        return;
    }
    listen->kind = parsed.kind;
    listen->host = parsed.host;
    listen->port = parsed.port;
    listen->path = parsed.path != NULL ? absolute_path(load, parsed.path) : NULL;
    listen->mode = listen->mode != 0 ? listen->mode : parsed.mode;
}

static void own_mode(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    unsigned mode = 0;

    if (read_scalar(load, node, path) == NULL) {
        return;
    }
    for (size_t i = 0; i < node->text.len && mode <= 0777; i++) {
        unsigned digit = (unsigned)node->text.data[i] - '0';

        mode = digit <= 7 ? mode * 8 + digit : UINT_MAX;
    }
    if (mode == 0 || mode > 0777) {
        report(load, node, path, "must be an octal file mode, as 0660");
        return;
    }
    *FIELD(base, item, unsigned) = mode;
}

static void finish_monitor(load_t *load, const node_t *node, const path_t *path, void *out)
{
    const conf_listen *listen = out;

    if (listen->kind == LISTEN_HTTPS && (listen->certificate == NULL || listen->key == NULL)) {
        report(load, node, path, "https:// needs 'certificate' and 'key'");
    }
    if (listen->kind != LISTEN_HTTPS &&
        (listen->certificate != NULL || listen->key != NULL || listen->client_ca != NULL)) {
        report(load, node, path, "'certificate', 'key' and 'client-ca' are for https:// alone");
    }
    if (listen->kind != LISTEN_UNIX && listen->mode != 0) {
        report(load, node, path, "'mode' is for unix: alone");
    }
}

/** Health and metrics are served in clear on loopback, requests never. */
static void finish_listen(load_t *load, const node_t *node, const path_t *path, void *out)
{
    const conf_listen *listen = out;

    finish_monitor(load, node, path, out);
    if (listen->kind == LISTEN_HTTP && !load->dev) {
        report(load, node, path, "http:// is for --dev alone: use https:// or unix:");
    }
}

static void own_monitor(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    conf_listen *monitor = ARENA_NEW(load->arena, conf_listen);

    read_section(load, item->section, node, path, monitor);
    *FIELD(base, item, const conf_listen *) = monitor;
}

static void own_pin_source(load_t *load, const item_t *item, const node_t *node, const path_t *path,
                           void *base)
{
    const char *text = read_scalar(load, node, path);

    if (text == NULL) {
        return;
    }
    if (strncmp(text, "file:", 5) == 0 && text[5] != '\0') {
        text = arena_printf(load->arena, "file:%s", absolute_path(load, text + 5));
    } else if (strcmp(text, "prompt") != 0 &&
               (strncmp(text, "credential:", 11) != 0 || text[11] == '\0' || strchr(text, '/') != NULL)) {
        report(load, node, path, "must be file:/path, credential:NAME or prompt");
        return;
    }
    *FIELD(base, item, const char *) = text;
}

/* ---- sections ---- */

static const item_t listen_items[] = {
    { .name = "url",
      .type = TYPE_OWN,
      .own = own_url,
      .required = true,
      .form = "URL, as https://0.0.0.0:8443 or unix:/run/p11kms/kms.sock",
      .about = "Where to listen. Port 0 lets the kernel choose." },
    { .name = "certificate",
      .type = TYPE_PATH,
      .offset = offsetof(conf_listen, certificate),
      .about = "PEM file of the server's certificate, followed by those between it and the root." },
    { .name = "key",
      .type = TYPE_PATH,
      .offset = offsetof(conf_listen, key),
      .about = "PEM file of the certificate's private key." },
    { .name = "client-ca",
      .type = TYPE_PATH,
      .offset = offsetof(conf_listen, client_ca),
      .about = "PEM file of the roots of client certificates. Without it none is asked for." },
    { .name = "mode",
      .type = TYPE_OWN,
      .own = own_mode,
      .offset = offsetof(conf_listen, mode),
      .form = "octal file mode, as 0660",
      .about = "Mode of a Unix socket; 0666 unless set, since peers are told apart by their uid." },
};

static const section_t listen_section = {
    .name = "listen",
    .size = sizeof(conf_listen),
    .place = offsetof(conf_listen, place),
    .items = listen_items,
    .n_items = COUNT_OF(listen_items),
    .shorthand = "url",
    .finish = finish_listen,
    .about = "One place to take requests at: a URL alone, or a map.",
};

static const section_t monitor_section = {
    .name = "monitor",
    .size = sizeof(conf_listen),
    .place = offsetof(conf_listen, place),
    .items = listen_items,
    .n_items = COUNT_OF(listen_items),
    .shorthand = "url",
    .finish = finish_monitor,
    .about = "Where /healthz, /readyz and /metrics are; http:// is taken on loopback addresses.",
};

static const item_t token_items[] = {
    { .name = "name",
      .type = TYPE_STRING,
      .offset = offsetof(conf_token, name),
      .max = 64,
      .required = true,
      .check = check_short_name,
      .about = "What logs, audit records and keys call the token. It stays the same when the hardware is "
               "replaced." },
    { .name = "uri",
      .type = TYPE_STRING,
      .offset = offsetof(conf_token, uri),
      .required = true,
      .check = check_token_uri,
      .about = "RFC 7512 URI that selects exactly one token, as pkcs11:token=prod or pkcs11:serial=0123." },
    { .name = "module",
      .type = TYPE_PATH,
      .offset = offsetof(conf_token, module),
      .required = true,
      .about = "The one PKCS#11 module to load, as /usr/lib/softhsm/libsofthsm2.so." },
    { .name = "init-args",
      .type = TYPE_STRING,
      .offset = offsetof(conf_token, init_args),
      .about = "Text handed to C_Initialize as pReserved, which NSS needs." },
    { .name = "pin-source",
      .type = TYPE_OWN,
      .own = own_pin_source,
      .offset = offsetof(conf_token, pin_source),
      .required = true,
      .form = "file:/path, credential:NAME or prompt",
      .about =
          "Where the token host reads the user PIN: a file of its own that nobody else may read, a systemd "
          "credential, or the terminal at start." },
    { .name = "session-copies",
      .type = TYPE_FLAG,
      .offset = offsetof(conf_token, session_copies),
      .fallback = "true",
      .about =
          "Keep copies of key materials as session objects where the token allows it; much faster on some." },
    { .name = "sessions",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_token, sessions),
      .min = 1,
      .max = 16,
      .fallback = "1",
      .about = "Sessions used at once. More are slower on software tokens, faster on most network HSMs." },
    { .name = "operation-deadline",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_token, op_deadline_ms),
      .min = 10,
      .max = MINUTES(5),
      .unit = 1,
      .fallback = "5s",
      .about = "A cryptographic operation that takes longer ends the token host, which is started again." },
    { .name = "slow-deadline",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_token, slow_deadline_ms),
      .min = 10,
      .max = MINUTES(60),
      .unit = 1,
      .fallback = "60s",
      .about = "The same for key generation and other management of objects." },
    { .name = "start-deadline",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_token, start_deadline_ms),
      .min = 10,
      .max = MINUTES(60),
      .unit = 1,
      .fallback = "60s",
      .about = "The same for loading the module, login and self-test." },
    { .name = "queue",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_token, queue_max),
      .min = 1,
      .max = 65536,
      .fallback = "4096",
      .about = "Operations that may wait; past it requests are answered with a retryable error." },
};

static const section_t token_section = {
    .name = "tokens",
    .size = sizeof(conf_token),
    .place = offsetof(conf_token, place),
    .items = token_items,
    .n_items = COUNT_OF(token_items),
    .about = "A PKCS#11 token that holds key materials.",
};

static const char *const copy_receivers[] = { "journald", "syslog", NULL };

static const item_t copy_items[] = {
    { .name = "to",
      .type = TYPE_WORD,
      .offset = offsetof(conf_copy, to),
      .words = copy_receivers,
      .required = true,
      .about = "journald, with fields to search by, or syslog (RFC 5424), where records past 8 KiB are cut and say so." },
    { .name = "path",
      .type = TYPE_PATH,
      .offset = offsetof(conf_copy, path),
      .about = "The receiver's datagram socket; /run/systemd/journal/socket or /dev/log unless set." },
};

static const section_t copy_section = {
    .name = "copies",
    .size = sizeof(conf_copy),
    .place = offsetof(conf_copy, place),
    .items = copy_items,
    .n_items = COUNT_OF(copy_items),
    .shorthand = "to",
    .about = "A receiver of copies: journald or syslog alone, or a map.",
};

/* C2SP signed-note: a key's name has neither spaces nor '+'. */
static const char *check_origin(slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || text.data[i] == '+') {
            return "must be printable ASCII without spaces and '+', as p11kms/kms.example";
        }
    }
    return NULL;
}

static const item_t witness_items[] = {
    { .name = "url",
      .type = TYPE_STRING,
      .offset = offsetof(conf_witness, url),
      .max = 512,
      .check = check_web_url,
      .required = true,
      .about = "The submission prefix, before /add-checkpoint." },
    { .name = "key",
      .type = TYPE_STRING,
      .offset = offsetof(conf_witness, key),
      .max = 512,
      .required = true,
      .about = "Its verifier key, as NAME+HASH+BASE64; what it signs with another is not taken." },
    { .name = "ca-file",
      .type = TYPE_PATH,
      .offset = offsetof(conf_witness, ca_file),
      .about = "The roots its certificate is checked with, PEM; the system's unless set." },
};

static const section_t witness_section = {
    .name = "witnesses",
    .size = sizeof(conf_witness),
    .place = offsetof(conf_witness, place),
    .items = witness_items,
    .n_items = COUNT_OF(witness_items),
    .about = "A witness (C2SP tlog-witness) of the audit log.",
};

static const item_t audit_items[] = {
    { .name = "dir",
      .type = TYPE_PATH,
      .offset = offsetof(conf_t, audit_dir),
      .fallback = "/var/lib/p11kms/audit",
      .about = "Folder of the audit log." },
    { .name = "segment-size",
      .type = TYPE_SIZE,
      .offset = offsetof(conf_t, audit_segment_bytes),
      .min = MIB(1),
      .max = GIB(4),
      .fallback = "64MiB",
      .about = "A file of the log is closed, and the next begun, past this size." },
    { .name = "bound",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, audit_bound_ms),
      .min = 10,
      .max = MINUTES(1),
      .unit = 1,
      .fallback = "2s",
      .about = "A record that is not on disk by then fails, and with it the request." },
    { .name = "queue",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_t, audit_queue_max),
      .min = 1,
      .max = 1000000,
      .fallback = "16384",
      .about = "Records that may wait for the disk before requests are refused." },
    { .name = "reserve",
      .type = TYPE_SIZE,
      .offset = offsetof(conf_t, audit_reserve),
      .max = GIB(1024),
      .fallback = "64MiB",
      .about = "While less is free on the log's disk, or 5 % of it where that is less, refusals of requests that were not "
               "authenticated are answered with 503 and get no record of their own; 0KiB is never." },
    { .name = "strangers-per-peer",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_t, audit_strangers_per_peer),
      .max = CONF_RATE_MAX,
      .fallback = "20",
      .about = "Records a second of refused requests that were not authenticated, for each IPv4 address, IPv6 network "
               "(/64) and local user. More are answered with ThrottlingException and summed up; 0 is no limit." },
    { .name = "strangers-in-all",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_t, audit_strangers_in_all),
      .max = CONF_RATE_MAX,
      .fallback = "100",
      .about = "The same for all of them together; 0 is no limit." },
    { .name = "summary",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, audit_summary_ms),
      .min = SECONDS(1),
      .max = HOURS(1),
      .unit = 1,
      .fallback = "60s",
      .about = "So often a record, RequestsRefused, tells what was refused without one." },
    { .name = "segment-day",
      .type = TYPE_FLAG,
      .offset = offsetof(conf_t, audit_segment_day),
      .fallback = "true",
      .about = "A file of the log is also closed with the first record of another day, in UTC." },
    { .name = "append-flag",
      .type = TYPE_FLAG,
      .offset = offsetof(conf_t, audit_append_flag),
      .fallback = "true",
      .about = "Have the kernel refuse whatever is not appending to the log's files (chattr +a), where file system "
               "and privileges (CAP_LINUX_IMMUTABLE) allow. chattr -a comes before moving or compressing them then." },
    { .name = "checkpoint-records",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_t, audit_checkpoint_records),
      .min = 1,
      .max = 1000000,
      .fallback = "1000",
      .about = "A signed checkpoint is made when so many records are without one." },
    { .name = "checkpoint-interval",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, audit_checkpoint_seconds),
      .min = SECONDS(1),
      .max = HOURS(24),
      .unit = SECONDS(1),
      .fallback = "10s",
      .about = "And so long after the last one, when there are records without." },
    { .name = "origin",
      .type = TYPE_STRING,
      .offset = offsetof(conf_t, audit_origin),
      .min = 1,
      .max = 255,
      .check = check_origin,
      .about = "The log's name in its checkpoints, and that of the key which signs them; p11kms/ and the host's name "
               "unless set. It stays the same as long as the log does." },
    { .name = "copies",
      .type = TYPE_LIST,
      .offset = offsetof(conf_t, audit_copies),
      .count = offsetof(conf_t, n_audit_copies),
      .max = CONF_COPIES_MAX,
      .section = &copy_section,
      .about = "Who gets a copy of every record. Best effort: no request waits for it, and what a receiver does not "
               "take in time is dropped and counted." },
    { .name = "witnesses",
      .type = TYPE_LIST,
      .offset = offsetof(conf_t, audit_witnesses),
      .count = offsetof(conf_t, n_audit_witnesses),
      .max = CONF_WITNESSES_MAX,
      .section = &witness_section,
      .about = "Who is asked to cosign checkpoints, so that the log cannot show two histories. No request waits for them; "
               "one that fails is asked again with the next checkpoint." },
    { .name = "witness-quorum",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_t, audit_witness_quorum),
      .min = 1,
      .max = CONF_WITNESSES_MAX,
      .fallback = "1",
      .about = "How many of them make a checkpoint witnessed, for the metric p11kms_audit_witnessed_records." },
};

static const section_t audit_section = {
    .name = "audit",
    .size = sizeof(conf_t),
    .place = NO_PLACE,
    .items = audit_items,
    .n_items = COUNT_OF(audit_items),
    .about = "The audit log.",
};

static const item_t limit_items[] = {
    { .name = "connections",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_t, connections_max),
      .min = 1,
      .max = 100000,
      .fallback = "1024",
      .about = "Connections open at once on each listener; past it one that dawdles or is idle makes room, or the "
               "new one is closed." },
    { .name = "header-timeout",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, header_timeout_ms),
      .min = 100,
      .max = MINUTES(10),
      .unit = 1,
      .fallback = "10s",
      .about = "For the TLS handshake, and from the first byte of a request to the end of its head." },
    { .name = "body-timeout",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, body_timeout_ms),
      .min = 100,
      .max = MINUTES(10),
      .unit = 1,
      .fallback = "20s",
      .about = "For a request's body." },
    { .name = "idle-timeout",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, idle_timeout_ms),
      .min = 100,
      .max = HOURS(1),
      .unit = 1,
      .fallback = "60s",
      .about = "Between requests of a connection." },
    { .name = "stop-timeout",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, stop_timeout_ms),
      .min = 100,
      .max = MINUTES(10),
      .unit = 1,
      .fallback = "10s",
      .about = "What is in flight at a stop may take this long to finish." },
    { .name = "clock-skew",
      .type = TYPE_DURATION,
      .offset = offsetof(conf_t, skew_seconds),
      .min = SECONDS(1),
      .max = MINUTES(5),
      .unit = SECONDS(1),
      .fallback = "5m",
      .about = "How far the date of a signature may be from this machine's clock, either way." },
};

static const section_t limits_section = {
    .name = "limits",
    .size = sizeof(conf_t),
    .place = NO_PLACE,
    .items = limit_items,
    .n_items = COUNT_OF(limit_items),
    .about = "Bounds on what clients may do.",
};

/* ---- quotas: the defaults are AWS's ("Resource quotas"), but rates, which are AWS's to protect many tenants ---- */

/** A map of operations to calls a second. */
static void own_operations(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    static const item_t number = { .type = TYPE_NUMBER, .offset = offsetof(conf_rate, per_second), .max = CONF_RATE_MAX };
    conf_rate *rates = arena_alloc(load->arena, sizeof(*rates) * (node->n + 1));
    size_t n = 0;

    if (node->kind != NODE_MAP) {
        report(load, node, path, "must be a map (operation: calls a second)");
        return;
    }
    for (const node_t *member = node->first; member != NULL; member = member->next) {
        conf_rate *rate = &rates[n++];
        path_t member_path = { .up = path, .name = (const char *)member->name->text.data };

        rate->operation = member_path.name;
        rate->place = (conf_place){ load->file, member->name->line, member->name->column };
        value_readers[TYPE_NUMBER](load, &number, member, &member_path, rate);
    }
    *FIELD(base, item, const conf_rate *) = rates;
    *COUNT_FIELD(base, item) = n;
}

static const item_t rate_items[] = {
    { .name = "requests",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, requests),
      .max = CONF_RATE_MAX,
      .fallback = "0",
      .about = "Of any kind." },
    { .name = "symmetric",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, symmetric),
      .max = CONF_RATE_MAX,
      .fallback = "0",
      .about = "Cryptographic operations with symmetric and HMAC keys, and GenerateRandom, together." },
    { .name = "rsa",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, rsa),
      .max = CONF_RATE_MAX,
      .fallback = "0",
      .about = "Cryptographic operations with RSA keys together." },
    { .name = "ecc",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, ecc),
      .max = CONF_RATE_MAX,
      .fallback = "0",
      .about = "Cryptographic operations with elliptic curve keys together." },
    { .name = "ml-dsa",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, ml_dsa),
      .max = CONF_RATE_MAX,
      .fallback = "0",
      .about = "Cryptographic operations with ML-DSA keys together." },
    { .name = "operations",
      .type = TYPE_OWN,
      .own = own_operations,
      .offset = offsetof(conf_quotas, operations),
      .count = offsetof(conf_quotas, n_operations),
      .form = "map, as {CreateKey: 5, ListKeys: 500}",
      .about = "Of one operation each, beside the rates above." },
};

static const section_t rates_section = {
    .name = "rates",
    .size = sizeof(conf_quotas),
    .place = NO_PLACE,
    .items = rate_items,
    .n_items = COUNT_OF(rate_items),
    .about = "Calls a second of one user, or of all sessions of one role; more are refused with ThrottlingException. 0 is no limit.",
};

static const item_t quota_items[] = {
    { .name = "keys",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, keys),
      .min = 1,
      .max = 10000000,
      .fallback = "100000",
      .about = "KMS keys of an account in a region, whatever their state." },
    { .name = "aliases-per-key",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, aliases_per_key),
      .min = 0,
      .max = CONF_ALIASES_PER_KEY_MAX,
      .fallback = "50",
      .about = "Aliases of one key." },
    { .name = "grants-per-key",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, grants_per_key),
      .min = 0,
      .max = 1000000,
      .fallback = "50000",
      .about = "Grants of one key." },
    { .name = "on-demand-rotations",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, on_demand_rotations),
      .min = 0,
      .max = 10000,
      .fallback = "25",
      .about = "Rotations of one key by RotateKeyOnDemand." },
    { .name = "custom-key-stores",
      .type = TYPE_NUMBER,
      .offset = offsetof(conf_quotas, custom_key_stores),
      .min = 0,
      .max = 1000,
      .fallback = "10",
      .about = "Custom key stores of an account in a region." },
    { .name = "rates",
      .type = TYPE_SECTION,
      .section = &rates_section,
      .about = "Calls a second of one user, or of all sessions of one role." },
};

static const section_t quotas_section = {
    .name = "quotas",
    .size = sizeof(conf_quotas),
    .place = NO_PLACE,
    .items = quota_items,
    .n_items = COUNT_OF(quota_items),
    .about = "What accounts and principals may use; past it they get LimitExceededException or ThrottlingException.",
};

static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", NULL };

static const item_t file_items[] = {
    { .name = "listen",
      .type = TYPE_LIST,
      .offset = offsetof(conf_t, listen),
      .count = offsetof(conf_t, n_listen),
      .min = 1,
      .required = true,
      .section = &listen_section,
      .about = "Where requests are taken." },
    { .name = "monitor",
      .type = TYPE_OWN,
      .own = own_monitor,
      .offset = offsetof(conf_t, monitor),
      .section = &monitor_section,
      .form = "URL or map",
      .about = "Where health and metrics are served. Nowhere unless set." },
    { .name = "tokens",
      .type = TYPE_LIST,
      .offset = offsetof(conf_t, tokens),
      .count = offsetof(conf_t, n_tokens),
      .min = 1,
      .required = true,
      .section = &token_section,
      .about = "The tokens that hold key materials." },
    { .name = "default-token",
      .type = TYPE_STRING,
      .offset = offsetof(conf_t, default_token),
      .max = 64,
      .check = check_short_name,
      .about = "The token of keys that name none; the first one unless set." },
    { .name = "region",
      .type = TYPE_STRING,
      .offset = offsetof(conf_t, region),
      .max = 32,
      .check = check_region,
      .fallback = "us-east-1",
      .about = "The region of declared keys that name none, and of callers whose requests are not signed." },
    { .name = "store",
      .type = TYPE_PATH,
      .offset = offsetof(conf_t, store),
      .fallback = "/var/lib/p11kms/p11kms.db",
      .about = "The SQLite database." },
    { .name = "audit", .type = TYPE_SECTION, .section = &audit_section, .about = "The audit log." },
    { .name = "identities",
      .type = TYPE_PATH,
      .offset = offsetof(conf_t, identities_dir),
      .about = "Folder whose *.yaml files declare accounts, users, groups and peers." },
    { .name = "keys",
      .type = TYPE_PATH,
      .offset = offsetof(conf_t, keys_dir),
      .about = "Folder whose *.yaml files declare keys." },
    { .name = "log-level",
      .type = TYPE_WORD,
      .offset = offsetof(conf_t, log_level),
      .words = log_levels,
      .fallback = "info",
      .about = "Operational messages above this level are left out: error, warning, notice, info or debug." },
    { .name = "limits",
      .type = TYPE_SECTION,
      .section = &limits_section,
      .about = "Bounds on what clients may do." },
    { .name = "quotas",
      .type = TYPE_SECTION,
      .offset = offsetof(conf_t, quotas),
      .section = &quotas_section,
      .about = "What accounts and principals may use." },
    { .name = "user",
      .type = TYPE_STRING,
      .offset = offsetof(conf_t, user),
      .min = 1,
      .max = 32,
      .about = "The user to become when started as root." },
};

const section_t conf_file_section = {
    .name = "p11kmsd.yaml",
    .size = sizeof(conf_t),
    .place = NO_PLACE,
    .items = file_items,
    .n_items = COUNT_OF(file_items),
    .about = "The daemon's configuration.",
};

/* ---- what one section says of another ---- */

static const conf_token *find_token(const conf_t *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_tokens; i++) {
        if (strcmp(conf->tokens[i].name, name) == 0) {
            return &conf->tokens[i];
        }
    }
    return NULL;
}

static void check_references(load_t *load, const node_t *root, conf_t *conf)
{
    for (size_t i = 0; i < conf->n_tokens; i++) {
        const conf_token *token = &conf->tokens[i];
        const conf_token *first = find_token(conf, token->name);

        if (first != token) {
            problem_put(load->problems, token->place.file, token->place.line, token->place.column,
                        "tokens[%zu].name: '%s' is taken by tokens[%td]", i, token->name,
                        first - conf->tokens);
        }
    }
    if (conf->default_token == NULL) {
        conf->default_token = conf->tokens[0].name;
    } else if (find_token(conf, conf->default_token) == NULL) {
        path_t path = { .name = "default-token" };

        report(load, node_member(root, SLICE_LIT("default-token")), &path, "no token is called '%s'",
               conf->default_token);
    }
}

struct loaded {
    conf_t conf; /* first: what callers hold */
    arena_t *arena;
};

p11kms_err conf_load(const char *file, bool dev, buf_t *problems, conf_t **ret)
{
    _cleanup_(arena) arena_t *arena = arena_new(16384);
    problems_t found = { .out = problems };
    load_t load;
    const node_t *root;

    ENSURE(arena != NULL, P11KMS_E_NOMEM);
    TRY(load_begin(&load, arena, &found, file, dev));
    TRY(tree_read(&load, &root));
    struct loaded *loaded = ARENA_NEW(arena, struct loaded);
    loaded->conf.file = load.file;
    if (root != NULL) {
        read_section(&load, &conf_file_section, root, NULL, &loaded->conf);
    }
    if (found.n == 0) {
        check_references(&load, root, &loaded->conf);
    }
    TRY(problems_result(&found));
    loaded->arena = STEAL(arena);
    *ret = &loaded->conf;
    return P11KMS_OK;
}

void conf_free(conf_t *conf)
{
    if (conf != NULL) {
        arena_free(((struct loaded *)(void *)conf)->arena);
    }
}
