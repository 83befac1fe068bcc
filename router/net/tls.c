/*
 * Creation of the contexts from settings.  The two kinds share the protocol
 * rules of common_context; names and ALPN are chosen in callbacks that only
 * read, since contexts are shared by threads.
 */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/slice.h"
#include "net/ticket_keys.h"

/* One read of the socket fetches four full records; OpenSSL takes some bytes for alignment. */
enum { RECORD_BYTES = 16384 + 22, READ_AHEAD_BYTES = 4 * RECORD_BYTES + 8 };

/* A name of a certificate: "a.example" or "*.example", lower case. */
struct certificate_name {
    struct slice text;
    SSL_CTX *context;
};

struct tls_server {
    atomic_uint holds;
    size_t context_count;
    SSL_CTX **contexts; /* one a certificate; the first is the default */
    size_t name_count;
    struct certificate_name *names;
    struct ticket_keys ticket_keys;
};

struct tls_client {
    atomic_uint holds;
    SSL_CTX *context;
};

const char *tls_error_text(void)
{
    const unsigned long code = ERR_peek_error(); /* the first is the cause, later ones its echo */
    const char *reason = ERR_reason_error_string(code);
    if (!reason && ERR_SYSTEM_ERROR(code))
        reason = strerror(ERR_GET_REASON(code));
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

/* Keys with a passphrase are not for a server that starts by itself: no prompt. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static SSL_CTX *common_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    CHECK(context != NULL);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* AES-128 first: good enough for all that clients offer it for, and cheaper than AES-256. */
    CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                            "TLS_CHACHA20_POLY1305_SHA256") == 1);
    /* TLS 1.2 with ECDHE and AEAD only, as RFC 9113 9.2.2 wants it for h2. */
    CHECK(SSL_CTX_set_cipher_list(context, "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
    CHECK(SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    return context;
}

/* --- server: ALPN and names -------------------------------------------- */

static bool alpn_offered(const unsigned char *list, unsigned len, struct slice wanted,
                         const unsigned char **out)
{
    for (unsigned at = 0; at < len; at += 1u + list[at]) {
        if (list[at] > len - at - 1)
            return false;
        if (slice_eq(slice_make(list + at + 1, list[at]), wanted)) {
            *out = list + at + 1;
            return true;
        }
    }
    return false;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *list, unsigned len, void *arg)
{
    (void)ssl;
    (void)arg;
    static const struct slice ours[] = {{"h2", 2}, {"http/1.1", 8}};
    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        if (alpn_offered(list, len, ours[i], out)) {
            *out_len = (unsigned char)ours[i].len;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
}

static SSL_CTX *find_name(const struct tls_server *tls, struct slice wanted)
{
    for (size_t i = 0; i < tls->name_count; i++)
        if (slice_eq_nocase(tls->names[i].text, wanted))
            return tls->names[i].context;
    return NULL;
}

/* Exact names go before wildcards; a wildcard stands for one label. */
static SSL_CTX *context_for(const struct tls_server *tls, struct slice host)
{
    SSL_CTX *found = find_name(tls, host);
    const ptrdiff_t dot = slice_find(host, '.');
    if (found || dot <= 0)
        return found;
    const struct slice parent = slice_make(host.ptr + dot, host.len - (size_t)dot);
    for (size_t i = 0; i < tls->name_count; i++) {
        const struct slice name = tls->names[i].text;
        if (name.ptr[0] == '*' && slice_eq_nocase(slice_make(name.ptr + 1, name.len - 1), parent))
            return tls->names[i].context;
    }
    return NULL;
}

/* The name in a server_name extension (RFC 6066 section 3): one list with one name of type 0. */
static struct slice name_offered(SSL *ssl)
{
    const unsigned char *at;
    size_t len;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &at, &len) || len < 5 ||
        at[2] != TLSEXT_NAMETYPE_host_name || (size_t)(at[3] << 8 | at[4]) != len - 5)
        return SLICE_NONE;
    return slice_make(at + 5, len - 5);
}

/* Before tickets are looked at: what is resumed must be of the same certificate, whose context
 * has a session id context of its own.  An unknown name gets the default certificate. */
static int select_certificate(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    const struct slice host = name_offered(ssl);
    SSL_CTX *context = host.len ? context_for(arg, host) : NULL;
    if (context && context != SSL_get_SSL_CTX(ssl))
        SSL_set_SSL_CTX(ssl, context);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int accept_name(SSL *ssl, int *alert, void *arg)
{
    (void)ssl, (void)alert, (void)arg;
    return SSL_TLSEXT_ERR_OK;
}

static void add_name(struct tls_server *tls, SSL_CTX *context, const ASN1_STRING *text)
{
    const struct slice name =
        slice_make(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    if (name.len == 0 || memchr(name.ptr, '\0', name.len))
        return;
    tls->names = memory_realloc(tls->names, (tls->name_count + 1) * sizeof *tls->names);
    tls->names[tls->name_count++] =
        (struct certificate_name){slice_make(slice_dup(name), name.len), context};
}

/* The DNS names of the subject alternative name; the common name when there are none. */
static void add_names(struct tls_server *tls, SSL_CTX *context)
{
    X509 *certificate = SSL_CTX_get0_certificate(context);
    const size_t before = tls->name_count;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            add_name(tls, context, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    X509_NAME *subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (tls->name_count == before && at >= 0)
        add_name(tls, context, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

/* --- server: tickets --------------------------------------------------- */

static bool ticket_ciphers(const struct ticket_key *key, const unsigned char *iv,
                           EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool seal)
{
    char digest[] = "SHA256";
    unsigned char mac_key[sizeof key->mac];
    memcpy(mac_key, key->mac, sizeof mac_key);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key,
                                                                   sizeof mac_key),
                                 OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    const bool good =
        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, seal) == 1 &&
        EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(mac_key, sizeof mac_key);
    return good;
}

/* 1: go on; 2: go on, and give the client a new one; 0: a full handshake. */
static int on_ticket(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int seal)
{
    struct tls_server *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    bool newest = true;
    if (seal) {
        ticket_keys_newest(&tls->ticket_keys, clock_monotonic_ns(), &key);
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
    } else if (!ticket_keys_find(&tls->ticket_keys, clock_monotonic_ns(), name, &key, &newest)) {
        return 0;
    }
    const bool good = ticket_ciphers(&key, iv, cipher, mac, seal);
    OPENSSL_cleanse(&key, sizeof key);
    return !good ? -1 : newest ? 1 : 2;
}

/* --- server ------------------------------------------------------------ */

static bool load_files(SSL_CTX *context, const struct tls_certificate *from, struct error *error)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, from->certificate_file) != 1)
        return error_set(error,
                         "certificate %s can not be used: %s; it must be PEM, the leaf first",
                         from->certificate_file, tls_error_text());
    if (SSL_CTX_use_PrivateKey_file(context, from->key_file, SSL_FILETYPE_PEM) == 1)
        return true;
    const unsigned long code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
        error_set(error, "key %s does not belong to certificate %s", from->key_file,
                  from->certificate_file);
    else
        error_set(error, "key %s can not be used: %s; it must be PEM without a passphrase",
                  from->key_file, tls_error_text());
    ERR_clear_error();
    return false;
}

static SSL_CTX *server_context(struct tls_server *tls, const struct tls_certificate *from,
                               struct error *error)
{
    const uint32_t realm = (uint32_t)tls->context_count; /* keys apart servers, this certificates */
    SSL_CTX *context = common_context(TLS_server_method());
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_app_data(context, tls);
    CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1);
    CHECK(SSL_CTX_set_session_id_context(context, (const unsigned char *)&realm, sizeof realm) ==
          1);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    SSL_CTX_set_client_hello_cb(context, select_certificate, tls);
    SSL_CTX_set_tlsext_servername_callback(context, accept_name);
    if (load_files(context, from, error))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

struct tls_server *tls_server_create(const struct tls_certificate *certificates, size_t count,
                                     struct error *error)
{
    if (count == 0) {
        error_set(error, "tls: no certificate is given; at least one is needed");
        return NULL;
    }
    struct tls_server *tls = memory_zalloc(sizeof *tls);
    atomic_init(&tls->holds, 1);
    ticket_keys_init(&tls->ticket_keys, clock_monotonic_ns());
    tls->contexts = memory_zalloc(count * sizeof(SSL_CTX *));
    for (size_t i = 0; i < count; i++) {
        SSL_CTX *context = server_context(tls, &certificates[i], error);
        if (!context) {
            tls_server_drop(&tls);
            return NULL;
        }
        tls->contexts[tls->context_count++] = context;
        add_names(tls, context);
    }
    return tls;
}

struct tls_server *tls_server_hold(struct tls_server *tls)
{
    atomic_fetch_add_explicit(&tls->holds, 1, memory_order_relaxed);
    return tls;
}

void tls_server_drop(struct tls_server **tls_at)
{
    struct tls_server *tls = *tls_at;
    *tls_at = NULL;
    if (!tls || atomic_fetch_sub_explicit(&tls->holds, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < tls->context_count; i++)
        SSL_CTX_free(tls->contexts[i]);
    for (size_t i = 0; i < tls->name_count; i++)
        free((void *)(uintptr_t)tls->names[i].text.ptr);
    free(tls->contexts);
    free(tls->names);
    ticket_keys_finish(&tls->ticket_keys);
    free(tls);
}

struct ssl_st *tls_server_session(struct tls_server *tls)
{
    SSL *ssl = SSL_new(tls->contexts[0]);
    CHECK(ssl != NULL);
    SSL_set_accept_state(ssl);
    return ssl;
}

/* --- client ------------------------------------------------------------ */

static void offer_alpn(SSL_CTX *context, const struct tls_client_settings *settings)
{
    unsigned char list[12];
    unsigned len = 0;
    if (settings->offer_h2) {
        memcpy(list, "\x02h2", 3);
        len = 3;
    }
    if (settings->offer_h1) {
        memcpy(list + len, "\x08http/1.1", 9);
        len += 9;
    }
    if (len > 0) /* this call alone says 0 for good */
        CHECK(SSL_CTX_set_alpn_protos(context, list, len) == 0);
}

struct tls_client *tls_client_create(const struct tls_client_settings *settings,
                                     struct error *error)
{
    SSL_CTX *context = common_context(TLS_client_method());
    SSL_CTX_set_verify(context, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    ERR_clear_error();
    const bool good = !settings->verify ||
                      (settings->ca_file ? SSL_CTX_load_verify_file(context, settings->ca_file) == 1
                                         : SSL_CTX_set_default_verify_paths(context) == 1);
    if (!good) {
        error_set(error, "certificate authorities %s can not be used: %s; it must be PEM",
                  settings->ca_file ? settings->ca_file : "of the system", tls_error_text());
        SSL_CTX_free(context);
        return NULL;
    }
    offer_alpn(context, settings);
    struct tls_client *tls = memory_zalloc(sizeof *tls);
    atomic_init(&tls->holds, 1);
    tls->context = context;
    return tls;
}

struct tls_client *tls_client_hold(struct tls_client *tls)
{
    atomic_fetch_add_explicit(&tls->holds, 1, memory_order_relaxed);
    return tls;
}

void tls_client_drop(struct tls_client **tls_at)
{
    struct tls_client *tls = *tls_at;
    *tls_at = NULL;
    if (!tls || atomic_fetch_sub_explicit(&tls->holds, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

struct ssl_st *tls_client_session(struct tls_client *tls, const char *name)
{
    SSL *ssl = SSL_new(tls->context);
    CHECK(ssl != NULL);
    SSL_set_connect_state(ssl);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address(name)) {
        CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1);
    } else {
        CHECK(SSL_set1_host(ssl, name) == 1);
        CHECK(SSL_set_tlsext_host_name(ssl, name) == 1);
    }
    return ssl;
}
