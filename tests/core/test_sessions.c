/* Requests under temporary credentials, from the signature to the record. */
#include <stdio.h>

#include "tests/fakes/house.h"
#include "tests/identity/roles.h"
#include "util/clock.h"

#define ANY_KEY "arn:aws:kms:" HOUSE_REGION ":" ACCOUNT ":key/7"
#define ADMIN_ARN "arn:aws:iam::" ACCOUNT ":user/admin"

typedef struct {
    house_t house;
    arena_t *arena;
    int64_t now_ms;
    message_t message;
    peer_t peer;
} scene_t;

/** The role "deploy", without the boundary, may do everything; "edged" only what its boundary lets it. */
static identity_t *build_scene(void)
{
    static const conf_policy all = { .name = "all", .json = ALLOW("*") };
    static const conf_role roles[] = {
        { .name = "deploy",
          .path = "/team/",
          .trust = &deploy_trust,
          .policies = &all,
          .n_policies = 1,
          .tags = deploy_tags,
          .n_tags = 2,
          .max_session_s = 3600 },
        { .name = "edged",
          .path = "/",
          .trust = &deploy_trust,
          .policies = &all,
          .n_policies = 1,
          .boundary = &deploy_boundary,
          .max_session_s = 3600 },
    };
    static const conf_peer_rule peer = { .is_unix = true, .uid = "7", .principal = ROLE_ARN };
    const roles_options options = { .roles = roles, .n_roles = 2, .peers = &peer, .n_peers = 1 };

    return build_roles_with(&options);
}

static int setup(void **state)
{
    scene_t *scene = calloc(1, sizeof(*scene));

    house_open(&scene->house);
    core_set_identity(scene->house.core, build_scene());
    scene->arena = arena_new(4096);
    scene->now_ms = clock_wall_ms();
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    scene_t *scene = *state;

    house_close(&scene->house);
    fake_token_free(scene->house.fake);
    arena_free(scene->arena);
    free(scene);
    return 0;
}

static session_spec spec_now(scene_t *scene, const char *arn)
{
    const principal_t *of = identity_find(core_identity(scene->house.core), SLICE_STR(arn));

    return (session_spec){ .of = of,
                           .session_name = of->kind == PRINCIPAL_ROLE ? "build-7" : NULL,
                           .issued_ms = scene->now_ms,
                           .expires_ms = scene->now_ms + HOUR_MS };
}

/** An operation whose message @p spec's session signed; authenticated. NULL spec: the Unix peer 7. */
static op_t *ask(scene_t *scene, const session_spec *spec)
{
    static const op_row_t row = { .name = "Decrypt",
                                  .service = "kms",
                                  .event_source = "kms.amazonaws.com",
                                  .action = "kms:Decrypt",
                                  .read_only = true };
    session_credentials issued = { 0 };
    _cleanup_buf_ buf_t text = { 0 };

    buf_put_str(&text, "POST /\nhost: kms.example\n\n");
    if (spec != NULL) {
        assert_ok(session_issue(core_identity(scene->house.core), spec, &issued));
        const sigv4_credentials signer = signer_of(&issued);
        buf_clear(&text);
        put_request_signed_at(&text, &signer, clock_wall_ms());
        session_credentials_clear(&issued);
    }
    request_read(scene->arena, buf_slice(&text), &scene->message);
    scene->peer = (peer_t){ .kind = PEER_UNIX, .uid = 7, .address = "unix" };
    scene->message.peer = &scene->peer;
    op_t *op = op_new(scene->house.core, &scene->message, &scene->house);
    op->row = &row;
    assert_ok(op_authenticate(op, "kms"));
    return op;
}

static p11kms_err decide_as(op_t *op, const char *action)
{
    const op_resource_t key = { .arn = ANY_KEY, .account = ACCOUNT, .type = "AWS::KMS::Key" };

    return op_authorize_as(op, action, &key, NULL, false, NULL, NULL);
}

/** End @p op as its decision says. */
static void conclude(scene_t *scene, op_t *op, p11kms_err err)
{
    if (err == P11KMS_OK) {
        op_done(op);
    } else {
        op_fail(op, err);
    }
    house_run(&scene->house);
}

