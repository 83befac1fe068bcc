/*
 * TLS contexts: for listeners (certificates by SNI, ALPN h2 and http/1.1) and
 * for endpoints (verified by default).  Immutable once created, shared by all
 * threads, counted.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ssl_st;
struct tls_server;
struct tls_client;

struct tls_certificate {
    const char *certificate_file; /* PEM, leaf first */
    const char *key_file;         /* PEM */
};

/* The first certificate is the default; the others are chosen by the names they carry. [control] */
struct tls_server *tls_server_create(const struct tls_certificate *certificates, size_t count,
                                     struct error *error) ISO_MUST_USE;
struct tls_server *tls_server_hold(struct tls_server *tls);
void tls_server_drop(struct tls_server **tls);

enum tls_alpn { TLS_ALPN_NONE, TLS_ALPN_H1, TLS_ALPN_H2 };

struct tls_client_settings {
    bool verify;         /* chain and name */
    const char *ca_file; /* NULL: the system's */
    bool offer_h2;
    bool offer_h1;
};

struct tls_client *tls_client_create(const struct tls_client_settings *settings,
                                     struct error *error) ISO_MUST_USE;
struct tls_client *tls_client_hold(struct tls_client *tls);
void tls_client_drop(struct tls_client **tls);

/* For the wire: one connection's state, which keeps what it needs of the context. */
struct ssl_st *tls_server_session(struct tls_server *tls);
/* `name`: a DNS name or an address; it is what the certificate must carry. */
struct ssl_st *tls_client_session(struct tls_client *tls, const char *name);
/* OpenSSL's reason as text, and its queue is empty afterwards. */
const char *tls_error_text(void);

#endif
