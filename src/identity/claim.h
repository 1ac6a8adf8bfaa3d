/* What a signed request says of itself, before anything of it is believed. Private to the room. */
#pragma once

#include "identity/sigv4.h"

typedef struct {
    slice_t credential; /* "id/date/region/service/aws4_request" */
    slice_t access_key_id;
    slice_t date;
    slice_t region;
    slice_t service;
    slice_t terminator;
    slice_t signed_headers;
    slice_t signature;
    slice_t timestamp;                    /* "20150830T123600Z" */
    slice_t token;                        /* X-Amz-Security-Token; data == NULL where there is none */
    char timestamp_text[SIGV4_TIME_TEXT]; /* of a Date header, which has another form */
    int64_t time_ms;
    int64_t expires_s; /* query form; 0 in the header form */
} sigv4_claim;

typedef enum { CLAIM_NONE, CLAIM_HEADER, CLAIM_QUERY, CLAIM_BOTH } claim_form;

/** Which form of signature the request carries; its query is read already. */
claim_form claim_find(const message_t *message, const sigv4_scratch *scratch);

/**
 * The parts of the header or query form. Views into the message, the claim or the scratch.
 *
 * @retval P11KMS_E_AUTH_INCOMPLETE, P11KMS_E_AUTH_MISSING  With AWS's sentence. What was found is in
 *         @p claim nevertheless, access_key_id above all.
 */
MUST_USE p11kms_err claim_read_header(const message_t *message, sigv4_claim *claim);
MUST_USE p11kms_err claim_read_query(sigv4_scratch *scratch, sigv4_claim *claim);

/** time_ms from timestamp. @retval P11KMS_E_AUTH_INCOMPLETE */
MUST_USE p11kms_err claim_read_time(sigv4_claim *claim);
/** The five elements of the credential. @retval P11KMS_E_AUTH_INCOMPLETE */
MUST_USE p11kms_err claim_read_credential(sigv4_claim *claim);
