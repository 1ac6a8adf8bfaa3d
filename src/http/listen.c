#include "config.h" /* accept4() */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "http/conn.h"
#include "http/tls.h"

#define BACKLOG 511
#define ACCEPTS_A_PASS 64 /* then connections that are there already get their turn */

/* ---- accepting ---- */

/* Without a descriptor the connection cannot even be refused, and its event would come for ever. */
static void refuse_without_descriptor(listener_t *listener)
{
    http_t *http = listener->http;

    if (http->reserve_fd >= 0) {
        close(http->reserve_fd);
        close(accept(listener->fd, NULL, NULL));
        http->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    http->stats.refused_connections++;
}

static conn_t *longest_in(const listener_t *listener, conn_state state)
{
    conn_t *conn = listener->http->lists[state].first;

    while (conn != NULL && conn->listener != listener) {
        conn = conn->next;
    }
    return conn;
}

/* A client that has long begun something and not ended it, before one that is between requests. */
static conn_t *find_dispensable(const listener_t *listener)
{
    static const conn_state begun[] = { CONN_HANDSHAKE, CONN_HEAD, CONN_BODY, CONN_LINGER };
    uint64_t now = uv_now(listener->http->loop);

    for (size_t i = 0; i < COUNT_OF(begun); i++) {
        conn_t *conn = longest_in(listener, begun[i]);

        if (conn != NULL && now - conn->since >= PATIENCE_MS) {
            return conn;
        }
    }
    return longest_in(listener, CONN_IDLE);
}

static bool make_room(listener_t *listener)
{
    conn_t *dispensable;

    if (listener->open < listener->http->limits.connections_max) {
        return true;
    }
    dispensable = find_dispensable(listener);
    if (dispensable != NULL) {
        conn_close(dispensable);
    }
    return dispensable != NULL;
}

static bool accept_one(listener_t *listener)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof(address);
    int fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
        refuse_without_descriptor(listener);
        return false;
    }
    if (fd < 0) {
        return errno == ECONNABORTED || errno == EINTR;
    }
    if (make_room(listener)) {
        conn_open(listener, fd, &address);
    } else {
        listener->http->stats.refused_connections++;
        close(fd);
    }
    return true;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_PASS && accept_one(poll->data); i++) {
    }
}

/* ---- sockets ---- */

