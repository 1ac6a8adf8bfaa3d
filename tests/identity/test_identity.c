#include "tests/conf/files.h"
#include "tests/identity/people.h"

#define ALLOW_ALL "{Version: 2012-10-17, Statement: {Effect: Allow, Action: '*', Resource: '*'}}"

/** Declarations of one file, as the daemon loads them. */
static p11kms_err build_text(const char *text, bool dev, const identity_key *keys, size_t n_keys,
                             buf_t *problems, identity_t **ret)
{
    const char *folder = scratch_folder();
    const char *const paths[] = { write_file(folder, "a.yaml", text) };
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;

    assert_ok(crypto_init());
    assert_ok(conf_load_declared(paths, 1, dev, problems, &declared));
    p11kms_err err = identity_build(declared, keys, n_keys, problems, ret);
    without_folder(problems, folder);
    return err;
}

static identity_t *build_good(const char *text, bool dev, const identity_key *keys, size_t n_keys)
{
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;
    p11kms_err err = build_text(text, dev, keys, n_keys, &problems, &identity);

    assert_buf_text(&problems, "");
    assert_ok(err);
    return identity;
}

static void test_a_principal_is_what_was_declared(void **state)
{
    _cleanup_(identity) identity_t *identity =
        build_good("accounts:\n"
                   "- id: '000000000001'\n"
                   "  groups: [{name: ops, policies: [{name: g, document: " ALLOW_ALL "}]}]\n"
                   "  users:\n"
                   "  - name: a\n"
                   "    path: /team/x/\n"
                   "    administrator: true\n"
                   "    groups: [ops]\n"
                   "    tags: {team: blue}\n"
                   "    policies: [{name: p, document: " ALLOW_ALL "}]\n"
                   "  - name: b\n"
                   "- id: '000000000002'\n",
                   false, NULL, 0);
    const principal_t *a = identity_find(identity, SLICE_LIT("arn:aws:iam::000000000001:user/team/x/a"));
    const principal_t *b = identity_find(identity, SLICE_LIT("arn:aws:iam::000000000001:user/b"));

    (void)state;
    assert_int_equal(identity_count(identity), 2);
    assert_true(identity_has_account(identity, SLICE_LIT("000000000001")));
    assert_true(identity_has_account(identity, SLICE_LIT("000000000002")));
    assert_false(identity_has_account(identity, SLICE_LIT("000000000003")));
    assert_null(identity_find(identity, SLICE_LIT("arn:aws:iam::000000000001:user/a")));
    assert_int_equal(a->kind, PRINCIPAL_USER);
    assert_string_equal(a->account, "000000000001");
    assert_string_equal(a->name, "a");
    assert_true(a->administrator);
    assert_int_equal(a->n_policies, 2);
    assert_string_equal(policy_name(a->policies[0]), "users/a: p");
    assert_string_equal(policy_name(a->policies[1]), "groups/ops: g");
    assert_int_equal(a->n_tags, 1);
    assert_string_equal(a->tags[0].key, "team");
    assert_string_equal(a->tags[0].value, "blue");
    assert_false(b->administrator);
    assert_int_equal(b->n_policies, 0);
}

static void test_a_principal_id_is_stable_and_its_own(void **state)
{
    const conf_user users[] = { { .name = "app", .path = "/" }, { .name = "apq", .path = "/" } };
    const conf_account account = { .id = ACCOUNT, .users = users, .n_users = 2 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    _cleanup_buf_ buf_t problems = { 0 };
    char first[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        _cleanup_(identity) identity_t *identity = NULL;

        assert_ok(identity_build(&declared, NULL, 0, &problems, &identity));
        const char *id = identity_find(identity, SLICE_LIT(APP_ARN))->principal_id;
        assert_int_equal(strlen(id), 21);
        assert_memory_equal(id, "AIDA", 4);
        assert_int_equal(strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 21);
        if (round == 0) {
            memcpy(first, id, 22);
        }
        assert_string_equal(id, first);
        assert_string_not_equal(
            id, identity_find(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":user/apq"))->principal_id);
    }
}

