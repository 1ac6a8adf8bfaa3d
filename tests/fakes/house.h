/*
 * The rooms below the handlers, put together for a test: a token in memory, a
 * real store and a real audit log in a scratch folder, core and kms over them.
 * There is no loop: house_run() drains the mailbox until nothing is under way.
 */
#pragma once

#include "kms/kms.h"
#include "tests/fakes/fake_token.h"

#define HOUSE_ACCOUNT "123456789012"
#define HOUSE_REGION "eu-central-1"

typedef struct {
    const char *folder;
    fake_token_t *fake;
    token_t *token;
    mailbox_t *mailbox;
    audit_t *audit;
    core_t *core;
    kms_t *kms;
    unsigned released; /* answers that left through the edge */
    p11kms_err last_err;
    char last_detail[512];
} house_t;

/** Everything up on a new folder. */
void house_open(house_t *house);
/** Stop and start again on the same folder and token, as after a restart. */
void house_restart(house_t *house);
/** As a crash between two steps leaves it: nothing is tidied that a kill would not tidy. */
void house_close(house_t *house);
/** Until every operation has been released (at most ten seconds; then the test fails). */
void house_run(house_t *house);

/** Setup and teardown of a test whose state is one house. */
int house_setup(void **state);
int house_teardown(void **state);
/** Service time goes on; a teardown sets it back. */
void house_pass_days(int days);
/** What is due is done, and what comes due by it, until nothing more is started. */
void house_tick(house_t *house);

/** A key with one material, through the same steps as CreateKey; a reference. */
kms_key_t *house_make_key(house_t *house);
/** As above, of another kind; account and region are the house's. */
kms_key_t *house_make_key_of(house_t *house, const char *spec, kms_usage usage);
/** The key as it stands now; a reference, NULL when it is gone. */
kms_key_t *house_key(house_t *house, const kms_key_t *key);
/** Edit a key as a handler would: on the worker, with its record. */
void house_edit(house_t *house, const kms_key_t *key, void (*edit)(kms_key_t *key));
/** How many records of the audit log hold @p text. */
unsigned house_records(house_t *house, const char *text);
