/* The key of checkpoints without a token: Ed25519 from a fixed seed, slow or failing on order. */
#pragma once

#include "audit/audit.h"

#define FAKE_ORIGIN "p11kms/fake.example"

/** Signs at once, and counts from zero. */
void fake_signer_reset(void);
/** The only one there is. */
const audit_signer *fake_signer(void);
/** Its vkey; static. */
const char *fake_signer_vkey(void);

/** The next @p times calls fail. */
void fake_signer_fail(unsigned times);
/** Signatures that verify under another key. */
void fake_signer_lie(bool lies);
/** Calls hang from now on, until they are released. */
void fake_signer_hold(void);
void fake_signer_release(void);
/** Wait until one hangs. */
void fake_signer_await_held(void);

unsigned fake_signer_calls(void);
