/*
 * Computing that is too long for the loop and needs neither store nor token:
 * one thread a lane, a bounded queue, completions through the mailbox.
 */
#pragma once

#include "core/op.h"

typedef struct helpers helpers_t;

MUST_USE p11kms_err helpers_start(mailbox_t *mailbox, helpers_t **ret);
/** No operation may be waiting any more; ends what is being computed. NULL is fine. */
void helpers_stop(helpers_t *helpers);
/** Calls op->work on the lane's thread and posts op->work_done. @retval P11KMS_E_BUSY  The lane is full. */
MUST_USE p11kms_err helpers_submit(helpers_t *helpers, op_lane lane, op_t *op);
unsigned helpers_waiting(helpers_t *helpers, op_lane lane);
