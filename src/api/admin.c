/*
 * Our own operations: access keys, reload, and the clock of --dev. The
 * command line speaks them; policy guards them as actions p11kms:...
 */
#include "api/api_internal.h"

#include <string.h>

#include "util/clock.h"
#include "util/shown.h"

#define LOG_ROOM "api"
#include "util/log.h"

#define ACCESS_KEYS_PER_USER 8

typedef struct {
    request_t request; /* first */
    const char *user;
    char id[21];
    secret_t *secret;
    bool active;
    size_t seen; /* keys of the user so far */
    jw_t w;
} admin_t;

static void admin_free(op_t *op)
{
    admin_t *admin = op->act;

    kms_message_clear(&admin->request.message);
    secret_free(admin->secret);
}

static admin_t *admin_begin(op_t *op)
{
    admin_t *admin = ARENA_NEW(op->arena, admin_t);

    admin->request.api = op_services(op);
    admin->request.kms = admin->request.api->kms;
    op->act = admin;
    op->act_free = admin_free;
    return admin;
}

/* STS API reference, GetSessionToken: its credentials "cannot call any IAM API operations". */
static p11kms_err refuse_users_session(const op_t *op)
{
    if (op->auth.principal->kind == PRINCIPAL_USER && op->auth.principal->issued_ms) {
        FAIL(P11KMS_E_DENIED, "Cannot call %s with session credentials", op->row->name);
    }
    return P11KMS_OK;
}

/* The user meant, the caller's own unless named, must be declared in the caller's account. */
static p11kms_err authorize_user(op_t *op, admin_t *admin)
{
    const char *named = in_text(op, "UserName");

    TRY(refuse_users_session(op));
    if (!named && op->auth.principal->kind != PRINCIPAL_USER) {
        FAIL(P11KMS_E_VALIDATION, "Must specify userName when calling with non-User credentials");
    }
    admin->user = named ? named : op->auth.principal->name;
    const principal_t *found = identity_find_user(op->identity, SLICE_STR(op->account), SLICE_STR(admin->user));
    const op_resource_t user = {
        .arn = found ? found->arn : arena_printf(op->arena, "arn:aws:iam::%s:user/%s", op->account, admin->user),
        .account = op->account,
        .type = "AWS::IAM::User",
    };
    TRY(op_authorize(op, &user, NULL, false, NULL, NULL));
    if (!found) {
        FAIL(P11KMS_E_NOT_FOUND, "The user with name %s cannot be found.", admin->user);
    }
    return P11KMS_OK;
}

/* ---- CreateAccessKey ---- */

static p11kms_err count_key(void *arg, const store_access_key *row)
{
    op_t *op = arg;
    admin_t *admin = op->act;

    admin->seen += strcmp(row->account, op->account) == 0 && strcmp(row->user, admin->user) == 0;
    return P11KMS_OK;
}

static p11kms_err insert_key(op_t *op, store_t *store)
{
    admin_t *admin = op->act;
    const store_access_key row = {
        .id = admin->id,
        .account = op->account,
        .user = admin->user,
        .sealed = buf_slice(&admin->request.message.blob),
        .active = true,
        .created = clock_wall_ms(),
    };

    TRY(store_access_key_each(store, count_key, op));
    if (admin->seen >= ACCESS_KEYS_PER_USER) {
        FAIL(P11KMS_E_LIMIT, "The user %s has %d access keys already; delete one first.", admin->user,
             ACCESS_KEYS_PER_USER);
    }
    TRY(store_access_key_insert(store, &row));
    jw_t w = answer_begin(op);
    jw_key(&w, "AccessKey");
    jw_object(&w);
    jw_key(&w, "AccessKeyId");
    jw_string(&w, admin->id);
    jw_key(&w, "CreateDate");
    jw_epoch(&w, row.created);
    jw_key(&w, "SecretAccessKey");
    jw_string_slice(&w, secret_slice(admin->secret));
    jw_key(&w, "Status");
    jw_string(&w, "Active");
    jw_key(&w, "UserName");
    jw_string(&w, admin->user);
    jw_end(&w);
    jw_end(&w);
    return P11KMS_OK;
}

static void key_changed(op_t *op, slice_t secret, bool removed)
{
    admin_t *admin = op->act;
    const api_options *options = &admin->request.api->options;
    const identity_key key = {
        .id = admin->id,
        .account = op->account,
        .user = admin->user,
        .secret = secret,
        .active = admin->active,
    };

    options->access_key(options->arg, &key, removed);
}

