/*
 * Compressed segments: whatever the pieces that it comes in and goes out in, the same bytes come out, or the
 * same refusal; and what zlib and zstd made comes back.
 *
 * Input: gzip or zstd, and how long the pieces are (1 byte), then the bytes.
 */
#include "tests/fuzz/fuzz.h"

#include <zlib.h>
#include <zstd.h>

#include "audit/inflate.h"

#define PLAIN_MAX ((size_t)1 << 20) /* of a bomb the beginning */
#define ROOM 65536

typedef struct {
    buf_t plain;
    p11kms_err err;
    bool complete;
} outcome_t;

/* As source.c reads: until nothing more comes. */
static outcome_t run(inflate_kind kind, slice_t packed, size_t in_len, size_t out_len)
{
    static uint8_t room[ROOM];
    _cleanup_(inflate) inflate_t *inflate = NULL;
    outcome_t end = { .err = P11KMS_OK };

    HOLDS(inflate_new(kind, &inflate) == P11KMS_OK);
    while (end.err == P11KMS_OK && end.plain.len < PLAIN_MAX) {
        slice_t piece = SLICE(packed.data, packed.len < in_len ? packed.len : in_len);
        slice_t left = piece;
        size_t n = 0;

        end.err = inflate_some(inflate, &left, room, out_len, &n);
        if (end.err != P11KMS_OK) {
            break;
        }
        HOLDS(n <= out_len && left.len <= piece.len && left.data + left.len == piece.data + piece.len);
        buf_put(&end.plain, room, n);
        packed = SLICE(packed.data + (piece.len - left.len), packed.len - (piece.len - left.len));
        if (piece.len == 0 && n == 0) {
            break;
        }
    }
    end.complete = inflate_complete(inflate);
    return end;
}

static void check_pieces(inflate_kind kind, slice_t packed, size_t piece)
{
    outcome_t whole = run(kind, packed, SIZE_MAX, ROOM);
    outcome_t parts = run(kind, packed, piece, 1 + 8 * piece);
    size_t common = whole.plain.len < parts.plain.len ? whole.plain.len : parts.plain.len;

    HOLDS(common == 0 || memcmp(whole.plain.data, parts.plain.data, common) == 0);
    if (whole.plain.len < PLAIN_MAX && parts.plain.len < PLAIN_MAX) {
        HOLDS(whole.err == parts.err);
        HOLDS(whole.err != P11KMS_OK ||
              (whole.complete == parts.complete && whole.plain.len == parts.plain.len));
    }
    buf_free(&whole.plain);
    buf_free(&parts.plain);
}

static void pack_gzip(slice_t plain, buf_t *out)
{
    z_stream z = { 0 };
    size_t room;

    HOLDS(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 1, Z_DEFAULT_STRATEGY) == Z_OK);
    room = deflateBound(&z, plain.len);
    z.next_out = buf_reserve(out, room);
    z.avail_out = (uInt)room;
    z.next_in = (Bytef *)(uintptr_t)plain.data;
    z.avail_in = (uInt)plain.len;
    HOLDS(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->len += room - z.avail_out;
    deflateEnd(&z);
}

static void pack_zstd(slice_t plain, buf_t *out)
{
    size_t room = ZSTD_compressBound(plain.len);
    size_t n = ZSTD_compress(buf_reserve(out, room), room, plain.data, plain.len, 1);

    HOLDS(!ZSTD_isError(n));
    out->len += n;
}

/* Twice, one behind the other, as two compressed files joined. */
static void check_own(inflate_kind kind, slice_t plain, size_t piece)
{
    _cleanup_buf_ buf_t packed = { 0 };

    for (int i = 0; i < 2; i++) {
        (kind == INFLATE_GZIP ? pack_gzip : pack_zstd)(plain, &packed);
    }
    outcome_t back = run(kind, buf_slice(&packed), piece, 1 + 8 * piece);
    HOLDS(back.err == P11KMS_OK && back.complete && back.plain.len == 2 * plain.len);
    HOLDS(plain.len == 0 || (memcmp(back.plain.data, plain.data, plain.len) == 0 &&
                             memcmp(back.plain.data + plain.len, plain.data, plain.len) == 0));
    buf_free(&back.plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    inflate_kind kind = data[0] & 1 ? INFLATE_ZSTD : INFLATE_GZIP;
    size_t piece = 1 + data[0] / 2;

    check_pieces(kind, SLICE(data + 1, len - 1), piece);
    check_own(kind, SLICE(data + 1, len - 1), piece);
    return 0;
}
