/* room: cli. What p11kms policy explain tells, in JSON. */
#pragma once

#include "cli/policy_ask.h"

/** The documents that apply to a question: the resource's first, as they are consulted. */
typedef struct {
    const policy_t *policy;
    const char *kind; /* "resource", "identity", "boundary", "session" */
} explain_document;

/** In the arena of the case. */
const explain_document *explain_documents(const ask_question *question, size_t *ret_n);

/** What a document says: "denies", "allows", "delegates" (leaves it to identity policies) or "nothing". */
const char *explain_says(const ask_question *question, const policy_t *policy);

/** The whole answer. */
void explain_json(const ask_line *ask, const principal_t *principal, const ask_question *questions, size_t n);
