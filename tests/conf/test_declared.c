#include "conf/conf.h"
#include "tests/conf/files.h"

/** Load one or two texts as files of a folder, in this order. */
static p11kms_err load_texts(const char *first, const char *second, bool dev, buf_t *problems,
                             conf_declared_t **ret)
{
    const char *folder = scratch_folder();
    const char *const paths[] = { folder };

    write_file(folder, "1.yaml", first);
    if (second != NULL) {
        write_file(folder, "2.yaml", second);
    }
    write_file(folder, ".hidden.yaml", "nonsense: 1\n");
    write_file(folder, "2.yaml~", "nonsense: 1\n");
    p11kms_err err = conf_load_declared(paths, 1, dev, problems, ret);
    without_folder(problems, folder);
    return err;
}

static conf_declared_t *load_good(const char *first, const char *second, bool dev)
{
    _cleanup_buf_ buf_t problems = { 0 };
    conf_declared_t *declared = NULL;
    p11kms_err err = load_texts(first, second, dev, &problems, &declared);

    assert_buf_text(&problems, "");
    assert_ok(err);
    return declared;
}

static void test_the_seed_of_the_handbook_is_read(void **state)
{
    _cleanup_(conf_declared) conf_declared_t *declared =
        load_good("accounts:\n"
                  "  - id: \"123456789012\"\n"
                  "    users:\n"
                  "      - name: admin\n"
                  "        administrator: true\n"
                  "        access-keys: [{id: FOOBARKEY, secret: FOOBARSECRET}]\n",
                  NULL, true);
    const conf_user *user = &declared->accounts[0].users[0];

    (void)state;
    assert_string_equal(declared->accounts[0].id, "123456789012");
    assert_string_equal(user->name, "admin");
    assert_string_equal(user->path, "/");
    assert_true(user->administrator);
    assert_string_equal(user->access_keys[0].id, "FOOBARKEY");
    assert_string_equal(user->access_keys[0].secret, "FOOBARSECRET");
    assert_true(user->access_keys[0].active);
    assert_int_equal(user->place.line, 4);
    assert_int_equal(user->place.column, 9);
}

static void test_everything_that_may_be_declared_lands_in_its_field(void **state)
{
    _cleanup_(conf_declared) conf_declared_t *declared =
        load_good("accounts:\n"
                  "- id: 000000000001\n"
                  "  groups: [{name: ops, policies: [{name: g, document: {Version: 2012-10-17}}]}]\n"
                  "  users:\n"
                  "  - {name: a, path: /x/y/, groups: [ops], tags: {team: blue, n: 7, none: }}\n"
                  "peers:\n"
                  "- {unix: {uid: app, gid: 100}, principal: 'arn:aws:iam::000000000001:user/x/y/a'}\n"
                  "- certificate: {subject: 'CN=a,O=b', san: 'DNS:a.example'}\n"
                  "  principal: arn:aws:iam::000000000001:user/x/y/a\n",
                  "keys:\n"
                  "- alias: alias/app\n"
                  "  description: |\n"
                  "    two\n"
                  "    lines\n"
                  "  rotation: true\n"
                  "- {alias: alias/b, account: '000000000001', region: eu-west-1, spec: SYMMETRIC_DEFAULT,\n"
                  "   token: t, enabled: false, rotation: {period-days: 90}, tags: {a: b},\n"
                  "   policy: '{\"Version\": \"2012-10-17\"}'}\n"
                  "- {alias: alias/c, rotation: false}\n",
                  false);
    const conf_user *user = &declared->accounts[0].users[0];

    (void)state;
    assert_string_equal(declared->accounts[0].groups[0].policies[0].json, "{\"Version\":\"2012-10-17\"}");
    assert_string_equal(user->path, "/x/y/");
    assert_int_equal(user->n_groups, 1);
    assert_string_equal(user->groups[0], "ops");
    assert_int_equal(user->n_tags, 3);
    assert_string_equal(user->tags[0].key, "team");
    assert_string_equal(user->tags[0].value, "blue");
    assert_string_equal(user->tags[1].value, "7");
    assert_string_equal(user->tags[2].value, "");
    assert_true(declared->peers[0].is_unix);
    assert_string_equal(declared->peers[0].uid, "app");
    assert_string_equal(declared->peers[0].gid, "100");
    assert_false(declared->peers[1].is_unix);
    assert_string_equal(declared->peers[1].subject, "CN=a,O=b");
    assert_string_equal(declared->peers[1].san, "DNS:a.example");
    assert_null(declared->peers[1].sha256);
    assert_int_equal(declared->n_keys, 3);
    assert_string_equal(declared->keys[0].account, "000000000001"); /* the only one declared */
    assert_string_equal(declared->keys[0].description, "two\nlines\n");
    assert_int_equal(declared->keys[0].rotation_days, 365);
    assert_true(declared->keys[0].enabled);
    assert_null(declared->keys[0].region);
    assert_null(declared->keys[0].policy);
    assert_string_equal(declared->keys[0].spec, "SYMMETRIC_DEFAULT");
    assert_string_equal(declared->keys[1].region, "eu-west-1");
    assert_string_equal(declared->keys[1].token, "t");
    assert_false(declared->keys[1].enabled);
    assert_int_equal(declared->keys[1].rotation_days, 90);
    assert_string_equal(declared->keys[1].tags[0].value, "b");
    assert_string_equal(declared->keys[1].policy->json, "{\"Version\": \"2012-10-17\"}");
    assert_string_equal(declared->keys[2].description, "");
    assert_int_equal(declared->keys[2].rotation_days, 0);
}

