#include "api/page.h"

#include "crypto/crypto.h"
#include "util/encode.h"

/*
 * A marker is, in hex: version 1 | MAC 16 | the last name given out. The MAC is HMAC-SHA-256,
 * cut, over version | length of the listing 2 | listing | last name.
 */
#define VERSION 1
#define MAC_LEN 16
#define HEAD_LEN (1 + MAC_LEN)

/* More than any name can make of itself; Marker may have 1024 characters. */
#define MARKER_MAX 4096

static uint8_t marker_key[32];
static bool has_key;

void page_set_key(const uint8_t key[32])
{
    memcpy(marker_key, key, sizeof(marker_key));
    has_key = true;
}

static void authenticate(arena_t *arena, const char *listing, slice_t last, uint8_t mac[SHA256_LEN])
{
    size_t listing_len = strlen(listing);
    size_t len = 3 + listing_len + last.len;
    uint8_t *text = arena_alloc(arena, len);

    if (!has_key || listing_len > UINT16_MAX) {
        abort(); /* the daemon sets the key before it listens; listings are ours */
    }
    text[0] = VERSION;
    text[1] = (uint8_t)(listing_len >> 8);
    text[2] = (uint8_t)listing_len;
    memcpy(text + 3, listing, listing_len);
    if (last.len > 0) {
        memcpy(text + 3 + listing_len, last.data, last.len);
    }
    crypto_hmac_sha256(SLICE(marker_key, sizeof(marker_key)), SLICE(text, len), mac);
}

const char *page_marker(arena_t *arena, const char *listing, const char *last)
{
    size_t last_len = strlen(last);
    size_t len = HEAD_LEN + last_len;
    uint8_t *marker = arena_alloc(arena, len);
    char *text = arena_alloc(arena, 2 * len + 1);
    uint8_t mac[SHA256_LEN];

    authenticate(arena, listing, SLICE(last, last_len), mac);
    marker[0] = VERSION;
    memcpy(marker + 1, mac, MAC_LEN);
    memcpy(marker + HEAD_LEN, last, last_len);
    hex_encode(marker, len, text);
    return text;
}

p11kms_err page_open(arena_t *arena, const char *listing, slice_t marker, const char **ret_last)
{
    uint8_t mac[SHA256_LEN];
    uint8_t *data;
    slice_t last;

    if (marker.len == 0) {
        *ret_last = "";
        return P11KMS_OK;
    }
    ENSURE(marker.len <= MARKER_MAX && marker.len >= 2 * HEAD_LEN, P11KMS_E_MARKER);
    data = arena_alloc(arena, marker.len / 2);
    ENSURE(hex_decode(marker, data) == P11KMS_OK && data[0] == VERSION, P11KMS_E_MARKER);
    last = SLICE(data + HEAD_LEN, marker.len / 2 - HEAD_LEN);
    authenticate(arena, listing, last, mac);
    ENSURE(secret_eq(SLICE(data + 1, MAC_LEN), SLICE(mac, MAC_LEN)), P11KMS_E_MARKER);
    *ret_last = arena_strndup(arena, (const char *)last.data, last.len);
    return P11KMS_OK;
}
