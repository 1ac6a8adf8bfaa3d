/* answer_parse_head: bounds hold, and what is whole stays the same with more bytes behind it. */
#include "client/answer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    answer_head head = { 0 }, again = { 0 };

    if (answer_parse_head(SLICE(data, len), &head) != P11KMS_OK || head.head_len == 0) {
        return 0;
    }
    HOLDS(head.head_len <= len && head.head_len <= CLIENT_HEAD_MAX);
    HOLDS(head.content_len <= CLIENT_BODY_MAX);
    HOLDS(head.status >= 0 && head.status <= 999);
    HOLDS(answer_parse_head(SLICE(data, head.head_len), &again) == P11KMS_OK);
    HOLDS(again.head_len == head.head_len && again.content_len == head.content_len);
    return 0;
}
