/* Declarations of several files become one set; what they say of each other is checked. Private to the room.
 */
#pragma once

#include "conf/conf.h"
#include "conf/tree.h"

/** What one file declared. */
typedef struct fragment fragment_t;
struct fragment {
    conf_declared_t declared;
    fragment_t *next;
};

/** Accounts of one id become one. @retval P11KMS_E_NOMEM */
MUST_USE p11kms_err gather(arena_t *arena, problems_t *problems, const fragment_t *fragments,
                           conf_declared_t *ret);