static void test_conditions_see_the_session(void **state)
{
    static const conf_tag tags[] = { { "Job", "7" } };
    static const struct {
        const char *condition;
        bool holds;
    } rows[] = {
        { "{\"ArnEquals\":{\"aws:PrincipalArn\":\"" ROLE_ARN "\"}}", true },
        { "{\"ArnEquals\":{\"aws:PrincipalArn\":\"" SESSION_ARN "\"}}", false },
        { "{\"StringEquals\":{\"aws:PrincipalType\":\"AssumedRole\",\"aws:PrincipalAccount\":\"" ACCOUNT
          "\"}}",
          true },
        { "{\"StringLike\":{\"aws:userid\":\"AROA?????????????????:build-7\"}}", true },
        { "{\"Null\":{\"aws:username\":\"true\"}}", true },
        { "{\"StringEquals\":{\"aws:PrincipalTag/job\":\"7\",\"aws:PrincipalTag/team\":\"blue\"}}", true },
        { "{\"StringEquals\":{\"aws:PrincipalTag/team\":\"red\"}}", false },
        { "{\"Null\":{\"aws:TokenIssueTime\":\"false\"}}", true },
        { "{\"DateGreaterThan\":{\"aws:TokenIssueTime\":\"2020-01-01T00:00:00Z\"}}", true },
        { "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2020-01-01T00:00:00Z\"}}", false },
        { "{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"false\"},\"Null\":{\"aws:MultiFactorAuthAge\":"
          "\"true\"}}",
          true },
        { "{\"StringEquals\":{\"aws:SourceIdentity\":\"alice\"}}", true },
        { "{\"StringEquals\":{\"aws:FederatedProvider\":\"arn:aws:iam::" ACCOUNT
          ":oidc-provider/token.example\"}}",
          true },
        { "{\"Bool\":{\"aws:PrincipalIsAWSService\":\"false\"}}", true },
    };
    scene_t *scene = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        session_spec spec = spec_now(scene, ROLE_ARN);
        _cleanup_buf_ buf_t policy = { 0 };

        buf_printf(&policy,
                   POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":%s}"),
                   rows[i].condition);
        spec.policy = buf_slice(&policy);
        spec.tags = tags;
        spec.n_tags = 1;
        spec.source_identity = "alice";
        spec.federated = "token.example";
        op_t *op = ask(scene, &spec);
        p11kms_err err = decide_as(op, "kms:Decrypt");
        if (err != (rows[i].holds ? P11KMS_OK : P11KMS_E_DENIED)) {
            fail_msg("%s: %s", rows[i].condition, p11kms_err_name(err));
        }
        conclude(scene, op, err);
    }
}

static void test_a_users_own_keys_have_no_session_keys(void **state)
{
    static const conf_policy policies[] = {
        { .name = "none",
          .json = POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"Null\":{"
                         "\"aws:TokenIssueTime\":\"true\",\"aws:MultiFactorAuthPresent\":\"true\","
                         "\"aws:SourceIdentity\":\"true\",\"aws:FederatedProvider\":\"true\"}}}") },
    };
    static const conf_user user = { .name = "app", .path = "/", .policies = policies, .n_policies = 1 };
    static const conf_account account = { .id = ACCOUNT, .users = &user, .n_users = 1 };
    static const conf_peer_rule peer = { .is_unix = true, .uid = "7", .principal = APP_ARN };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1, .peers = &peer, .n_peers = 1 };
    scene_t *scene = *state;
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity;

    assert_ok(identity_build(&declared, NULL, 0, &problems, &identity));
    core_set_identity(scene->house.core, identity);
    op_t *op = ask(scene, NULL);
    p11kms_err err = decide_as(op, "kms:Decrypt");
    assert_ok(err);
    conclude(scene, op, err);
    assert_int_equal(house_records(&scene->house, "\"type\":\"IAMUser\""), 1);
    assert_int_equal(house_records(&scene->house, "sessionContext"), 0);
}

