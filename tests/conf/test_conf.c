#include "conf/conf.h"
#include "conf/tables.h"
#include "tests/conf/files.h"

#define TOKEN "tokens: [{name: a, uri: 'pkcs11:token=t', module: m.so, pin-source: prompt}]\n"
#define LISTEN "listen: [unix:/run/s]\n"

/** Load @p text as p11kmsd.yaml; what was found, without the folder. */
static p11kms_err load_text(const char *text, bool dev, buf_t *problems, conf_t **ret)
{
    const char *folder = scratch_folder();
    const char *file = write_file(folder, "p11kmsd.yaml", text);
    p11kms_err err = conf_load(file, dev, problems, ret);

    without_folder(problems, folder);
    return err;
}

static void assert_problems(const char *text, const char *expected)
{
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;

    assert_err(load_text(text, false, &problems, &conf), P11KMS_E_CONFIG);
    assert_null(conf);
    assert_buf_text(&problems, expected);
}

static void test_what_is_left_out_has_its_default(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;

    (void)state;
    assert_ok(load_text(LISTEN TOKEN, false, &problems, &conf));
    assert_int_equal(conf->n_listen, 1);
    assert_int_equal(conf->listen[0].kind, LISTEN_UNIX);
    assert_int_equal(conf->listen[0].mode, 0666);
    assert_null(conf->monitor);
    assert_int_equal(conf->n_tokens, 1);
    assert_true(conf->tokens[0].session_copies);
    assert_int_equal(conf->tokens[0].sessions, 1);
    assert_int_equal(conf->tokens[0].op_deadline_ms, 5000);
    assert_int_equal(conf->tokens[0].slow_deadline_ms, 60000);
    assert_int_equal(conf->tokens[0].start_deadline_ms, 60000);
    assert_int_equal(conf->tokens[0].queue_max, 4096);
    assert_null(conf->tokens[0].init_args);
    assert_string_equal(conf->default_token, "a");
    assert_string_equal(conf->region, "us-east-1");
    assert_string_equal(conf->store, "/var/lib/p11kms/p11kms.db");
    assert_string_equal(conf->audit_dir, "/var/lib/p11kms/audit");
    assert_int_equal(conf->audit_segment_bytes, 64 << 20);
    assert_int_equal(conf->audit_bound_ms, 2000);
    assert_int_equal(conf->audit_queue_max, 16384);
    assert_null(conf->identities_dir);
    assert_null(conf->keys_dir);
    assert_string_equal(conf->log_level, "info");
    assert_int_equal(conf->skew_seconds, 300);
    assert_int_equal(conf->quotas.keys, 100000);
    assert_int_equal(conf->quotas.aliases_per_key, 50);
    assert_int_equal(conf->quotas.grants_per_key, 50000);
    assert_int_equal(conf->quotas.on_demand_rotations, 25);
    assert_int_equal(conf->quotas.custom_key_stores, 10);
    assert_int_equal(conf->quotas.requests, 0);
    assert_int_equal(conf->quotas.symmetric, 0);
    assert_int_equal(conf->quotas.n_operations, 0);
    assert_null(conf->user);
    conf_free(conf);
}

