#include "util/secret.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Small secrets come from slabs: locked chunks cut into blocks of one size,
 * with a free list each. Larger ones have a mapping of their own. Slabs are kept
 * until the process ends, so their number follows the greatest use.
 *
 * A forked child sees zeros in all of it (MADV_WIPEONFORK): a secret's size
 * class reads CLASS_NONE there, its length 0, and freeing it does nothing.
 */
enum { CLASS_NONE, CLASS_FIRST, CLASS_LAST = 8, CLASS_LARGE };

#define BLOCK_SMALLEST 64u /* of CLASS_FIRST; each class doubles */
#define CHUNK_SIZE 65536u

struct secret {
    uint32_t len;
    uint32_t size_class;
    union {
        secret_t *next_free; /* a block on its slab's list */
        size_t mapped;       /* CLASS_LARGE */
    };
    uint8_t data[];
};

#define SLAB                                                                                                 \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                                    \
    }

static struct slab {
    pthread_mutex_t lock;
    secret_t *free;
} slabs[] = { SLAB, SLAB, SLAB, SLAB, SLAB, SLAB, SLAB, SLAB, SLAB };

_Static_assert(COUNT_OF(slabs) == CLASS_LAST + 1, "a slab for each class; CLASS_NONE's is not used");

static atomic_size_t unlocked_pages;

static size_t page_count(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (len + page - 1) / page;
}

static void *map_locked(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        return NULL;
    }
    if (mlock(at, len) != 0) {
        atomic_fetch_add_explicit(&unlocked_pages, page_count(len), memory_order_relaxed);
    }
    /* Kernels without these only lose the extra care. */
    (void)madvise(at, len, MADV_DONTDUMP);
    (void)madvise(at, len, MADV_WIPEONFORK);
    return at;
}

static size_t block_size(unsigned size_class)
{
    return (size_t)BLOCK_SMALLEST << (size_class - CLASS_FIRST);
}

static unsigned class_for(size_t len)
{
    unsigned size_class = CLASS_FIRST;

    while (size_class <= CLASS_LAST && block_size(size_class) < sizeof(secret_t) + len) {
        size_class++;
    }
    return size_class; /* one past CLASS_LAST is CLASS_LARGE */
}

/* A chunk's blocks, all on the free list; the slab's lock is held. */
static bool slab_refill(struct slab *slab, unsigned size_class)
{
    size_t size = block_size(size_class);
    uint8_t *chunk = map_locked(CHUNK_SIZE);

    if (chunk == NULL) {
        return false;
    }
    for (size_t at = CHUNK_SIZE; at >= size; at -= size) {
        secret_t *block = (secret_t *)(void *)(chunk + at - size);

        block->next_free = slab->free;
        slab->free = block;
    }
    return true;
}

static secret_t *slab_take(unsigned size_class)
{
    struct slab *slab = &slabs[size_class];
    secret_t *block = NULL;

    pthread_mutex_lock(&slab->lock);
    if (slab->free != NULL || slab_refill(slab, size_class)) {
        block = slab->free;
        slab->free = block->next_free;
        block->next_free = NULL;
    }
    pthread_mutex_unlock(&slab->lock);
    return block;
}

static void slab_give(unsigned size_class, secret_t *block)
{
    struct slab *slab = &slabs[size_class];

    secret_wipe(block, block_size(size_class));
    pthread_mutex_lock(&slab->lock);
    block->next_free = slab->free;
    slab->free = block;
    pthread_mutex_unlock(&slab->lock);
}

static secret_t *map_large(size_t len)
{
    size_t mapped = sizeof(secret_t) + len;
    secret_t *secret = map_locked(mapped);

    if (secret != NULL) {
        secret->mapped = mapped;
    }
    return secret;
}

p11kms_err secret_new(size_t len, secret_t **ret)
{
    unsigned size_class;
    secret_t *secret;

    ENSURE(len >= 1 && len <= SECRET_MAX, P11KMS_E_RANGE);
    size_class = class_for(len);
    secret = size_class == CLASS_LARGE ? map_large(len) : slab_take(size_class);
    ENSURE(secret != NULL, P11KMS_E_NOMEM);
    secret->len = (uint32_t)len;
    secret->size_class = size_class;
    *ret = secret;
    return P11KMS_OK;
}

p11kms_err secret_copy(const void *data, size_t len, secret_t **ret)
{
    secret_t *secret = NULL;

    TRY(secret_new(len, &secret));
    memcpy(secret->data, data, len);
    *ret = secret;
    return P11KMS_OK;
}

void secret_free(secret_t *secret)
{
    if (secret == NULL || secret->size_class == CLASS_NONE) {
        return;
    }
    if (secret->size_class == CLASS_LARGE) {
        size_t mapped = secret->mapped;

        secret_wipe(secret, mapped);
        munmap(secret, mapped);
    } else {
        slab_give(secret->size_class, secret);
    }
}

uint8_t *secret_data(secret_t *secret)
{
    return secret->data;
}

size_t secret_len(const secret_t *secret)
{
    return secret->len;
}

slice_t secret_slice(const secret_t *secret)
{
    return SLICE(secret->data, secret->len);
}

void secret_truncate(secret_t *secret, size_t len)
{
    if (len < secret->len) {
        secret_wipe(secret->data + len, secret->len - len);
        secret->len = (uint32_t)len;
    }
}

/* No early exit may be made of this loop: what differs so far is hidden from the compiler. */
bool secret_eq(slice_t a, slice_t b)
{
    uint8_t differ = 0;

    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        differ |= a.data[i] ^ b.data[i];
        __asm__ volatile("" : "+r"(differ));
    }
    return differ == 0;
}

void secret_wipe(void *data, size_t len)
{
    if (len > 0) {
        explicit_bzero(data, len);
    }
}

size_t secret_unlocked(void)
{
    return atomic_load_explicit(&unlocked_pages, memory_order_relaxed);
}
