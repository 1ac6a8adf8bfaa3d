/*
 * room: cli. What policies decide about, offline: the declarations as the next
 * start or reload will have them, and what else is in the store.
 */
#pragma once

#include "api/api.h"
#include "cli/service_conf.h"
#include "util/map.h"

#define POLICY_DENIED 1 /* explain: denied; who-can: nobody; lint: findings */
#define POLICY_ERROR 2

/** A document and where it came from. */
typedef struct {
    const char *title; /* "policy use-its-key of user app" */
    const char *json;
    const conf_policy *declared; /* NULL: it stands in no file */
    json_t *document;            /* case_document() */
} case_policy;

typedef struct {
    arena_t *arena;
    conf_t *conf;
    conf_declared_t *declared;
    identity_t *identity;
    kms_t *kms;
    map_t *policies;         /* policy_t * -> case_policy */
    map_t *declared_keys;    /* ARN -> conf_key */
    policy_vocabulary known; /* with the claims of declared providers */
} policy_case;

/** Prints what is wrong with files on standard error. */
MUST_USE p11kms_err case_load(const cli_line *line, policy_case *ret);
void case_clear(policy_case *all);
#define _cleanup_case_ __attribute__((cleanup(case_clear)))

/** Actions and keys; those that tokens of declared providers say too. */
void case_vocabulary(arena_t *arena, const conf_declared_t *declared, policy_vocabulary *ret);
/** "token.example", as condition keys have it, of "https://token.example". */
const char *case_issuer(const conf_oidc_provider *provider);

/** Where @p policy came from. */
case_policy *case_policy_of(const policy_case *all, const policy_t *policy);
/** As it is written. */
const json_t *case_document(case_policy *of);
/** A place in it, by its path; file is NULL where it stands in no file. */
conf_place case_place(const case_policy *of, const char *path);

/** The keys of the case, a reference each, as catalog_all(). The alias in the arena; NULL: none. */
const char *case_alias(const policy_case *all, const kms_key_t *key);
/** The declaration that @p key's policy comes from, or NULL. */
const conf_key *case_declared_key(const policy_case *all, const kms_key_t *key);

/** "p11kms: DETAIL" on standard error. @return POLICY_ERROR */
int case_fail(p11kms_err err);