static void test_a_malformed_policy_is_told_with_its_place(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    (void)state;
    assert_err(build_text("accounts:\n"
                          "- id: '000000000001'\n"
                          "  groups:\n"
                          "  - name: g\n"
                          "    policies:\n"
                          "    - name: p\n"
                          "      document:\n"
                          "        Version: 2012-10-17\n"
                          "        Statement:\n"
                          "        - Effect: Allow\n"
                          "          Action: 'kms:*'\n"
                          "          Resource: '*'\n"
                          "        - Effect: Perhaps\n"
                          "          Action: 'kms:*'\n"
                          "          Resource: '*'\n"
                          "  users:\n"
                          "  - {name: a, policies: [{name: q, document: '{\"Statement\": 5}'}]}\n",
                          false, NULL, 0, &problems, &identity),
               P11KMS_E_CONFIG);
    assert_null(identity);
    assert_memory_equal(buf_str(&problems), "a.yaml:13:19: groups/g: p: Statement[1].Effect: ", 48);
    assert_non_null(strstr(buf_str(&problems), "\na.yaml:17:46: users/a: q: Statement: "));
}

static void test_the_example_is_a_snapshot(void **state)
{
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_(identity) identity_t *identity = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_buf_ buf_t file = { 0 };

    (void)state;
    buf_printf(&file, "%s/conf/identities.d/example.yaml", getenv("P11KMS_SRCDIR"));
    const char *const paths[] = { buf_str(&file) };
    assert_ok(crypto_init());
    assert_ok(conf_load_declared(paths, 1, false, &problems, &declared));
    p11kms_err err = identity_build(declared, NULL, 0, &problems, &identity);
    assert_buf_text(&problems, "");
    assert_ok(err);
    assert_int_equal(identity_count(identity), 7);
    assert_int_equal(identity_find(identity, SLICE_LIT("arn:aws:iam::123456789012:role/mail-store"))->kind,
                     PRINCIPAL_ROLE);
}

static void test_problems_end_after_twenty(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;
    size_t lines = 0;

    (void)state;
    buf_put_str(&text, "accounts:\n- id: '000000000001'\n  users:\n");
    for (int i = 0; i < 30; i++) {
        buf_printf(&text, "  - {name: u%d, policies: [{name: q, document: '{}'}]}\n", i);
    }
    assert_err(build_text(buf_str(&text), false, NULL, 0, &problems, &identity), P11KMS_E_CONFIG);
    for (size_t i = 0; i < problems.len; i++) {
        lines += problems.data[i] == '\n';
    }
    assert_int_equal(lines, 20);
}

