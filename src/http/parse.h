/* room: http. A whole request, already judged by the guard, taken apart by llhttp. */
#pragma once

#include "http/guard.h"
#include "util/message.h"

/**
 * Fill @p ret with views into @p request and lower-case the header names in it.
 * The parser must come to what the guard came to: same number of headers, same
 * body, end of message at the last byte.
 *
 * @param request  Head and body, exactly head->length + head->content_length bytes.
 * @return REFUSAL_NONE, REFUSAL_PARSER
 */
MUST_USE refusal parse_request(uint8_t *request, const guard_head *head, message_t *ret);
