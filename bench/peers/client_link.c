/*
 * A connection of the client: socket, TLS 1.3 where the URL says so, bytes to
 * frames and back.  It keeps the windows open wide, so that nobody waits for
 * them.
 */
#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { READ_BYTES = 65536, READY_MOST = 256, STATUS_200 = 0x88, PRIORITY = 0x20 };
enum { METHOD_POST = 0x83, SCHEME_HTTP = 0x86, SCHEME_HTTPS = 0x87, AUTHORITY = 1, PATH = 4 };
enum { CONTENT_LENGTH = 28, CONTENT_TYPE = 31 };

void client_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static SSL_CTX *make_tls(void)
{
    static const unsigned char alpn[] = "\2h2";
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    CHECK(tls && SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1);
    /* One of each, so that it is the same with every proxy. */
    CHECK(SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") == 1);
    CHECK(SSL_CTX_set1_groups_list(tls, "P-256") == 1);
    CHECK(SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn - 1) == 0);
    /* With a cache, each new ticket would take the one before it out of use. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    return tls;
}

void client_init(struct client *client, const char *url)
{
    struct error error;
    const bool has_tls = strncmp(url, "https://", 8) == 0;
    if (!has_tls && strncmp(url, "http://", 7) != 0)
        client_fail("%s is neither http:// nor https://", url);
    const char *place = strchr(url, '/') + 2;
    if (!address_parse(slice_of(place), &client->server, &error))
        client_fail("%s", error.text);
    snprintf(client->authority, sizeof client->authority, "%s", place);
    client->tls = has_tls ? make_tls() : NULL;
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    CHECK(client->epoll >= 0);
    /* A file or /dev/null can't be watched, and has no end to wait for. */
    client->stdin_closed = epoll_ctl(client->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0;
}

void client_finish(struct client *client)
{
    SSL_CTX_free(client->tls);
    close(client->epoll);
}

static void watch(struct link *link, int operation, bool also_room)
{
    struct epoll_event event = {.events = EPOLLIN | (also_room ? EPOLLOUT : 0), .data.ptr = link};
    CHECK(epoll_ctl(link->client->epoll, operation, link->fd, &event) == 0);
    link->wants_room = also_room;
}

static void begin_h2(struct link *link)
{
    link->phase = LINK_OPEN;
    buffer_append(&link->out, h2_preface, H2_PREFACE_BYTES);
    h2_append_head(&link->out, 6, H2_SETTINGS, 0, 0);
    h2_append_setting(&link->out, H2_INITIAL_WINDOW_SIZE, H2_WINDOW_WIDE);
    h2_append_window_update(&link->out, 0, H2_WINDOW_WIDE - H2_WINDOW_DEFAULT);
    link->client->on_open(link);
}

static void shake(struct link *link)
{
    const int done = SSL_connect(link->ssl);
    const int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(link->ssl, done);
    if (done == 1)
        begin_h2(link);
    else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        client_fail("TLS: %s", ERR_reason_error_string(ERR_peek_error()));
}

void link_open(struct link *link, struct client *client, SSL_SESSION *session)
{
    const int on = 1;
    link->client = client;
    link->begin_ns = (uint64_t)clock_monotonic_ns();
    link->fd =
        socket(client->server.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        client_fail("socket: %s", strerror(errno));
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const struct sockaddr *to = (const struct sockaddr *)&client->server.storage;
    if (connect(link->fd, to, client->server.len) != 0 && errno != EINPROGRESS)
        client_fail("connect: %s", strerror(errno));
    link->phase = LINK_CONNECTING;
    if (client->tls) {
        link->ssl = SSL_new(client->tls);
        CHECK(link->ssl && SSL_set_fd(link->ssl, link->fd) == 1);
        if (session)
            CHECK(SSL_set_session(link->ssl, session) == 1);
    }
    watch(link, EPOLL_CTL_ADD, true);
}

void link_close(struct link *link)
{
    if (link->ssl && link->phase == LINK_OPEN)
        SSL_shutdown(link->ssl);
    SSL_free(link->ssl);
    link->ssl = NULL;
    close(link->fd);
    buffer_release(&link->in);
    buffer_release(&link->out);
    link->phase = LINK_CLOSED;
}

void link_flush(struct link *link)
{
    while (buffer_len(&link->out)) {
        const struct slice bytes = buffer_slice(&link->out);
        const ssize_t n = link->ssl ? SSL_write(link->ssl, bytes.ptr, (int)bytes.len)
                                    : write(link->fd, bytes.ptr, bytes.len);
        if (n <= 0)
            break;
        buffer_consume(&link->out, (size_t)n);
    }
    const bool wants_room = buffer_len(&link->out) > 0;
    if (wants_room != link->wants_room)
        watch(link, EPOLL_CTL_MOD, wants_room);
}

void link_append_request(struct link *link, uint32_t stream, struct slice body)
{
    struct buffer block = {0};
    char length[24];
    snprintf(length, sizeof length, "%zu", body.len);
    buffer_append_byte(&block, (char)METHOD_POST);
    buffer_append_byte(&block, (char)(link->ssl ? SCHEME_HTTPS : SCHEME_HTTP));
    h2_append_indexed(&block, AUTHORITY, slice_of(link->client->authority));
    h2_append_indexed(&block, PATH, slice_of(link->client->path));
    h2_append_indexed(&block, CONTENT_TYPE, SLICE("application/json"));
    h2_append_indexed(&block, CONTENT_LENGTH, slice_of(length));
    h2_append_head(&link->out, buffer_len(&block), H2_HEADERS, H2_END_HEADERS, stream);
    buffer_append_slice(&link->out, buffer_slice(&block));
    h2_append_head(&link->out, body.len, H2_DATA, H2_END_STREAM, stream);
    buffer_append_slice(&link->out, body);
    buffer_release(&block);
}

bool link_is_ok(const struct h2_frame *frame)
{
    uint32_t at = (frame->flags & H2_PADDED ? 1u : 0) + (frame->flags & PRIORITY ? 5u : 0);
    while (at < frame->len && (frame->payload[at] & 0xe0) == 0x20) /* a new size of the table */
        at++;
    return at < frame->len && (uint8_t)frame->payload[at] == STATUS_200;
}

static void on_frame(struct link *link, const struct h2_frame *frame)
{
    if (frame->type == H2_DATA && (link->received += frame->len) > H2_WINDOW_WIDE / 4) {
        h2_append_window_update(&link->out, 0, (uint32_t)link->received);
        link->received = 0;
    }
    h2_acknowledge(&link->out, frame);
    if (frame->type == H2_HEADERS && !link_is_ok(frame))
        client_fail("an answer is not 200");
    if (frame->type == H2_RST_STREAM || frame->type == H2_GOAWAY)
        client_fail("the server ended a stream or the connection: frame type %u, code %u",
                    frame->type, h2_u32(frame->payload + (frame->type == H2_GOAWAY ? 4 : 0)));
    link->client->on_frame(link, frame);
}

static void read_some(struct link *link)
{
    for (bool more = true; more && link->phase == LINK_OPEN;) {
        char *at = buffer_reserve(&link->in, READ_BYTES);
        const ssize_t n =
            link->ssl ? SSL_read(link->ssl, at, READ_BYTES) : read(link->fd, at, READ_BYTES);
        if (n <= 0 && link->ssl && SSL_get_error(link->ssl, (int)n) == SSL_ERROR_WANT_READ)
            return;
        if (n <= 0 && !link->ssl && n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            client_fail("the server closed a connection");
        buffer_commit(&link->in, (size_t)n);
        link->read_ns = clock_monotonic_ns();
        struct h2_frame frame;
        while (link->phase == LINK_OPEN && h2_frame_read(buffer_slice(&link->in), &frame)) {
            on_frame(link, &frame);
            if (link->phase == LINK_OPEN)
                buffer_consume(&link->in, H2_HEAD_BYTES + frame.len);
        }
        more = link->phase == LINK_OPEN && link->ssl && SSL_has_pending(link->ssl);
    }
}

static void on_ready(struct link *link, uint32_t what)
{
    if (link->phase == LINK_CONNECTING && what & (EPOLLOUT | EPOLLERR)) {
        int why = 0;
        socklen_t len = sizeof why;
        getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &why, &len);
        if (why)
            client_fail("connect: %s", strerror(why));
        watch(link, EPOLL_CTL_MOD, false);
        link->phase = LINK_SHAKING;
        if (!link->ssl)
            begin_h2(link);
    }
    if (link->phase == LINK_SHAKING)
        shake(link);
    if (link->phase == LINK_OPEN)
        read_some(link);
    if (link->phase == LINK_OPEN && buffer_len(&link->out))
        link_flush(link);
}

void client_turn(struct client *client, int timeout_ms)
{
    struct epoll_event ready[READY_MOST];
    const int count = epoll_wait(client->epoll, ready, READY_MOST, timeout_ms);
    for (int i = 0; i < count; i++) {
        char bytes[64];
        if (ready[i].data.ptr)
            on_ready(ready[i].data.ptr, ready[i].events);
        else if (read(STDIN_FILENO, bytes, sizeof bytes) <= 0)
            client->stdin_closed = true;
    }
}