static void test_a_session_policy_narrows_and_a_boundary_limits(void **state)
{
    static const struct {
        const char *arn;
        const char *policy;
        const char *action;
        const char *refusal; /* how the sentence ends; NULL: allowed */
    } rows[] = {
        { ROLE_ARN, NULL, "kms:Decrypt", NULL },
        { ROLE_ARN, ALLOW("kms:Decrypt"), "kms:Decrypt", NULL },
        { ROLE_ARN, ALLOW("kms:Decrypt"), "kms:Encrypt",
          " because no session policy allows the kms:Encrypt action" },
        { ROLE_ARN,
          POLICY("[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},"
                 "{\"Effect\":\"Deny\",\"Action\":\"kms:Encrypt\",\"Resource\":\"*\"}]"),
          "kms:Encrypt", " with an explicit deny in a session policy" },
        { "arn:aws:iam::" ACCOUNT ":role/edged", NULL, "kms:Decrypt", NULL },
        { "arn:aws:iam::" ACCOUNT ":role/edged", NULL, "p11kms:Reload",
          " because no permissions boundary allows the p11kms:Reload action" },
        /* an administrator's own session may what the administrator may */
        { ADMIN_ARN, NULL, "p11kms:Reload", NULL },
        { ADMIN_ARN, ALLOW("kms:Decrypt"), "p11kms:Reload",
          " because no session policy allows the p11kms:Reload action" },
        /* a user's boundary holds for its sessions, and it gives nothing */
        { APP_ARN, NULL, "kms:Decrypt", " because no identity-based policy allows the kms:Decrypt action" },
    };
    scene_t *scene = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        session_spec spec = spec_now(scene, rows[i].arn);

        spec.policy = rows[i].policy != NULL ? SLICE_STR(rows[i].policy) : SLICE(NULL, 0);
        op_t *op = ask(scene, &spec);
        p11kms_err err = decide_as(op, rows[i].action);
        assert_err(err, rows[i].refusal != NULL ? P11KMS_E_DENIED : P11KMS_OK);
        if (rows[i].refusal != NULL) {
            const char *sentence = p11kms_err_detail(err);

            assert_string_equal(sentence + strlen(sentence) - strlen(rows[i].refusal), rows[i].refusal);
        }
        conclude(scene, op, err);
    }
    assert_int_equal(house_records(&scene->house, "User: " SESSION_ARN " is not authorized to perform"), 2);
}

static void test_a_key_policy_may_name_the_session_its_role_or_its_account(void **state)
{
    static const struct {
        const char *principal;
        bool allowed;
    } rows[] = {
        { SESSION_ARN, true },
        { "arn:aws:sts::" ACCOUNT ":assumed-role/deploy/other", false },
        { ROLE_ARN, true },
        { "arn:aws:iam::" ACCOUNT ":role/edged", false },
        { "arn:aws:iam::" ACCOUNT ":root", true },
    };
    scene_t *scene = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const session_spec spec = spec_now(scene, ROLE_ARN);
        const op_resource_t key = { .arn = ANY_KEY, .account = ACCOUNT, .type = "AWS::KMS::Key" };
        _cleanup_(policy) policy_t *policy = NULL;
        _cleanup_buf_ buf_t text = { 0 };

        buf_printf(
            &text,
            POLICY(
                "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Principal\":{\"AWS\":\"%s\"}}"),
            rows[i].principal);
        assert_ok(policy_compile(buf_slice(&text), POLICY_RESOURCE, "key", &policy));
        op_t *op = ask(scene, &spec);
        p11kms_err err = op_authorize(op, &key, policy, true, NULL, NULL);
        assert_err(err, rows[i].allowed ? P11KMS_OK : P11KMS_E_DENIED);
        conclude(scene, op, err);
    }
}