#define TRUST "{Statement: {Effect: Allow, Principal: '*', Action: 'sts:AssumeRole'}}"

static void test_roles_and_identity_providers_land_in_their_fields(void **state)
{
    _cleanup_(conf_declared) conf_declared_t *declared = load_good(
        "accounts:\n"
        "- id: 000000000001\n"
        "  users:\n"
        "  - {name: u, permissions-boundary: {document: {Version: 2012-10-17}}}\n"
        "  roles:\n"
        "  - {name: r, trust: " TRUST "}\n"
        "  - name: s\n"
        "    path: /x/\n"
        "    trust: '{\"Statement\": []}'\n"
        "    policies: [{name: p, document: {Version: 2012-10-17}}]\n"
        "    permissions-boundary: {name: edge, document: {Version: 2008-10-17}}\n"
        "    tags: {team: blue}\n"
        "    max-session: 12h\n"
        "  oidc-providers:\n"
        "  - {issuer: 'https://a.example/x', audiences: [p, q]}\n"
        "  - {issuer: 'https://b.example', jwks: 'file:keys.json', ca: ca.pem, audiences: [p],\n"
        "     refresh: 5m, max-age: 2h}\n"
        "  - {issuer: 'https://c.example', jwks: 'https://c.example:8443/keys', audiences: [p]}\n",
        "peers:\n"
        "- {unix: {uid: 7}, principal: 'arn:aws:iam::000000000001:role/r'}\n"
        "- {unix: {uid: 8}, principal: 'arn:aws:iam::000000000001:role/x/s', session-name: nightly}\n",
        false);
    const conf_account *account = &declared->accounts[0];
    const conf_role *role = account->roles;
    const conf_oidc_provider *provider = account->oidc_providers;

    (void)state;
    assert_string_equal(account->users[0].boundary->name, "permissions-boundary");
    assert_string_equal(account->users[0].boundary->json, "{\"Version\":\"2012-10-17\"}");
    assert_int_equal(account->n_roles, 2);
    assert_string_equal(role[0].path, "/");
    assert_string_equal(role[0].trust->name, "trust");
    assert_non_null(strstr(role[0].trust->json, "sts:AssumeRole"));
    assert_null(role[0].boundary);
    assert_int_equal(role[0].max_session_s, 3600);
    assert_int_equal(role[0].place.line, 6);
    assert_string_equal(role[1].path, "/x/");
    assert_string_equal(role[1].policies[0].name, "p");
    assert_string_equal(role[1].boundary->name, "edge");
    assert_string_equal(role[1].tags[0].value, "blue");
    assert_int_equal(role[1].max_session_s, 43200);
    assert_int_equal(account->n_oidc_providers, 3);
    assert_string_equal(provider[0].issuer, "https://a.example/x");
    assert_null(provider[0].jwks);
    assert_null(provider[0].ca);
    assert_int_equal(provider[0].n_audiences, 2);
    assert_string_equal(provider[0].audiences[1], "q");
    assert_int_equal(provider[0].refresh_s, 3600);
    assert_int_equal(provider[0].max_age_s, 86400);
    assert_memory_equal(provider[1].jwks, "file:/", 6);
    assert_non_null(strstr(provider[1].jwks, "/keys.json"));
    assert_int_equal(provider[1].ca[0], '/');
    assert_int_equal(provider[1].refresh_s, 300);
    assert_int_equal(provider[1].max_age_s, 7200);
    assert_string_equal(provider[2].jwks, "https://c.example:8443/keys");
    assert_null(declared->peers[0].session_name);
    assert_string_equal(declared->peers[1].session_name, "nightly");
}