static void key_inserted(op_t *op)
{
    admin_t *admin = op->act;

    if (op->err == P11KMS_OK) {
        admin->active = true;
        key_changed(op, secret_slice(admin->secret), false);
    }
    op_settle(op);
}

static void key_sealed(op_t *op)
{
    if (op->err != P11KMS_OK) {
        op_settle(op);
        return;
    }
    op_change(op, insert_key, key_inserted);
}

static p11kms_err create_key(op_t *op, admin_t *admin)
{
    kms_message *message = &admin->request.message;

    TRY(authorize_user(op, admin));
    TRY(identity_make_key(admin->id, &admin->secret));
    TRY(kms_service_context(admin->id, op->arena, &message->context));
    message->key = kms_service_key(admin->request.kms);
    message->plain = secret_slice(admin->secret);
    return P11KMS_OK;
}

void api_create_access_key(op_t *op)
{
    admin_t *admin = admin_begin(op);
    p11kms_err err = create_key(op, admin);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_seal(op, &admin->request.message, key_sealed);
}

/* ---- ListAccessKeys ---- */

/* What core noted is later than what it stored. */
static void answer_last_use(op_t *op, jw_t *w, const store_access_key *row)
{
    core_use use = { .at_ms = row->last_used };
    bool noted = core_access_key_use(op->core, row->id, &use);

    if (!use.at_ms) {
        return;
    }
    jw_key(w, "LastUsedDate");
    jw_epoch(w, use.at_ms);
    jw_key(w, "LastUsedRegion");
    jw_string(w, noted ? use.region : row->last_region);
    jw_key(w, "LastUsedService");
    jw_string(w, noted ? use.service : row->last_service);
}

static p11kms_err list_key(void *arg, const store_access_key *row)
{
    op_t *op = arg;
    admin_t *admin = op->act;

    if (strcmp(row->account, op->account) != 0 || strcmp(row->user, admin->user) != 0) {
        return P11KMS_OK;
    }
    jw_object(&admin->w);
    jw_key(&admin->w, "AccessKeyId");
    jw_string(&admin->w, row->id);
    jw_key(&admin->w, "CreateDate");
    jw_epoch(&admin->w, row->created);
    answer_last_use(op, &admin->w, row);
    jw_key(&admin->w, "Status");
    jw_string(&admin->w, row->active ? "Active" : "Inactive");
    jw_key(&admin->w, "UserName");
    jw_string(&admin->w, row->user);
    jw_end(&admin->w);
    return P11KMS_OK;
}

static p11kms_err list_keys(op_t *op, store_t *store)
{
    admin_t *admin = op->act;

    admin->w = answer_begin(op);
    jw_key(&admin->w, "AccessKeyMetadata");
    jw_array(&admin->w);
    TRY(store_access_key_each(store, list_key, op));
    jw_end(&admin->w);
    jw_end(&admin->w);
    return P11KMS_OK;
}

void api_list_access_keys(op_t *op)
{
    p11kms_err err = authorize_user(op, admin_begin(op));

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op_prepare(op, list_keys, op_settle);
}

/* ---- UpdateAccessKey, DeleteAccessKey ---- */

static p11kms_err find_key(void *arg, const store_access_key *row)
{
    op_t *op = arg;
    admin_t *admin = op->act;

    if (strcmp(row->id, admin->id) == 0 && strcmp(row->account, op->account) == 0) {
        admin->user = arena_strdup(op->arena, row->user);
        admin->seen = 1;
    }
    return P11KMS_OK;
}

static p11kms_err found_key(op_t *op, store_t *store)
{
    admin_t *admin = op->act;

    TRY(store_access_key_each(store, find_key, op));
    if (!admin->seen) {
        FAIL(P11KMS_E_NOT_FOUND, "The Access Key with id %s cannot be found.", admin->id);
    }
    return P11KMS_OK;
}

static p11kms_err update_row(op_t *op, store_t *store)
{
    admin_t *admin = op->act;

    TRY(found_key(op, store));
    return store_access_key_set_active(store, admin->id, admin->active);
}

