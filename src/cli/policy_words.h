/* room: cli. Decisions, statements and what would turn them, in words for people; appended. */
#pragma once

#include "cli/policy_ask.h"

/** "FILE:LINE:COLUMN", or nothing where the document stands in no file. */
void words_place(const case_policy *of, const char *path, buf_t *out);
/** "Statement[1] \"Sid\"" */
void words_statement(const policy_t *policy, size_t i, buf_t *out);

/** What decided: "by Statement[0] ...", "no identity policy allows it". */
void words_reason(const ask_question *question, buf_t *out);

/** What keeps a statement from applying: "other actions, other resources". */
void words_misses(unsigned misses, buf_t *out);
/** A condition and the request: "IpAddress aws:SourceIp \"10.0.0.0/8\", and the request has \"192.0.2.1\"".
 */
void words_condition(const json_t *statement, size_t i, const policy_condition_view *view, buf_t *out);

/** "the condition of Statement[1] ... held: ...", "the key policy allowed it to ...". */
void words_change(const ask_question *question, const policy_change *change, buf_t *out);
