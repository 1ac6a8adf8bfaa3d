/*
 * What private keys, HMAC and import must do, whatever token is behind: run over the fake and over real
 * modules. Each asserts, for all that token_get_info() promises.
 */
#pragma once

#include "tests/token/calls.h"

void suite_every_type_signs(token_t *token);
void suite_longer_rsa_signs(token_t *token);
void suite_oaep_opens_and_nothing_else_does(token_t *token);
void suite_agreement_is_mutual(token_t *token);
void suite_hmac_keys_answer(token_t *token);
void suite_imports_are_the_same_keys(token_t *token);
void suite_secret_imports_by_sha1(token_t *token);
void suite_imports_refuse_what_they_must(token_t *token);
void suite_keys_do_one_thing(token_t *token);

/** Keys of every kind with their public halves, to be told the same of after a restart. */
#define SUITE_LASTING 7
typedef struct {
    size_t n;
    uint8_t ids[SUITE_LASTING][TOKEN_KEY_ID];
    token_key_type types[SUITE_LASTING];
    token_key_use uses[SUITE_LASTING];
    buf_t spkis[SUITE_LASTING];
} suite_lasting;

void suite_make_lasting(token_t *token, suite_lasting *lasting);
void suite_check_lasting(token_t *token, suite_lasting *lasting); /* and free it */