static p11kms_err delete_row(op_t *op, store_t *store)
{
    admin_t *admin = op->act;

    TRY(found_key(op, store));
    return store_access_key_delete(store, admin->id);
}

static void key_updated(op_t *op)
{
    if (op->err == P11KMS_OK) {
        key_changed(op, SLICE(NULL, 0), false);
    }
    op_settle(op);
}

static void key_deleted(op_t *op)
{
    if (op->err == P11KMS_OK) {
        key_changed(op, SLICE(NULL, 0), true);
    }
    op_settle(op);
}

/* Permission is for the key's user; for the account's users where it is a key of nobody who is declared there. */
static p11kms_err existing_key(op_t *op, admin_t *admin)
{
    slice_t id = in_string(op, "AccessKeyId");

    TRY(refuse_users_session(op));
    const principal_t *owner = identity_find_key_user(op->identity, id);
    bool known = owner && strcmp(owner->account, op->account) == 0;
    const op_resource_t user = {
        .arn = known ? owner->arn : arena_printf(op->arena, "arn:aws:iam::%s:user/*", op->account),
        .account = op->account,
        .type = "AWS::IAM::User",
    };

    TRY(op_authorize(op, &user, NULL, false, NULL, NULL));
    if (id.len >= sizeof(admin->id)) {
        FAIL(P11KMS_E_NOT_FOUND, "The access key cannot be found.");
    }
    memcpy(admin->id, id.data, id.len);
    return P11KMS_OK;
}

void api_update_access_key(op_t *op)
{
    admin_t *admin = admin_begin(op);
    p11kms_err err = existing_key(op, admin);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    admin->active = slice_eq_str(in_string(op, "Status"), "Active");
    op_change(op, update_row, key_updated);
}

void api_delete_access_key(op_t *op)
{
    change_or_fail(op, existing_key(op, admin_begin(op)), delete_row, key_deleted);
}

/* ---- Reload ---- */

static p11kms_err authorize_service(op_t *op)
{
    const op_resource_t all = { .arn = "*" };

    admin_begin(op);
    return op_authorize(op, &all, NULL, false, NULL, NULL);
}

static p11kms_err reload(op_t *op)
{
    TRY(authorize_service(op));
    const api_options *options = &((request_t *)op->act)->api->options;
    return options->reload(options->arg);
}

void api_reload(op_t *op)
{
    answer_settle(op, reload(op));
}

/* ---- ResumeAudit ---- */

/* Two records: the daemon's, which is the first of a new segment and says what was found, and the request's. */
static void resumed(op_t *act)
{
    op_t *op = act->act;

    if (act->err == P11KMS_OK) {
        op_done(op);
    } else {
        op_fail(op, p11kms_fail(act->err, "%s", act->err_detail ? act->err_detail : ""));
    }
}

static p11kms_err resume_audit(op_t *op)
{
    audit_t *audit = core_audit(op->core);
    _cleanup_buf_ buf_t details = { 0 };

    TRY(authorize_service(op));
    if (!shown_any(in_string(op, "Because"))) {
        FAIL(P11KMS_E_VALIDATION, "Because must say why: there is nothing in it but blanks");
    }
    if (!audit_stopped(audit)) {
        FAIL(P11KMS_E_CONFLICT, "The audit log is not stopped.");
    }
    audit_resume_details(audit, in_text(op, "Because"), op->auth.principal->arn, &details);
    ENSURE(!buf_failed(&details), P11KMS_E_NOMEM);
    op_t *act = op_new_internal(op->core, "AuditResumed", "p11kms", op->account, op->region);
    act->event_detail = arena_strdup(act->arena, buf_str(&details));
    act->resumes_audit = true;
    act->act = op;
    act->finished = resumed;
    op_done(act);
    return P11KMS_OK;
}

void api_resume_audit(op_t *op)
{
    p11kms_err err = resume_audit(op);

    if (err != P11KMS_OK) {
        op_fail(op, err);
    }
}

/* ---- SetClock ---- */

static p11kms_err set_clock(op_t *op)
{
    TRY(authorize_service(op));
    if (!((request_t *)op->act)->api->options.dev) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "The clock can be set in p11kmsd --dev alone.");
    }
    clock_set_service_offset_ms(in_int(op, "OffsetSeconds", 0) * 1000);
    return P11KMS_OK;
}

void api_set_clock(op_t *op)
{
    answer_settle(op, set_clock(op));
}