static void test_files_add_to_one_account(void **state)
{
    _cleanup_(conf_declared) conf_declared_t *declared = load_good(
        "accounts: [{id: '000000000001', users: [{name: a, groups: [g]}, {name: b}],\n"
        "  roles: [{name: r, trust: " TRUST "}]}]\n",
        "accounts: [{id: '000000000002'}, {id: '000000000001', users: [{name: c}], groups: [{name: g}],\n"
        "  roles: [{name: s, trust: " TRUST "}],\n"
        "  oidc-providers: [{issuer: 'https://a.example', audiences: [p]}]}]\n",
        false);

    (void)state;
    assert_int_equal(declared->n_accounts, 2);
    assert_int_equal(declared->accounts[0].n_users, 3);
    assert_string_equal(declared->accounts[0].users[2].name, "c");
    assert_int_equal(declared->accounts[0].n_groups, 1);
    assert_int_equal(declared->accounts[0].n_roles, 2);
    assert_string_equal(declared->accounts[0].roles[1].name, "s");
    assert_string_equal(declared->accounts[0].oidc_providers[0].audiences[0], "p");
    assert_int_equal(declared->accounts[1].n_users, 0);
}

static void test_a_wrong_declaration_is_told_with_its_place(void **state)
{
#define ONE "accounts: [{id: '000000000001', users: [{name: a}]}]\n"
#define ROLE(more)                                                                                           \
    "accounts: [{id: '000000000001', roles: [{name: r, trust: {}\n            " more "\n  }]}]\n"
#define PROVIDER(members) "accounts: [{id: '000000000001', oidc-providers: [ {" members "}]}]\n"
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        { "accounts: [{id: 1234}]\n", "1.yaml:1:17: accounts[0].id: must be an account id of 12 digits\n" },
        { "accounts: [{id: '000000000001', users: [{name: a/b}]}]\n",
          "1.yaml:1:48: accounts[0].users[0].name: must be of letters, digits and _+=,.@-\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, path: x}]}]\n",
          "1.yaml:1:57: accounts[0].users[0].path: must begin and end with '/', as /team/\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, access-keys: [{id: K, secret: s}]}]}]\n",
          "1.yaml:1:81: accounts[0].users[0].access-keys[0]: secrets stand in files with --dev alone: make a "
          "key "
          "with 'p11kms identity add-key'\n" },
        { "accounts: [{id: '000000000001', users: [{name: a}, {name: a}]}]\n",
          "1.yaml:1:52: user 'a' of account 000000000001 is declared twice; first at 1.yaml:1:41\n" },
        { "accounts: [{id: '000000000001', groups: [{name: g}, {name: g}]}]\n",
          "1.yaml:1:53: group 'g' of account 000000000001 is declared twice; first at 1.yaml:1:42\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, access-keys: [{id: K}]},\n"
          "  {name: b, access-keys: [{id: K}]}]}]\n",
          "1.yaml:2:27: access key 'K' is declared twice; first at 1.yaml:1:65\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, groups: [nil]}]}]\n",
          "1.yaml:1:41: user 'a': group 'nil' of account 000000000001 is not declared\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, policies: [{name: p}]}]}]\n",
          "1.yaml:1:62: accounts[0].users[0].policies[0]: 'document' is missing (policy in YAML, or a string "
          "of "
          "JSON)\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, policies: [{name: p, document: '{'}]}]}]\n",
          NULL },
        { "accounts: [{id: '000000000001', users: [{name: a, policies: [{name: p, document: '[]'}]}]}]\n",
          "1.yaml:1:82: accounts[0].users[0].policies[0].document: must be a JSON object\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, policies: [{name: p, document: []}]}]}]\n",
          "1.yaml:1:82: accounts[0].users[0].policies[0].document: must be a map or a string of JSON\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, tags: {'AWS:x': y}}]}]\n",
          "1.yaml:1:67: accounts[0].users[0].tags.AWS:x: tags beginning with aws: are reserved\n" },
        { "accounts: [{id: '000000000001', users: [{name: a, tags: {x: [y]}}]}]\n",
          "1.yaml:1:61: accounts[0].users[0].tags.x: must be text\n" },
        { ONE "peers: [{principal: 'arn:aws:iam::000000000001:user/a'}]\n",
          "1.yaml:2:9: peers[0]: needs 'unix' (uid, gid) or 'certificate' (subject, san, sha256)\n" },
        { ONE "peers: [{unix: {}, principal: 'arn:aws:iam::000000000001:user/a'}]\n",
          "1.yaml:2:9: peers[0]: needs 'unix' (uid, gid) or 'certificate' (subject, san, sha256)\n" },
        { ONE "peers: [{unix: {uid: 1}, certificate: {san: 'DNS:x'}, principal: "
              "'arn:aws:iam::000000000001:user/a'}]\n",
          "1.yaml:2:9: peers[0]: 'unix' and 'certificate' exclude each other\n" },
        { ONE "peers: [{unix: {uid: 1}, principal: 'arn:aws:iam::000000000001:user/b'}]\n",
          "1.yaml:2:9: peers: arn:aws:iam::000000000001:user/b is not declared\n" },
        { ONE "peers: [{certificate: {san: x}, principal: 'arn:aws:iam::000000000001:user/a'}]\n",
          "1.yaml:2:29: peers[0].certificate.san: must be DNS:name, URI:uri, email:address or IP "
          "Address:address\n" },
        { ONE "peers: [{certificate: {sha256: AB}, principal: 'arn:aws:iam::000000000001:user/a'}]\n",
          "1.yaml:2:32: peers[0].certificate.sha256: must be 64 lower-case hex digits without colons\n" },
        { ONE "peers: [{unix: {uid: 1}, principal: 'arn:aws:iam::000000000001:role/r'}]\n",
          "1.yaml:2:9: peers: arn:aws:iam::000000000001:role/r is not declared\n" },
        { ONE "peers: [{unix: {uid: 1}, principal: 'arn:aws:iam::000000000001:user/a', session-name: ab}]\n",
          "1.yaml:2:87: peers[0]: 'session-name' is for roles alone\n" },
        { ROLE("") "peers: [{unix: {uid: 1}, principal: 'arn:aws:iam::000000000001:role/r', session-name: "
                   "a}]\n",
          "1.yaml:4:87: peers[0].session-name: must have 2 to 64 bytes\n" },
        { ROLE("") "peers: [{unix: {uid: 1}, principal: 'arn:aws:iam::000000000001:role/r', session-name: "
                   "a/b}]\n",
          "1.yaml:4:87: peers[0].session-name: must be of letters, digits and _+=,.@-\n" },
        { "accounts: [{id: '000000000001', roles: [{name: r}]}]\n",
          "1.yaml:1:41: accounts[0].roles[0]: 'trust' is missing (policy in YAML, or a string of JSON)\n" },
        { "accounts: [{id: '000000000001', roles: [{name: r, trust: []}]}]\n",
          "1.yaml:1:58: accounts[0].roles[0].trust: must be a map or a string of JSON\n" },
        { ROLE(", max-session: 59m"),
          "1.yaml:2:28: accounts[0].roles[0].max-session: must be from 1h to 12h\n" },
        { ROLE(", max-session: 13h"),
          "1.yaml:2:28: accounts[0].roles[0].max-session: must be from 1h to 12h\n" },
        { ROLE(", permissions-boundary: {name: x}"),
          "1.yaml:2:37: accounts[0].roles[0].permissions-boundary: 'document' is missing (policy in YAML, or "
          "a string "
          "of JSON)\n" },
        { ROLE("}, {name: r, path: /x/, trust: {}"),
          "1.yaml:2:16: role 'r' of account 000000000001 is declared twice; first at 1.yaml:1:41\n" },
        { PROVIDER("issuer: 'http://a.example', audiences: [p]"),
          "1.yaml:1:60: accounts[0].oidc-providers[0].issuer: must be https:// and a host, without query and "
          "fragment\n" },
        { PROVIDER("issuer: 'https:///x', audiences: [p]"),
          "1.yaml:1:60: accounts[0].oidc-providers[0].issuer: must be https:// and a host, without query and "
          "fragment\n" },
        { PROVIDER("issuer: 'https://a.example?x', audiences: [p]"),
          "1.yaml:1:60: accounts[0].oidc-providers[0].issuer: must be https:// and a host, without query and "
          "fragment\n" },
        { PROVIDER("issuer: 'https://a.example'"),
          "1.yaml:1:51: accounts[0].oidc-providers[0]: 'audiences' is missing (list of texts)\n" },
        { PROVIDER("issuer: 'https://a.example', audiences: []"),
          "1.yaml:1:92: accounts[0].oidc-providers[0]: 'audiences' needs at least 1\n" },
        { PROVIDER("issuer: 'https://a.example', audiences: [p], jwks: 'http://a.example/k'"),
          "1.yaml:1:103: accounts[0].oidc-providers[0].jwks: must be file:/path or an https:// URL\n" },
        { PROVIDER("issuer: 'https://a.example', audiences: [p], refresh: 2h, max-age: 1h"),
          "1.yaml:1:51: accounts[0].oidc-providers[0]: 'max-age' must not be less than 'refresh'\n" },
        { PROVIDER(
              "issuer: 'https://a.example', audiences: [p]}, {issuer: 'https://a.example', audiences: [q]"),
          "1.yaml:1:98: OIDC provider 'https://a.example' of account 000000000001 is declared twice; first "
          "at "
          "1.yaml:1:51\n" },
        { "keys: [{alias: alias/a}]\n",
          "1.yaml:1:8: key 'alias/a': 'account' is missing (0 accounts are declared)\n" },
        { ONE "keys: [{alias: a}]\n", "1.yaml:2:16: keys[0].alias: must begin with alias/\n" },
        { ONE "keys: [{alias: 'alias/a:b'}]\n",
          "1.yaml:2:16: keys[0].alias: must be alias/ and letters, digits, '/', '_' and '-'\n" },
        { ONE "keys: [{alias: alias/aws/kms}]\n",
          "1.yaml:2:16: keys[0].alias: must not begin with alias/aws/, which is reserved\n" },
        { ONE "keys: [{alias: alias/a, account: '000000000002'}]\n",
          "1.yaml:2:8: key 'alias/a': account 000000000002 is not declared\n" },
        { ONE "keys: [{alias: alias/a, spec: RSA_2048}]\n",
          "1.yaml:2:31: keys[0].spec: must be SYMMETRIC_DEFAULT\n" },
        { ONE "keys: [{alias: alias/a, rotation: yearly}]\n",
          "1.yaml:2:35: keys[0].rotation: must be true, false or {period-days: N}\n" },
        { ONE "keys: [{alias: alias/a, rotation: {period-days: 89}}]\n",
          "1.yaml:2:49: keys[0].rotation.period-days: must be a number from 90 to 2560\n" },
        { ONE "keys: [{alias: alias/a, rotation: {}}]\n",
          "1.yaml:2:35: keys[0].rotation: 'period-days' is missing (number)\n" },
        { ONE "keys: [{alias: alias/a}, {alias: alias/a, region: x-1}, {alias: alias/a}]\n",
          "1.yaml:2:57: key 'alias/a' of account 000000000001 in the default region is declared twice; first "
          "at "
          "1.yaml:2:8\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        _cleanup_buf_ buf_t problems = { 0 };
        conf_declared_t *declared = NULL;

        assert_err(load_texts(rows[i].text, NULL, false, &problems, &declared), P11KMS_E_CONFIG);
        assert_null(declared);
        if (rows[i].expected != NULL) {
            assert_buf_text(&problems, rows[i].expected);
        } else {
            assert_memory_equal(buf_str(&problems),
                                "1.yaml:1:82: accounts[0].users[0].policies[0].document: not JSON: ", 66);
        }
    }
}

