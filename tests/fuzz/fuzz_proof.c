/* Proofs from outside: any text is refused; what is taken comes out the same again, and proves nothing false. */
#include "audit/prove.h"
#include "tests/fuzz/fuzz.h"

static void check_lines(const proof_t *proof)
{
    _cleanup_buf_ buf_t text = { 0 };
    proof_t again;

    proof_put(proof, &text);
    buf_put_char(&text, '\n');
    slice_t rest = buf_slice(&text);
    HOLDS(proof_take(&rest, &again) == P11KMS_OK);
    HOLDS(rest.len == 0 && again.n == proof->n);
    HOLDS(memcmp(again.hash, proof->hash, proof->n * sizeof(proof->hash[0])) == 0);
}

/* The same proof cannot hold for another record, place or root. */
static void check_proven(proven_t *proven)
{
    check_lines(&proven->proof);
    if (!proven_holds(proven)) {
        return;
    }
    proven->note.root[0] ^= 1;
    HOLDS(!proven_holds(proven));
    proven->note.root[0] ^= 1;
    buf_put_char(&proven->record, 'x');
    HOLDS(!proven_holds(proven));
}

static void check_linked(linked_t *linked, slice_t text)
{
    _cleanup_buf_ buf_t again = { 0 };
    note_t earlier = linked->note;

    linked_put(linked->old, &linked->proof, linked->note.whole, &again);
    HOLDS(slice_eq(buf_slice(&again), text));
    earlier.size = linked->old;
    if (linked_holds(linked, &earlier)) {
        earlier.root[0] ^= 1;
        HOLDS(!linked_holds(linked, &earlier));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    proven_t proven = { .index = 0 };
    linked_t linked;

    if (!ready) {
        HOLDS(crypto_init() == P11KMS_OK);
        ready = true;
    }
    if (proven_read(SLICE(data, len), &proven) == P11KMS_OK) {
        check_proven(&proven);
        proven_free(&proven);
    }
    if (linked_read(SLICE(data, len), &linked) == P11KMS_OK) {
        check_linked(&linked, SLICE(data, len));
    }
    return 0;
}
