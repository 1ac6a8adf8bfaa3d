#include <stdio.h>

#include "tests/identity/roles.h"

#define INVALID_TOKEN "The security token included in the request is invalid."
#define EXPIRED_TOKEN "The security token included in the request is expired"
#define DAY_MS (24 * HOUR_MS)

/* ---- roles ---- */

static void test_a_role_is_what_was_declared(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const principal_t *role = identity_find(identity, SLICE_LIT(ROLE_ARN));

    (void)state;
    assert_non_null(role);
    assert_int_equal(role->kind, PRINCIPAL_ROLE);
    assert_string_equal(role->account, ACCOUNT);
    assert_string_equal(role->name, "deploy");
    assert_memory_equal(role->principal_id, "AROA", 4);
    assert_int_equal(strlen(role->principal_id), 21);
    assert_int_equal(role->n_policies, 2);
    assert_string_equal(policy_name(role->policies[1]), "roles/deploy: look");
    assert_string_equal(policy_name(role->boundary), "roles/deploy: edge");
    assert_string_equal(policy_name(role->trust), "roles/deploy: trust");
    assert_int_equal(role->n_tags, 2);
    assert_int_equal(role->max_session_s, 7200);
    assert_true(role->issued_ms == 0);
    assert_ptr_equal(identity_find_role(identity, SLICE_LIT(ACCOUNT), SLICE_LIT("deploy")), role);
    assert_null(identity_find_role(identity, SLICE_LIT("000000000001"), SLICE_LIT("deploy")));
}

static void test_a_role_and_a_user_of_one_name_are_two(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const principal_t *user = identity_find_user(identity, SLICE_LIT(ACCOUNT), SLICE_LIT("app"));
    const principal_t *role = identity_find_role(identity, SLICE_LIT(ACCOUNT), SLICE_LIT("app"));

    (void)state;
    assert_string_equal(user->arn, APP_ARN);
    assert_string_equal(role->arn, "arn:aws:iam::" ACCOUNT ":role/app");
    assert_string_not_equal(user->principal_id + 4, role->principal_id + 4);
    assert_string_equal(policy_name(user->boundary), "users/app: edge");
}

static void test_a_malformed_trust_policy_or_boundary_is_told(void **state)
{
    static const conf_policy nonsense = { .name = "n", .json = "{}" };
    static const conf_role roles[] = {
        { .name = "a", .path = "/", .trust = &nonsense },
        { .name = "b", .path = "/", .trust = &deploy_trust, .boundary = &nonsense },
        { .name = "c", .path = "/", .trust = &deploy_boundary },
        { .name = "d", .path = "/", .trust = &deploy_trust, .boundary = &deploy_trust },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        const conf_account account = { .id = ACCOUNT, .roles = &roles[i], .n_roles = 1 };
        const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
        _cleanup_buf_ buf_t problems = { 0 };
        identity_t *identity = NULL;

        assert_ok(crypto_init());
        assert_err(identity_build(&declared, NULL, 0, &problems, &identity), P11KMS_E_CONFIG);
        assert_non_null(strstr(buf_str(&problems), ": roles/"));
    }
}

/* ---- sessions ---- */

static void test_a_session_is_its_role_under_its_own_name(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    spec.source_identity = "alice";
    spec.federated = "token.example";
    spec.policy = SLICE_LIT(ALLOW("kms:Decrypt"));
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    const principal_t *principal = auth.principal;
    assert_int_equal(principal->kind, PRINCIPAL_ROLE_SESSION);
    assert_string_equal(principal->account, ACCOUNT);
    assert_string_equal(principal->arn, SESSION_ARN);
    assert_string_equal(principal->name, "deploy");
    assert_string_equal(principal->role_arn, ROLE_ARN);
    assert_string_equal(principal->session_name, "build-7");
    assert_int_equal(strlen(principal->principal_id), 21 + strlen(":build-7"));
    assert_memory_equal(principal->principal_id, spec.of->principal_id, 21);
    assert_ptr_equal(principal->policies, spec.of->policies);
    assert_int_equal(principal->n_policies, 2);
    assert_ptr_equal(principal->boundary, spec.of->boundary);
    assert_null(principal->trust);
    assert_int_equal(principal->n_session_policies, 1);
    assert_int_equal(policy_statements(principal->session_policies[0]), 1);
    assert_string_equal(principal->source_identity, "alice");
    assert_string_equal(principal->federated, spec.federated);
    assert_false(principal->administrator);
    assert_true(principal->issued_ms == at_time(NOW));
    assert_true(principal->expires_ms == at_time(NOW) + HOUR_MS);
    assert_string_equal(auth.access_key_id, issued.access_key_id);
    assert_string_equal(auth.method, "SigV4");
    identity_auth_clear(&auth);
    assert_null(auth.principal);
    session_credentials_clear(&issued);
}

