#include "tests/http/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define GIVE_UP_SECONDS 3

static void open_socket(client_t *client, const struct sockaddr *address, socklen_t len)
{
    struct timeval patience = { .tv_sec = GIVE_UP_SECONDS };

    *client = (client_t){ .fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(client->fd, address, len) != 0) {
        perror("test client: connect");
        abort();
    }
}

void client_connect(client_t *client, unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    open_socket(client, (struct sockaddr *)&address, sizeof(address));
}

void client_connect_unix(client_t *client, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    open_socket(client, (struct sockaddr *)&address, sizeof(address));
}

void client_close(client_t *client)
{
    if (client->tls != NULL) {
        if (SSL_is_init_finished(client->tls)) {
            SSL_shutdown(client->tls); /* else its session counts as broken */
        }
        SSL_free(client->tls);
    }
    if (client->fd >= 0) {
        close(client->fd);
    }
    buf_free(&client->in);
    *client = (client_t){ .fd = -1 };
}

bool client_tls(client_t *client, SSL_CTX *context)
{
    client->tls = SSL_new(context);
    SSL_set_fd(client->tls, client->fd);
    return SSL_connect(client->tls) == 1;
}

bool client_send(client_t *client, slice_t bytes)
{
    while (bytes.len > 0) {
        ssize_t n = client->tls != NULL ? SSL_write(client->tls, bytes.data, (int)bytes.len)
                                        : send(client->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes = SLICE(bytes.data + n, bytes.len - (size_t)n);
    }
    return true;
}

bool client_send_text(client_t *client, const char *text)
{
    return client_send(client, SLICE_STR(text));
}

/** 1 when bytes came, 0 at the end, -1 when none came in time. A reset is an end too. */
static int read_more(client_t *client)
{
    uint8_t *into = buf_reserve(&client->in, 65536);
    ssize_t n = client->tls != NULL ? SSL_read(client->tls, into, 65536) : recv(client->fd, into, 65536, 0);

    if (n > 0) {
        client->in.len += (size_t)n;
        return 1;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? -1 : 0;
}

static size_t answer_length(const buf_t *in)
{
    const char *text = buf_str(in), *end = strstr(text, "\r\n\r\n"),
               *length = strstr(text, "Content-Length: ");

    if (end == NULL) {
        return 0;
    }
    end += 4;
    return (size_t)(end - text) + (length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0);
}

bool client_answer(client_t *client, buf_t *ret)
{
    size_t length;

    buf_clear(ret);
    while ((length = answer_length(&client->in)) == 0 || client->in.len < length) {
        if (read_more(client) != 1) {
            return false;
        }
    }
    buf_put(ret, client->in.data, length);
    buf_consume(&client->in, length);
    return true;
}

bool client_until_end(client_t *client, buf_t *ret)
{
    int more;

    while ((more = read_more(client)) == 1) {
    }
    buf_clear(ret);
    buf_put_slice(ret, buf_slice(&client->in));
    buf_clear(&client->in);
    return more == 0;
}

int client_status(const buf_t *answer)
{
    const char *text = buf_str(answer);

    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? atoi(text + 9) : 0;
}

const char *client_body(const buf_t *answer)
{
    const char *end = strstr(buf_str(answer), "\r\n\r\n");

    return end != NULL ? end + 4 : "";
}
