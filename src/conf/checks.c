#include "conf/checks.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool made_of(slice_t text, const char *characters)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr(characters, text.data[i]) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

const char *check_short_name(slice_t text)
{
    return made_of(text, LOWER DIGITS "-_.") ? NULL : "must be of a-z, 0-9, '-', '_' and '.'";
}

const char *check_region(slice_t text)
{
    return made_of(text, LOWER DIGITS "-") ? NULL : "must be a region name, as us-east-1";
}

const char *check_account_id(slice_t text)
{
    return text.len == 12 && made_of(text, DIGITS) ? NULL : "must be an account id of 12 digits";
}

/* IAM API reference, User: [\w+=,.@-]+ */
const char *check_iam_name(slice_t text)
{
    return made_of(text, LOWER UPPER DIGITS "_+=,.@-") ? NULL : "must be of letters, digits and _+=,.@-";
}

const char *check_iam_path(slice_t text)
{
    bool ends = text.len > 0 && text.data[0] == '/' && text.data[text.len - 1] == '/';

    return ends && made_of(text, LOWER UPPER DIGITS "_+=,.@-/") ? NULL
                                                                : "must begin and end with '/', as /team/";
}

const char *check_access_key_id(slice_t text)
{
    return made_of(text, LOWER UPPER DIGITS "_") ? NULL : "must be of letters, digits and '_'";
}

const char *check_principal_arn(slice_t text)
{
    return slice_has_prefix(text, "arn:aws:iam::") ? NULL
                                                   : "must be an ARN, as arn:aws:iam::123456789012:user/app";
}

/* KMS API reference, CreateAlias: alias/[a-zA-Z0-9/_-]+, alias/aws/ being reserved */
const char *check_alias(slice_t text)
{
    if (!slice_has_prefix(text, "alias/")) {
        return "must begin with alias/";
    }
    if (!made_of(SLICE(text.data + 6, text.len - 6), LOWER UPPER DIGITS "/_-")) {
        return "must be alias/ and letters, digits, '/', '_' and '-'";
    }
    return slice_has_prefix(text, "alias/aws/") ? "must not begin with alias/aws/, which is reserved" : NULL;
}

const char *check_san(slice_t text)
{
    static const char *const kinds[] = { "DNS:", "URI:", "email:", "IP Address:" };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (slice_has_prefix(text, kinds[i]) && text.len > strlen(kinds[i])) {
            return NULL;
        }
    }
    return "must be DNS:name, URI:uri, email:address or IP Address:address";
}

const char *check_fingerprint(slice_t text)
{
    return text.len == 64 && made_of(text, DIGITS "abcdef")
               ? NULL
               : "must be 64 lower-case hex digits without colons";
}

static bool is_url(slice_t text, const char *scheme)
{
    size_t len = strlen(scheme);

    return slice_has_prefix(text, scheme) && text.len > len && text.data[len] != '/' &&
           made_of(SLICE(text.data + len, text.len - len), LOWER UPPER DIGITS "-._~%:/@+=,");
}

const char *check_https_url(slice_t text)
{
    return is_url(text, "https://") ? NULL : "must be https:// and a host, without query and fragment";
}

const char *check_web_url(slice_t text)
{
    return is_url(text, "https://") || is_url(text, "http://")
               ? NULL
               : "must be https:// or http:// and a host, without query and fragment";
}