static void test_a_users_session_is_the_user(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = {
        .of = identity_find(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":user/admin")),
        .issued_ms = at_time(NOW),
        .expires_ms = at_time(NOW) + HOUR_MS,
    };
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    assert_int_equal(auth.principal->kind, PRINCIPAL_USER);
    assert_string_equal(auth.principal->arn, spec.of->arn);
    assert_string_equal(auth.principal->principal_id, spec.of->principal_id);
    assert_null(auth.principal->role_arn);
    assert_null(auth.principal->session_name);
    assert_int_equal(auth.principal->n_session_policies, 0);
    assert_true(auth.principal->administrator);
    assert_true(auth.principal->issued_ms == at_time(NOW));
    identity_auth_clear(&auth);
    session_credentials_clear(&issued);
}

static void test_credentials_have_awss_forms_and_name_the_account(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    char account[13], last[21] = "";

    (void)state;
    for (int i = 0; i < 50; i++) {
        session_credentials issued = { 0 };

        assert_ok(session_issue(identity, &spec, &issued));
        assert_memory_equal(issued.access_key_id, "ASIA", 4);
        assert_int_equal(strspn(issued.access_key_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 20);
        assert_int_equal(secret_len(issued.secret), 40);
        assert_true(issued.token.len < 400);
        assert_string_not_equal(issued.access_key_id, last);
        memcpy(last, issued.access_key_id, sizeof(last));
        assert_true(session_key_account(SLICE_STR(issued.access_key_id), account));
        assert_string_equal(account, ACCOUNT);
        assert_string_equal(identity_access_key_account(identity, SLICE_STR(issued.access_key_id)), ACCOUNT);
        session_credentials_clear(&issued);
    }
    /* an id of AWS's own, from a public write-up of this form */
    assert_true(session_key_account(SLICE_LIT("ASIAY34FZKBOKMUTVV7A"), account));
    assert_string_equal(account, "609629065308");
    assert_null(identity_access_key_account(identity, SLICE_LIT("ASIAY34FZKBOKMUTVV7A")));
    assert_false(session_key_account(SLICE_LIT("AKIAY34FZKBOKMUTVV7A"), account));
    assert_false(session_key_account(SLICE_LIT("ASIAY34FZKBOKMUTVV7"), account));
    assert_false(session_key_account(SLICE_LIT("ASIAy34fzkbokmutvv7a"), account));
    assert_false(
        session_key_account(SLICE_LIT("ASIA7777777777777777"), account)); /* no account is so great */
}

static void test_session_tags_lie_over_the_roles(void **state)
{
    static const conf_tag tags[] = { { "Team", "red" }, { "job", "7" }, { "note", "" } };
    static const char *const transitive[] = { "JOB", NULL };
    static const conf_tag expected[] = {
        { "tier", "gold" }, { "Team", "red" }, { "job", "7" }, { "note", "" }
    };
    _cleanup_(identity) identity_t *identity = build_roles();
    session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    spec.tags = tags;
    spec.n_tags = COUNT_OF(tags);
    spec.transitive = transitive;
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    assert_int_equal(auth.principal->n_tags, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_string_equal(auth.principal->tags[i].key, expected[i].key);
        assert_string_equal(auth.principal->tags[i].value, expected[i].value);
    }
    assert_string_equal(auth.principal->transitive[0], "job");
    assert_null(auth.principal->transitive[1]);
    identity_auth_clear(&auth);
    session_credentials_clear(&issued);
}

static void test_a_session_stays_until_it_is_let_go_whatever_others_do(void **state)
{
    identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials first = signer_of(&issued);
    assert_ok(ask_as(identity, &first, 0, &auth));
    for (int i = 0; i < 2000; i++) { /* more than are kept */
        session_credentials other = { 0 };
        identity_auth other_auth;

        assert_ok(session_issue(identity, &spec, &other));
        const sigv4_credentials signer = signer_of(&other);
        assert_ok(ask_as(identity, &signer, 0, &other_auth));
        identity_auth_clear(&other_auth);
        session_credentials_clear(&other);
    }
    identity_unref(identity);
    assert_string_equal(auth.principal->arn, SESSION_ARN);
    identity_auth_clear(&auth);
    session_credentials_clear(&issued);
}

/* ---- what is not issued ---- */

static void test_what_does_not_fit_a_token_is_not_issued(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const principal_t *user = identity_find(identity, SLICE_LIT(APP_ARN));
    const principal_t *role = identity_find(identity, SLICE_LIT(ROLE_ARN));
    char key[SESSION_TAGS_MAX + 1][8], value[257] = "";
    conf_tag tags[SESSION_TAGS_MAX + 1];
    const struct {
        session_spec spec;
        p11kms_err err;
    } rows[] = {
        { { .of = role, .session_name = "s", .tags = tags, .n_tags = SESSION_TAGS_MAX + 1, .expires_ms = 1 },
          P11KMS_E_LIMIT },
        { { .of = role, .session_name = "s", .tags = tags, .n_tags = SESSION_TAGS_MAX, .expires_ms = 1 },
          P11KMS_E_LIMIT },
        { { .of = role, .session_name = "s", .tags = tags, .n_tags = 20, .expires_ms = 1 }, P11KMS_OK },
        { { .of = role, .session_name = "s", .policy = SLICE_LIT("{"), .expires_ms = 1 },
          P11KMS_E_POLICY_MALFORMED },
        { { .of = role, .session_name = "s", .expires_ms = 0 }, P11KMS_E_RANGE },
        { { .of = role, .session_name = "s", .issued_ms = 2, .expires_ms = 1 }, P11KMS_E_RANGE },
        { { .of = role, .expires_ms = 1 }, P11KMS_E_RANGE },
        { { .of = user, .session_name = "s", .expires_ms = 1 }, P11KMS_E_RANGE },
    };

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    for (size_t i = 0; i <= SESSION_TAGS_MAX; i++) {
        snprintf(key[i], sizeof(key[i]), "k%zu", i);
        tags[i] = (conf_tag){ key[i], value };
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        session_credentials issued = { 0 };

        assert_err(session_issue(identity, &rows[i].spec, &issued), rows[i].err);
        assert_int_equal(issued.token.len > 0, rows[i].err == P11KMS_OK);
        assert_true(issued.token.len <= SESSION_TOKEN_MAX);
        session_credentials_clear(&issued);
    }
}

static void test_without_a_session_key_nothing_is_issued_or_known(void **state)
{
    const roles_options options = { .roles = &deploy_role, .n_roles = 1, .without_key = true };
    _cleanup_(identity) identity_t *issuing = build_roles();
    _cleanup_(identity) identity_t *identity = build_roles_with(&options);
    session_spec spec = spec_of(issuing);
    session_credentials issued = { 0 }, none = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(issuing, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_err(ask_as(identity, &signer, 0, &auth), P11KMS_E_AUTH_UNKNOWN_KEY);
    spec = spec_of(identity);
    assert_err(session_issue(identity, &spec, &none), P11KMS_E_INTERNAL);
    session_credentials_clear(&issued);
}

/* ---- what is refused ---- */

static void assert_refused(identity_t *identity, const sigv4_credentials *signer, int64_t later_ms,
                           p11kms_err expected, const char *sentence)
{
    identity_auth auth;
    p11kms_err err = ask_as(identity, signer, later_ms, &auth);

    assert_err(err, expected);
    assert_string_equal(p11kms_err_detail(err), sentence);
    assert_null(auth.principal);
    assert_null(auth.session);
    assert_string_equal(auth.access_key_id, signer->access_key_id);
}

static void test_a_truncated_token_is_refused(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(identity, &signer, 0, &auth)); /* and it is kept, which must not matter */
    identity_auth_clear(&auth);
    for (size_t len = 0; len < issued.token.len; len++) {
        char token[512] = "";

        memcpy(token, issued.token.data, len);
        signer.session_token = token;
        assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    }
    session_credentials_clear(&issued);
}

static void test_a_token_with_any_bit_flipped_is_refused(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    _cleanup_buf_ buf_t bytes = { 0 };

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    sigv4_credentials signer = signer_of(&issued);
    assert_ok(base64_decode(&bytes, buf_slice(&issued.token)));
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        _cleanup_buf_ buf_t text = { 0 };

        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        base64_encode(&text, buf_slice(&bytes));
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        signer.session_token = buf_str(&text);
        assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    }
    session_credentials_clear(&issued);
}

