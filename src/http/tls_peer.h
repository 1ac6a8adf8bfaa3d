/* room: http. The fields of peer_t that a verified client certificate fills. */
#pragma once

#include "util/message.h"

struct ssl_st;
struct x509_st;

/**
 * has_certificate stays false unless a certificate was given, verified and is valid now.
 * A name that does not fit its field, or could be taken for another, is left out
 * whole: a rule must never match part of one.
 */
void tls_describe_certificate(struct ssl_st *tls, peer_t *ret);
/** The names and the digest of any certificate, verified or not. @return false when it has no digest */
bool tls_describe_names(const struct x509_st *certificate, peer_t *ret);
