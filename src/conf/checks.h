/* What texts must look like: the sentence that says so, or NULL. Private to the room. */
#pragma once

#include "util/bytes.h"

const char *check_short_name(slice_t text); /* tokens */
const char *check_region(slice_t text);
const char *check_account_id(slice_t text);
const char *check_iam_name(slice_t text); /* users, groups, roles, policies, sessions */
const char *check_iam_path(slice_t text);
const char *check_access_key_id(slice_t text);
const char *check_principal_arn(slice_t text);
const char *check_alias(slice_t text);
const char *check_san(slice_t text);
const char *check_fingerprint(slice_t text);
const char *check_https_url(slice_t text); /* without query and fragment */
const char *check_web_url(slice_t text);   /* http:// too */
