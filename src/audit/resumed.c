#define _GNU_SOURCE /* memmem */
#include "audit/resumed.h"

#include <fcntl.h>

#include "audit/lines.h"
#include "audit/recover.h"
#include "util/encode.h"
#include "util/json.h"

typedef struct {
    bool found;
    bool placed; /* it says where the tree stood */
    uint64_t size;
    merkle_hash root;
} resumed_t;

static void read_place(slice_t line, resumed_t *ret)
{
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_buf_ buf_t root = { 0 };

    if (json_parse(line, &doc) != P11KMS_OK) {
        return;
    }
    const json_t *details = json_get(doc, "serviceEventDetails");
    int64_t size = json_int(json_get(details, "treeSize"));
    if (size < 0 || base64_decode(&root, json_string(json_get(details, "rootHash"))) != P11KMS_OK ||
        root.len != sizeof(ret->root)) {
        return;
    }
    ret->placed = true;
    ret->size = (uint64_t)size;
    memcpy(&ret->root, root.data, sizeof(ret->root));
}

static p11kms_err read_first(void *arg, slice_t line)
{
    resumed_t *resumed = arg;

    resumed->found = memmem(line.data, line.len, AUDIT_RESUMED, strlen(AUDIT_RESUMED)) != NULL;
    if (resumed->found) {
        read_place(line, resumed);
    }
    return P11KMS_E_NOT_FOUND; /* one line is enough */
}

bool resumed_begins(int folder, const segment_entry *entry, uint64_t *ret_size, merkle_hash *ret_root)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;
    resumed_t resumed = { 0 };

    if (!entry->plain || recover_open_segment(folder, entry->number, O_RDONLY, &fd, &st) != P11KMS_OK) {
        return false;
    }
    (void)(lines_each(fd, 0, read_first, &resumed, NULL) == P11KMS_OK);
    if (ret_size == NULL) {
        return resumed.found;
    }
    *ret_size = resumed.size;
    *ret_root = resumed.root;
    return resumed.found && resumed.placed;
}