static void test_every_value_lands_in_its_field(void **state)
{
    static const char text[] =
        "listen:\n"
        "  - url: https://[::1]:8443/\n"
        "    certificate: tls/cert.pem\n"
        "    key: /etc/key.pem\n"
        "    client-ca: ca.pem\n"
        "  - {url: 'unix:run/kms.sock', mode: 0660}\n"
        "monitor: http://localhost:9464\n"
        "tokens:\n"
        "  - {name: a, uri: 'pkcs11:token=t', module: m.so, pin-source: 'file:pin'}\n"
        "  - {name: b, uri: 'pkcs11:serial=1', module: /m.so, pin-source: 'credential:p',\n"
        "     init-args: 'x y', session-copies: false, sessions: 16,\n"
        "     operation-deadline: 250ms, slow-deadline: 2m, start-deadline: 1h, queue: 1}\n"
        "default-token: b\n"
        "region: eu-central-1\n"
        "store: db\n"
        "audit: {dir: log, segment-size: 1GiB, bound: 5s, queue: 7, witness-quorum: 2,\n"
        "        witnesses: [{url: 'http://w.example/x', key: w+0+a}, {url: 'https://v', key: v, ca-file: ca}]}\n"
        "identities: identities.d\n"
        "keys: keys.d\n"
        "log-level: debug\n"
        "limits: {connections: 5, header-timeout: 1s, body-timeout: 2s, idle-timeout: 3s,\n"
        "         stop-timeout: 4s, clock-skew: 90s}\n"
        "quotas: {keys: 9, aliases-per-key: 8, grants-per-key: 7, on-demand-rotations: 6, custom-key-stores: 5,\n"
        "         rates: {requests: 14, symmetric: 13, rsa: 12, ecc: 11, ml-dsa: 10,\n"
        "                 operations: {CreateKey: 2, ListKeys: 3}}}\n"
        "user: kms\n";
    const char *folder = scratch_folder();
    const char *file = write_file(folder, "p11kmsd.yaml", text);
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;

    (void)state;
    assert_ok(conf_load(file, false, &problems, &conf));
    assert_int_equal(conf->listen[0].kind, LISTEN_HTTPS);
    assert_string_equal(conf->listen[0].host, "::1");
    assert_int_equal(conf->listen[0].port, 8443);
    assert_string_equal(conf->listen[0].certificate, scratch_path(folder, "tls/cert.pem"));
    assert_string_equal(conf->listen[0].key, "/etc/key.pem");
    assert_string_equal(conf->listen[0].client_ca, scratch_path(folder, "ca.pem"));
    assert_int_equal(conf->listen[0].place.line, 2);
    assert_int_equal(conf->listen[0].place.column, 5);
    assert_string_equal(conf->listen[1].path, scratch_path(folder, "run/kms.sock"));
    assert_int_equal(conf->listen[1].mode, 0660);
    assert_int_equal(conf->monitor->kind, LISTEN_HTTP);
    assert_int_equal(conf->monitor->port, 9464);
    assert_string_equal(conf->tokens[0].module, scratch_path(folder, "m.so"));
    assert_memory_equal(conf->tokens[0].pin_source, "file:/", 6);
    assert_string_equal(conf->tokens[0].pin_source + 5, scratch_path(folder, "pin"));
    assert_string_equal(conf->tokens[1].pin_source, "credential:p");
    assert_string_equal(conf->tokens[1].init_args, "x y");
    assert_false(conf->tokens[1].session_copies);
    assert_int_equal(conf->tokens[1].sessions, 16);
    assert_int_equal(conf->tokens[1].op_deadline_ms, 250);
    assert_int_equal(conf->tokens[1].slow_deadline_ms, 120000);
    assert_int_equal(conf->tokens[1].start_deadline_ms, 3600000);
    assert_int_equal(conf->tokens[1].queue_max, 1);
    assert_string_equal(conf->default_token, "b");
    assert_string_equal(conf->region, "eu-central-1");
    assert_string_equal(conf->store, scratch_path(folder, "db"));
    assert_string_equal(conf->audit_dir, scratch_path(folder, "log"));
    assert_true(conf->audit_segment_bytes == UINT64_C(1) << 30);
    assert_int_equal(conf->audit_bound_ms, 5000);
    assert_int_equal(conf->audit_queue_max, 7);
    assert_int_equal(conf->audit_witness_quorum, 2);
    assert_int_equal(conf->n_audit_witnesses, 2);
    assert_string_equal(conf->audit_witnesses[0].url, "http://w.example/x");
    assert_string_equal(conf->audit_witnesses[0].key, "w+0+a");
    assert_null(conf->audit_witnesses[0].ca_file);
    assert_string_equal(conf->audit_witnesses[1].ca_file, scratch_path(folder, "ca"));
    assert_string_equal(conf->identities_dir, scratch_path(folder, "identities.d"));
    assert_string_equal(conf->keys_dir, scratch_path(folder, "keys.d"));
    assert_string_equal(conf->log_level, "debug");
    assert_int_equal(conf->connections_max, 5);
    assert_int_equal(conf->header_timeout_ms, 1000);
    assert_int_equal(conf->body_timeout_ms, 2000);
    assert_int_equal(conf->idle_timeout_ms, 3000);
    assert_int_equal(conf->stop_timeout_ms, 4000);
    assert_int_equal(conf->skew_seconds, 90);
    assert_int_equal(conf->quotas.keys, 9);
    assert_int_equal(conf->quotas.aliases_per_key, 8);
    assert_int_equal(conf->quotas.grants_per_key, 7);
    assert_int_equal(conf->quotas.on_demand_rotations, 6);
    assert_int_equal(conf->quotas.custom_key_stores, 5);
    assert_int_equal(conf->quotas.requests, 14);
    assert_int_equal(conf->quotas.symmetric, 13);
    assert_int_equal(conf->quotas.rsa, 12);
    assert_int_equal(conf->quotas.ecc, 11);
    assert_int_equal(conf->quotas.ml_dsa, 10);
    assert_int_equal(conf->quotas.n_operations, 2);
    assert_string_equal(conf->quotas.operations[1].operation, "ListKeys");
    assert_int_equal(conf->quotas.operations[1].per_second, 3);
    assert_int_equal(conf->quotas.operations[1].place.line, 25);
    assert_string_equal(conf->user, "kms");
    conf_free(conf);
}

