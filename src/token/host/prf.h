/* HMAC-SHA-256 on the token, and the key whose answer is known. */
#pragma once

#include "token/host/host.h"

/** One attempt, nothing else: C_SignInit and C_Sign. CKR_OK means exactly TOKEN_PRF_LEN bytes. */
CK_RV prf_once(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, slice_t in,
               uint8_t out[TOKEN_PRF_LEN]);
/** The known answer comes out. True as well where the token allows no such test. Under host->objects, shared. */
bool prf_known_answer(const host_t *host, CK_SESSION_HANDLE session);

typedef enum {
    PRF_UNTRIED, /* there is no such key, or the token does nothing with it */
    PRF_RIGHT,   /* and host->known has it from now on */
    PRF_WRONG,
} prf_verdict;

/** The known answer's key is brought: the answer is the standard's. */
prf_verdict prf_try_imported(host_t *host, CK_SESSION_HANDLE session);
/** It is made: one input has always the same answer, and another input another one. */
prf_verdict prf_try_made(host_t *host, CK_SESSION_HANDLE session);
/** It is one of ours; so is this told. */
prf_verdict prf_try_ours(host_t *host, CK_SESSION_HANDLE session, const host_key *key);
