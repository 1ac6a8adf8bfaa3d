#include "token/host/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define READ_SIZE 65536

static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool over; /* the front has closed, or is gone */

bool channel_over(void)
{
    return over;
}

bool channel_closed(void)
{
    struct pollfd front = { .fd = PROTOCOL_FD, .events = 0 };

    return over || poll(&front, 1, 0) > 0;
}

bool channel_read(buf_t *in)
{
    uint8_t *at = buf_reserve(in, READ_SIZE);
    ssize_t n;

    if (at == NULL) {
        channel_fail(P11KMS_E_TOKEN_LOST, CKR_HOST_MEMORY, "the token host is out of memory");
    }
    do {
        n = recv(PROTOCOL_FD, at, READ_SIZE, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        over = true;
        return false;
    }
    in->len += (size_t)n;
    return true;
}

static void send_all(slice_t rest)
{
    while (rest.len > 0 && !over) {
        ssize_t n = send(PROTOCOL_FD, rest.data, rest.len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            over = true;
        }
        if (n > 0) {
            rest = SLICE(rest.data + n, rest.len - (size_t)n);
        }
    }
}

void channel_write(buf_t *frames)
{
    if (buf_failed(frames)) {
        channel_fail(P11KMS_E_TOKEN_LOST, CKR_HOST_MEMORY, "the token host is out of memory");
    }
    pthread_mutex_lock(&write_lock);
    send_all(buf_slice(frames));
    pthread_mutex_unlock(&write_lock);
    buf_clear(frames);
}

void channel_exclusive(uint64_t op_id)
{
    _cleanup_buf_ buf_t frame = { 0 };

    protocol_put_exclusive(&frame, op_id);
    channel_write(&frame);
}

_Noreturn void channel_fail(p11kms_err err, CK_RV rv, const char *text)
{
    protocol_failed failed = { .err = err, .ckr = rv, .text = text };
    buf_t frame = { 0 };

    protocol_put_failed(&frame, &failed);
    pthread_mutex_lock(&write_lock); /* and keep it: nothing comes after the farewell */
    send_all(buf_slice(&frame));
    _exit(EXIT_FAILURE);
}
