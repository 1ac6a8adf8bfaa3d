#include "audit/resumed.h"

#include <fcntl.h>

#include "audit/lines.h"
#include "audit/recover.h"

static p11kms_err read_first(void *arg, slice_t line)
{
    (void)act_read(line, arg);
    return P11KMS_E_NOT_FOUND; /* one line is enough */
}

bool resumed_begins(int folder, const segment_entry *entry, act_t *ret)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;
    act_t act = { .kind = ACT_NONE };

    if (!entry->plain || recover_open_segment(folder, entry->number, O_RDONLY, &fd, &st) != P11KMS_OK) {
        return false;
    }
    (void)(lines_each(fd, 0, read_first, &act, NULL) == P11KMS_OK);
    if (ret != NULL) {
        *ret = act;
    }
    return act.kind == ACT_RESUMED;
}