static void test_a_wrong_value_is_told_with_its_place_and_path(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        { LISTEN
          "tokens:\n  - name: a\n    uri: pkcs11:token=t\n    module: m.so\n    pin-source: /etc/pin\n",
          "p11kmsd.yaml:6:17: tokens[0].pin-source: must be file:/path, credential:NAME or prompt\n" },
        { LISTEN TOKEN "regoin: x\n", "p11kmsd.yaml:3:1: unknown name 'regoin'; did you mean 'region'?\n" },
        { LISTEN TOKEN "limits: {zzzzzz: 1}\n",
          "p11kmsd.yaml:3:10: limits: unknown name 'zzzzzz'; known here: connections, header-timeout, "
          "body-timeout, idle-timeout, stop-timeout, clock-skew\n" },
        { LISTEN TOKEN "limits: {idle_timeout: 1s}\n",
          "p11kmsd.yaml:3:10: limits: unknown name 'idle_timeout'; did you mean 'idle-timeout'?\n" },
        { LISTEN TOKEN "limits: {idle-timeout: 5}\n",
          "p11kmsd.yaml:3:24: limits.idle-timeout: must be a duration, as 250ms, 5s, 2m, 1h or 1d\n" },
        { LISTEN TOKEN "limits: {clock-skew: 6m}\n",
          "p11kmsd.yaml:3:22: limits.clock-skew: must be from 1s to 5m\n" },
        { LISTEN TOKEN "limits: {clock-skew: 1500ms}\n",
          "p11kmsd.yaml:3:22: limits.clock-skew: must be whole seconds\n" },
        { LISTEN TOKEN "limits: {idle-timeout: 99999999999999999999s}\n",
          "p11kmsd.yaml:3:24: limits.idle-timeout: must be a duration, as 250ms, 5s, 2m, 1h or 1d\n" },
        { LISTEN TOKEN "limits: {idle-timeout: 300000000000000d}\n",
          "p11kmsd.yaml:3:24: limits.idle-timeout: must be a duration, as 250ms, 5s, 2m, 1h or 1d\n" },
        { LISTEN TOKEN "audit: {segment-size: 64MB}\n",
          "p11kmsd.yaml:3:23: audit.segment-size: must be a size, as 512KiB, 64MiB or 1GiB\n" },
        { LISTEN TOKEN "audit: {segment-size: 1KiB}\n",
          "p11kmsd.yaml:3:23: audit.segment-size: must be from 1MiB to 4GiB\n" },
        { LISTEN TOKEN "audit: {witnesses: [{url: 'ftp://w', key: k}]}\n",
          "p11kmsd.yaml:3:27: audit.witnesses[0].url: must be https:// or http:// and a host, without query and "
          "fragment\n" },
        { LISTEN TOKEN "limits: {connections: -1}\n",
          "p11kmsd.yaml:3:23: limits.connections: must be a number from 1 to 100000\n" },
        { LISTEN TOKEN "limits: {connections: 0x10}\n",
          "p11kmsd.yaml:3:23: limits.connections: must be a number from 1 to 100000\n" },
        { LISTEN TOKEN "limits: {connections: [1]}\n",
          "p11kmsd.yaml:3:23: limits.connections: must be one value, not a list or map\n" },
        { LISTEN TOKEN "limits: 5\n", "p11kmsd.yaml:3:9: limits: must be a map (name: value)\n" },
        { LISTEN TOKEN "log-level: loud\n",
          "p11kmsd.yaml:3:12: log-level: must be one of error, warning, notice, info, debug\n" },
        { LISTEN TOKEN "region: US East\n",
          "p11kmsd.yaml:3:9: region: must be a region name, as us-east-1\n" },
        { LISTEN TOKEN "store:\n", "p11kmsd.yaml:3:7: store: needs a value\n" },
        { LISTEN TOKEN "store: ''\n", "p11kmsd.yaml:3:8: store: must have 1 to 1024 bytes\n" },
        { LISTEN TOKEN "store: \"a\\nb\"\n", "p11kmsd.yaml:3:8: store: must not hold control characters\n" },
        { LISTEN TOKEN "default-token: b\n", "p11kmsd.yaml:3:16: default-token: no token is called 'b'\n" },
        { LISTEN "tokens: []\n", "p11kmsd.yaml:2:9: tokens: needs at least 1\n" },
        { LISTEN "tokens: x\n", "p11kmsd.yaml:2:9: tokens: must be a list\n" },
        { LISTEN, "p11kmsd.yaml:1:1: 'tokens' is missing (list)\n" },
        { LISTEN "tokens: [{name: a, uri: 'pkcs11:t', pin-source: prompt}]\n",
          "p11kmsd.yaml:2:10: tokens[0]: 'module' is missing (path)\n" },
        { LISTEN "tokens: [{name: a, uri: 'pkcs11:x?pin-value=1', module: m, pin-source: prompt}]\n",
          "p11kmsd.yaml:2:25: tokens[0].uri: must not say where the PIN is: use pin-source\n" },
        { LISTEN "tokens: [{name: a, uri: 'pkcs11:x', module: m, pin-source: prompt, session-copies: yes}]\n",
          "p11kmsd.yaml:2:84: tokens[0].session-copies: must be true or false\n" },
        { LISTEN "tokens: [{name: a, uri: 'pkcs11:x', module: m, pin-source: prompt},\n"
                 "  {name: a, uri: 'pkcs11:y', module: m, pin-source: prompt}]\n",
          "p11kmsd.yaml:3:3: tokens[1].name: 'a' is taken by tokens[0]\n" },
        { TOKEN "listen: [https://0.0.0.0]\n",
          "p11kmsd.yaml:2:10: listen[0]: https:// needs 'certificate' and 'key'\n" },
        { TOKEN "listen: [ftp://x]\n",
          "p11kmsd.yaml:2:10: listen[0].url: must be https://host:port or unix:/path\n" },
        { TOKEN "listen: ['http://127.0.0.1:80']\n",
          "p11kmsd.yaml:2:10: listen[0]: http:// is for --dev alone: use https:// or unix:\n" },
        { TOKEN "listen: [{url: 'https://h', certificate: c, key: k, mode: 0600}]\n",
          "p11kmsd.yaml:2:10: listen[0]: 'mode' is for unix: alone\n" },
        { TOKEN "listen: [{url: 'unix:/s', key: k}]\n",
          "p11kmsd.yaml:2:10: listen[0]: 'certificate', 'key' and 'client-ca' are for https:// alone\n" },
        { TOKEN "listen: [{url: 'unix:/s', mode: 0999}]\n",
          "p11kmsd.yaml:2:33: listen[0].mode: must be an octal file mode, as 0660\n" },
        { TOKEN "listen: [{url: 'unix:/s', mode: 7777}]\n",
          "p11kmsd.yaml:2:33: listen[0].mode: must be an octal file mode, as 0660\n" },
        { LISTEN TOKEN "monitor: http://192.0.2.1:1\n",
          "p11kmsd.yaml:3:10: monitor.url: http:// is taken on loopback addresses alone\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_problems(rows[i].text, rows[i].expected);
    }
}

