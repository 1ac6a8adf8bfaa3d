/*
 * A module that may answer anything: errors, lengths that lie, handles of other keys, attributes that change.
 * The host takes what fits: what it gives out has the length that the daemon holds it to, and as long as the
 * module tells the truth, no object of others is touched.
 *
 * Input: how mechanisms are carried out (1 byte) and how many operations (1 byte), the operations, 5 bytes
 * each (kind, type, use, mechanism, what is in it), and what the module makes of each call: below 0xc0 what
 * it should, else a lie that the next byte chooses. Behind the end of the input all is as it should be.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "token/host/keys.h"
#include "token/host/operations.h"
#include "token/host/worker.h"
#include "util/arena.h"

#define LOG_ROOM "fuzz"
#include "util/log.h"

#define OBJECTS_MAX 64
#define OPS_MAX 8
#define ATTRIBUTES_MAX 32
#define TRUTHS 0xc0
#define MODULUS 256

/* ---- the token ---- */

typedef struct {
    CK_ATTRIBUTE attributes[ATTRIBUTES_MAX];
    CK_ULONG n;
    bool gone;
} object_t;

static arena_t *arena;
static object_t objects[OBJECTS_MAX]; /* the handle is the place and one */
static size_t n_objects;
static reader_t script;
static unsigned lies;
static CK_ATTRIBUTE searched[4];
static CK_ULONG n_searched, search_at;
static CK_OBJECT_HANDLE used;
static CK_MECHANISM_TYPE mechanism_used;

static const uint8_t key_ids[3][TOKEN_KEY_ID] = { { 'p' }, { 'r' }, { 'e' } };
static const uint8_t p256_params[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
/* SEC 2 2.4.2: the base point, which is as good a public key as any */
static const uint8_t p256_point[67] = {
    0x04, 0x41, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4,
    0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};
static const uint8_t p256_spki_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                          0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                          0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };

/* @return 0 for the truth, else what to lie with */
static uint8_t next_lie(void)
{
    if (script.rest.len < 2 || reader_u8(&script) < TRUTHS) {
        return 0;
    }
    lies++;
    return reader_u8(&script) | 1;
}

/* Some lies are plain errors. */
static CK_RV error_of(uint8_t lie)
{
    static const CK_RV errors[] = {
        CKR_GENERAL_ERROR,          CKR_DEVICE_REMOVED,         CKR_OBJECT_HANDLE_INVALID,
        CKR_SESSION_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID,     CKR_USER_NOT_LOGGED_IN,
        CKR_BUFFER_TOO_SMALL,       CKR_ATTRIBUTE_TYPE_INVALID, CKR_MECHANISM_INVALID,
        CKR_TEMPLATE_INCONSISTENT,  CKR_ENCRYPTED_DATA_INVALID, 0x80000001UL,
    };

    return lie & 0x40 ? errors[(lie >> 1) % COUNT_OF(errors)] : CKR_OK;
}

static object_t *object_at(CK_OBJECT_HANDLE handle)
{
    return handle >= 1 && handle <= n_objects && !objects[handle - 1].gone ? &objects[handle - 1] : NULL;
}

static CK_ATTRIBUTE *attribute_of(object_t *object, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < object->n; i++) {
        if (object->attributes[i].type == type) {
            return &object->attributes[i];
        }
    }
    return NULL;
}

static void set(object_t *object, CK_ATTRIBUTE_TYPE type, const void *data, size_t len)
{
    CK_ATTRIBUTE *at = attribute_of(object, type);

    HOLDS(at || object->n < ATTRIBUTES_MAX);
    at = at ? at : &object->attributes[object->n++];
    *at = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)arena_dup(arena, SLICE(data, len)).data, len };
}

static void set_flag(object_t *object, CK_ATTRIBUTE_TYPE type, bool on)
{
    CK_BBOOL value = on ? CK_TRUE : CK_FALSE;

    set(object, type, &value, sizeof(value));
}

static void set_number(object_t *object, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    set(object, type, &value, sizeof(value));
}