static void test_an_unknown_group_of_declarations_made_by_hand_is_a_problem(void **state)
{
    const char *const groups[] = { "nil" };
    const conf_user user = {
        .name = "a", .path = "/", .groups = groups, .n_groups = 1, .place = { "f.yaml", 3, 4 }
    };
    const conf_account account = { .id = ACCOUNT, .users = &user, .n_users = 1 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    (void)state;
    assert_err(identity_build(&declared, NULL, 0, &problems, &identity), P11KMS_E_CONFIG);
    assert_buf_text(&problems, "f.yaml:3:4: user 'a': group 'nil' of account " ACCOUNT " is not declared\n");
}

/* ---- access keys ---- */

static p11kms_err authenticate_with(identity_t *identity, const char *id, const char *secret,
                                    identity_auth *auth)
{
    sigv4_credentials credentials = credentials_of(id);
    _cleanup_buf_ buf_t text = { 0 };

    credentials.secret = SLICE_STR(secret);
    put_signed_request(&text, &credentials);
    return authenticate_text(identity, &text, at_time(NOW), auth);
}

static void test_keys_work_unless_declared_inactive(void **state)
{
    const identity_key keys[] = {
        { .id = "K1", .account = "000000000001", .user = "a", .secret = SLICE_LIT("s1"), .active = true },
        { .id = "K2", .account = "000000000001", .user = "a", .secret = SLICE_LIT("s2"), .active = true },
        { .id = "K3", .account = "000000000001", .user = "gone", .secret = SLICE_LIT("s3"), .active = true },
        { .id = "K4", .account = "000000000002", .user = "a", .secret = SLICE_LIT("s4"), .active = true },
        { .id = "K5", .account = "000000000001", .user = "a", .secret = SLICE_LIT("old"), .active = true },
        { .id = "K5", .account = "000000000001", .user = "a", .secret = SLICE_LIT("new"), .active = true },
    };
    _cleanup_(identity) identity_t *identity = build_good(
        "accounts:\n- id: '000000000001'\n  users: [{name: a, access-keys: [{id: K2, active: false}]}]\n",
        false, keys, COUNT_OF(keys));
    identity_auth auth;

    (void)state;
    assert_ok(authenticate_with(identity, "K1", "s1", &auth));
    assert_err(authenticate_with(identity, "K2", "s2", &auth), P11KMS_E_AUTH_UNKNOWN_KEY);
    assert_err(authenticate_with(identity, "K3", "s3", &auth), P11KMS_E_AUTH_UNKNOWN_KEY);
    assert_err(authenticate_with(identity, "K4", "s4", &auth), P11KMS_E_AUTH_UNKNOWN_KEY);
    assert_err(authenticate_with(identity, "K5", "old", &auth), P11KMS_E_AUTH_SIGNATURE);
    assert_ok(authenticate_with(identity, "K5", "new", &auth));
}

static void test_a_key_that_was_ended_is_refused_in_the_snapshot_that_stands(void **state)
{
    _cleanup_(identity) identity_t *identity = build_people();
    identity_auth auth;

    (void)state;
    assert_ok(authenticate_with(identity, APP_KEY, APP_SECRET, &auth));
    identity_end_key(identity, SLICE_LIT("AKIDNOBODYS"));
    assert_ok(authenticate_with(identity, APP_KEY, APP_SECRET, &auth));
    identity_end_key(identity, SLICE_LIT(APP_KEY));
    assert_err(authenticate_with(identity, APP_KEY, APP_SECRET, &auth), P11KMS_E_AUTH_UNKNOWN_KEY);
}

static void test_the_user_of_a_key_is_told_active_or_not(void **state)
{
    const identity_key keys[] = {
        { "AKIAONE", "000000000001", "a", SLICE_LIT("s"), true },
        { "AKIATWO", "000000000001", "a", SLICE_LIT("s"), false },
        { "AKIAGONE", "000000000001", "nobody", SLICE_LIT("s"), true },
    };
    _cleanup_(identity) identity_t *identity =
        build_good("accounts:\n- id: '000000000001'\n  users: [{name: a}]\n", false, keys, COUNT_OF(keys));
    const principal_t *a = identity_find_user(identity, SLICE_LIT("000000000001"), SLICE_LIT("a"));

    (void)state;
    assert_non_null(a);
    assert_ptr_equal(identity_find_key_user(identity, SLICE_LIT("AKIAONE")), a);
    assert_ptr_equal(identity_find_key_user(identity, SLICE_LIT("AKIATWO")), a);
    assert_null(identity_find_key_user(identity, SLICE_LIT("AKIAGONE")));
    assert_null(identity_find_key_user(identity, SLICE_LIT("AKIAON")));
}

static void test_signing_keys_are_kept_apart_by_region_and_service(void **state)
{
    static const char *const regions[] = { "eu-west-1", "eu-west-2", "e" };
    static const char *const services[] = { "kms", "ssm" };
    _cleanup_(identity) identity_t *identity = build_people();
    const identity_check check = { .now_ms = at_time(NOW), .skew_seconds = 300 };

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        sigv4_credentials credentials = credentials_of(APP_KEY);
        _cleanup_(arena) arena_t *arena = arena_new(4096);
        _cleanup_buf_ buf_t text = { 0 };
        identity_auth auth;
        message_t message;

        credentials.region = regions[i % COUNT_OF(regions)];
        credentials.service = services[i % COUNT_OF(services)];
        put_signed_request(&text, &credentials);
        request_read(arena, buf_slice(&text), &message);
        assert_ok(identity_authenticate(identity, &message, &check, &auth));
        assert_string_equal(auth.region, credentials.region);
        assert_string_equal(auth.service, credentials.service);
    }
}

