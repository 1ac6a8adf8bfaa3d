#include "conf/declared_values.h"

#include <strings.h>

#include "conf/document.h"
#include "util/encode.h"

#define TAGS_MAX 50 /* KMS developer guide and IAM User Guide, Quotas: tags per key, user or role */
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256

void own_policy(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    conf_policy *policy = ARENA_NEW(load->arena, conf_policy);

    policy->name = item->name;
    read_document(load, node, path, policy);
    *FIELD(base, item, const conf_policy *) = policy;
}

static const char *check_tag(slice_t key, slice_t value)
{
    if (key.len == 0 || utf8_length(key) > TAG_KEY_MAX) {
        return "a tag's name has 1 to 128 characters";
    }
    if (utf8_length(value) > TAG_VALUE_MAX) {
        return "a tag's value has at most 256 characters";
    }
    if (key.len >= 4 && strncasecmp((const char *)key.data, "aws:", 4) == 0) {
        return "tags beginning with aws: are reserved";
    }
    return NULL;
}

void own_tags(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base)
{
    conf_tag *tags = arena_alloc(load->arena, sizeof(*tags) * (node->n + 1));
    size_t n = 0;

    if (node->kind != NODE_MAP && !node_is_null(node)) {
        report(load, node, path, "must be a map of names and values");
        return;
    }
    if (node->n > TAGS_MAX) {
        report(load, node, path, "more than %d tags", TAGS_MAX);
        return;
    }
    for (const node_t *member = node->first; member != NULL; member = member->next) {
        path_t member_path = { .up = path, .name = (const char *)member->name->text.data };
        bool scalar = member->kind == NODE_SCALAR;
        const char *wrong = scalar ? check_tag(member->name->text, member->text) : "must be text";

        if (wrong != NULL) {
            report(load, member, &member_path, "%s", wrong);
            continue;
        }
        tags[n++] =
            (conf_tag){ member_path.name, node_is_null(member) ? "" : (const char *)member->text.data };
    }
    *FIELD(base, item, const conf_tag *) = tags;
    *COUNT_FIELD(base, item) = n;
}
