/* Requests that nobody sent, and what requests can be about: for explanations and lint. */
#include "api/api_internal.h"

#include <stdio.h>
#include <string.h>

/* Bit i of ABOUT_... is row i. */
static const policy_resource_kind kinds[] = {
    { "no single resource (\"*\")", "*" },      /* ABOUT_ALL */
    { "KMS keys", "arn:*:kms:*:*:key/*" },      /* ABOUT_KEY */
    { "KMS aliases", "arn:*:kms:*:*:alias/*" }, /* ABOUT_ALIAS */
    { "users", "arn:*:iam::*:user/*" },         /* ABOUT_USER */
    { "roles", "arn:*:iam::*:role/*" },         /* ABOUT_ROLE */
};

static const struct {
    policy_action action;
    const char *service;
    const char *operation; /* that asks for it */
} further[] = {
    { { ACTION_RE_ENCRYPT_FROM, ABOUT_KEY }, "kms", "ReEncrypt" },
    { { ACTION_RE_ENCRYPT_TO, ABOUT_KEY }, "kms", "ReEncrypt" },
    { { ACTION_TAG_SESSION, ABOUT_ROLE }, "sts", "AssumeRole" },
    { { ACTION_SET_SOURCE_IDENTITY, ABOUT_ROLE }, "sts", "AssumeRole" },
};

static const policy_key *(*const key_tables[])(size_t i) = { op_condition_key, kms_condition_key,
                                                             sts_condition_key };

static size_t count_keys(void)
{
    size_t n = 0;

    for (size_t t = 0; t < COUNT_OF(key_tables); t++) {
        for (size_t i = 0; key_tables[t](i); i++) {
            n++;
        }
    }
    return n;
}

static void take_keys(arena_t *arena, policy_vocabulary *ret)
{
    policy_key *keys = arena_alloc(arena, count_keys() * sizeof(*keys));

    for (size_t t = 0; t < COUNT_OF(key_tables); t++) {
        for (size_t i = 0; key_tables[t](i); i++) {
            keys[ret->n_keys++] = *key_tables[t](i);
        }
    }
    ret->keys = keys;
}

static void take_actions(arena_t *arena, policy_vocabulary *ret)
{
    const op_row_t *rows = api_operations();
    size_t n = COUNT_OF(further);

    for (const op_row_t *row = rows; row->name; row++) {
        n++;
    }
    policy_action *actions = arena_alloc(arena, n * sizeof(*actions));
    for (const op_row_t *row = rows; row->name; row++) {
        if (row->about) {
            actions[ret->n_actions++] = (policy_action){ row->action, row->about };
        }
    }
    for (size_t i = 0; i < COUNT_OF(further); i++) {
        actions[ret->n_actions++] = further[i].action;
    }
    ret->actions = actions;
}

void api_vocabulary(arena_t *arena, policy_vocabulary *ret)
{
    *ret = (policy_vocabulary){ .kinds = kinds, .n_kinds = COUNT_OF(kinds) };
    take_actions(arena, ret);
    take_keys(arena, ret);
}

static const op_row_t *row_of(const char *action)
{
    for (size_t i = 0; i < COUNT_OF(further); i++) {
        if (strcmp(further[i].action.name, action) == 0) {
            return operations_named(further[i].service, SLICE_STR(further[i].operation));
        }
    }
    for (const op_row_t *row = api_operations(); row->name; row++) {
        if (row->about && strcmp(row->action, action) == 0) {
            return row;
        }
    }
    return NULL;
}

static const message_t *message_from(arena_t *arena, const char *address)
{
    message_t *message = ARENA_NEW(arena, message_t);
    peer_t *peer = ARENA_NEW(arena, peer_t);

    peer->kind = PEER_TCP;
    peer->tls = true;
    snprintf(peer->address, sizeof(peer->address), "%s", address ? address : "");
    message->peer = peer;
    return message;
}

static op_resource_t resource_of(const api_rehearsal *rehearsal)
{
    if (rehearsal->key) {
        return (op_resource_t){ .arn = rehearsal->key->arn, .account = rehearsal->key->account };
    }
    if (rehearsal->role) {
        return (op_resource_t){ .arn = rehearsal->role->arn, .account = rehearsal->role->account };
    }
    return (op_resource_t){ .arn = rehearsal->arn ? rehearsal->arn : "*",
                            .account = rehearsal->arn ? rehearsal->principal->account : NULL };
}

static policy_t *policy_of(const api_rehearsal *rehearsal)
{
    return rehearsal->key ? rehearsal->key->policy : rehearsal->role ? rehearsal->role->trust : NULL;
}

p11kms_err api_rehearse(const api_rehearsal *rehearsal, arena_t *arena, op_question_t *ret)
{
    const kms_key_t *key = rehearsal->key;
    request_t *request = ARENA_NEW(arena, request_t);
    op_t *op = ARENA_NEW(arena, op_t);
    op_resource_t resource = resource_of(rehearsal);

    op->arena = arena;
    op->row = row_of(rehearsal->action);
    op->message = message_from(arena, rehearsal->source_ip);
    op->region = rehearsal->region;
    op->auth.principal = rehearsal->principal;
    op->account = rehearsal->principal->account;
    op->resources[op->n_resources++] = resource;
    op->act = request;
    if (!op->row) {
        FAIL(P11KMS_E_NOT_FOUND, "there is no action %s", rehearsal->action);
    }
    request->kms = rehearsal->kms;
    request->asked = key;
    request->alias = op->row->about & ABOUT_ALIAS ? NULL : request_alias_said(op, rehearsal->name);
    request->context = (context_pair *)(uintptr_t)rehearsal->context;
    request->n_context = rehearsal->n_context;
    if (key) {
        TRY(request_crosses(op, rehearsal->action, key));
    }
    bool retires = key && strcmp(rehearsal->action, "kms:RetireGrant") == 0;
    bool kms = strcmp(op->row->service, "kms") == 0;
    policy_t *policy = retires ? request_retire_policy(op, key) : policy_of(rehearsal);
    resource.account = retires ? NULL : resource.account; /* what a grant lets others do needs no Allow of theirs */
    op_question(op, rehearsal->action, &resource, policy, retires || policy != NULL, kms ? kms_conditions : NULL, op,
                ret);
    _cleanup_(kms_grant) kms_grant_t *grant = retires ? request_retirable(op, key, &ret->set.granted)
                                                      : request_grant(op, rehearsal->action, &ret->set.granted);
    ret->grant = grant ? arena_strdup(arena, grant->id_text) : NULL;
    return P11KMS_OK;
}
