/* Names of condition keys: equal in any case but for the part that users choose. */
#include "policy/pattern.h"

bool policy_key_is(const policy_key *known, slice_t key, size_t *ret_rest)
{
    size_t len = strlen(known->name);
    char end = known->name[len - 1];

    if (end == '/' || end == ':' ? key.len <= len : key.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (ascii_lower(key.data[i]) != ascii_lower((uint8_t)known->name[i])) {
            return false;
        }
    }
    *ret_rest = len;
    return true;
}
