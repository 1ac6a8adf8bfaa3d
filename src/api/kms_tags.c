/* Tags of keys. */
#include "api/api_internal.h"

#include <string.h>

static p11kms_err write_tags(op_t *op, kms_change *change, kms_key_t *edited)
{
    request_t *request = op->act;
    _cleanup_(kms_key) kms_key_t *key = edited;
    _cleanup_(kms_key) kms_key_t *before = NULL;

    TRY(kms_change_key(change, request->key, &before));
    TRY(kms_change_tags(change, before, key));
    return kms_change_put(change, STEAL(key));
}

static p11kms_err add_tags(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_EDIT, &key));
    TRY(read_tags(op, key));
    return write_tags(op, change, STEAL(key));
}

static p11kms_err drop_tags(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;
    const json_t *names = json_get(op->input, "TagKeys");

    TRY(request_edit(op, change, KMS_DOES_EDIT, &key));
    for (size_t i = 0; i < json_length(names); i++) {
        slice_t name = json_string(json_at(names, i));
        TRY(kms_check_tag_name(name));
        kms_key_remove_tag(key, name);
    }
    return write_tags(op, change, STEAL(key));
}

static p11kms_err change_begin(op_t *op, const char *member)
{
    request_begin(op);
    TRY(request_tag_count(op, member));
    return request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_EDIT);
}

void api_tag_resource(op_t *op)
{
    change_or_fail(op, change_begin(op, "Tags"), add_tags, op_settle);
}

void api_untag_resource(op_t *op)
{
    change_or_fail(op, change_begin(op, "TagKeys"), drop_tags, op_settle);
}

static size_t first_after(const kms_key_t *key, const char *after)
{
    size_t i = 0;

    while (i < key->n_tags && after[0] && strcmp(key->tags[i].name, after) <= 0) {
        i++;
    }
    return i;
}

void answer_tags(jw_t *w, const char *member, const kms_tag *tags, size_t n)
{
    jw_key(w, member);
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        jw_object(w);
        answer_text(w, "TagKey", tags[i].name);
        answer_text(w, "TagValue", tags[i].value);
        jw_end(w);
    }
    jw_end(w);
}

static p11kms_err list_tags(op_t *op, request_t *request)
{
    page_t page;

    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ));
    const kms_key_t *key = request->key;
    TRY(page_begin(op, arena_printf(op->arena, "ListResourceTags:%s", key->id_text), KMS_TAGS_MAX,
                   KMS_TAGS_MAX, &page));
    size_t i = first_after(key, page.after);
    size_t shown = key->n_tags - i < page.limit ? key->n_tags - i : page.limit;
    jw_t w = answer_begin(op);

    answer_tags(&w, "Tags", &key->tags[i], shown);
    i += shown;
    page_end(op, &w, &page, i < key->n_tags, shown ? key->tags[i - 1].name : "");
    jw_end(&w);
    return P11KMS_OK;
}

void api_list_resource_tags(op_t *op)
{
    answer_settle(op, list_tags(op, request_begin(op)));
}