static void test_a_name_taken_in_another_file_is_told_with_both_places(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    conf_declared_t *declared = NULL;

    (void)state;
    assert_err(load_texts("accounts: [{id: '000000000001', users: [{name: a}]}]\n",
                          "accounts:\n- id: '000000000001'\n  users:\n  - {name: a, path: /x/}\n", false,
                          &problems, &declared),
               P11KMS_E_CONFIG);
    assert_buf_text(&problems, "2.yaml:4:5: user 'a' of account 000000000001 is declared twice; first at "
                               "1.yaml:1:41\n");
}

/** The JSON that a document written in YAML becomes. */
static void assert_json(const char *yaml, const char *json)
{
    _cleanup_buf_ buf_t text = { 0 };

    buf_printf(&text,
               "accounts: [{id: '000000000001', groups: [{name: g, policies: [{name: p, document: %s}]}]}]\n",
               yaml);
    _cleanup_(conf_declared) conf_declared_t *declared = load_good(buf_str(&text), NULL, false);
    assert_string_equal(declared->accounts[0].groups[0].policies[0].json, json);
}

static void test_scalars_of_a_document_keep_their_types(void **state)
{
    (void)state;
    assert_json("{a: true, b: 'true', c: yes}", "{\"a\":true,\"b\":\"true\",\"c\":\"yes\"}");
    assert_json("{a: 12, b: '12', c: -1.5e3, d: 1.}", "{\"a\":12,\"b\":\"12\",\"c\":-1.5e3,\"d\":\"1.\"}");
    assert_json("{a: 012345678901, b: 0x10, c: 1e, d: -}",
                "{\"a\":\"012345678901\",\"b\":\"0x10\",\"c\":\"1e\",\"d\":\"-\"}");
    assert_json("{a: , b: ~, c: null, d: ''}", "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"\"}");
    assert_json("{Version: 2012-10-17, '1': [x, {y: \"\\u00fc\\\"\"}]}",
                "{\"Version\":\"2012-10-17\",\"1\":[\"x\",{\"y\":\"\xc3\xbc\\\"\"}]}");
}