static void test_a_made_key_has_awss_form(void **state)
{
    _cleanup_secret_ secret_t *secret = NULL;
    _cleanup_secret_ secret_t *other = NULL;
    char id[21], other_id[21];

    (void)state;
    assert_ok(crypto_init());
    assert_ok(identity_make_key(id, &secret));
    assert_ok(identity_make_key(other_id, &other));
    assert_int_equal(strlen(id), 20);
    assert_memory_equal(id, "AKIA", 4);
    assert_int_equal(strspn(id + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 16);
    assert_int_equal(secret_len(secret), 40);
    for (size_t i = 0; i < 40; i++) {
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                               secret_data(secret)[i]));
    }
    assert_string_not_equal(id, other_id);
    assert_false(secret_eq(secret_slice(secret), secret_slice(other)));
}

static void test_many_keys_share_the_cache_and_all_work(void **state)
{
    enum { KEYS = 2000 };
    static char ids[KEYS][16], secrets[KEYS][16];
    static identity_key keys[KEYS];

    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "K%zu", i);
        snprintf(secrets[i], sizeof(secrets[i]), "secret %zu", i);
        keys[i] = (identity_key){ .id = ids[i],
                                  .account = "000000000001",
                                  .user = "a",
                                  .secret = SLICE_STR(secrets[i]),
                                  .active = true };
    }
    _cleanup_(identity) identity_t *identity =
        build_good("accounts: [{id: '000000000001', users: [{name: a}]}]\n", false, keys, KEYS);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < KEYS; i++) {
            identity_auth auth;

            assert_ok(authenticate_with(identity, ids[i], secrets[i], &auth));
            assert_string_equal(auth.access_key_id, ids[i]);
        }
    }
}

/* ---- peers ---- */

static p11kms_err authenticate_peer(identity_t *identity, const peer_t *peer, identity_auth *auth)
{
    const identity_check check = { .now_ms = 1, .skew_seconds = 300 };
    const message_t message = { .method = SLICE_LIT("POST"), .path = SLICE_LIT("/"), .peer = peer };

    return identity_authenticate(identity, &message, &check, auth);
}

