/*
 * Checkpoints as text: a signed note (c2sp.org/signed-note) whose text is that of
 * c2sp.org/tlog-checkpoint: origin, size, root in base64, perhaps further lines.
 *
 *     p11kms/kms.example
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *     — p11kms/kms.example Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+...
 *
 * Everything here reads text from outside; nothing a note says counts before note_check().
 */
#pragma once

#include "crypto/spki.h"

#define NOTE_NAME_MAX 255
#define NOTE_MAX (64u * 1024)   /* a whole note */
#define NOTE_SIGNATURES_MAX 32  /* at least 16 must be taken */
#define NOTE_VKEY_MAX 512       /* a vkey's text */
#define NOTE_SIZE_MAX INT64_MAX /* leaves */

/** The assigned signature types that are spoken here. */
typedef enum {
    NOTE_ED25519 = 0x01,
    NOTE_ECDSA = 0x02,       /* P-256 with SHA-256, the signature in DER; the key is its SPKI */
    NOTE_COSIGNATURE = 0x04, /* a witness's: c2sp.org/tlog-cosignature, Ed25519 with a time */
} note_kind;

typedef struct note_key note_key_t;

/** Non-empty, valid UTF-8, at most NOTE_NAME_MAX bytes without spaces (Unicode's too), controls and '+'. */
bool note_name_valid(slice_t name);
/** The key @p name of an SPKI in DER: NOTE_ED25519 or NOTE_ECDSA. @retval P11KMS_E_SYNTAX (name), those of spki_read() */
MUST_USE p11kms_err note_key_new(slice_t name, slice_t spki, note_key_t **ret);
/** From a vkey: NAME+HASH+BASE64(type || key). @retval P11KMS_E_SYNTAX, P11KMS_E_UNSUPPORTED, P11KMS_E_CRYPTO */
MUST_USE p11kms_err note_key_parse(slice_t vkey, note_key_t **ret);
void note_key_free(note_key_t *key); /* NULL is fine */
DEFINE_CLEANUP(note_key_t *, note_key, note_key_free);

const char *note_key_name(const note_key_t *key);
uint32_t note_key_id(const note_key_t *key);
note_kind note_key_kind(const note_key_t *key);
/** The same public key, whatever names and types the two give it. */
bool note_key_same(const note_key_t *a, const note_key_t *b);
/** Appends the vkey, without a newline. */
void note_key_vkey(const note_key_t *key, buf_t *out);

#define NOTE_ROOT 32

/** Appends a checkpoint's text: what is signed. */
void note_put_text(buf_t *out, const char *origin, uint64_t size, const uint8_t root[NOTE_ROOT]);
/**
 * Appends a signature line. A note is its text, an empty line, and these.
 *
 * @param signature  Ed25519: 64 bytes over the text; ECDSA: DER; a cosignature: time (8 bytes), then 64.
 */
void note_put_signature(buf_t *out, const note_key_t *key, slice_t signature);

typedef struct {
    slice_t name;
    uint32_t id;
    slice_t line;   /* whole, with its newline */
    slice_t base64; /* of id and signature; it decodes */
} note_signature;

/** A note taken apart; every view is into the text parsed. */
typedef struct {
    slice_t whole;
    slice_t text; /* what is signed, with its last newline */
    slice_t origin;
    uint64_t size;
    uint8_t root[NOTE_ROOT];
    note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t n_signatures;
} note_t;

/** One note and nothing else. @retval P11KMS_E_SYNTAX  Detail says what is wrong. */
MUST_USE p11kms_err note_parse(slice_t text, note_t *ret);
/** One or more signature lines and nothing else: a witness's answer. Fills signatures alone. @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err note_parse_signatures(slice_t text, note_t *ret);

typedef enum {
    NOTE_UNSIGNED, /* no line by this key */
    NOTE_FORGED,   /* a line of the key's name and id does not verify */
    NOTE_SIGNED,
} note_verdict;

/** @param[out] ret_time  Seconds since the epoch of a cosignature, 0 of others; may be NULL. */
note_verdict note_check(const note_t *note, const note_key_t *key, uint64_t *ret_time);

/** The bytes a cosigner signs for @p text at @p time, appended. */
void note_put_cosigned(buf_t *out, slice_t text, uint64_t time);

/**
 * The next of several notes that are each followed by one empty line (a .notes file).
 *
 * @param rest  Moved behind the note, or left where no whole note stands at its front.
 * @retval false  There is none: *rest is empty, or begins with something else or with a torn one.
 */
bool notes_next(slice_t *rest, slice_t *ret);
