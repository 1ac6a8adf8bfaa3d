/* The protocol's encoding, and that nothing else than it is decoded. */
#include "tests/testing.h"
#include "token/kinds.h"
#include "token/protocol.h"

static protocol_frame only_frame(const buf_t *buf)
{
    protocol_frame frame;

    assert_int_equal(protocol_next(buf_slice(buf), &frame), FRAME_WHOLE);
    assert_int_equal(frame.size, buf->len);
    return frame;
}

static const protocol_start a_start = {
    .name = "prod-a",
    .uri = "pkcs11:token=a",
    .module = "/usr/lib/module.so",
    .init_args = "configdir='x'",
    .pin_source = "file:/pin",
    .dev = true,
    .session_copies = false,
    .sessions = 3,
    .login = LOGIN_CAREFUL,
};

static void test_a_start_comes_out_as_it_went_in(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };
    protocol_frame frame;
    protocol_start got;
    (void)state;

    protocol_put_start(&buf, &a_start);
    frame = only_frame(&buf);
    assert_int_equal(frame.type, MSG_START);
    assert_true(protocol_get_start(frame.body, &got));
    assert_string_equal(got.name, a_start.name);
    assert_string_equal(got.uri, a_start.uri);
    assert_string_equal(got.module, a_start.module);
    assert_string_equal(got.init_args, a_start.init_args);
    assert_string_equal(got.pin_source, a_start.pin_source);
    assert_true(got.dev);
    assert_false(got.session_copies);
    assert_int_equal(got.sessions, 3);
    assert_int_equal(got.login, LOGIN_CAREFUL);
}

static void test_operations_come_out_in_order(void **state)
{
    static const uint8_t key[TOKEN_KEY_ID] = "0123456789abcdef";
    const protocol_op prf = { .id = 7, .kind = TOKEN_OP_PRF, .key_id = key, .in = SLICE_LIT("message") };
    const protocol_op random = { .id = UINT64_MAX, .kind = TOKEN_OP_RANDOM, .key_id = key, .out_len = 1024 };
    _cleanup_buf_ buf_t buf = { 0 };
    size_t begun = protocol_begin(&buf, MSG_OPS);
    reader_t reader;
    protocol_op got;
    (void)state;

    protocol_put_op(&buf, &prf);
    protocol_put_op(&buf, &random);
    protocol_end(&buf, begun);
    reader = reader_over(only_frame(&buf).body);
    assert_true(protocol_get_op(&reader, &got));
    assert_int_equal(got.id, 7);
    assert_memory_equal(got.key_id, key, TOKEN_KEY_ID);
    assert_slice_text(got.in, "message");
    assert_true(protocol_get_op(&reader, &got));
    assert_int_equal(got.id, UINT64_MAX);
    assert_int_equal(got.out_len, 1024);
    assert_false(protocol_get_op(&reader, &got));
    assert_true(reader_done(&reader));
}

static void test_an_import_carries_both_keys_and_what_it_makes(void **state)
{
    static const uint8_t key[TOKEN_KEY_ID] = "0123456789abcdef", unwrapping[TOKEN_KEY_ID] = "fedcba9876543210";
    const protocol_op import = {
        .id = 3,
        .kind = TOKEN_OP_IMPORT,
        .key_id = key,
        .unwrap_id = unwrapping,
        .type = TOKEN_KEY_P256,
        .use = TOKEN_USE_AGREE,
        .mechanism = TOKEN_MECH_RSA_AES_WRAP_SHA256,
        .in = SLICE_LIT("material"),
    };
    _cleanup_buf_ buf_t buf = { 0 };
    reader_t reader;
    protocol_op got;
    (void)state;

    protocol_put_op(&buf, &import);
    reader = reader_over(buf_slice(&buf));
    assert_true(protocol_get_op(&reader, &got));
    assert_true(reader_done(&reader));
    assert_memory_equal(got.key_id, key, TOKEN_KEY_ID);
    assert_memory_equal(got.unwrap_id, unwrapping, TOKEN_KEY_ID);
    assert_int_equal(got.type, TOKEN_KEY_P256);
    assert_int_equal(got.use, TOKEN_USE_AGREE);
    assert_int_equal(got.mechanism, TOKEN_MECH_RSA_AES_WRAP_SHA256);
    assert_slice_text(got.in, "material");
}

