/* A token on a real module for each test, and an operation to try it with. */
#pragma once

#include <stdio.h>

#include "crypto/crypto.h"
#include "tests/fakes/softhsm.h"
#include "tests/token/calls.h"

struct fixture {
    token_options options; /* zeros where the module is not installed */
    token_t *token;
    token_op_t op;
};

static inline int softhsm_setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){ 0 };
    if (softhsm_module() != NULL) {
        softhsm_new();
        softhsm_add_token("t1");
        f.options = softhsm_options("t1");
    }
    *state = &f;
    return crypto_init();
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    token_close(f->token);
    token_op_wipe(&f->op);
    return 0;
}

/* Skips the test where the module is not installed. */
static inline struct fixture *begin(void **state)
{
    struct fixture *f = *state;

    if (f->options.module == NULL) {
        print_message("# the module is not installed\n");
        skip();
    }
    return f;
}

static inline void reopen(struct fixture *f)
{
    p11kms_err err;

    token_close(f->token);
    f->token = NULL;
    err = token_open(&f->options, false, &f->token);
    if (err != P11KMS_OK) {
        fail_msg("token_open: %s", p11kms_err_detail(err));
    }
}

static inline struct fixture *begin_open(void **state)
{
    struct fixture *f = begin(state);

    reopen(f);
    return f;
}