static p11kms_err bind_tcp(const struct addrinfo *address, bool any, unsigned port, int *ret)
{
    _cleanup_fd_ int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 to = { 0 }; /* as large as both */
    int on = 1, v6_only = any ? 0 : 1;

    if (fd < 0 || address->ai_addrlen > sizeof(to)) {
        return p11kms_fail(P11KMS_E_IO, "socket: %s", strerror(errno));
    }
    memcpy(&to, address->ai_addr, address->ai_addrlen);
    to.sin6_port = htons((uint16_t)port); /* stands where sockaddr_in has its own */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    if (bind(fd, (struct sockaddr *)&to, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        return p11kms_fail(P11KMS_E_IO, "port %u: %s", port, strerror(errno));
    }
    *ret = fd;
    fd = -1;
    return P11KMS_OK;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in6 address = { 0 };
    socklen_t len = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 ? ntohs(address.sin6_port) : 0;
}

/** A socket nobody listens at is left over from a process that died: it may go. */
static p11kms_err clear_path(const struct sockaddr_un *address)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;

    if (lstat(address->sun_path, &st) != 0) {
        return P11KMS_OK; /* bind() says what else is wrong */
    }
    if (!S_ISSOCK(st.st_mode)) {
        FAIL(P11KMS_E_IO, "'%s' exists and is no socket", address->sun_path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
        errno != ECONNREFUSED) {
        FAIL(P11KMS_E_IO, "another process listens at '%s'", address->sun_path);
    }
    if (unlink(address->sun_path) != 0) {
        FAIL(P11KMS_E_IO, "the left-over socket '%s' cannot be removed: %s", address->sun_path,
             strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err bind_unix(const conf_listen *listen_at, int *ret)
{
    _cleanup_fd_ int fd = -1;
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(listen_at->path) >= sizeof(address.sun_path)) {
        FAIL(P11KMS_E_IO, "'%s' is too long for a socket's path", listen_at->path);
    }
    strcpy(address.sun_path, listen_at->path);
    TRY(clear_path(&address));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Nobody can connect before listen(): the mode is right from the first moment. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(address.sun_path, (mode_t)listen_at->mode) != 0 || listen(fd, BACKLOG) != 0) {
        FAIL(P11KMS_E_IO, "'%s': %s", listen_at->path, strerror(errno));
    }
    *ret = fd;
    fd = -1;
    return P11KMS_OK;
}

/* ---- listeners ---- */

p11kms_err listener_load_tls(const listener_t *listener, struct ssl_ctx_st **ret)
{
    return tls_context_new(listener->certificate, listener->key, listener->client_ca, ret);
}

static bool copy(const char *text, char **ret)
{
    *ret = text != NULL ? strdup(text) : NULL;
    return text == NULL || *ret != NULL;
}

static void on_closed(uv_handle_t *handle)
{
    listener_t *listener = handle->data;

    http_handle_closed(listener->http);
}

void listener_close(listener_t *listener)
{
    struct stat st;

    if (uv_is_closing((uv_handle_t *)&listener->poll)) {
        return;
    }
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    close(listener->fd);
    if (listener->path != NULL && lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
        st.st_ino == listener->ino) {
        unlink(listener->path);
    }
}

void listener_free(listener_t *listener)
{
    if (listener->tls != NULL) {
        tls_context_free(listener->tls);
    }
    free(listener->certificate);
    free(listener->key);
    free(listener->client_ca);
    free(listener->path);
    free(listener);
}

static p11kms_err listener_new(http_t *http, const conf_listen *conf, listener_t **ret)
{
    listener_t *listener = calloc(1, sizeof(*listener));
    p11kms_err err = P11KMS_OK;

    ENSURE(listener != NULL, P11KMS_E_NOMEM);
    listener->http = http;
    listener->kind = conf->kind;
    listener->fd = -1;
    if (!copy(conf->certificate, &listener->certificate) || !copy(conf->key, &listener->key) ||
        !copy(conf->client_ca, &listener->client_ca) || !copy(conf->path, &listener->path)) {
        err = p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    if (err == P11KMS_OK && conf->kind == LISTEN_HTTPS) {
        err = listener_load_tls(listener, &listener->tls);
    }
    if (err != P11KMS_OK) {
        listener_free(listener);
        return err;
    }
    *ret = listener;
    return P11KMS_OK;
}

/** Takes @p fd and @p listener. */
static p11kms_err start(listener_t *listener, int fd)
{
    http_t *http = listener->http;
    struct stat st;

    listener->fd = fd;
    if (listener->path != NULL && lstat(listener->path, &st) == 0) {
        listener->dev = st.st_dev;
        listener->ino = st.st_ino;
    }
    if (uv_poll_init(http->loop, &listener->poll, fd) != 0) {
        close(fd);
        listener_free(listener);
        FAIL(P11KMS_E_IO, "the event loop does not take the socket");
    }
    listener->poll.data = listener;
    listener->next = http->listeners;
    http->listeners = listener;
    http->handles++;
    uv_poll_start(&listener->poll, UV_READABLE, on_connection);
    return P11KMS_OK;
}

static p11kms_err add(http_t *http, const conf_listen *conf, http_handler handler, http_refused refused,
                      void *arg, int fd)
{
    listener_t *listener = NULL;
    p11kms_err err = listener_new(http, conf, &listener);

    if (err != P11KMS_OK) {
        close(fd);
        return err;
    }
    listener->handler = handler;
    listener->refused = refused;
    listener->arg = arg;
    return start(listener, fd);
}

/* A name may have several addresses: each gets a listener, all on the port of the first. */
static p11kms_err listen_tcp(http_t *http, const conf_listen *conf, http_handler handler,
                             http_refused refused, void *arg, unsigned *ret_port)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *found = NULL;
    bool any = strcmp(conf->host, "::") == 0; /* and IPv4 with it */
    unsigned port = conf->port, bound = 0;
    p11kms_err err;
    int fd = -1, result = getaddrinfo(conf->host, NULL, &hints, &found);

    if (result != 0) {
        FAIL(P11KMS_E_IO, "'%s': %s", conf->host, gai_strerror(result));
    }
    err = p11kms_fail(P11KMS_E_IO, "'%s' has no address", conf->host);
    for (const struct addrinfo *address = found; address != NULL; address = address->ai_next) {
        err = bind_tcp(address, any, port, &fd);
        if (err == P11KMS_OK) {
            port = port_of(fd);
            err = add(http, conf, handler, refused, arg, fd);
            if (err != P11KMS_OK) {
                break;
            }
            bound++;
        }
    }
    freeaddrinfo(found);
    if (bound == 0) {
        return err;
    }
    if (ret_port != NULL) {
        *ret_port = port;
    }
    return P11KMS_OK;
}

p11kms_err http_listen(http_t *http, const conf_listen *listen, http_handler handler, http_refused refused,
                       void *arg, unsigned *ret_port)
{
    int fd = -1;

    if (listen->kind != LISTEN_UNIX) {
        return listen_tcp(http, listen, handler, refused, arg, ret_port);
    }
    TRY(bind_unix(listen, &fd));
    TRY(add(http, listen, handler, refused, arg, fd));
    if (ret_port != NULL) {
        *ret_port = 0;
    }
    return P11KMS_OK;
}
