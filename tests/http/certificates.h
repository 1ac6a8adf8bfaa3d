/* Throw-away certificates, made with libcrypto: an authority, and what it signs. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

typedef struct {
    X509 *certificate;
    EVP_PKEY *key;
} certificate_t;

typedef struct {
    const char *name;    /* CN */
    const char *sans;    /* as openssl.cnf writes them; NULL: none */
    const char *raw_dns; /* one DNS name in place of sans, whatever its characters */
    int days;            /* until it expires; negative: it has */
    int seconds;         /* and so many more */
    bool is_authority;
} certificate_wish;

/** @p issuer NULL: self-signed. */
certificate_t certificate_make(const certificate_wish *wish, const certificate_t *issuer);
void certificate_free(certificate_t *certificate);
/** PEM files; either path may be NULL. */
void certificate_write(const certificate_t *certificate, const char *certificate_path, const char *key_path);

/** A client's context: TLS 1.3 and 1.2, trusts @p authority, shows @p own unless NULL. */
SSL_CTX *client_context(const certificate_t *authority, const certificate_t *own);
