/* The host's end of the socketpair. Every call may come from any thread. */
#pragma once

#include "token/host/host.h"

/** Wait for bytes and append them. @return false when the front has closed. */
bool channel_read(buf_t *in);
void channel_write(buf_t *frames); /* sends and clears; to nobody when the front is gone */
/**
 * The front has closed or died: nothing new is to be begun. What a thread is doing in the
 * module is brought to its end all the same: SoftHSM writes its files in place, and one cut
 * short at login is a token lost with every key on it.
 */
bool channel_over(void);
/** The same, asked of the socket: also while nobody reads from it. */
bool channel_closed(void);
/** Tell that this operation holds the token alone from now until its reply. */
void channel_exclusive(uint64_t op_id);
/** Say why, and end the process without another call into the module, which may hang. */
_Noreturn void channel_fail(p11kms_err err, CK_RV rv, const char *text);