static bool reply_fits(token_op_kind kind, token_key_type type, token_mechanism mechanism, size_t len)
{
    const kinds_bounds bounds = { .kind = kind, .type = type, .mechanism = mechanism };

    return kinds_reply_fits(&bounds, len);
}

static void test_a_reply_has_a_length_that_its_operation_can_have(void **state)
{
    (void)state;
    assert_true(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_HMAC_SHA384, 48));
    assert_false(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_HMAC_SHA384, 32));
    assert_true(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_PSS_SHA256, 384));
    assert_false(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_PSS_SHA256, 383));
    assert_true(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_ECDSA, 132));
    assert_false(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_ECDSA, 66));
    assert_true(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_EDDSA, 64));
    assert_false(reply_fits(TOKEN_OP_SIGN, 0, TOKEN_MECH_EDDSA, 0));
    assert_true(reply_fits(TOKEN_OP_DECRYPT, 0, TOKEN_MECH_OAEP_SHA1, 470));
    assert_false(reply_fits(TOKEN_OP_DECRYPT, 0, TOKEN_MECH_OAEP_SHA1, 471));
    assert_false(reply_fits(TOKEN_OP_DECRYPT, 0, TOKEN_MECH_OAEP_SHA256, 470));
    assert_true(reply_fits(TOKEN_OP_AGREE, 0, 0, 66));
    assert_false(reply_fits(TOKEN_OP_AGREE, 0, 0, 64));
    assert_true(reply_fits(TOKEN_OP_GENERATE, TOKEN_KEY_PRF, 0, 0));
    assert_false(reply_fits(TOKEN_OP_GENERATE, TOKEN_KEY_P256, 0, 0));
    assert_false(reply_fits(TOKEN_OP_PUBLIC, 0, 0, TOKEN_RANDOM_MAX));
    assert_false(reply_fits(TOKEN_OP_DESTROY, 0, 0, 1));
}

static void test_replies_keep_their_error_and_ckr(void **state)
{
    const protocol_reply put = { .id = 9, .err = P11KMS_E_TOKEN, .ckr = 0x80000001 };
    _cleanup_buf_ buf_t buf = { 0 };
    size_t begun = protocol_begin(&buf, MSG_REPLIES);
    protocol_reply got;
    reader_t reader;
    (void)state;

    protocol_put_reply(&buf, &put);
    protocol_end(&buf, begun);
    reader = reader_over(only_frame(&buf).body);
    assert_true(protocol_get_reply(&reader, &got));
    assert_int_equal(got.id, 9);
    assert_err(got.err, P11KMS_E_TOKEN);
    assert_int_equal(got.ckr, 0x80000001);
    assert_true(reader_done(&reader));
}

static void test_an_error_without_a_number_travels_as_token(void **state)
{
    const protocol_reply put = { .id = 1, .err = P11KMS_E_STORE };
    _cleanup_buf_ buf_t buf = { 0 };
    protocol_reply got;
    reader_t reader;
    (void)state;

    protocol_put_reply(&buf, &put);
    reader = reader_over(buf_slice(&buf));
    assert_true(protocol_get_reply(&reader, &got));
    assert_err(got.err, P11KMS_E_TOKEN);
}

static token_info an_info(void)
{
    return (token_info){
        .label = "0123456789abcdef0123456789abcdef",
        .manufacturer = "m",
        .model = "0123456789abcdef",
        .serial = "",
        .library = "library 1.0",
        .can_prf = true,
        .can_gcm = true,
        .key_types = 1u << TOKEN_KEY_ED25519,
        .mechanisms = 1u << TOKEN_MECH_EDDSA,
        .can_agree = true,
        .keys = 12,
    };
}

static void test_an_introduction_comes_out_as_it_went_in(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };
    token_info info = an_info(), got;
    (void)state;

    protocol_put_info(&buf, &info);
    assert_true(protocol_get_info(only_frame(&buf).body, &got));
    assert_string_equal(got.label, info.label);
    assert_string_equal(got.model, info.model);
    assert_string_equal(got.library, info.library);
    assert_true(got.can_prf && got.can_gcm && !got.can_generate && !got.can_random && !got.can_session_copy);
    assert_int_equal(got.key_types, info.key_types);
    assert_int_equal(got.mechanisms, info.mechanisms);
    assert_true(got.can_agree && !got.can_import);
    assert_int_equal(got.keys, 12);
    buf_clear(&buf);
    info.mechanisms = 1u << TOKEN_MECH_COUNT;
    protocol_put_info(&buf, &info);
    assert_false(protocol_get_info(only_frame(&buf).body, &got));
}

