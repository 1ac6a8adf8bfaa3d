/* room: audit. A record as other programs take it. */
#pragma once

#include "util/bytes.h"

/** Of every message: what `journalctl MESSAGE_ID=` finds the records by. */
#define COPY_MESSAGE_ID "6f3c0d0a2b9b4f1e9c5a1f7e0d8c41b2"

/**
 * journald's native protocol (systemd.io, "Native Journal Protocol"): MESSAGE is what `p11kms audit tail` shows,
 * P11KMS_RECORD the line itself, and what it tells is in fields of its own.
 */
void copy_form_journald(slice_t line, buf_t *out);

/** What a receiver of syslog is sure to take is 2048 bytes (RFC 5424 section 6.1); those in use take 8 KiB. */
#define COPY_SYSLOG_MAX 8192
/**
 * RFC 5424: facility authpriv, the operation as MSGID, the line as MSG. What is longer than COPY_SYSLOG_MAX is cut,
 * and ends in "... (cut: N bytes, eventID ID)".
 *
 * @param host  This machine's name.
 */
void copy_form_syslog(slice_t line, const char *host, buf_t *out);
