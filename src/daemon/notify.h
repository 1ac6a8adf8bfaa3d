/* sd_notify(3) without libsystemd: one datagram to $NOTIFY_SOCKET. */
#pragma once

#include "util/err.h"

/** "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=...". Nothing listens: nothing happens. */
void notify_send(const char *state);
/** READY after a reload, with its time. */
void notify_reloading(void);
