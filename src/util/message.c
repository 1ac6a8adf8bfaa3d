#include "util/message.h"

slice_t message_header(const message_t *message, const char *name)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        if (slice_eq_str(message->headers[i].name, name)) {
            slice_t value = message->headers[i].value;

            /* only an absent header has no data */
            return value.data != NULL ? value : SLICE_LIT("");
        }
    }
    return (slice_t){ 0 };
}

size_t message_header_count(const message_t *message, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < message->n_headers; i++) {
        count += slice_eq_str(message->headers[i].name, name);
    }
    return count;
}
