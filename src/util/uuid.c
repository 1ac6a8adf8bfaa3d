#include "util/encode.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>

/*
 * A thread's random bytes, fetched 64 ids at a time. The page they lie in is
 * zeroed in a forked child, where left then reads 0: no id is handed out twice.
 */
#define IDS_A_FETCH 64

typedef struct {
    size_t left;
    uint8_t bytes[IDS_A_FETCH][16];
} pool_t;

static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static _Thread_local pool_t *pool;

static void pool_unmap(void *mapped)
{
    pool = NULL;
    munmap(mapped, sizeof(pool_t));
}

static void pool_key_make(void)
{
    if (pthread_key_create(&pool_key, pool_unmap) != 0) {
        abort();
    }
}

/* NULL where the page cannot be had, or would be copied by fork. */
static pool_t *pool_map(void)
{
    void *page = mmap(NULL, sizeof(pool_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) {
        return NULL;
    }
    pthread_once(&pool_once, pool_key_make);
    if (madvise(page, sizeof(pool_t), MADV_WIPEONFORK) != 0 || pthread_setspecific(pool_key, page) != 0) {
        munmap(page, sizeof(pool_t));
        return NULL;
    }
    return page;
}

static void kernel_random(void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            abort(); /* no kernel this runs on refuses */
        }
        at += got;
        len -= (size_t)got;
    }
}

static void random_16(uint8_t out[16])
{
    if (pool == NULL) {
        pool = pool_map();
    }
    if (pool == NULL) {
        kernel_random(out, 16);
        return;
    }
    if (pool->left == 0) {
        kernel_random(pool->bytes, sizeof(pool->bytes));
        pool->left = IDS_A_FETCH;
    }
    memcpy(out, pool->bytes[--pool->left], 16);
}

void uuid_random(uint8_t out[16])
{
    random_16(out);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4 */
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

static bool dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const uint8_t uuid[16], char out[UUID_TEXT])
{
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i)) {
            *out++ = '-';
        }
        hex_encode(uuid + i, 1, out);
        out += 2;
    }
}

p11kms_err uuid_parse(slice_t text, uint8_t out[16])
{
    const uint8_t *at = text.data;

    ENSURE(text.len == UUID_TEXT - 1, P11KMS_E_SYNTAX);
    for (size_t i = 0; i < 16; i++) {
        ENSURE(!dash_before(i) || *at++ == '-', P11KMS_E_SYNTAX);
        TRY(hex_decode(SLICE(at, 2), out + i));
        at += 2;
    }
    return P11KMS_OK;
}