static void test_a_token_serves_its_own_access_key_alone(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials mine = { 0 }, other = { 0 };

    (void)state;
    assert_ok(session_issue(identity, &spec, &mine));
    assert_ok(session_issue(identity, &spec, &other));
    sigv4_credentials signer = signer_of(&mine);
    signer.session_token = buf_str(&other.token);
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    signer = signer_of(&mine);
    signer.access_key_id = APP_KEY;
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    signer = credentials_of(APP_KEY);
    signer.session_token = buf_str(&mine.token);
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    signer = signer_of(&mine);
    signer.session_token = NULL;
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    signer = signer_of(&mine);
    signer.secret = secret_slice(other.secret);
    assert_refused(
        identity, &signer, 0, P11KMS_E_AUTH_SIGNATURE,
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.");
    session_credentials_clear(&mine);
    session_credentials_clear(&other);
}

static void test_what_was_not_a_token_is_refused(void **state)
{
    static const char *const tokens[] = { "", "=", "AQ==", "token", "AQAAAAAAAAAAAAAAAAAAAAA=", "\xff\xfe" };
    _cleanup_(identity) identity_t *identity = build_roles();
    _cleanup_buf_ buf_t huge = { 0 };
    sigv4_credentials signer = credentials_of("ASIAY34FZKBOKMUTVV7A");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        signer.session_token = tokens[i];
        assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    }
    for (size_t i = 0; i < SESSION_TOKEN_MAX + 4; i++) {
        buf_put_char(&huge, 'A');
    }
    signer.session_token = buf_str(&huge);
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
}