static void test_a_path_in_a_document_has_a_place(void **state)
{
    static const struct {
        const char *path;
        unsigned line;
        unsigned column;
    } rows[] = {
        { "Statement[1].Action: must be text", 11, 19 },
        { "Statement[1].Action[1]", 11, 23 },
        { "Statement[0].Condition.StringEquals.kms:EncryptionContext:a.b: no", 9, 56 },
        { "Statement[0].Condition.StringEquals.kms:EncryptionContext:a.c: no", 9, 26 },
        { "Statement[1]: lacks Resource", 10, 11 },
        { "Statement[7]: no", 8, 11 },
        { "Statement[99999999999999999999]: no", 8, 11 },
        { "Statement[x", 8, 11 },
        { "Version", 7, 19 },
        { "nothing like it", 7, 9 },
        { "", 7, 9 },
        { ".", 7, 9 },
    };
    _cleanup_(conf_declared) conf_declared_t *declared =
        load_good("accounts:\n"
                  "- id: '000000000001'\n"
                  "  groups:\n"
                  "  - name: g\n"
                  "    policies:\n"
                  "    - {name: a, document: \n"
                  "        {Version: '2012-10-17', Statement:\n"
                  "          [{Effect: Allow, Condition: {\n"
                  "           StringEquals: {\"kms:EncryptionContext:a.b\": x}}},\n"
                  "          {Effect: Deny,\n"
                  "          Action: [a, b]}]}}\n"
                  "    - {name: b, document: {Statement: {Effect: Allow}}}\n"
                  "    - {name: c, document: '{\"Statement\": []}'}\n",
                  NULL, false);
    const conf_policy *policies = declared->accounts[0].groups[0].policies;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        conf_place place = conf_policy_place(&policies[0], rows[i].path);

        assert_int_equal(place.line, rows[i].line);
        assert_int_equal(place.column, rows[i].column);
    }
    /* A single statement may be counted as if in a list. */
    assert_int_equal(conf_policy_place(&policies[1], "Statement[0].Effect: x").column, 48);
    assert_int_equal(conf_policy_place(&policies[2], "Statement[0]").line, 13);
    assert_int_equal(conf_policy_place(&policies[2], "Statement[0]").column, 27);
}