static CK_RV make(const CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
    uint8_t lie = next_lie();

    if (error_of(lie) != CKR_OK || n_objects == OBJECTS_MAX) {
        return lie ? error_of(lie) : CKR_DEVICE_MEMORY;
    }
    object_t *object = &objects[n_objects++];
    *object = (object_t){ .n = 0 };
    set_flag(object, CKA_SENSITIVE, true);
    set_flag(object, CKA_EXTRACTABLE, false);
    for (CK_ULONG i = 0; i < n; i++) {
        set(object, template[i].type, template[i].pValue, template[i].ulValueLen);
    }
    *ret = lie ? lie % (OBJECTS_MAX + 1) : n_objects;
    return CKR_OK;
}

static object_t *add(CK_OBJECT_CLASS class, const uint8_t *id, const char *label)
{
    object_t *object = &objects[n_objects++];

    *object = (object_t){ .n = 0 };
    set_number(object, CKA_CLASS, class);
    set(object, CKA_ID, id, TOKEN_KEY_ID);
    set(object, CKA_LABEL, label, strlen(label));
    set_flag(object, CKA_TOKEN, true);
    set_flag(object, CKA_PRIVATE, true);
    set_flag(object, CKA_SENSITIVE, true);
    set_flag(object, CKA_EXTRACTABLE, false);
    return object;
}

static void fill_token(void)
{
    uint8_t modulus[MODULUS];
    object_t *object;

    n_objects = 0;
    object = add(CKO_SECRET_KEY, key_ids[0], "p11kms:material");
    set_number(object, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
    set_number(object, CKA_VALUE_LEN, 32);
    set_flag(object, CKA_SIGN, true);
    object = add(CKO_PRIVATE_KEY, key_ids[1], "p11kms:wrapping");
    memset(modulus, 0xab, sizeof(modulus));
    set_number(object, CKA_KEY_TYPE, CKK_RSA);
    set(object, CKA_MODULUS, modulus, sizeof(modulus));
    set(object, CKA_PUBLIC_EXPONENT, "\x01\x00\x01", 3);
    set_flag(object, CKA_DECRYPT, true);
    object = add(CKO_PRIVATE_KEY, key_ids[2], "p11kms:material");
    set_number(object, CKA_KEY_TYPE, CKK_EC);
    set(object, CKA_EC_PARAMS, p256_params, sizeof(p256_params));
    set(object, CKA_EC_POINT, p256_point, sizeof(p256_point));
    set_flag(object, CKA_DERIVE, true);
    (void)add(CKO_SECRET_KEY, key_ids[0], "somebody else's");
    object = add(CKO_SECRET_KEY, key_ids[0], "known answer"); /* no token object */
    set_flag(object, CKA_TOKEN, false);
}

/* ---- the module ---- */

static CK_RV get_attribute(object_t *object, CK_ATTRIBUTE *asked)
{
    const CK_ATTRIBUTE *at = attribute_of(object, asked->type);
    uint8_t lie = next_lie();
    CK_ULONG room = asked->ulValueLen;

    if (error_of(lie) != CKR_OK) {
        return error_of(lie);
    }
    if (lie) { /* the length, and half of the time the bytes */
        asked->ulValueLen = lie & 2 ? (CK_ULONG)-1 : lie & 4 ? room + lie : room - (room < lie ? 0 : lie);
        if (lie & 8) {
            slice_t bytes = reader_take(&script, script.rest.len < room ? script.rest.len : room);

            memcpy(asked->pValue, bytes.len ? bytes.data : asked->pValue, bytes.len);
            asked->ulValueLen = bytes.len;
        }
        return CKR_OK;
    }
    if (at == NULL || room < at->ulValueLen) {
        asked->ulValueLen = (CK_ULONG)-1;
        return at ? CKR_BUFFER_TOO_SMALL : CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (at->ulValueLen > 0) {
        memcpy(asked->pValue, at->pValue, at->ulValueLen);
    }
    asked->ulValueLen = at->ulValueLen;
    return CKR_OK;
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_PTR asked,
                            CK_ULONG n)
{
    object_t *object = object_at(handle);
    CK_RV ret = object ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
    (void)session;

    for (CK_ULONG i = 0; object && i < n; i++) {
        CK_RV rv = get_attribute(object, &asked[i]);
        ret = ret == CKR_OK ? rv : ret;
    }
    return ret;
}

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
    (void)session;
    HOLDS(n <= COUNT_OF(searched));
    for (CK_ULONG i = 0; i < n; i++) {
        slice_t copy = arena_dup(arena, SLICE(template[i].pValue, template[i].ulValueLen));
        searched[i] = (CK_ATTRIBUTE){ template[i].type, (void *)(uintptr_t)copy.data, copy.len };
    }
    n_searched = n;
    search_at = 0;
    return error_of(next_lie());
}

static bool is_searched(object_t *object)
{
    for (CK_ULONG i = 0; i < n_searched; i++) {
        const CK_ATTRIBUTE *at = attribute_of(object, searched[i].type);

        if (!at ||
            !slice_eq(SLICE(at->pValue, at->ulValueLen), SLICE(searched[i].pValue, searched[i].ulValueLen))) {
            return false;
        }
    }
    return !object->gone;
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR found, CK_ULONG max, CK_ULONG_PTR ret_n)
{
    uint8_t lie = next_lie();
    (void)session;

    *ret_n = 0;
    for (; search_at < n_objects && *ret_n < max; search_at++) {
        if (is_searched(&objects[search_at])) {
            found[(*ret_n)++] = search_at + 1;
        }
    }
    if (lie & 2) {
        *ret_n = lie & 4 ? max + lie : 1;
        found[0] = lie % (OBJECTS_MAX + 1);
    }
    return error_of(lie);
}

static CK_RV find_final(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_OK;
}

static CK_RV use_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    (void)session;
    used = key;
    mechanism_used = mechanism->mechanism;
    return object_at(key) ? error_of(next_lie()) : CKR_KEY_HANDLE_INVALID;
}