static void test_a_farewell_and_a_notice_come_out_as_they_went_in(void **state)
{
    const protocol_failed put = { .err = P11KMS_E_TOKEN_PIN, .ckr = 0xa4, .text = "C_Login: CKR_PIN_LOCKED" };
    _cleanup_buf_ buf_t farewell = { 0 };
    _cleanup_buf_ buf_t notice = { 0 };
    protocol_failed got;
    uint64_t id;
    (void)state;

    protocol_put_failed(&farewell, &put);
    assert_true(protocol_get_failed(only_frame(&farewell).body, &got));
    assert_err(got.err, P11KMS_E_TOKEN_PIN);
    assert_int_equal(got.ckr, 0xa4);
    assert_string_equal(got.text, put.text);
    protocol_put_exclusive(&notice, 5);
    assert_true(protocol_get_exclusive(only_frame(&notice).body, &id));
    assert_int_equal(id, 5);
}

static void test_a_sentence_too_long_is_cut_not_refused(void **state)
{
    static char text[PROTOCOL_STRING_MAX + 100];
    protocol_failed put = { .err = P11KMS_E_CONFIG, .text = text }, got;
    _cleanup_buf_ buf_t buf = { 0 };
    (void)state;

    memset(text, 'x', sizeof(text) - 1);
    protocol_put_failed(&buf, &put);
    assert_true(protocol_get_failed(only_frame(&buf).body, &got));
    assert_int_equal(strlen(got.text), PROTOCOL_STRING_MAX);
}

/* Every proper prefix of a frame is a part, and every body cut short is refused. */
static void test_nothing_cut_short_is_decoded(void **state)
{
    _cleanup_buf_ buf_t start = { 0 };
    _cleanup_buf_ buf_t info = { 0 };
    token_info put = an_info(), got_info;
    protocol_frame frame;
    protocol_start got;
    (void)state;

    protocol_put_start(&start, &a_start);
    protocol_put_info(&info, &put);
    for (size_t len = 0; len < start.len; len++) {
        assert_int_equal(protocol_next(SLICE(start.data, len), &frame), FRAME_PART);
    }
    for (size_t len = 0; len + 5 < start.len; len++) {
        assert_false(protocol_get_start(SLICE(start.data + 5, len), &got));
    }
    for (size_t len = 0; len + 5 < info.len; len++) {
        assert_false(protocol_get_info(SLICE(info.data + 5, len), &got_info));
    }
}

static void test_nothing_left_over_is_decoded(void **state)
{
    static const protocol_failed farewell = { .err = P11KMS_E_CONFIG, .text = "" };
    _cleanup_buf_ buf_t start = { 0 };
    _cleanup_buf_ buf_t failed = { 0 };
    protocol_start got;
    protocol_failed got_failed;
    (void)state;

    protocol_put_start(&start, &a_start);
    buf_put_u8(&start, 0);
    assert_false(protocol_get_start(SLICE(start.data + 5, start.len - 5), &got));
    protocol_put_failed(&failed, &farewell);
    buf_put_u8(&failed, 0);
    assert_false(protocol_get_failed(SLICE(failed.data + 5, failed.len - 5), &got_failed));
}

static void test_a_frame_of_impossible_length_is_bad_at_once(void **state)
{
    static const uint8_t zero[] = { 0, 0, 0, 0 };
    static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff };
    protocol_frame frame;
    (void)state;

    assert_int_equal(protocol_next(SLICE(zero, sizeof(zero)), &frame), FRAME_BAD);
    assert_int_equal(protocol_next(SLICE(huge, sizeof(huge)), &frame), FRAME_BAD);
    assert_int_equal(protocol_next(SLICE(huge, 3), &frame), FRAME_PART);
}

/* Put @p value over the byte @p from_end before the end of a good start and see it refused. */
static void refuse_start_with(size_t from_end, uint8_t value)
{
    _cleanup_buf_ buf_t buf = { 0 };
    protocol_start got;

    protocol_put_start(&buf, &a_start);
    buf.data[buf.len - from_end] = value;
    assert_false(protocol_get_start(SLICE(buf.data + 5, buf.len - 5), &got));
}

