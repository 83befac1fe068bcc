#include "net/wire_tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

/* A write up to this is one record and one send; longer ones are gathered first. */
enum { RECORD_BYTES = 16384 };

/* --- the BIO below OpenSSL --------------------------------------------- */

static int bio_read(BIO *bio, char *out, int size)
{
    BIO_clear_retry_flags(bio);
    const ssize_t n = wire_receive(BIO_get_data(bio), out, (size_t)size);
    if (n > 0)
        return (int)n;
    if (n == 0)
        BIO_set_retry_read(bio);
    return -1;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->gathering)
        buffer_append(loop_record_scratch(wire->loop), data, (size_t)len);
    else
        wire_send(wire, data, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void create_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    CHECK(method != NULL);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

static void attach(struct wire *wire, SSL *ssl)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, create_method);
    BIO *bio = BIO_new(method);
    CHECK(bio != NULL);
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    wire->ssl = ssl;
}

void wire_tls_accept(struct wire *wire, struct tls_server *tls)
{
    attach(wire, tls_server_session(tls));
}

void wire_tls_connect(struct wire *wire, struct tls_client *tls, const char *name)
{
    attach(wire, tls_client_session(tls, name));
}

/* --- failure ----------------------------------------------------------- */

/* Reads why the last call failed, and ends the wire with it. */
static void fail(struct wire *wire)
{
    const char *when = wire->open ? "" : " during the TLS handshake";
    const long verdict = SSL_get_verify_result(wire->ssl);
    if (wire->socket_ended && wire->socket_failed)
        wire_end(wire, WIRE_RESET, "connection reset%s", when);
    else if (wire->socket_ended && wire->open)
        wire_end(wire, WIRE_TRUNCATED, NULL);
    else if (wire->socket_ended)
        wire_end(wire, WIRE_TLS_FAILED, "closed by the peer%s", when);
    else if (!wire->open && wire->is_client && verdict != X509_V_OK)
        wire_end(wire, WIRE_TLS_FAILED, "the certificate is refused: %s",
                 X509_verify_cert_error_string(verdict));
    else
        wire_end(wire, WIRE_TLS_FAILED, "TLS failed%s: %s", when, tls_error_text());
    ERR_clear_error();
}

/* --- the stream -------------------------------------------------------- */

/* A key of no type holds nothing; that there is no such type is an error, behind that. */
static void empty_key(EVP_PKEY *key)
{
    (void)EVP_PKEY_set_type(key, EVP_PKEY_NONE);
    ERR_clear_error();
    EVP_PKEY_free(key); /* our hold; the shell stays with the connection */
}

/* The keys both sides made for this handshake: OpenSSL holds them as long as the connection lives,
 * though all secrets are derived from them by now.  Some 4 KiB, and what is gone can't be stolen.
 */
static void forget_handshake_keys(SSL *ssl)
{
    EVP_PKEY *key = NULL;
    if (SSL_get_tmp_key(ssl, &key))
        empty_key(key);
    if (SSL_get_peer_tmp_key(ssl, &key))
        empty_key(key);
}

/* Hands on the records that were gathered. */
static void give(struct wire *wire, void (*to)(struct wire *wire, const char *data, size_t len))
{
    struct buffer *records = loop_record_scratch(wire->loop);
    const struct slice all = buffer_slice(records);
    wire->gathering = false;
    to(wire, all.ptr, all.len);
    buffer_clear(records);
}

bool wire_tls_handshake(struct wire *wire)
{
    ERR_clear_error(); /* another connection's error must not become ours */
    wire->gathering = true;
    const int result = SSL_do_handshake(wire->ssl);
    give(wire, result == 1 ? wire_hold : wire_send);
    if (result == 1) {
        forget_handshake_keys(wire->ssl);
        return true;
    }
    if (SSL_get_error(wire->ssl, result) != SSL_ERROR_WANT_READ)
        fail(wire);
    return false;
}

/* Fills `out` with as many records as are there, since each call into OpenSSL gives one at most. */
ssize_t wire_tls_read(struct wire *wire, char *out, size_t size)
{
    size_t got = 0;
    while (got < size) {
        size_t n = 0;
        ERR_clear_error();
        const int result = SSL_read_ex(wire->ssl, out + got, size - got, &n);
        got += n;
        if (result == 1) {
            if (wire->socket_dry && !SSL_has_pending(wire->ssl))
                break;
            continue;
        }
        const int reason = SSL_get_error(wire->ssl, result);
        if (reason == SSL_ERROR_WANT_READ)
            break;
        if (reason == SSL_ERROR_ZERO_RETURN)
            wire_end(wire, WIRE_EOF, NULL);
        else
            fail(wire);
        return got > 0 ? (ssize_t)got : -1;
    }
    return (ssize_t)got;
}

void wire_tls_write(struct wire *wire, const char *data, size_t len)
{
    size_t written;
    wire->gathering = len > RECORD_BYTES;
    ERR_clear_error();
    const bool good = SSL_write_ex(wire->ssl, data, len, &written) == 1;
    if (wire->gathering)
        give(wire, wire_send);
    if (good)
        return;
    fail(wire);
    loop_run_later(wire->loop, &wire->deferred);
}

bool wire_tls_has_data(const struct wire *wire)
{
    return wire->ssl && SSL_has_pending(wire->ssl);
}

void wire_tls_goodbye(struct wire *wire)
{
    if (wire->end != WIRE_OPEN && wire->end != WIRE_EOF)
        return;
    ERR_clear_error();
    SSL_shutdown(wire->ssl);
    ERR_clear_error();
}

void wire_tls_finish(struct wire *wire)
{
    SSL_free(wire->ssl);
    wire->ssl = NULL;
}

enum tls_alpn wire_alpn(const struct wire *wire)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    if (wire->ssl)
        SSL_get0_alpn_selected(wire->ssl, &name, &len);
    if (slice_eq(slice_make(name, len), SLICE("h2")))
        return TLS_ALPN_H2;
    return len > 0 ? TLS_ALPN_H1 : TLS_ALPN_NONE;
}

const char *wire_server_name(const struct wire *wire)
{
    return wire->ssl ? SSL_get_servername(wire->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

bool wire_covers_name(const struct wire *wire, struct slice host)
{
    X509 *certificate = wire->ssl ? SSL_get_certificate(wire->ssl) : NULL;
    struct address address;
    char ip[ADDRESS_TEXT_BYTES];
    if (!certificate || host.len == 0)
        return !wire->ssl;
    if (address_parse_ip(host, &address))
        return X509_check_ip_asc(certificate, address_write_ip(&address, ip), 0) == 1;
    return X509_check_host(certificate, host.ptr, host.len, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                           NULL) == 1;
}