static void test_many_problems_are_told_in_one_round(void **state)
{
    (void)state;
    assert_problems("listen: 5\nstoer: x\nregion: [a]\n",
                    "p11kmsd.yaml:1:9: listen: must be a list\n"
                    "p11kmsd.yaml:2:1: unknown name 'stoer'; did you mean 'store'?\n"
                    "p11kmsd.yaml:3:9: region: must be one value, not a list or map\n"
                    "p11kmsd.yaml:1:1: 'tokens' is missing (list)\n");
}

static void test_messages_end_after_twenty(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;
    size_t lines = 0;

    (void)state;
    for (int i = 0; i < 50; i++) {
        buf_printf(&text, "nonsense-%d: 1\n", i);
    }
    assert_err(load_text(buf_str(&text), false, &problems, &conf), P11KMS_E_CONFIG);
    for (size_t i = 0; i < problems.len; i++) {
        lines += problems.data[i] == '\n';
    }
    assert_int_equal(lines, 20);
    assert_string_equal(p11kms_err_detail(P11KMS_E_CONFIG), "52 problems in the configuration");
}

static void test_text_from_the_file_cannot_forge_a_message(void **state)
{
    (void)state;
    assert_problems(
        LISTEN TOKEN "\"x\\ny\": 1\n",
        "p11kmsd.yaml:3:1: unknown name 'x?y'; known here: listen, monitor, tokens, default-token, "
        "region, store, audit, identities, keys, log-level, limits, quotas, user\n");
}

