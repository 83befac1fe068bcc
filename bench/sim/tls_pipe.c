#include "sim/tls_pipe.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct tls_pipe_context {
    SSL_CTX *ctx;
};

struct tls_pipe {
    SSL *ssl;
    BIO *in;
    BIO *out;
};

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char known[] = "\x02h2\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, known, sizeof(known) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool context_load(SSL_CTX *ctx, const char *certificate, const char *key,
                         struct error *error)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return error_set(error, "%s: expected a PEM certificate: %s", certificate,
                         ERR_reason_error_string(ERR_peek_last_error()));
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return error_set(error, "%s: expected the PEM key of %s: %s", key, certificate,
                         ERR_reason_error_string(ERR_peek_last_error()));
    return true;
}

struct tls_pipe_context *tls_pipe_context_create(const char *certificate_file, const char *key_file,
                                                 struct error *error)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(ctx);
    if (!context_load(ctx, certificate_file, key_file, error)) {
        SSL_CTX_free(ctx);
        ERR_clear_error();
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    struct tls_pipe_context *context = memory_alloc(sizeof(*context));
    context->ctx = ctx;
    return context;
}

void tls_pipe_context_destroy(struct tls_pipe_context **context)
{
    if (!*context)
        return;
    SSL_CTX_free((*context)->ctx);
    free(*context);
    *context = NULL;
}

struct tls_pipe *tls_pipe_create(struct tls_pipe_context *context)
{
    struct tls_pipe *pipe = memory_alloc(sizeof(*pipe));
    pipe->ssl = SSL_new(context->ctx);
    pipe->in = BIO_new(BIO_s_mem());
    pipe->out = BIO_new(BIO_s_mem());
    CHECK(pipe->ssl && pipe->in && pipe->out);
    SSL_set_bio(pipe->ssl, pipe->in, pipe->out);
    SSL_set_accept_state(pipe->ssl);
    return pipe;
}

void tls_pipe_destroy(struct tls_pipe **pipe)
{
    if (!*pipe)
        return;
    SSL_free((*pipe)->ssl); /* and both BIOs */
    free(*pipe);
    *pipe = NULL;
}

void tls_pipe_feed(struct tls_pipe *pipe, struct slice ciphertext)
{
    CHECK(ciphertext.len <= INT_MAX);
    CHECK_EQ(BIO_write(pipe->in, ciphertext.ptr, (int)ciphertext.len), (int)ciphertext.len);
}

ssize_t tls_pipe_read(struct tls_pipe *pipe, char *out, size_t size)
{
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(pipe->ssl, out, size, &got) == 1)
        return (ssize_t)got;
    return SSL_get_error(pipe->ssl, 0) == SSL_ERROR_WANT_READ ? 0 : -1;
}

void tls_pipe_write(struct tls_pipe *pipe, struct slice plaintext)
{
    size_t written = 0;
    ERR_clear_error();
    /* Memory takes everything; it fails only after a fatal alert, which tls_pipe_read tells. */
    if (plaintext.len && SSL_write_ex(pipe->ssl, plaintext.ptr, plaintext.len, &written) != 1)
        ERR_clear_error();
}

void tls_pipe_close(struct tls_pipe *pipe)
{
    ERR_clear_error();
    if (SSL_is_init_finished(pipe->ssl))
        SSL_shutdown(pipe->ssl);
    ERR_clear_error();
}

size_t tls_pipe_take(struct tls_pipe *pipe, char *out, size_t size)
{
    size_t got = 0;
    return BIO_read_ex(pipe->out, out, size, &got) == 1 ? got : 0;
}

bool tls_pipe_open(const struct tls_pipe *pipe)
{
    return SSL_is_init_finished(pipe->ssl);
}

bool tls_pipe_is_h2(const struct tls_pipe *pipe)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(pipe->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}
