#include "api/rates.h"

#include <string.h>

#include "api/api_internal.h"

/* The limits by number; behind them one for each row of the operation table. */
enum { RATE_REQUESTS, RATE_SYMMETRIC, RATE_RSA, RATE_ECC, RATE_ML_DSA, RATE_OPERATIONS };

enum { KIND_NONE, KIND_SYMMETRIC, KIND_OF_KEY };

/* GenerateDataKeyPair counts by its own name alone, as AWS has it. */
static const struct {
    const char *operation;
    unsigned kind;
} kinds[] = {
    { "Decrypt", KIND_OF_KEY },
    { "DeriveSharedSecret", KIND_OF_KEY },
    { "Encrypt", KIND_OF_KEY },
    { "GenerateDataKey", KIND_SYMMETRIC },
    { "GenerateDataKeyWithoutPlaintext", KIND_SYMMETRIC },
    { "GenerateMac", KIND_SYMMETRIC },
    { "GenerateRandom", KIND_SYMMETRIC },
    { "ReEncrypt", KIND_OF_KEY }, /* by both its keys */
    { "Sign", KIND_OF_KEY },
    { "Verify", KIND_OF_KEY },
    { "VerifyMac", KIND_SYMMETRIC },
};

unsigned rates_kind(const op_row_t *row)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(row->service, "kms") == 0 && strcmp(row->name, kinds[i].operation) == 0) {
            return kinds[i].kind;
        }
    }
    return KIND_NONE;
}

p11kms_err rates_check(op_t *op)
{
    TRY(op_throttle(op, RATE_REQUESTS));
    if (op->row) {
        TRY(op_throttle(op, RATE_OPERATIONS + (size_t)(op->row - api_operations())));
    }
    return op->row && op->row->rate == KIND_SYMMETRIC ? op_throttle(op, RATE_SYMMETRIC) : P11KMS_OK;
}

/* AWS counts SM2 with the elliptic curves. */
static const size_t family_limits[] = {
    [KMS_FAMILY_SYMMETRIC] = RATE_SYMMETRIC, [KMS_FAMILY_HMAC] = RATE_SYMMETRIC, [KMS_FAMILY_RSA] = RATE_RSA,
    [KMS_FAMILY_ECC] = RATE_ECC,             [KMS_FAMILY_EDWARDS] = RATE_ECC,    [KMS_FAMILY_ML_DSA] = RATE_ML_DSA,
    [KMS_FAMILY_SM2] = RATE_ECC,
};

p11kms_err rates_check_key(op_t *op, const kms_key_t *key)
{
    return op->row->rate == KIND_OF_KEY ? op_throttle(op, family_limits[key->spec->family]) : P11KMS_OK;
}

/* ---- from the configuration ---- */

static size_t count_rows(void)
{
    size_t n = 0;

    while (api_operations()[n].name) {
        n++;
    }
    return n;
}

static p11kms_err limit_operation(core_rate *of_rows, const conf_rate *asked, buf_t *problems)
{
    for (const op_row_t *row = api_operations(); row->name; row++) {
        if (strcmp(row->service, "kms") == 0 && strcmp(row->name, asked->operation) == 0) {
            of_rows[row - api_operations()].per_second = asked->per_second;
            return P11KMS_OK;
        }
    }
    conf_problem(problems, asked->place, "quotas.rates.operations: KMS has no operation '%s'", asked->operation);
    return p11kms_fail_plain(P11KMS_E_CONFIG);
}

p11kms_err api_rates(const conf_quotas *quotas, buf_t *problems, core_rate **ret, size_t *ret_n)
{
    size_t n = RATE_OPERATIONS + count_rows();
    _cleanup_free_ core_rate *rates = calloc(n, sizeof(*rates));
    p11kms_err err = P11KMS_OK;

    ENSURE(rates, P11KMS_E_NOMEM);
    rates[RATE_REQUESTS] = (core_rate){ "requests", quotas->requests };
    rates[RATE_SYMMETRIC] = (core_rate){ "symmetric", quotas->symmetric };
    rates[RATE_RSA] = (core_rate){ "rsa", quotas->rsa };
    rates[RATE_ECC] = (core_rate){ "ecc", quotas->ecc };
    rates[RATE_ML_DSA] = (core_rate){ "ml-dsa", quotas->ml_dsa };
    for (size_t i = RATE_OPERATIONS; i < n; i++) {
        rates[i].name = api_operations()[i - RATE_OPERATIONS].name;
    }
    for (size_t i = 0; i < quotas->n_operations; i++) {
        p11kms_err wrong = limit_operation(&rates[RATE_OPERATIONS], &quotas->operations[i], problems);
        err = err == P11KMS_OK ? wrong : err;
    }
    TRY(err);
    *ret = STEAL(rates);
    *ret_n = n;
    return P11KMS_OK;
}
