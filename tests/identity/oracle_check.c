/*
 * The verifier's side of oracle.py. A line of standard input is
 *     accept|refuse NOW_MS SERVICE HEX-OF-REQUEST
 * and what was judged otherwise is told on standard output, with the number of the line.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "tests/identity/request.h"
#include "util/encode.h"

#define LINE_MAX_BYTES (1u << 20)

static identity_t *build(void)
{
    const conf_user user = { .name = "oracle", .path = "/" };
    const conf_account account = { .id = "123456789012", .users = &user, .n_users = 1 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    const identity_key key = { .id = "AKIDEXAMPLE",
                               .account = "123456789012",
                               .user = "oracle",
                               .secret = SLICE_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                               .active = true };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    if (crypto_init() != P11KMS_OK || identity_build(&declared, &key, 1, &problems, &identity) != P11KMS_OK) {
        fputs("oracle_check: cannot begin\n", stderr);
        exit(2);
    }
    return identity;
}

/** Whether the line's request is judged as the line says. */
static bool check(identity_t *identity, const char *line)
{
    _cleanup_(arena) arena_t *arena = arena_new(8192);
    char verdict[8], service[33];
    identity_check how = { .skew_seconds = 300, .service = service };
    identity_auth auth;
    message_t message;
    int hex_at = 0;

    if (sscanf(line, "%7s %" SCNd64 " %32s %n", verdict, &how.now_ms, service, &hex_at) != 3) {
        exit(2);
    }
    slice_t hex = SLICE(line + hex_at, strcspn(line + hex_at, "\n"));
    uint8_t *text = arena_alloc(arena, hex.len / 2);
    if (hex_decode(hex, text) != P11KMS_OK) {
        exit(2);
    }
    request_read(arena, SLICE(text, hex.len / 2), &message);
    bool accepted = identity_authenticate(identity, &message, &how, &auth) == P11KMS_OK;
    return accepted == (strcmp(verdict, "accept") == 0);
}

int main(void)
{
    identity_t *identity = build();
    char *line = malloc(LINE_MAX_BYTES);
    unsigned number = 0, wrong = 0;

    while (line != NULL && fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
        if (!check(identity, line)) {
            printf("%u\n", number);
            wrong++;
        }
        number++;
    }
    free(line);
    identity_unref(identity);
    return wrong == 0 ? 0 : 1;
}