static void test_the_first_rule_that_matches_says_who_a_unix_peer_is(void **state)
{
    static const struct {
        uint32_t uid;
        uint32_t gid;
        const char *name; /* NULL: nobody */
    } rows[] = { { 0, 0, "root" }, { 0, 7, "root" },   { 1000, 50, "both" }, { 1000, 51, "uid" },
                 { 7, 50, "gid" }, { 1001, 51, NULL }, { 50, 1000, NULL } };
    _cleanup_(identity) identity_t *identity =
        build_good("accounts:\n"
                   "- {id: '000000000001', users: [{name: root}, {name: both}, {name: uid}, {name: gid}]}\n"
                   "peers:\n"
                   "- {unix: {uid: root}, principal: 'arn:aws:iam::000000000001:user/root'}\n"
                   "- {unix: {uid: 1000, gid: 50}, principal: 'arn:aws:iam::000000000001:user/both'}\n"
                   "- {unix: {uid: 1000}, principal: 'arn:aws:iam::000000000001:user/uid'}\n"
                   "- {unix: {gid: 50}, principal: 'arn:aws:iam::000000000001:user/gid'}\n"
                   "- {unix: {uid: 0}, principal: 'arn:aws:iam::000000000001:user/gid'}\n",
                   false, NULL, 0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const peer_t peer = { .kind = PEER_UNIX, .uid = rows[i].uid, .gid = rows[i].gid };
        identity_auth auth;

        assert_err(authenticate_peer(identity, &peer, &auth),
                   rows[i].name != NULL ? P11KMS_OK : P11KMS_E_AUTH_MISSING);
        if (rows[i].name != NULL) {
            assert_string_equal(auth.principal->name, rows[i].name);
            assert_string_equal(auth.method, "UnixPeer");
            assert_string_equal(auth.region, "");
            assert_string_equal(auth.access_key_id, "");
        }
    }
    /* The numbers of a peer that is no Unix peer say nothing. */
    const peer_t tcp = { .kind = PEER_TCP };
    identity_auth auth;
    assert_err(authenticate_peer(identity, &tcp, &auth), P11KMS_E_AUTH_MISSING);
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_a_certificate_matches_by_all_that_is_given(void **state)
{
    static const struct {
        const char *subject;
        const char *sans;
        const char *sha256;
        const char *name;
    } rows[] = {
        { "CN=x,O=y", "", "", "subject" },
        { "CN=x,O=y,C=z", "", "", NULL },
        { "cn=x,O=y", "", "", NULL },
        { "CN=q", "DNS:db1.example", "", "san" },
        { "CN=q", "DNS:other,DNS:db1.example,URI:spiffe://e/x", "", "san" },
        { "CN=q", "DNS:other, DNS:db1.example", "", "san" },
        { "CN=q", "DNS:db1.example.evil", "", NULL },
        { "CN=q", "DNS:notdb1.example,URI:DNS:db1.example", "", NULL },
        { "CN=q", "URI:spiffe://e/x", SHA, "three" },
        { "CN=r", "URI:spiffe://e/x", SHA, NULL },
        { "CN=q", "URI:spiffe://e/y", SHA, NULL },
        { "CN=q", "URI:spiffe://e/x", "", NULL },
    };
    _cleanup_(identity) identity_t *identity = build_good(
        "accounts:\n"
        "- {id: '000000000001', users: [{name: subject}, {name: san}, {name: three}]}\n"
        "peers:\n"
        "- {certificate: {subject: 'CN=x,O=y'}, principal: 'arn:aws:iam::000000000001:user/subject'}\n"
        "- {certificate: {san: 'DNS:db1.example'}, principal: 'arn:aws:iam::000000000001:user/san'}\n"
        "- {certificate: {subject: CN=q, san: 'URI:spiffe://e/x', sha256: " SHA "},\n"
        "   principal: 'arn:aws:iam::000000000001:user/three'}\n",
        false, NULL, 0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        peer_t peer = { .kind = PEER_TCP, .tls = true, .has_certificate = true };
        identity_auth auth;

        snprintf(peer.cert_subject, sizeof(peer.cert_subject), "%s", rows[i].subject);
        snprintf(peer.cert_sans, sizeof(peer.cert_sans), "%s", rows[i].sans);
        snprintf(peer.cert_sha256, sizeof(peer.cert_sha256), "%s", rows[i].sha256);
        assert_err(authenticate_peer(identity, &peer, &auth),
                   rows[i].name != NULL ? P11KMS_OK : P11KMS_E_AUTH_MISSING);
        if (rows[i].name != NULL) {
            assert_string_equal(auth.principal->name, rows[i].name);
            assert_string_equal(auth.method, "Certificate");
        }
        peer.has_certificate = false;
        assert_err(authenticate_peer(identity, &peer, &auth), P11KMS_E_AUTH_MISSING);
    }
}

static void test_a_peer_name_nobody_has_is_a_problem(void **state)
{
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    (void)state;
    assert_err(build_text("accounts: [{id: '000000000001', users: [{name: a}]}]\n"
                          "peers:\n"
                          "- {unix: {uid: no-such-user}, principal: 'arn:aws:iam::000000000001:user/a'}\n"
                          "- {unix: {gid: no-such-group}, principal: 'arn:aws:iam::000000000001:user/a'}\n"
                          "- {unix: {uid: 4294967295}, principal: 'arn:aws:iam::000000000001:user/a'}\n",
                          false, NULL, 0, &problems, &identity),
               P11KMS_E_CONFIG);
    assert_buf_text(&problems, "a.yaml:3:3: peers: no user of this machine is called 'no-such-user'\n"
                               "a.yaml:4:3: peers: no group of this machine is called 'no-such-group'\n"
                               "a.yaml:5:3: peers: no user of this machine is called '4294967295'\n");
}

static void test_a_signature_is_judged_by_itself_whatever_the_transport_says(void **state)
{
    _cleanup_(identity) identity_t *identity =
        build_good("accounts: [{id: '123456789012', users: [{name: app}, {name: root}]}]\n"
                   "peers: [{unix: {uid: 0}, principal: 'arn:aws:iam::123456789012:user/root'}]\n",
                   false, NULL, 0);
    const identity_check check = { .now_ms = at_time(NOW), .skew_seconds = 300 };
    const sigv4_credentials credentials = credentials_of("AKIDNONE");
    const peer_t root = { .kind = PEER_UNIX };
    static const char *const queries[] = { "X-Amz-Signature=x", "X-Amz-Credential=x", "X-Amz-Algorithm=x" };
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    _cleanup_buf_ buf_t text = { 0 };
    identity_auth auth;
    message_t message;

    (void)state;
    put_signed_request(&text, &credentials);
    request_read(arena, buf_slice(&text), &message);
    message.peer = &root;
    assert_err(identity_authenticate(identity, &message, &check, &auth), P11KMS_E_AUTH_UNKNOWN_KEY);
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        const message_t presigned = {
            .method = SLICE_LIT("GET"), .path = SLICE_LIT("/"), .query = SLICE_STR(queries[i]), .peer = &root
        };

        assert_err(identity_authenticate(identity, &presigned, &check, &auth), P11KMS_E_AUTH_INCOMPLETE);
    }
}

