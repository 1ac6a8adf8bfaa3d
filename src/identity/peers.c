#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "identity/snapshot.h"

#define LOOKUP_MAX (1u << 20)

static bool parse_id(const char *text, uint32_t *ret)
{
    uint64_t value = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > UINT32_MAX) {
            return false;
        }
        value = value * 10 + (unsigned)(*c - '0');
    }
    *ret = (uint32_t)value;
    return text[0] != '\0' && value < UINT32_MAX; /* (uid_t)-1 is nobody's */
}

/** Both look-ups of the C library, which may want more room than they are given. */
static p11kms_err look_up(bool group, const char *name, uint32_t *ret)
{
    int status = ERANGE;

    for (size_t size = 1024; status == ERANGE && size <= LOOKUP_MAX; size *= 2) {
        _cleanup_free_ char *room = malloc(size);
        struct passwd user, *found_user = NULL;
        struct group entry, *found_group = NULL;

        ENSURE(room != NULL, P11KMS_E_NOMEM);
        status = group ? getgrnam_r(name, &entry, room, size, &found_group)
                       : getpwnam_r(name, &user, room, size, &found_user);
        if (found_user != NULL || found_group != NULL) {
            *ret = group ? found_group->gr_gid : found_user->pw_uid;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_NOT_FOUND, "no %s of this machine is called '%s'", group ? "group" : "user", name);
}

static p11kms_err resolve(bool group, const char *text, bool *ret_has, uint32_t *ret)
{
    if (text == NULL) {
        return P11KMS_OK;
    }
    if (!parse_id(text, ret)) {
        TRY(look_up(group, text, ret));
    }
    *ret_has = true;
    return P11KMS_OK;
}

p11kms_err peers_resolve(const conf_peer_rule *rule, peer_rule_t *ret)
{
    peer_rule_t peer = { .is_unix = rule->is_unix };

    TRY(resolve(false, rule->uid, &peer.has_uid, &peer.uid));
    TRY(resolve(true, rule->gid, &peer.has_gid, &peer.gid));
    *ret = peer;
    return P11KMS_OK;
}

/** One of "DNS:a,URI:b" is @p san; names with commas are not in the list. */
static bool has_san(const char *sans, const char *san)
{
    size_t len = strlen(san);

    while (*sans != '\0') {
        size_t part = strcspn(sans, ",");

        if (part == len && memcmp(sans, san, len) == 0) {
            return true;
        }
        sans += part;
        sans += strspn(sans, ", ");
    }
    return false;
}

static bool matches(const peer_rule_t *rule, const peer_t *peer)
{
    if (rule->is_unix) {
        return peer->kind == PEER_UNIX && (!rule->has_uid || rule->uid == peer->uid) &&
               (!rule->has_gid || rule->gid == peer->gid);
    }
    return peer->has_certificate &&
           (rule->subject == NULL || strcmp(rule->subject, peer->cert_subject) == 0) &&
           (rule->san == NULL || has_san(peer->cert_sans, rule->san)) &&
           (rule->sha256 == NULL || strcmp(rule->sha256, peer->cert_sha256) == 0);
}

const peer_rule_t *peers_match(const identity_t *identity, const peer_t *peer)
{
    for (size_t i = 0; i < identity->n_peers; i++) {
        if (matches(&identity->peers[i], peer)) {
            return &identity->peers[i];
        }
    }
    return NULL;
}

/* ---- the session names of peers that are mapped to roles ---- */

/** Where the value of the subject's CN stands, or NULL. RFC 2253: attributes joined by ',' and '+'. */
static const char *find_cn(const char *subject)
{
    bool begins = true;

    for (const char *c = subject; *c != '\0'; c++) {
        if (begins && strncmp(c, "CN=", 3) == 0) {
            return c + 3;
        }
        begins = *c == ',' || *c == '+';
        c += *c == '\\' && c[1] != '\0';
    }
    return NULL;
}

/* sts.json, roleSessionNameType: [\w+=,.@-]*, 2 to 64 */
static char session_name_char(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

    return letter || (c != '\0' && strchr("_+=.@-", c) != NULL) ? c : '-';
}

void peers_session_name(const peer_t *peer, char out[PEER_SESSION_NAME_MAX + 1])
{
    const char *cn = peer->kind == PEER_UNIX ? NULL : find_cn(peer->cert_subject);
    size_t len = 0;

    for (; cn != NULL && *cn != '\0' && *cn != ',' && *cn != '+' && len < PEER_SESSION_NAME_MAX; cn++) {
        cn += *cn == '\\' && cn[1] != '\0';
        out[len++] = session_name_char(*cn);
    }
    out[len] = '\0';
    if (peer->kind == PEER_UNIX) {
        snprintf(out, PEER_SESSION_NAME_MAX + 1, "uid-%u", peer->uid);
    } else if (len < 2) {
        snprintf(out, PEER_SESSION_NAME_MAX + 1, "%s", peer->cert_sha256);
    }
}