static void test_a_folder_or_file_that_is_not_there_is_told_as_such(void **state)
{
    const char *const paths[] = { "/nonexistent/identities.d" };
    _cleanup_buf_ buf_t problems = { 0 };
    conf_declared_t *declared = NULL;

    (void)state;
    assert_err(conf_load_declared(paths, 1, false, &problems, &declared), P11KMS_E_IO);
    assert_null(declared);
}

static void test_nothing_declared_is_fine(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;

    (void)state;
    assert_ok(conf_load_declared(NULL, 0, false, &problems, &declared));
    assert_int_equal(declared->n_accounts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_seed_of_the_handbook_is_read),
        cmocka_unit_test(test_everything_that_may_be_declared_lands_in_its_field),
        cmocka_unit_test(test_roles_and_identity_providers_land_in_their_fields),
        cmocka_unit_test(test_files_add_to_one_account),
        cmocka_unit_test(test_a_wrong_declaration_is_told_with_its_place),
        cmocka_unit_test(test_a_name_taken_in_another_file_is_told_with_both_places),
        cmocka_unit_test(test_scalars_of_a_document_keep_their_types),
        cmocka_unit_test(test_a_path_in_a_document_has_a_place),
        cmocka_unit_test(test_a_folder_or_file_that_is_not_there_is_told_as_such),
        cmocka_unit_test(test_nothing_declared_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
