#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_MAX 1024

static _Thread_local struct {
    p11kms_err of; /* the error the sentence was set with */
    char text[DETAIL_MAX];
} detail;

static const struct {
    const char *name;
    const char *text;
} errors[] = {
    [P11KMS_OK] = { "OK", "success" },
#define P11KMS_ERR(name, text) [P11KMS_E_##name] = { #name, text },
#include "util/err.def"
#undef P11KMS_ERR
};

_Static_assert(COUNT_OF(errors) == P11KMS_ERR_COUNT, "every error has a row");

static bool known(p11kms_err err)
{
    return (unsigned)err < P11KMS_ERR_COUNT;
}

const char *p11kms_err_name(p11kms_err err)
{
    return known(err) ? errors[err].name : "UNKNOWN";
}

const char *p11kms_err_text(p11kms_err err)
{
    return known(err) ? errors[err].text : "unknown error";
}

const char *p11kms_err_detail(p11kms_err err)
{
    return detail.text[0] != '\0' && detail.of == err ? detail.text : p11kms_err_text(err);
}

p11kms_err p11kms_fail(p11kms_err err, const char *fmt, ...)
{
    char text[DETAIL_MAX]; /* the arguments may point into the old detail */
    va_list args;

    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0) {
        text[0] = '\0';
    }
    va_end(args);
    memcpy(detail.text, text, strlen(text) + 1);
    detail.of = err;
    return err;
}

p11kms_err p11kms_fail_plain(p11kms_err err)
{
    detail.text[0] = '\0';
    return err;
}
