#include "audit/inflate.h"

#include <zlib.h>
#include <zstd.h>

#define GZIP_ONLY (16 + MAX_WBITS) /* inflateInit2(): a gzip header is wanted */
#define WINDOW_LOG_MAX 27          /* what zstd itself takes without being asked for more */

struct inflate {
    inflate_kind kind;
    bool complete; /* between two members or frames */
    z_stream gzip;
    ZSTD_DStream *zstd;
};

p11kms_err inflate_new(inflate_kind kind, inflate_t **ret)
{
    inflate_t *inflate = calloc(1, sizeof(*inflate));

    ENSURE(inflate, P11KMS_E_NOMEM);
    inflate->kind = kind;
    if (kind == INFLATE_ZSTD) {
        inflate->zstd = ZSTD_createDStream();
    }
    if (kind == INFLATE_GZIP ? inflateInit2(&inflate->gzip, GZIP_ONLY) != Z_OK
                             : !inflate->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(inflate->zstd, ZSTD_d_windowLogMax,
                                                                                    WINDOW_LOG_MAX))) {
        ZSTD_freeDStream(inflate->zstd);
        free(inflate);
        return P11KMS_E_NOMEM;
    }
    *ret = inflate;
    return P11KMS_OK;
}

void inflate_free(inflate_t *inflate)
{
    if (!inflate) {
        return;
    }
    if (inflate->kind == INFLATE_GZIP) {
        inflateEnd(&inflate->gzip);
    }
    ZSTD_freeDStream(inflate->zstd);
    free(inflate);
}

/* Of several members one behind another each begins anew (RFC 1952 section 2.2). */
static p11kms_err some_gzip(inflate_t *state, slice_t *in, uint8_t *out, size_t len, size_t *ret_len)
{
    z_stream *z = &state->gzip;

    if (state->complete && in->len > 0 && inflateReset(z) != Z_OK) {
        FAIL(P11KMS_E_SYNTAX, "gzip cannot go on");
    }
    z->next_in = (Bytef *)(uintptr_t)in->data;
    z->avail_in = (uInt)in->len;
    z->next_out = out;
    z->avail_out = (uInt)len;
    int told = inflate(z, Z_NO_FLUSH);
    if (told != Z_OK && told != Z_STREAM_END && told != Z_BUF_ERROR) {
        FAIL(P11KMS_E_SYNTAX, "gzip: %s", z->msg ? z->msg : "damaged");
    }
    state->complete = told == Z_STREAM_END;
    *ret_len = len - z->avail_out;
    *in = SLICE(in->data + (in->len - z->avail_in), z->avail_in);
    return P11KMS_OK;
}

static p11kms_err some_zstd(inflate_t *inflate, slice_t *in, uint8_t *out, size_t len, size_t *ret_len)
{
    ZSTD_inBuffer from = { .src = in->data, .size = in->len };
    ZSTD_outBuffer to = { .dst = out, .size = len };

    size_t told = ZSTD_decompressStream(inflate->zstd, &to, &from);
    if (ZSTD_isError(told)) {
        FAIL(P11KMS_E_SYNTAX, "zstd: %s", ZSTD_getErrorName(told));
    }
    inflate->complete = told == 0;
    *ret_len = to.pos;
    *in = SLICE(in->data + from.pos, in->len - from.pos);
    return P11KMS_OK;
}

p11kms_err inflate_some(inflate_t *inflate, slice_t *in, uint8_t *out, size_t len, size_t *ret_len)
{
    /* what was complete and gets nothing stays so */
    if (in->len == 0 && inflate->complete) {
        *ret_len = 0;
        return P11KMS_OK;
    }
    return inflate->kind == INFLATE_GZIP ? some_gzip(inflate, in, out, len, ret_len)
                                         : some_zstd(inflate, in, out, len, ret_len);
}

bool inflate_complete(const inflate_t *inflate)
{
    return inflate->complete;
}