static void test_plain_http_is_for_dev_and_loopback(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;

    (void)state;
    assert_ok(load_text(TOKEN "listen: ['http://127.0.0.1:0', 'http://[::1]:1']\n", true, &problems, &conf));
    assert_int_equal(conf->listen[0].port, 0);
    conf_free(conf);
    assert_err(load_text(TOKEN "listen: ['http://0.0.0.0:80']\n", true, &problems, &conf), P11KMS_E_CONFIG);
    assert_buf_text(&problems,
                    "p11kmsd.yaml:2:10: listen[0].url: http:// is taken on loopback addresses alone\n");
}

static void test_a_file_that_is_not_there_is_told_as_such(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;

    (void)state;
    assert_err(conf_load("/nonexistent/p11kmsd.yaml", false, &problems, &conf), P11KMS_E_IO);
    assert_err(conf_load(scratch_folder(), false, &problems, &conf), P11KMS_E_IO);
    assert_null(conf);
}

static void test_a_relative_file_name_gives_absolute_paths(void **state)
{
    const char *folder = scratch_folder();
    _cleanup_buf_ buf_t problems = { 0 };
    conf_t *conf = NULL;

    (void)state;
    write_file(folder, "p11kmsd.yaml", LISTEN TOKEN "store: db\n");
    assert_int_equal(chdir(folder), 0);
    assert_ok(conf_load("p11kmsd.yaml", false, &problems, &conf));
    assert_int_equal(chdir("/"), 0);
    assert_string_equal(conf->file, "p11kmsd.yaml");
    assert_string_equal(conf->store, scratch_path(folder, "db"));
    conf_free(conf);
}