static void test_a_token_that_another_service_key_sealed_is_refused(void **state)
{
    static const conf_account account = { .id = ACCOUNT, .roles = &deploy_role, .n_roles = 1 };
    static const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    const identity_sources sources = { .declared = &declared,
                                       .session_key = SLICE_LIT("0123456789abcdef0123456789abcdeF") };
    _cleanup_(identity) identity_t *identity = build_roles();
    _cleanup_(identity) identity_t *other = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    session_credentials issued = { 0 };

    (void)state;
    assert_ok(identity_build_from(&sources, &problems, &other));
    const session_spec spec = spec_of(other);
    assert_ok(session_issue(other, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    session_credentials_clear(&issued);
}

static void test_any_snapshot_with_the_key_knows_the_session(void **state)
{
    _cleanup_(identity) identity_t *here = build_roles();
    _cleanup_(identity) identity_t *there = build_roles();
    const session_spec spec = spec_of(here);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(here, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(there, &signer, 0, &auth));
    assert_string_equal(auth.principal->arn, SESSION_ARN);
    identity_auth_clear(&auth);
    session_credentials_clear(&issued);
}

static void test_an_expired_session_is_refused_known_or_not(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_refused(identity, &signer, HOUR_MS, P11KMS_E_AUTH_EXPIRED, EXPIRED_TOKEN);
    assert_ok(ask_as(identity, &signer, HOUR_MS - 1, &auth));
    identity_auth_clear(&auth);
    assert_refused(identity, &signer, HOUR_MS, P11KMS_E_AUTH_EXPIRED, EXPIRED_TOKEN);
    assert_refused(identity, &signer, 365 * DAY_MS, P11KMS_E_AUTH_EXPIRED, EXPIRED_TOKEN);
    session_credentials_clear(&issued);
}

static void test_a_session_ends_with_its_role(void **state)
{
    const roles_options without = { .roles = &bare_role, .n_roles = 1 };
    _cleanup_(identity) identity_t *before = build_roles();
    _cleanup_(identity) identity_t *after = build_roles_with(&without);
    const session_spec spec = spec_of(before);
    session_credentials issued = { 0 };

    (void)state;
    assert_ok(session_issue(before, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_refused(after, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    session_credentials_clear(&issued);
}

static void test_revoked_sessions_are_refused_and_later_ones_are_not(void **state)
{
    const identity_revocation revocations[] = {
        { "arn:aws:iam::" ACCOUNT ":role/gone", INT64_MAX },
        { ROLE_ARN, at_time(NOW) },
        { ROLE_ARN, at_time(NOW) - 5 },
    };
    const conf_role roles[] = { deploy_role, bare_role };
    const roles_options options = {
        .roles = roles, .n_roles = 2, .revocations = revocations, .n_revocations = 3
    };
    _cleanup_(identity) identity_t *identity = build_roles_with(&options);
    session_spec spec = spec_of(identity);
    session_credentials old = { 0 }, later = { 0 }, other = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &old));
    spec.issued_ms++;
    assert_ok(session_issue(identity, &spec, &later));
    spec.issued_ms--;
    spec.of = identity_find(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/app"));
    assert_ok(session_issue(identity, &spec, &other));
    sigv4_credentials signer = signer_of(&old);
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    signer = signer_of(&later);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    identity_auth_clear(&auth);
    signer = signer_of(&other);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    identity_auth_clear(&auth);
    session_credentials_clear(&old);
    session_credentials_clear(&later);
    session_credentials_clear(&other);
}

static void test_a_revocation_counts_at_once_and_is_not_taken_back(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    identity_auth_clear(&auth);
    identity_revoke_sessions(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/app"), INT64_MAX);
    identity_revoke_sessions(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/gone"), INT64_MAX);
    identity_revoke_sessions(identity, SLICE_LIT(ROLE_ARN), at_time(NOW) - 1);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    identity_auth_clear(&auth);
    identity_revoke_sessions(identity, SLICE_LIT(ROLE_ARN), at_time(NOW));
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    identity_revoke_sessions(identity, SLICE_LIT(ROLE_ARN), 1);
    assert_refused(identity, &signer, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    session_credentials_clear(&issued);
}

static void test_the_token_must_be_signed_and_stand_once(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    _cleanup_buf_ buf_t unsigned_token = { 0 }, twice = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    const sigv4_credentials signer = signer_of(&issued);
    put_signed_request(&unsigned_token, &signer);
    edit(&unsigned_token, ";x-amz-security-token", "");
    p11kms_err err = authenticate_text(identity, &unsigned_token, at_time(NOW), &auth);
    assert_err(err, P11KMS_E_AUTH_SIGNATURE);
    assert_string_equal(p11kms_err_detail(err),
                        "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.");
    put_signed_request(&twice, &signer);
    edit(&twice, "X-Amz-Date", "X-Amz-Security-Token: AQ==\nX-Amz-Date");
    assert_err(authenticate_text(identity, &twice, at_time(NOW), &auth), P11KMS_E_AUTH_INCOMPLETE);
    session_credentials_clear(&issued);
}

/** Nobody with another's access key id can make their requests fail. */
static void test_a_bad_token_does_not_spoil_the_good_ones_signing_keys(void **state)
{
    _cleanup_(identity) identity_t *identity = build_roles();
    const session_spec spec = spec_of(identity);
    session_credentials issued = { 0 };
    identity_auth auth;

    (void)state;
    assert_ok(session_issue(identity, &spec, &issued));
    sigv4_credentials stranger = credentials_of(issued.access_key_id);
    assert_refused(identity, &stranger, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    stranger.session_token = "AQ==";
    assert_refused(identity, &stranger, 0, P11KMS_E_AUTH_UNKNOWN_KEY, INVALID_TOKEN);
    const sigv4_credentials signer = signer_of(&issued);
    assert_ok(ask_as(identity, &signer, 0, &auth));
    identity_auth_clear(&auth);
    session_credentials_clear(&issued);
}

/* ---- peers with a role ---- */

static p11kms_err ask_peer(identity_t *identity, const peer_t *peer, identity_auth *ret)
{
    const identity_check check = { .now_ms = at_time(NOW),
                                   .skew_seconds = 300,
                                   .service_ms = at_time(NOW) + 5 };
    const message_t message = { .method = SLICE_LIT("POST"), .path = SLICE_LIT("/"), .peer = peer };

    return identity_authenticate(identity, &message, &check, ret);
}

static void test_a_peer_with_a_role_gets_a_session_of_it(void **state)
{
    const conf_peer_rule rules[] = {
        { .is_unix = true, .uid = "7", .principal = ROLE_ARN },
        { .is_unix = true, .uid = "8", .principal = ROLE_ARN, .session_name = "nightly" },
        { .san = "DNS:db1.example", .principal = ROLE_ARN },
    };
    const roles_options options = { .roles = &deploy_role, .n_roles = 1, .peers = rules, .n_peers = 3 };
    static const struct {
        peer_t peer;
        const char *method;
        const char *name;
    } rows[] = {
        { { .kind = PEER_UNIX, .uid = 7 }, "UnixPeer", "uid-7" },
        { { .kind = PEER_UNIX, .uid = 8 }, "UnixPeer", "nightly" },
        { { .has_certificate = true,
            .cert_sans = "DNS:db1.example",
            .cert_subject = "O=A,CN=db1.example,C=DE" },
          "Certificate",
          "db1.example" },
        { { .has_certificate = true,
            .cert_sans = "DNS:db1.example",
            .cert_subject = "CN=Ren\\C3 d/b\\, 1+OU=x" },
          "Certificate",
          "RenC3-d-b--1" },
        { { .has_certificate = true,
            .cert_sans = "DNS:db1.example",
            .cert_subject = "O=x\\,CN=y",
            .cert_sha256 = "ab12" },
          "Certificate",
          "ab12" },
    };
    _cleanup_(identity) identity_t *identity = build_roles_with(&options);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        identity_auth auth;

        assert_ok(ask_peer(identity, &rows[i].peer, &auth));
        assert_int_equal(auth.principal->kind, PRINCIPAL_ROLE_SESSION);
        assert_string_equal(auth.principal->session_name, rows[i].name);
        assert_string_equal(auth.principal->role_arn, ROLE_ARN);
        assert_string_equal(auth.method, rows[i].method);
        assert_string_equal(auth.access_key_id, "");
        assert_true(auth.principal->issued_ms == at_time(NOW) + 5);
        identity_auth_clear(&auth);
    }
}

static void test_a_uid_that_maps_to_nobody_is_refused(void **state)
{
    const conf_peer_rule rule = { .is_unix = true, .uid = "7", .principal = ROLE_ARN };
    const roles_options options = { .roles = &deploy_role, .n_roles = 1, .peers = &rule, .n_peers = 1 };
    const peer_t peer = { .kind = PEER_UNIX, .uid = 1007 };
    _cleanup_(identity) identity_t *identity = build_roles_with(&options);
    identity_auth auth;

    (void)state;
    p11kms_err err = ask_peer(identity, &peer, &auth);
    assert_err(err, P11KMS_E_AUTH_MISSING);
    assert_string_equal(p11kms_err_detail(err), "Request is missing Authentication Token");
    assert_null(auth.principal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_role_is_what_was_declared),
        cmocka_unit_test(test_a_role_and_a_user_of_one_name_are_two),
        cmocka_unit_test(test_a_malformed_trust_policy_or_boundary_is_told),
        cmocka_unit_test(test_a_session_is_its_role_under_its_own_name),
        cmocka_unit_test(test_a_users_session_is_the_user),
        cmocka_unit_test(test_credentials_have_awss_forms_and_name_the_account),
        cmocka_unit_test(test_session_tags_lie_over_the_roles),
        cmocka_unit_test(test_a_session_stays_until_it_is_let_go_whatever_others_do),
        cmocka_unit_test(test_what_does_not_fit_a_token_is_not_issued),
        cmocka_unit_test(test_without_a_session_key_nothing_is_issued_or_known),
        cmocka_unit_test(test_a_truncated_token_is_refused),
        cmocka_unit_test(test_a_token_with_any_bit_flipped_is_refused),
        cmocka_unit_test(test_a_token_serves_its_own_access_key_alone),
        cmocka_unit_test(test_what_was_not_a_token_is_refused),
        cmocka_unit_test(test_a_token_that_another_service_key_sealed_is_refused),
        cmocka_unit_test(test_any_snapshot_with_the_key_knows_the_session),
        cmocka_unit_test(test_an_expired_session_is_refused_known_or_not),
        cmocka_unit_test(test_a_session_ends_with_its_role),
        cmocka_unit_test(test_revoked_sessions_are_refused_and_later_ones_are_not),
        cmocka_unit_test(test_a_revocation_counts_at_once_and_is_not_taken_back),
        cmocka_unit_test(test_the_token_must_be_signed_and_stand_once),
        cmocka_unit_test(test_a_bad_token_does_not_spoil_the_good_ones_signing_keys),
        cmocka_unit_test(test_a_peer_with_a_role_gets_a_session_of_it),
        cmocka_unit_test(test_a_uid_that_maps_to_nobody_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
