/* What every fuzz target includes. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "util/bytes.h"

/** libFuzzer's entry; each fuzz_NAME.c defines it. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/** What must hold of any input: a crash where it does not. */
#define HOLDS(cond)                                                                                          \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)