static void test_the_record_tells_role_session_and_issuer(void **state)
{
    scene_t *scene = *state;
    session_spec spec = spec_now(scene, ROLE_ARN);
    _cleanup_buf_ buf_t issuer = { 0 };
    char when[TIME_TEXT];

    spec.source_identity = "alice";
    spec.federated = "token.example";
    op_t *op = ask(scene, &spec);
    conclude(scene, op, decide_as(op, "kms:Decrypt"));
    assert_int_equal(
        house_records(&scene->house, "\"userIdentity\":{\"type\":\"AssumedRole\",\"principalId\":\"AROA"), 1);
    assert_int_equal(house_records(&scene->house, ":build-7\",\"arn\":\"" SESSION_ARN
                                                  "\",\"accountId\":\"" ACCOUNT "\",\"accessKeyId\":\"ASIA"),
                     1);
    buf_printf(&issuer,
               "\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":\"%s\",\"arn\":\"" ROLE_ARN
               "\",\"accountId\":\"" ACCOUNT "\",\"userName\":\"deploy\"}",
               spec.of->principal_id);
    assert_int_equal(house_records(&scene->house, buf_str(&issuer)), 1);
    assert_int_equal(house_records(&scene->house,
                                   "\"webIdFederationData\":{\"federatedProvider\":\"arn:aws:iam::" ACCOUNT
                                   ":oidc-provider/token.example\",\"attributes\":{}}"),
                     1);
    time_format_iso(scene->now_ms, when);
    buf_clear(&issuer);
    buf_printf(&issuer,
               "\"attributes\":{\"creationDate\":\"%s\",\"mfaAuthenticated\":\"false\"},\"sourceIdentity\":"
               "\"alice\"}",
               when);
    assert_int_equal(house_records(&scene->house, buf_str(&issuer)), 1);
    assert_int_equal(house_records(&scene->house, "\"userName\":\"build-7\""), 0);
}

static void test_the_record_of_a_users_session_is_the_users(void **state)
{
    scene_t *scene = *state;
    const session_spec spec = spec_now(scene, ADMIN_ARN);
    op_t *op = ask(scene, &spec);

    conclude(scene, op, decide_as(op, "kms:Decrypt"));
    assert_int_equal(house_records(&scene->house, "\"type\":\"IAMUser\""), 1);
    assert_int_equal(house_records(&scene->house,
                                   "\"userName\":\"admin\",\"sessionContext\":{\"sessionIssuer\":{},"
                                   "\"webIdFederationData\":{},\"attributes\":{\"creationDate\":\""),
                     1);
}

static void test_a_peers_session_is_recorded_without_an_access_key(void **state)
{
    scene_t *scene = *state;
    op_t *op = ask(scene, NULL);

    conclude(scene, op, decide_as(op, "kms:Decrypt"));
    assert_int_equal(house_records(&scene->house,
                                   "\"arn\":\"arn:aws:sts::" ACCOUNT ":assumed-role/deploy/uid-7\","
                                   "\"accountId\":\"" ACCOUNT "\",\"sessionContext\""),
                     1);
    assert_int_equal(house_records(&scene->house, "\"authentication\":\"UnixPeer\",\"peerUid\":7"), 1);
}

static void test_sessions_expire_by_the_services_clock(void **state)
{
    scene_t *scene = *state;
    const session_spec spec = spec_now(scene, ROLE_ARN);
    op_t *op = ask(scene, &spec);

    conclude(scene, op, decide_as(op, "kms:Decrypt"));
    clock_set_service_offset_ms(HOUR_MS);
    op = op_new(scene->house.core, &scene->message, &scene->house);
    p11kms_err err = op_authenticate(op, "kms");
    clock_set_service_offset_ms(0);
    assert_err(err, P11KMS_E_AUTH_EXPIRED);
    conclude(scene, op, err);
    assert_int_equal(
        house_records(&scene->house, "\"userIdentity\":{\"type\":\"Unknown\",\"accessKeyId\":\"ASIA"), 1);
}

/** The snapshot goes while a request is under way; its principal stays until the record is written. */
static void test_a_request_under_way_keeps_its_principal(void **state)
{
    scene_t *scene = *state;
    const session_spec spec = spec_now(scene, ROLE_ARN);
    op_t *op = ask(scene, &spec);
    p11kms_err err = decide_as(op, "kms:Decrypt");

    core_set_identity(scene->house.core, build_scene());
    conclude(scene, op, err);
    assert_int_equal(house_records(&scene->house, "\"arn\":\"" SESSION_ARN "\""), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conditions_see_the_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_users_own_keys_have_no_session_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_session_policy_narrows_and_a_boundary_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_key_policy_may_name_the_session_its_role_or_its_account, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_record_tells_role_session_and_issuer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_record_of_a_users_session_is_the_users, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_peers_session_is_recorded_without_an_access_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_sessions_expire_by_the_services_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_under_way_keeps_its_principal, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
