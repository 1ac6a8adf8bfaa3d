/* p11kms plan: what a start or reload would do to bring keys to their declarations. */
#include "cli/commands.h"
#include "cli/service_conf.h"
#include "kms/kms.h"
#include "util/json.h"

#include <stdio.h>

static const char *const actions[] = {
    [PLAN_CREATE] = "create",
    [PLAN_UPDATE] = "update",
    [PLAN_BLOCKED] = "blocked",
};

/* A store that is not there yet is an empty one. */
static p11kms_err load_keys(const conf_t *conf, kms_t *kms)
{
    _cleanup_(store) store_t *store = NULL;
    p11kms_err err = store_open_readonly(conf->store, &store);

    if (err == P11KMS_E_NOT_FOUND) {
        return P11KMS_OK;
    }
    TRY(err);
    return kms_load(store, kms);
}

static const char *region_of(const plan_item *item, const conf_t *conf)
{
    return item->declared->region ? item->declared->region : conf->region;
}

static void print_text(const plan_item *plan)
{
    for (; plan; plan = plan->next) {
        printf("%-8s %s\n", actions[plan->kind], plan->text);
    }
}

static void print_json(const plan_item *plan, const conf_t *conf)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    jw_object(&w);
    jw_key(&w, "differences");
    jw_array(&w);
    for (; plan; plan = plan->next) {
        jw_object(&w);
        jw_key(&w, "action");
        jw_string(&w, actions[plan->kind]);
        jw_key(&w, "alias");
        jw_string(&w, plan->declared->alias);
        jw_key(&w, "account");
        jw_string(&w, plan->declared->account);
        jw_key(&w, "region");
        jw_string(&w, region_of(plan, conf));
        jw_key(&w, "text");
        jw_string(&w, plan->text);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    puts(buf_str(&out));
}

static p11kms_err plan(const cli_line *line, bool *ret_different)
{
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_(kms) kms_t *kms = NULL;
    plan_item *items = NULL;

    TRY(cli_load_config(line, &conf));
    TRY(cli_load_declared(conf, &declared));
    TRY(kms_new(NULL, conf->default_token, &kms));
    TRY(load_keys(conf, kms));
    TRY(kms_plan(kms, declared->keys, declared->n_keys, conf->region, &items));
    if (cli_has(line, &cli_option_json)) {
        print_json(items, conf);
    } else {
        print_text(items);
    }
    *ret_different = items != NULL;
    kms_plan_free(items);
    return P11KMS_OK;
}

static int show_plan(const cli_line *line)
{
    bool different = false;
    p11kms_err err = plan(line, &different);

    if (err != P11KMS_OK) {
        return cli_fail(err);
    }
    return different ? CLI_DIFFERENT : EXIT_SUCCESS;
}

static const cli_option *const plan_options[] = { &cli_option_config, &cli_option_json, NULL };

const cli_command cli_plan = {
    .name = "plan",
    .args = "",
    .options = plan_options,
    .about = "Show what a start or reload would do to bring keys to what keys.d declares.",
    .more = "A line each: create, update, or blocked where a person must decide first. Nothing is ever deleted. "
            "Exit status 0: nothing differs; 2: something does. Reads the store and needs no running service.",
    .run = show_plan,
};
