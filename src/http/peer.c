#include "config.h" /* struct ucred */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/conn.h"

static void describe_unix(peer_t *peer, int fd)
{
    struct ucred cred = { 0 };
    socklen_t len = sizeof(cred);

    peer->kind = PEER_UNIX;
    snprintf(peer->address, sizeof(peer->address), "unix");
    /* No process and no user has these numbers: a rule cannot match them. */
    peer->pid = -1;
    peer->uid = peer->gid = UINT32_MAX;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
        peer->pid = cred.pid;
        peer->uid = cred.uid;
        peer->gid = cred.gid;
    }
}

static void describe_tcp(peer_t *peer, const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    const void *bytes = &v4->sin_addr;
    int family = address->ss_family;

    if (family == AF_INET6) {
        bytes = &v6->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            family = AF_INET;
            bytes = &v6->sin6_addr.s6_addr[12];
        }
    }
    peer->kind = PEER_TCP;
    if (inet_ntop(family, bytes, peer->address, sizeof(peer->address)) == NULL) {
        snprintf(peer->address, sizeof(peer->address), "unknown");
    }
}

void peer_describe(peer_t *peer, int fd, const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_UNIX) {
        describe_unix(peer, fd);
    } else {
        describe_tcp(peer, address);
    }
}