static CK_ULONG output_len(void)
{
    switch (mechanism_used) {
    case CKM_SHA224_HMAC:
        return 28;
    case CKM_SHA384_HMAC:
        return 48;
    case CKM_SHA512_HMAC:
    case CKM_ECDSA:
    case CKM_EDDSA:
        return 64;
    case CKM_SHA256_HMAC:
    case CKM_RSA_PKCS_OAEP:
        return 32;
    default:
        return MODULUS;
    }
}

/* A function of what comes in, as far as there is room. */
static CK_RV output(CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
    uint8_t lie = next_lie(), digest[SHA256_LEN];
    CK_ULONG n = lie & 2 ? lie : output_len(), room = *len;

    crypto_sha256(SLICE(in, in_len), digest);
    for (CK_ULONG i = 0; i < n && i < room; i++) {
        out[i] = digest[i % sizeof(digest)];
    }
    *len = lie & 4 ? n * lie : n;
    return error_of(lie);
}

static CK_RV transform(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out,
                       CK_ULONG_PTR len)
{
    (void)session;
    return output(in, in_len, out, len);
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR template,
                      CK_ULONG n, CK_OBJECT_HANDLE_PTR ret)
{
    (void)session;
    (void)mechanism;
    return make(template, n, ret);
}

static CK_RV create(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG n,
                    CK_OBJECT_HANDLE_PTR ret)
{
    (void)session;
    return make(template, n, ret);
}

static CK_RV generate_pair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public,
                           CK_ULONG n_public, CK_ATTRIBUTE_PTR private, CK_ULONG n_private,
                           CK_OBJECT_HANDLE_PTR ret_public, CK_OBJECT_HANDLE_PTR ret_private)
{
    CK_RV rv = make(public, n_public, ret_public);
    (void)session;
    (void)mechanism;

    return rv == CKR_OK ? make(private, n_private, ret_private) : rv;
}

static CK_RV copy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_PTR template, CK_ULONG n,
                  CK_OBJECT_HANDLE_PTR ret)
{
    const object_t *object = object_at(handle);
    CK_RV rv = object ? make(object->attributes, object->n, ret) : CKR_OBJECT_HANDLE_INVALID;
    (void)session;

    for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
        set(&objects[n_objects - 1], template[i].type, template[i].pValue, template[i].ulValueLen);
    }
    return rv;
}

static CK_RV unwrap(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key,
                    CK_BYTE_PTR wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE_PTR template, CK_ULONG n,
                    CK_OBJECT_HANDLE_PTR ret)
{
    (void)wrapped;
    (void)wrapped_len;
    return use_key(session, mechanism, key) == CKR_OK ? make(template, n, ret) : CKR_KEY_HANDLE_INVALID;
}

static CK_RV derive(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key,
                    CK_ATTRIBUTE_PTR template, CK_ULONG n, CK_OBJECT_HANDLE_PTR ret)
{
    uint8_t value[32] = { 1 };
    CK_RV rv = use_key(session, mechanism, key);

    rv = rv == CKR_OK ? make(template, n, ret) : rv;
    if (rv == CKR_OK) {
        set(&objects[n_objects - 1], CKA_VALUE, value, sizeof(value));
    }
    return rv;
}

