/* The host's end of the socketpair. Every call may come from any thread; a write that fails ends the process. */
#pragma once

#include "token/host/host.h"

/** Wait for bytes and append them. @return false when the front has closed. */
bool channel_read(buf_t *in);
void channel_write(buf_t *frames); /* sends and clears */
/** Tell that this operation holds the token alone from now until its reply. */
void channel_exclusive(uint64_t op_id);
/** Say why, and end the process without another call into the module, which may hang. */
_Noreturn void channel_fail(p11kms_err err, CK_RV rv, const char *text);
