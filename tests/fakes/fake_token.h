/*
 * A token in memory, behind the real token.h, for the unit tests of the rooms above.
 * Completions are posted to the operation's mailbox inside token_submit(), unless held.
 */
#pragma once

#include "token/token.h"

typedef struct fake_token fake_token_t;

/**
 * Needs crypto_init() first. The fake outlives the token_t, so that a test can look at
 * it, or open it again (as after a restart) with fake_token_open().
 */
fake_token_t *fake_token_new(void);
void fake_token_free(fake_token_t *fake);
/** A token over @p fake; token_close() leaves the fake and its keys. */
token_t *fake_token_open(fake_token_t *fake, const char *name);

/** The next @p times operations of @p kind (TOKEN_OP_COUNT: of any kind) fail so; nothing happens on the token. */
void fake_token_fail(fake_token_t *fake, token_op_kind kind, p11kms_err err, uint64_t ckr, unsigned times);
/** A state other than TOKEN_READY answers every operation with P11KMS_E_TOKEN_LOST, held ones too. */
void fake_token_set_state(fake_token_t *fake, token_state state);
/** Hold completions back until fake_token_release(); what is held completes in order. */
void fake_token_hold(fake_token_t *fake);
size_t fake_token_release(fake_token_t *fake); /* how many completed */

/** GENERATE from now on gives every pair of a type the same numbers, in this process: making RSA keys takes long. */
void fake_token_reuse_pairs(fake_token_t *fake);
bool fake_token_has_key(fake_token_t *fake, const uint8_t key_id[TOKEN_KEY_ID]);
/** A key made behind the daemon's back, or one a crash left behind. */
void fake_token_add_key(fake_token_t *fake, const uint8_t key_id[TOKEN_KEY_ID]);
size_t fake_token_keys(fake_token_t *fake);
/** The label of a key made by GENERATE, without the prefix; "" when there is no such key. */
const char *fake_token_label(fake_token_t *fake, const uint8_t key_id[TOKEN_KEY_ID]);
uint64_t fake_token_ops(fake_token_t *fake, token_op_kind kind); /* submitted, failed ones too */
/** What token_get_info() says, and what the fake can (all but Ed25519ph); change it before opening. */
token_info *fake_token_info(fake_token_t *fake);
