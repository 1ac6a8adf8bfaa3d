/* uuid_parse: what it takes is said again but for case. */
#include <strings.h>

#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t uuid[16];
    char text[UUID_TEXT];

    if (uuid_parse(SLICE(data, len), uuid) == P11KMS_OK) {
        uuid_format(uuid, text);
        HOLDS(len == UUID_TEXT - 1 && strncasecmp(text, (const char *)data, len) == 0);
    }
    return 0;
}