static void check_documented(const section_t *section, unsigned depth)
{
    assert_true(depth < 8);
    assert_non_null(section->name);
    assert_true(section->about != NULL && section->about[0] != '\0');
    assert_true(section->n_items <= ITEMS_MAX);
    for (size_t i = 0; i < section->n_items; i++) {
        const item_t *item = &section->items[i];

        assert_true(item->about != NULL && item->about[strlen(item->about) - 1] == '.');
        assert_non_null(item_form(item));
        assert_true(item->type != TYPE_OWN || item->own != NULL);
        assert_true(item->type != TYPE_WORD || item->words != NULL);
        if (item->section != NULL) {
            check_documented(item->section, depth + 1);
        }
    }
}

static void test_every_row_of_the_schema_is_documented(void **state)
{
    (void)state;
    check_documented(&conf_file_section, 0);
    check_documented(&conf_declared_section, 0);
}

static void test_the_example_files_are_true(void **state)
{
    _cleanup_buf_ buf_t file = { 0 };
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;

    (void)state;
    buf_printf(&file, "%s/conf/p11kmsd.yaml.example", getenv("P11KMS_SRCDIR"));
    assert_err(conf_load(buf_str(&file), false, &problems, &conf), P11KMS_OK);
    assert_buf_text(&problems, "");
    const char *folders[] = { conf->identities_dir, conf->keys_dir };
    assert_err(conf_load_declared(folders, 2, false, &problems, &declared), P11KMS_OK);
    assert_buf_text(&problems, "");
    assert_int_equal(declared->n_accounts, 1);
    assert_int_equal(declared->accounts[0].n_users, 3);
    assert_int_equal(declared->accounts[0].n_roles, 4);
    assert_int_equal(declared->accounts[0].n_oidc_providers, 2);
    assert_int_equal(declared->n_peers, 3);
    assert_int_equal(declared->n_keys, 2);
}

static void test_a_key_on_a_token_that_is_not_configured_is_told_with_its_place(void **state)
{
    const char *folder = scratch_folder();
    const char *file = write_file(folder, "keys.yaml",
                                  "accounts: [{id: \"123456789012\"}]\n"
                                  "keys:\n"
                                  "  - {alias: alias/a, account: \"123456789012\", token: prod-a}\n"
                                  "  - {alias: alias/b, account: \"123456789012\", token: prod-b}\n");
    const conf_token token = { .name = "prod-a" };
    const conf_t conf = { .tokens = &token, .n_tokens = 1 };
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_buf_ buf_t problems = { 0 };

    (void)state;
    assert_ok(conf_load_declared(&file, 1, false, &problems, &declared));
    assert_err(conf_check_key_tokens(&conf, declared, &problems), P11KMS_E_CONFIG);
    without_folder(&problems, folder);
    assert_buf_text(&problems, "keys.yaml:4:5: alias/b: no token is called 'prod-b'\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_out_has_its_default),
        cmocka_unit_test(test_every_value_lands_in_its_field),
        cmocka_unit_test(test_a_wrong_value_is_told_with_its_place_and_path),
        cmocka_unit_test(test_many_problems_are_told_in_one_round),
        cmocka_unit_test(test_messages_end_after_twenty),
        cmocka_unit_test(test_text_from_the_file_cannot_forge_a_message),
        cmocka_unit_test(test_plain_http_is_for_dev_and_loopback),
        cmocka_unit_test(test_a_file_that_is_not_there_is_told_as_such),
        cmocka_unit_test(test_a_relative_file_name_gives_absolute_paths),
        cmocka_unit_test(test_every_row_of_the_schema_is_documented),
        cmocka_unit_test(test_the_example_files_are_true),
        cmocka_unit_test(test_a_key_on_a_token_that_is_not_configured_is_told_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
