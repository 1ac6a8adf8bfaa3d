/*
 * Keys declared in files: the difference between what is declared and what is,
 * and the acts that close it. Missing keys are made, existing ones brought to
 * the declaration; nothing is ever deleted.
 */
#include "kms/kms_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"

#define LOG_ROOM "kms"
#include "util/log.h"

/* ---- the difference ---- */

static const char *region_of(const conf_key *declared, const char *region)
{
    return declared->region ? declared->region : region;
}

static void note(plan_item *item, const char *fmt, ...) PRINTF(2, 3);
static void note(plan_item *item, const char *fmt, ...)
{
    size_t used = strlen(item->text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(item->text + used, sizeof(item->text) - used, fmt, args);
    va_end(args);
}

static bool tags_differ(const kms_key_t *key, const conf_key *declared)
{
    if (key->n_tags != declared->n_tags) {
        return true;
    }
    for (size_t i = 0; i < declared->n_tags; i++) {
        bool same = false;
        for (size_t k = 0; k < key->n_tags; k++) {
            same = same || (strcmp(key->tags[k].name, declared->tags[i].key) == 0 &&
                            strcmp(key->tags[k].value, declared->tags[i].value) == 0);
        }
        if (!same) {
            return true;
        }
    }
    return false;
}

static void compare(plan_item *item)
{
    const conf_key *declared = item->declared;
    const kms_key_t *key = item->key;
    bool enabled = key->stored == KMS_STATE_ENABLED;

    if (declared->description && strcmp(declared->description, key->description) != 0) {
        item->set_description = true;
        note(item, " description '%.60s' -> '%.60s';", key->description, declared->description);
    }
    if (declared->rotation_days != key->rotation_days) {
        item->set_rotation = true;
        note(item, " rotation every %d -> %d days;", key->rotation_days, declared->rotation_days);
    }
    if (tags_differ(key, declared)) {
        item->set_tags = true;
        note(item, " tags (%zu -> %zu);", key->n_tags, declared->n_tags);
    }
    if (declared->policy && strcmp(declared->policy->json, key->policy_json) != 0) {
        item->set_policy = true;
        note(item, " policy;");
    }
    if (declared->enabled != enabled) {
        item->set_enabled = true;
        note(item, " %s;", declared->enabled ? "enable" : "disable");
    }
}

static bool differs(const plan_item *item)
{
    return item->set_description || item->set_rotation || item->set_tags || item->set_policy || item->set_enabled;
}

static void plan_existing(plan_item *item)
{
    if (item->key->stored == KMS_STATE_PENDING_DELETION) {
        item->kind = PLAN_BLOCKED;
        note(item, " is pending deletion: cancel the deletion, or drop the declaration");
        return;
    }
    if (item->declared->token && strcmp(item->declared->token, item->key->token_name) != 0) {
        item->kind = PLAN_BLOCKED;
        note(item, " lives on the token '%s', and a key cannot move to '%s'", item->key->token_name,
             item->declared->token);
        return;
    }
    item->kind = PLAN_UPDATE;
    compare(item);
}

static p11kms_err plan_one(kms_t *kms, const conf_key *declared, const char *region, plan_item **ret)
{
    plan_item *item = calloc(1, sizeof(*item));

    ENSURE(item, P11KMS_E_NOMEM);
    item->declared = declared;
    note(item, "%s:", declared->alias);
    _cleanup_(kms_alias) kms_alias_t *alias =
        catalog_alias(kms->catalog, declared->account, region_of(declared, region), SLICE_STR(declared->alias));
    if (alias) {
        item->key = catalog_key(kms->catalog, alias->region, alias->key_id);
    }
    if (item->key) {
        plan_existing(item);
    } else {
        item->kind = PLAN_CREATE;
        note(item, " create %s in account %s, region %s", declared->spec, declared->account,
             region_of(declared, region));
    }
    if (item->kind == PLAN_UPDATE && !differs(item)) {
        kms_key_unref(item->key);
        free(item);
        item = NULL;
    }
    *ret = item;
    return P11KMS_OK;
}

p11kms_err kms_plan(kms_t *kms, const conf_key *keys, size_t n_keys, const char *region, plan_item **ret)
{
    plan_item *first = NULL, **last = &first;

    for (size_t i = 0; i < n_keys; i++) {
        p11kms_err err = plan_one(kms, &keys[i], region, last);
        if (err != P11KMS_OK) {
            kms_plan_free(first);
            return err;
        }
        if (*last) {
            last = &(*last)->next;
        }
    }
    *ret = first;
    return P11KMS_OK;
}

void kms_plan_free(plan_item *plan)
{
    while (plan) {
        plan_item *next = plan->next;
        kms_key_unref(plan->key);
        free(plan);
        plan = next;
    }
}

/* ---- closing it ---- */

typedef struct {
    kms_t *kms;
    plan_item *plan; /* what is left; the first is under way */
    const char *region;
    unsigned failed;
    void (*done)(void *arg, unsigned failed);
    void *arg;
} applying_t;

/* One item under way. */
typedef struct {
    applying_t *applying;
    kms_key_t *key; /* PLAN_CREATE: the key being made */
} item_act;

static void next_item(applying_t *applying);

static void item_free(op_t *op)
{
    item_act *act = op->act;

    kms_key_unref(act->key);
}

static void item_finished(op_t *op)
{
    applying_t *applying = ((item_act *)op->act)->applying;
    plan_item *item = applying->plan;

    if (op->err != P11KMS_OK) {
        applying->failed++;
        log_error("%s:%u: %s: %s", item->declared->place.file, item->declared->place.line, item->declared->alias,
                  op->err_detail ? op->err_detail : p11kms_err_text(op->err));
    } else {
        log_notice("declared key %s", item->text);
    }
    applying->kms->busy--;
    applying->plan = item->next;
    item->next = NULL;
    kms_plan_free(item);
    next_item(applying);
}

static p11kms_err set_tags(kms_key_t *key, const conf_key *declared)
{
    while (key->n_tags) {
        kms_key_remove_tag(key, SLICE_STR(key->tags[0].name));
    }
    for (size_t i = 0; i < declared->n_tags; i++) {
        TRY(kms_check_tag_name(SLICE_STR(declared->tags[i].key)));
        TRY(kms_key_set_tag(key, SLICE_STR(declared->tags[i].key), SLICE_STR(declared->tags[i].value)));
    }
    return P11KMS_OK;
}

static p11kms_err edit(const plan_item *item, kms_key_t *key)
{
    const conf_key *declared = item->declared;

    if (item->set_description) {
        TRY(kms_key_set_description(key, SLICE_STR(declared->description)));
    }
    if (item->set_rotation) {
        key->rotation_days = declared->rotation_days;
        key->rotation_next =
            declared->rotation_days ? clock_service_ms() + declared->rotation_days * CLOCK_DAY_MS : 0;
    }
    if (item->set_tags) {
        TRY(set_tags(key, declared));
    }
    if (item->set_policy) {
        TRY(kms_key_set_policy(key, SLICE_STR(declared->policy->json)));
    }
    if (item->set_enabled) {
        key->stored = declared->enabled ? KMS_STATE_ENABLED : KMS_STATE_DISABLED;
    }
    return P11KMS_OK;
}

static p11kms_err update_rows(op_t *op, store_t *store)
{
    applying_t *applying = ((item_act *)op->act)->applying;
    const plan_item *item = applying->plan;
    kms_change *change = kms_change_begin(op, applying->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, item->key, &key));
    TRY(kms_state_check(key, KMS_DOES_EDIT));
    TRY(edit(item, key));
    if (item->set_tags) {
        TRY(kms_change_tags(change, item->key, key));
    }
    return kms_change_put(change, STEAL(key));
}

