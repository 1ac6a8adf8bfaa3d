/* The calls of store.h that read and write rows; what they run is in statements.c. */
#include "store/session.h"

/** NAME(store, each, arg): every row of statement ID as a TYPE, until a callback fails. */
#define DEFINE_EACH(name, type, id)                                                                          \
    p11kms_err name(store_t *store, p11kms_err (*each)(void *arg, const type *row), void *arg)               \
    {                                                                                                        \
        p11kms_err err;                                                                                      \
        bool more = true;                                                                                    \
                                                                                                             \
        TRY(session_select(store, id, NULL));                                                                \
        do {                                                                                                 \
            type row = { 0 };                                                                                \
                                                                                                             \
            err = session_next(store, id, &row, &more);                                                      \
            if (err == P11KMS_OK && more) {                                                                  \
                err = each(arg, &row);                                                                       \
            }                                                                                                \
        } while (err == P11KMS_OK && more);                                                                  \
        session_end(store, id);                                                                              \
        return err;                                                                                          \
    }

/* ---- meta ---- */

static p11kms_err copy_value(store_t *store, buf_t *ret)
{
    meta_row row = { 0 };
    bool found;

    TRY(session_next(store, META_GET, &row, &found));
    if (!found) {
        return p11kms_fail_plain(P11KMS_E_NOT_FOUND);
    }
    buf_clear(ret);
    buf_put_slice(ret, row.value);
    ENSURE(!buf_failed(ret), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

p11kms_err store_meta_get(store_t *store, const char *name, buf_t *ret)
{
    const meta_row wanted = { .name = name };
    p11kms_err err;

    TRY(session_select(store, META_GET, &wanted));
    err = copy_value(store, ret);
    session_end(store, META_GET);
    return err;
}

p11kms_err store_meta_put(store_t *store, const char *name, slice_t value)
{
    const meta_row row = { .name = name, .value = value };

    return session_write(store, META_PUT, &row, NULL);
}

/* ---- keys and their materials ---- */

p11kms_err store_key_insert(store_t *store, const store_key *row)
{
    return session_write(store, KEY_INSERT, row, NULL);
}

p11kms_err store_key_update(store_t *store, const store_key *row)
{
    return session_change(store, KEY_UPDATE, row);
}

p11kms_err store_key_delete(store_t *store, const store_key *row)
{
    return session_change(store, KEY_DELETE, row);
}

DEFINE_EACH(store_key_each, store_key, KEY_ALL)

p11kms_err store_material_insert(store_t *store, const store_material *row)
{
    return session_write(store, MATERIAL_INSERT, row, NULL);
}

p11kms_err store_material_update(store_t *store, const store_material *row)
{
    return session_change(store, MATERIAL_UPDATE, row);
}

p11kms_err store_material_delete(store_t *store, const store_material *row)
{
    return session_change(store, MATERIAL_DELETE, row);
}

DEFINE_EACH(store_material_each, store_material, MATERIAL_ALL)

p11kms_err store_custom_insert(store_t *store, const store_custom *row)
{
    return session_write(store, CUSTOM_INSERT, row, NULL);
}

p11kms_err store_custom_update(store_t *store, const store_custom *row)
{
    return session_change(store, CUSTOM_UPDATE, row);
}

p11kms_err store_custom_delete(store_t *store, const store_custom *row)
{
    return session_change(store, CUSTOM_DELETE, row);
}

DEFINE_EACH(store_custom_each, store_custom, CUSTOM_ALL)

p11kms_err store_intent_put(store_t *store, const store_intent *row)
{
    return session_write(store, INTENT_PUT, row, NULL);
}

p11kms_err store_intent_delete(store_t *store, const uint8_t material_id[STORE_ID])
{
    store_intent row = { 0 };

    memcpy(row.material_id, material_id, STORE_ID);
    return session_write(store, INTENT_DELETE, &row, NULL);
}

DEFINE_EACH(store_intent_each, store_intent, INTENT_ALL)

/* ---- wrapping keys ---- */

p11kms_err store_wrapping_insert(store_t *store, const store_wrapping *row)
{
    return session_write(store, WRAPPING_INSERT, row, NULL);
}

p11kms_err store_wrapping_delete(store_t *store, const uint8_t id[STORE_ID])
{
    store_wrapping row = { 0 };

    memcpy(row.id, id, STORE_ID);
    return session_write(store, WRAPPING_DELETE, &row, NULL);
}

DEFINE_EACH(store_wrapping_each, store_wrapping, WRAPPING_ALL)

/* ---- aliases ---- */

p11kms_err store_alias_insert(store_t *store, const store_alias *row)
{
    return session_write(store, ALIAS_INSERT, row, NULL);
}

p11kms_err store_alias_update(store_t *store, const store_alias *row)
{
    return session_change(store, ALIAS_UPDATE, row);
}

p11kms_err store_alias_delete(store_t *store, const char *account, const char *region, const char *name)
{
    const store_alias row = { .account = account, .region = region, .name = name };

    return session_change(store, ALIAS_DELETE, &row);
}

DEFINE_EACH(store_alias_each, store_alias, ALIAS_ALL)

/* ---- tags ---- */

p11kms_err store_tag_put(store_t *store, const store_tag *row)
{
    return session_write(store, TAG_PUT, row, NULL);
}

p11kms_err store_tag_delete(store_t *store, const store_tag *row)
{
    return session_write(store, TAG_DELETE, row, NULL);
}

DEFINE_EACH(store_tag_each, store_tag, TAG_ALL)

/* ---- grants ---- */

p11kms_err store_grant_insert(store_t *store, const store_grant *row)
{
    return session_write(store, GRANT_INSERT, row, NULL);
}

p11kms_err store_grant_delete(store_t *store, const store_grant *row)
{
    return session_change(store, GRANT_DELETE, row);
}

DEFINE_EACH(store_grant_each, store_grant, GRANT_ALL)

/* ---- access keys ---- */

p11kms_err store_key_usage_put(store_t *store, const store_key_usage *row)
{
    return session_write(store, KEY_USAGE_PUT, row, NULL);
}

static p11kms_err see_usage(store_t *store, p11kms_err (*see)(void *arg, const store_key_usage *row), void *arg)
{
    store_key_usage row = { 0 };
    bool found;

    TRY(session_next(store, KEY_USAGE_GET, &row, &found));
    return found ? see(arg, &row) : p11kms_fail_plain(P11KMS_E_NOT_FOUND);
}

p11kms_err store_key_usage_get(store_t *store, const store_key_usage *row,
                               p11kms_err (*see)(void *arg, const store_key_usage *row), void *arg)
{
    TRY(session_select(store, KEY_USAGE_GET, row));
    p11kms_err err = see_usage(store, see, arg);
    session_end(store, KEY_USAGE_GET);
    return err;
}

p11kms_err store_access_key_insert(store_t *store, const store_access_key *row)
{
    return session_write(store, ACCESS_KEY_INSERT, row, NULL);
}

p11kms_err store_access_key_set_active(store_t *store, const char *id, bool active)
{
    const store_access_key row = { .id = id, .active = active };

    return session_change(store, ACCESS_KEY_SET_ACTIVE, &row);
}

p11kms_err store_access_key_used(store_t *store, const store_access_key *row)
{
    return session_change(store, ACCESS_KEY_USED, row);
}

p11kms_err store_access_key_delete(store_t *store, const char *id)
{
    const store_access_key row = { .id = id };

    return session_change(store, ACCESS_KEY_DELETE, &row);
}

DEFINE_EACH(store_access_key_each, store_access_key, ACCESS_KEY_ALL)

/* ---- revocations ---- */

p11kms_err store_revocation_put(store_t *store, const store_revocation *row)
{
    return session_write(store, REVOCATION_PUT, row, NULL);
}

DEFINE_EACH(store_revocation_each, store_revocation, REVOCATION_ALL)

/* ---- the audit outbox ---- */

p11kms_err store_outbox_put(store_t *store, const char *event_id, slice_t record)
{
    const outbox_row row = { .event_id = event_id, .record = record };

    return session_write(store, OUTBOX_PUT, &row, NULL);
}

p11kms_err store_outbox_delete(store_t *store, const char *event_id)
{
    const outbox_row row = { .event_id = event_id };

    return session_write(store, OUTBOX_DELETE, &row, NULL);
}

typedef struct {
    p11kms_err (*each)(void *arg, const char *event_id, slice_t record);
    void *arg;
} outbox_call;

static p11kms_err call_with_record(void *arg, const outbox_row *row)
{
    const outbox_call *call = arg;

    return call->each(call->arg, row->event_id, row->record);
}

static DEFINE_EACH(outbox_each_row, outbox_row, OUTBOX_ALL)

    p11kms_err
    store_outbox_each(store_t *store, p11kms_err (*each)(void *arg, const char *event_id, slice_t record),
                      void *arg)
{
    outbox_call call = { each, arg };

    return outbox_each_row(store, call_with_record, &call);
}