static CK_RV destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle)
{
    object_t *object = object_at(handle);
    uint8_t lie = next_lie();
    (void)session;

    if (!object) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    const CK_ATTRIBUTE *label = attribute_of(object, CKA_LABEL);
    HOLDS(lies > 0 || !label || !slice_eq_str(SLICE(label->pValue, label->ulValueLen), "somebody else's"));
    object->gone = error_of(lie) == CKR_OK;
    return error_of(lie);
}

static CK_RV random_bytes(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG len)
{
    (void)session;
    memset(out, 0x5a, len);
    return error_of(next_lie());
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify,
                          CK_SESSION_HANDLE_PTR ret)
{
    (void)slot;
    (void)flags;
    (void)app;
    (void)notify;
    *ret = 1;
    return error_of(next_lie());
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_OK;
}

static CK_RV session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR ret)
{
    (void)session;
    *ret = (CK_SESSION_INFO){ .state = CKS_RW_USER_FUNCTIONS };
    return error_of(next_lie());
}

static CK_FUNCTION_LIST module = {
    .C_GetAttributeValue = get_attributes,
    .C_FindObjectsInit = find_init,
    .C_FindObjects = find,
    .C_FindObjectsFinal = find_final,
    .C_SignInit = use_key,
    .C_Sign = transform,
    .C_DecryptInit = use_key,
    .C_Decrypt = transform,
    .C_EncryptInit = use_key,
    .C_Encrypt = transform,
    .C_GenerateKey = generate,
    .C_GenerateKeyPair = generate_pair,
    .C_CreateObject = create,
    .C_CopyObject = copy,
    .C_UnwrapKey = unwrap,
    .C_DeriveKey = derive,
    .C_DestroyObject = destroy,
    .C_GenerateRandom = random_bytes,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_GetSessionInfo = session_info,
};

/* ---- the host ---- */

static int far_end = -1;

static void open_channel(void)
{
    int ends[2];

    HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    HOLDS(dup2(ends[0], PROTOCOL_FD) == PROTOCOL_FD);
    far_end = ends[1];
    HOLDS(fcntl(far_end, F_SETFL, O_NONBLOCK) == 0);
}

static void read_channel(void)
{
    uint8_t bytes[4096];
    ssize_t n = recv(far_end, bytes, sizeof(bytes), 0);
    protocol_frame frame;

    for (slice_t rest = SLICE(bytes, n > 0 ? (size_t)n : 0); rest.len > 0;) {
        HOLDS(protocol_next(rest, &frame) == FRAME_WHOLE && frame.type == MSG_EXCLUSIVE);
        rest = SLICE(rest.data + frame.size, rest.len - frame.size);
    }
}

static void begin_host(host_t *host, uint8_t ways)
{
    uint8_t known[SHA256_LEN];

    *host = (host_t){ .start = { .name = "fuzz", .session_copies = ways & 1 },
                      .module = &module,
                      .anchor = 1,
                      .copies_wanted = ways & 1 };
    host->info = (token_info){ .can_prf = true,
                               .can_generate = true,
                               .can_random = true,
                               .can_session_copy = true,
                               .key_types = (1u << TOKEN_KEY_COUNT) - 1,
                               .mechanisms = (1u << TOKEN_MECH_COUNT) - 1,
                               .can_agree = true,
                               .can_import = true };
    crypto_sha256(SLICE_LIT("what do ya want for nothing?"), known);
    host->known.key = 5;
    memcpy(host->known.expected, known, sizeof(known));
    for (size_t i = 1; i < TOKEN_MECH_COUNT; i++) {
        bool padded = i >= TOKEN_MECH_PSS_SHA256 && kinds_of_mechanism((unsigned)i)->family == FAMILY_RSA;

        host->ways[i] = padded && (ways & 2) ? WAY_RAW : WAY_NATIVE;
        host->unwraps[i] = (ways & 4) != 0;
    }
    host->pairs_direct = (ways & 8) != 0;
    host->template_variant = ways & 16 ? TEMPLATE_PLAIN : TEMPLATE_FULL;
    HOLDS(map_new(&host->keys) == P11KMS_OK);
    pthread_rwlock_init(&host->objects, NULL);
}