static void test_values_out_of_bounds_are_refused(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };
    protocol_start got;
    (void)state;

    refuse_start_with(1, LOGIN_ORDERED + 1);
    refuse_start_with(2, 0); /* sessions */
    refuse_start_with(2, TOKEN_SESSIONS_MAX + 1);
    refuse_start_with(3, 2); /* neither true nor false */
    refuse_start_with(5, 'x'); /* the string's NUL */
    refuse_start_with(6, 0);   /* a NUL within the string */
    protocol_put_start(&buf, &a_start);
    buf.data[6] = PROTOCOL_VERSION + 1;
    assert_false(protocol_get_start(SLICE(buf.data + 5, buf.len - 5), &got));
}

static void refuse_op(protocol_op op)
{
    static const uint8_t key[TOKEN_KEY_ID];
    _cleanup_buf_ buf_t buf = { 0 };
    reader_t reader;
    protocol_op got;

    op.key_id = key;
    protocol_put_op(&buf, &op);
    reader = reader_over(buf_slice(&buf));
    assert_false(protocol_get_op(&reader, &got));
    assert_false(reader_done(&reader));
}

static void test_operations_out_of_bounds_are_refused(void **state)
{
    static const uint8_t big[TOKEN_IN_MAX + 1];
    (void)state;

    refuse_op((protocol_op){ .kind = TOKEN_OP_COUNT });
    refuse_op((protocol_op){ .kind = TOKEN_OP_PRF, .in = SLICE(big, sizeof(big)) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_PRF, .out_len = 1 });
    refuse_op((protocol_op){ .kind = TOKEN_OP_GENERATE, .in = SLICE(big, TOKEN_LABEL_MAX + 1) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_RANDOM });
    refuse_op((protocol_op){ .kind = TOKEN_OP_RANDOM, .out_len = TOKEN_RANDOM_MAX + 1 });
    refuse_op((protocol_op){ .kind = TOKEN_OP_LIST, .in = SLICE(big, 1) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_PRF, .type = TOKEN_KEY_P256 });
    refuse_op((protocol_op){ .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_COUNT });
    refuse_op((protocol_op){ .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_PRF, .use = TOKEN_USE_DECRYPT });
    refuse_op((protocol_op){ .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_P256, .use = TOKEN_USE_DECRYPT });
    refuse_op((protocol_op){ .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_RSA_2048, .use = TOKEN_USE_AGREE });
    refuse_op((protocol_op){ .kind = TOKEN_OP_GENERATE, .mechanism = TOKEN_MECH_ECDSA });
    refuse_op((protocol_op){ .kind = TOKEN_OP_SIGN, .in = SLICE(big, 32) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_COUNT, .in = SLICE(big, 32) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_PKCS1_SHA256, .in = SLICE(big, 31) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_ECDSA, .in = SLICE(big, 65) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_OAEP_SHA256, .in = SLICE(big, 32) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_DECRYPT, .mechanism = TOKEN_MECH_ECDSA, .in = SLICE(big, 32) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_DECRYPT, .mechanism = TOKEN_MECH_RSA_AES_WRAP_SHA1, .in = SLICE(big, 32) });
    refuse_op((protocol_op){ .kind = TOKEN_OP_IMPORT, .unwrap_id = big, .mechanism = TOKEN_MECH_OAEP_SHA1 });
    refuse_op((protocol_op){ .kind = TOKEN_OP_IMPORT, .unwrap_id = big, .mechanism = TOKEN_MECH_ECDSA, .in = SLICE(big, 9) });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_start_comes_out_as_it_went_in),
        cmocka_unit_test(test_operations_come_out_in_order),
        cmocka_unit_test(test_an_import_carries_both_keys_and_what_it_makes),
        cmocka_unit_test(test_a_reply_has_a_length_that_its_operation_can_have),
        cmocka_unit_test(test_replies_keep_their_error_and_ckr),
        cmocka_unit_test(test_an_error_without_a_number_travels_as_token),
        cmocka_unit_test(test_an_introduction_comes_out_as_it_went_in),
        cmocka_unit_test(test_a_farewell_and_a_notice_come_out_as_they_went_in),
        cmocka_unit_test(test_a_sentence_too_long_is_cut_not_refused),
        cmocka_unit_test(test_nothing_cut_short_is_decoded),
        cmocka_unit_test(test_nothing_left_over_is_decoded),
        cmocka_unit_test(test_a_frame_of_impossible_length_is_bad_at_once),
        cmocka_unit_test(test_values_out_of_bounds_are_refused),
        cmocka_unit_test(test_operations_out_of_bounds_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
