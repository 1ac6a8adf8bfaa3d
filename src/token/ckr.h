/* PKCS#11's errors, their names and what they mean for the token host. */
#pragma once

#include "util/cleanup.h"

typedef enum {
    CKR_CLASS_NONE,
    CKR_CLASS_REFUSED, /* the answer to this one operation */
    CKR_CLASS_SESSION, /* the session is bad: once again on a new one */
    CKR_CLASS_HANDLE,  /* the object's handle is stale: find it again */
    CKR_CLASS_DOUBT,   /* can be anything: a known-answer test tells whether the token still works */
    CKR_CLASS_GONE,    /* token or login are lost: only a new start helps */
    CKR_CLASS_PIN,     /* the PIN was refused */
} ckr_class;

/** Errors without a row, vendors' own among them, are CKR_CLASS_DOUBT. */
ckr_class ckr_classify(uint64_t ckr);
