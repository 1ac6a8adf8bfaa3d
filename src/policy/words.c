/* How AWS words a refusal. IAM User Guide, "Troubleshoot access denied error messages". */
#include "policy/policy.h"

static const struct {
    const char *article;
    const char *policy;
} words[] = {
    [BASIS_IDENTITY] = { "an", "identity-based policy" },
    [BASIS_RESOURCE] = { "a", "resource-based policy" },
    [BASIS_BOUNDARY] = { "a", "permissions boundary" },
    [BASIS_SESSION] = { "a", "session policy" },
};

void policy_denial_words(const policy_decision *decision, slice_t action, buf_t *out)
{
    if ((size_t)decision->basis >= COUNT_OF(words) || words[decision->basis].policy == NULL) {
        return;
    }
    if (decision->kind == DECISION_EXPLICIT_DENY) {
        buf_printf(out, " with an explicit deny in %s %s", words[decision->basis].article,
                   words[decision->basis].policy);
    } else if (decision->kind == DECISION_IMPLICIT_DENY) {
        buf_printf(out, " because no %s allows the %.*s action", words[decision->basis].policy,
                   (int)action.len, (const char *)action.data);
    }
}