static p11kms_err create_rows(op_t *op, store_t *store)
{
    applying_t *applying = ((item_act *)op->act)->applying;
    const conf_key *declared = applying->plan->declared;
    kms_change *change = kms_change_begin(op, applying->kms, store);
    item_act *act = op->act;
    _cleanup_(kms_key) kms_key_t *key = kms_key_ref(act->key);

    TRY(kms_change_create(change, STEAL(act->key), &op->token_op));
    return kms_change_alias(change, key->account, key->region, declared->alias, key, true);
}

static void material_made(op_t *op)
{
    kms_keep_material(op, create_rows);
}

static p11kms_err new_key(applying_t *applying, const conf_key *declared, kms_key_t **ret)
{
    const kms_create create = {
        .account = declared->account,
        .region = region_of(declared, applying->region),
        .token = declared->token,
        .description = declared->description ? SLICE_STR(declared->description) : SLICE(NULL, 0),
        .policy = declared->policy ? SLICE_STR(declared->policy->json) : SLICE(NULL, 0),
        .rotation_days = declared->rotation_days,
        .disabled = !declared->enabled,
    };
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_check_alias_name(SLICE_STR(declared->alias)));
    TRY(kms_create_key(applying->kms, &create, &key));
    TRY(set_tags(key, declared));
    *ret = STEAL(key);
    return P11KMS_OK;
}

