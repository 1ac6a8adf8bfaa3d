/* Matching with "*" and "?": texts, the parts of ARNs, and Resource's own rule. */
#include "policy/pattern.h"

typedef struct {
    uint8_t star;
    uint8_t one;
} wildcards;

/* Where the character at @p at ends; "?" stands for a whole character of UTF-8. */
static size_t character_end(slice_t text, size_t at)
{
    at++;
    while (at < text.len && (text.data[at] & 0xc0) == 0x80) {
        at++;
    }
    return at;
}

bool match_spend(match_work *work, size_t steps)
{
    if (work == NULL) {
        return true;
    }
    if (steps > work->steps_left) {
        work->failed = true;
        return false;
    }
    work->steps_left -= steps;
    return true;
}

/* When a try fails only the last star takes more: what stood before it has matched as early as it can. */
static inline bool glob(slice_t pattern, slice_t text, wildcards wild, match_work *work)
{
    size_t p = 0;
    size_t t = 0;
    size_t behind_star = SIZE_MAX;
    size_t tried = 0; /* the text that follows what the last star has taken */

    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == wild.star) {
            behind_star = ++p;
            tried = t;
            if (p == pattern.len) {
                return true;
            }
        } else if (p < pattern.len && pattern.data[p] == wild.one) {
            p++;
            t = character_end(text, t);
        } else if (p < pattern.len && pattern.data[p] == text.data[t]) {
            p++;
            t++;
        } else if (behind_star != SIZE_MAX) {
            if (!match_spend(work, p - behind_star + 1)) {
                return false;
            }
            p = behind_star;
            tried = character_end(text, tried);
            t = tried;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == wild.star) {
        p++;
    }
    return p == pattern.len;
}

bool policy_glob(slice_t pattern, slice_t text)
{
    return glob(pattern, text, (wildcards){ '*', '?' }, NULL);
}

bool glob_text(slice_t pattern, slice_t text, match_work *work)
{
    return glob(pattern, text, (wildcards){ GLOB_STAR, GLOB_ONE }, work);
}

#define ARN_COLONS 5

bool glob_arn(slice_t pattern, slice_t text, match_work *work)
{
    slice_t pattern_part;
    slice_t text_part;

    for (int i = 0; i < ARN_COLONS; i++) {
        if (!slice_cut(&pattern, ':', &pattern_part) || !slice_cut(&text, ':', &text_part) ||
            !glob_text(pattern_part, text_part, work)) {
            return false;
        }
    }
    return glob_text(pattern, text, work);
}

/* How far a Resource pattern and an ARN have been matched. */
typedef struct {
    slice_t pattern;
    slice_t text;
    int parts; /* of the pattern, matched so far */
} progress;

typedef enum { PART_FAILS, PART_MATCHES, WHOLE_MATCHES } part_result;

static bool ends_in_star(slice_t part)
{
    return part.len > 0 && part.data[part.len - 1] == GLOB_STAR;
}

static part_result match_part(progress *at, bool *ret_runs_on, match_work *work)
{
    slice_t part = at->pattern;
    slice_t text_part = at->text;
    bool last = at->parts == ARN_COLONS || !slice_cut(&at->pattern, ':', &part);
    bool text_goes_on;

    *ret_runs_on = ends_in_star(part);
    if (at->parts == ARN_COLONS) {
        return glob_text(part, at->text, work) ? WHOLE_MATCHES : PART_FAILS;
    }
    text_goes_on = slice_cut(&at->text, ':', &text_part);
    at->parts++;
    if (!glob_text(part, text_part, work)) {
        return PART_FAILS;
    }
    if (last) {
        return !text_goes_on || *ret_runs_on ? WHOLE_MATCHES : PART_FAILS;
    }
    return text_goes_on ? PART_MATCHES : PART_FAILS;
}

/*
 * IAM User Guide, "IAM JSON policy elements: Resource": wildcards stay within a
 * part of the ARN, but "if the * wildcard is the last character of a resource
 * ARN segment, it can expand to match beyond the colon boundaries". What stands
 * behind the fifth colon of the pattern is one part, colons and all.
 * As in glob(), only the last star that runs on takes more when a try fails.
 */
bool glob_resource(slice_t pattern, slice_t text, match_work *work)
{
    progress at = { pattern, text, 0 };
    progress retry = { .parts = -1 };
    slice_t swallowed;
    bool runs_on;

    for (;;) {
        part_result result = match_part(&at, &runs_on, work);

        if (result == WHOLE_MATCHES) {
            return true;
        }
        if (result == PART_MATCHES) {
            if (runs_on) {
                retry = at;
            }
            continue;
        }
        if (retry.parts < 0 || !match_spend(work, 1) || !slice_cut(&retry.text, ':', &swallowed)) {
            return false;
        }
        at = retry;
    }
}
