#include "token/ckr.h"

#include <inttypes.h>
#include <stdio.h>

#include "token/token.h"

static const struct {
    uint64_t value;
    const char *name;
    ckr_class class;
} errors[] = {
#define CKR(value, name, class) { value, "CKR_" #name, CKR_CLASS_##class },
#include "token/ckr.def"
#undef CKR
};

ckr_class ckr_classify(uint64_t ckr)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (errors[i].value == ckr) {
            return errors[i].class;
        }
    }
    return CKR_CLASS_DOUBT;
}

const char *token_ckr_name(uint64_t ckr)
{
    static _Thread_local char unnamed[32];

    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (errors[i].value == ckr) {
            return errors[i].name;
        }
    }
    snprintf(unnamed, sizeof(unnamed), "CKR_0x%08" PRIx64, ckr);
    return unnamed;
}