static void create(applying_t *applying, op_t *op)
{
    item_act *act = op->act;
    p11kms_err err = new_key(applying, applying->plan->declared, &act->key);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op->resources[op->n_resources++] = (op_resource_t){ .arn = arena_strdup(op->arena, act->key->arn),
                                                        .account = op->account,
                                                        .type = "AWS::KMS::Key" };
    kms_make_material(op, applying->kms, act->key, material_made);
}

static op_t *begin(applying_t *applying, const plan_item *item)
{
    static const char *const events[] = {
        [PLAN_CREATE] = "CreateDeclaredKey",
        [PLAN_UPDATE] = "UpdateDeclaredKey",
        [PLAN_BLOCKED] = "UpdateDeclaredKey",
    };
    op_t *op = op_new_internal(applying->kms->core, events[item->kind], "kms.amazonaws.com",
                               item->declared->account, region_of(item->declared, applying->region));
    buf_t detail = { 0 };
    jw_t w = jw_on(&detail);

    jw_object(&w);
    jw_key(&w, "alias");
    jw_string(&w, item->declared->alias);
    jw_key(&w, "change");
    jw_string(&w, item->text);
    jw_end(&w);
    op->event_detail = arena_strdup(op->arena, buf_str(&detail));
    buf_free(&detail);
    item_act *act = ARENA_NEW(op->arena, item_act);
    act->applying = applying;
    op->act = act;
    op->act_free = item_free;
    op->finished = item_finished;
    if (item->key) {
        op->resources[op->n_resources++] = (op_resource_t){ .arn = arena_strdup(op->arena, item->key->arn),
                                                            .account = op->account,
                                                            .type = "AWS::KMS::Key" };
    }
    applying->kms->busy++;
    return op;
}

static void next_item(applying_t *applying)
{
    plan_item *item = applying->plan;

    if (!item) {
        applying->done(applying->arg, applying->failed);
        free(applying);
        return;
    }
    op_t *op = begin(applying, item);
    switch (item->kind) {
    case PLAN_CREATE:
        create(applying, op);
        break;
    case PLAN_UPDATE:
        op_change(op, update_rows, op_settle);
        break;
    case PLAN_BLOCKED:
        op_fail(op, p11kms_fail(P11KMS_E_KEY_STATE, "%s", item->text));
        break;
    }
}

void kms_apply(kms_t *kms, plan_item *plan, const char *region, void (*done)(void *arg, unsigned failed), void *arg)
{
    applying_t *applying = calloc(1, sizeof(*applying));

    if (!applying) {
        kms_plan_free(plan);
        done(arg, 1);
        return;
    }
    *applying = (applying_t){ .kms = kms, .plan = plan, .region = region, .done = done, .arg = arg };
    next_item(applying);
}