static void end_host(host_t *host)
{
    size_t at = 0;
    slice_t id;
    void *key;

    while (map_next(host->keys, &at, &id, &key)) {
        free(((host_key *)key)->pair);
        free(key);
    }
    map_free(host->keys, NULL);
    pthread_rwlock_destroy(&host->objects);
}

/* What fits the kind, filled with bytes that may do. */
static slice_t make_in(const protocol_op *op, uint8_t what)
{
    const kinds_mechanism *row = kinds_of_mechanism(op->mechanism);
    static uint8_t room[TOKEN_IN_MAX];

    memset(room, what, sizeof(room));
    switch ((token_op_kind)op->kind) {
    case TOKEN_OP_GENERATE:
        return SLICE_LIT("material");
    case TOKEN_OP_AGREE:
        memcpy(room, p256_spki_head, sizeof(p256_spki_head));
        memcpy(room + sizeof(p256_spki_head), p256_point + 2, sizeof(p256_point) - 2);
        return SLICE(room, sizeof(p256_spki_head) + sizeof(p256_point) - 2);
    case TOKEN_OP_IMPORT:
        memcpy(room, "\0\x08material", 10);
        return SLICE(room, 10 + MODULUS + (row && row->uses == 0 ? 40u : 0u));
    case TOKEN_OP_DECRYPT:
        return SLICE(room, MODULUS);
    case TOKEN_OP_SIGN:
        return SLICE(room, row && what > row->in_min ? row->in_max < what ? row->in_max : what
                           : row                     ? row->in_min
                                                     : 0);
    case TOKEN_OP_PRF:
        return SLICE(room, what);
    default:
        return SLICE(NULL, 0);
    }
}

static bool take_op(reader_t *r, protocol_op *op)
{
    static const uint8_t fresh[TOKEN_KEY_ID] = { 'n' };

    *op = (protocol_op){ .kind = reader_u8(r) % TOKEN_OP_COUNT, .type = reader_u8(r), .use = reader_u8(r) };
    op->mechanism = reader_u8(r);
    uint8_t what = reader_u8(r);
    bool makes = op->kind == TOKEN_OP_GENERATE || op->kind == TOKEN_OP_IMPORT;
    op->key_id = makes ? fresh : key_ids[what % COUNT_OF(key_ids)];
    op->unwrap_id = key_ids[1 + (what >> 6) % 2];
    op->out_len = op->kind == TOKEN_OP_RANDOM ? 1 + what : 0;
    op->in = make_in(op, what);
    const kinds_bounds bounds = { op->kind, op->type, op->use, op->mechanism, op->in.len, op->out_len };
    return !r->fails && kinds_op_fits(&bounds);
}

static void run_op(worker_t *worker, const protocol_op *op)
{
    const kinds_bounds bounds = { op->kind, op->type, op->use, op->mechanism, op->in.len, op->out_len };
    _cleanup_buf_ buf_t out = { 0 };
    result_t result = operations_run(worker, op, &out);

    HOLDS(result.err == P11KMS_OK || out.len == 0);
    HOLDS(result.err != P11KMS_OK || kinds_reply_fits(&bounds, out.len));
    read_channel();
}

/* Before libFuzzer opens files of its own, of which one would have the number. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    open_channel();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    reader_t r = reader_over(SLICE(data, len));
    uint8_t ways = reader_u8(&r), n = reader_u8(&r) % (OPS_MAX + 1);
    slice_t ops = reader_take(&r, r.rest.len < 5u * n ? r.rest.len : 5u * n);
    reader_t next = reader_over(ops);
    worker_t worker;
    host_t host;
    protocol_op op;

    if (arena == NULL) {
        HOLDS(crypto_init() == P11KMS_OK);
        arena = arena_new(1u << 20);
        log_open("fuzz", LOG_LEVEL_ERROR);
        if (far_end < 0) {
            open_channel();
        }
    }
    script = reader_over(SLICE(NULL, 0));
    lies = 0;
    fill_token();
    begin_host(&host, ways);
    HOLDS(worker_open(&worker, &host).err == P11KMS_OK);
    HOLDS(keys_find_all(&host, 1).err == P11KMS_OK);
    script = r;
    while (next.rest.len >= 5) {
        if (take_op(&next, &op)) {
            run_op(&worker, &op);
        }
    }
    end_host(&host);
    arena_reset(arena);
    return 0;
}