static void test_a_snapshot_lives_until_its_last_reference_goes(void **state)
{
    identity_t *identity = build_people();
    identity_t *second = identity_ref(identity);
    identity_auth auth;

    (void)state;
    identity_unref(identity);
    assert_ok(authenticate_with(second, APP_KEY, APP_SECRET, &auth));
    identity_unref(second);
    identity_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_principal_is_what_was_declared),
        cmocka_unit_test(test_a_principal_id_is_stable_and_its_own),
        cmocka_unit_test(test_a_malformed_policy_is_told_with_its_place),
        cmocka_unit_test(test_the_example_is_a_snapshot),
        cmocka_unit_test(test_problems_end_after_twenty),
        cmocka_unit_test(test_an_unknown_group_of_declarations_made_by_hand_is_a_problem),
        cmocka_unit_test(test_keys_work_unless_declared_inactive),
        cmocka_unit_test(test_a_key_that_was_ended_is_refused_in_the_snapshot_that_stands),
        cmocka_unit_test(test_the_user_of_a_key_is_told_active_or_not),
        cmocka_unit_test(test_signing_keys_are_kept_apart_by_region_and_service),
        cmocka_unit_test(test_a_made_key_has_awss_form),
        cmocka_unit_test(test_many_keys_share_the_cache_and_all_work),
        cmocka_unit_test(test_the_first_rule_that_matches_says_who_a_unix_peer_is),
        cmocka_unit_test(test_a_certificate_matches_by_all_that_is_given),
        cmocka_unit_test(test_a_peer_name_nobody_has_is_a_problem),
        cmocka_unit_test(test_a_signature_is_judged_by_itself_whatever_the_transport_says),
        cmocka_unit_test(test_a_snapshot_lives_until_its_last_reference_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
