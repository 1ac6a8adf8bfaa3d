/* time_parse_amz: a time it takes is formatted with the same digits. */
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

static void without_punctuation(const char *iso, char out[TIME_TEXT])
{
    for (; *iso != '\0'; iso++) {
        if (*iso != '-' && *iso != ':') {
            *out++ = *iso;
        }
    }
    *out = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int64_t ms = 0;
    char iso[TIME_TEXT];
    char amz[TIME_TEXT];

    if (time_parse_amz(SLICE(data, len), &ms) == P11KMS_OK) {
        time_format_iso(ms, iso);
        without_punctuation(iso, amz);
        HOLDS(slice_eq_str(SLICE(data, len), amz));
    }
    return 0;
}
