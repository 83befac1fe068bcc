/* A client connection's phases: handshake, first bytes, head, idle; and its limits. */
#include "unit.h"

#include <unistd.h>

#include "../net/net_kit.h"
#include "../upstream/engine.h"

static struct loop *loop;
static struct engine engine;
static struct peer peer;
static struct caller caller;

static void open_with(struct tls_server *tls)
{
    loop = loop_create();
    engine_open_tls(&engine, loop, tls);
    memset(&caller, 0, sizeof caller);
}

static void close_all(void)
{
    engine_close(&engine);
    loop_turn(loop);
    loop_destroy(&loop);
}

static void connect_with(const char *text, struct tls_client *tls)
{
    peer_init(&peer, loop);
    const struct wire_target target = {.address = &engine.bound,
                                       .tls = tls,
                                       .server_name = "edge.test"};
    wire_connect(&peer.wire, loop, &target, &peer_events, &peer);
    if (text != NULL)
        peer_send(&peer, text, strlen(text));
}

static const char *awaited;

static bool came(void *arg)
{
    (void)arg;
    *buffer_reserve(&peer.in, 1) = '\0';
    return strstr(buffer_slice(&peer.in).ptr, awaited) != NULL;
}

static bool ended(void *arg)
{
    (void)arg;
    return peer.ended;
}

static void await_text(const char *text)
{
    awaited = text;
    kit_run_until(loop, came, NULL);
}

static void await_end(void)
{
    kit_run_until(loop, ended, NULL);
}

static uint64_t count(const struct counter *counter)
{
    return counter_get(counter);
}

/* --- time -------------------------------------------------------------- */

static void who_says_nothing_is_closed(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.handshake_timeout_ms = 30;
    static const char *const begun[] = {NULL, "PRI * HTTP/2.0\r\n", "GE"};
    for (size_t i = 0; i < COUNT_OF(begun); i++) {
        engine.host.settings.head_timeout_ms = 30;
        connect_with(begun[i], NULL);
        await_end();
        assert_int_equal(count(&engine.host.counters.timed_out), i + 1);
        peer_finish(&peer);
    }
    assert_int_equal(engine.host.count, 0);
    close_all();
}

static void half_a_head_gets_its_408(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.head_timeout_ms = 30;
    connect_with("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ", NULL);
    await_text("request_timeout");
    assert_memory_equal(buffer_slice(&peer.in).ptr, "HTTP/1.1 408 ", 13);
    await_end();
    assert_int_equal(engine.heads, 0);
    assert_int_equal(count(&engine.host.counters.refused_heads), 1);
    peer_finish(&peer);
    close_all();
}

static void an_idle_connection_is_closed_and_a_busy_one_is_not(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.idle_timeout_ms = 40;
    connect_with("GET / HTTP/1.1\r\nhost: x\r\n\r\n", NULL);
    await_text("{\"ok\":true}");
    await_end();
    assert_int_equal(count(&engine.host.counters.timed_out), 1);
    peer_finish(&peer);
    close_all();
}

static bool timed_out_once(void *arg)
{
    (void)arg;
    return count(&engine.host.counters.timed_out) == 1;
}

/* Having said what it must, an HTTP/2 client has the idle time, not the handshake's. */
static void a_greeted_http2_client_may_take_its_time(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.handshake_timeout_ms = 30;
    caller_open(&caller, loop, &engine.bound, true);
    peer_init(&peer, loop); /* silent, and timed out while the caller is not */
    const struct wire_target target = {.address = &engine.bound};
    wire_connect(&peer.wire, loop, &target, &peer_events, &peer);
    kit_run_until(loop, timed_out_once, NULL);
    struct call call;
    call_begin(&call, &caller, "GET", "/", NULL, NULL);
    call_wait(&call);
    assert_int_equal(call.status, 200);
    call_finish(&call);
    peer_finish(&peer);
    caller_close(&caller);
    close_all();
}

static void an_idle_http2_client_gets_a_goaway(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.idle_timeout_ms = 40;
    caller_open(&caller, loop, &engine.bound, true);
    struct call call;
    call_begin(&call, &caller, "GET", "/", NULL, NULL);
    call_wait(&call);
    kit_run_until(loop, timed_out_once, NULL);
    for (int i = 0; i < 100 && caller.connection != NULL; i++)
        loop_turn(loop);
    assert_null(caller.connection);
    call_finish(&call);
    close_all();
}

/* --- numbers ----------------------------------------------------------- */

static void over_the_limit_connections_are_closed(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.connections_most = 1;
    caller_open(&caller, loop, &engine.bound, true);
    connect_with("GET / HTTP/1.1\r\nhost: x\r\n\r\n", NULL);
    await_end();
    assert_int_equal(count(&engine.host.counters.too_many), 1);
    assert_int_equal(engine.heads, 0);
    peer_finish(&peer);
    caller_close(&caller);
    close_all();
}

/* So that load moves. */
static void after_so_many_requests_a_connection_ends(void **state)
{
    (void)state;
    open_with(NULL);
    engine.host.settings.requests_most = 2;
    connect_with("GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n"
                 "GET /3 HTTP/1.1\r\nhost: x\r\n\r\n",
                 NULL);
    await_end();
    await_text("connection: close");
    assert_int_equal(engine.heads, 2);
    peer_finish(&peer);
    close_all();
}

static void what_is_no_http_is_counted(void **state)
{
    (void)state;
    open_with(NULL);
    connect_with("\x16\x03\x01 nonsense\r\n\r\n", NULL);
    await_end();
    assert_int_equal(count(&engine.host.counters.protocol_errors), 1);
    peer_finish(&peer);
    connect_with("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", NULL);
    await_text("bad_authority");
    assert_int_equal(count(&engine.host.counters.refused_heads), 2);
    peer_finish(&peer);
    close_all();
}

static void aborting_resets(void **state)
{
    (void)state;
    open_with(NULL);
    connect_with("GET / HTTP/1.1\r\nhost: x\r\n\r\n", NULL);
    await_text("{\"ok\":true}");
    connection_abort(LIST_ENTRY(engine.host.connections.next, struct connection, link));
    await_end();
    assert_int_equal(peer.wire.end, WIRE_RESET);
    assert_int_equal(engine.host.count, 0);
    peer_finish(&peer);
    close_all();
}

/* --- TLS --------------------------------------------------------------- */

static struct tls_client *client_tls(bool h2)
{
    struct error error;
    const struct tls_client_settings settings = {.verify = true,
                                                 .ca_file = kit_path("edge", ".pem"),
                                                 .offer_h2 = h2,
                                                 .offer_h1 = !h2};
    struct tls_client *tls = tls_client_create(&settings, &error);
    assert_non_null(tls);
    return tls;
}

static void tls_chooses_by_alpn(void **state)
{
    (void)state;
    static const struct kit_certificate made[] = {{"edge", "edge.test", "DNS:edge.test"}};
    kit_certificates_make(made, 1);
    const struct tls_certificate certificate = {kit_path("edge", ".pem"), kit_path("edge", ".key")};
    struct error error;
    struct tls_server *server = tls_server_create(&certificate, 1, &error);
    assert_non_null(server);
    open_with(server); /* which drops it */
    struct tls_client *h1 = client_tls(false), *h2 = client_tls(true);
    connect_with("GET / HTTP/1.1\r\nhost: edge.test\r\n\r\n", h1);
    await_text("{\"ok\":true}");
    peer_finish(&peer);
    connect_with("GET / HTTP/1.1\r\nhost: edge.test\r\n\r\n", h2); /* not what was agreed on */
    await_end();
    assert_int_equal(count(&engine.host.counters.protocol_errors), 1);
    peer_finish(&peer);
    connect_with("GET / HTTP/1.1\r\nhost: edge.test\r\n\r\n", NULL); /* cleartext */
    await_end();
    assert_int_equal(count(&engine.host.counters.tls_failed), 1);
    peer_finish(&peer);
    tls_client_drop(&h1);
    tls_client_drop(&h2);
    close_all();
    kit_certificates_remove();
}

UNIT_MAIN(who_says_nothing_is_closed, half_a_head_gets_its_408,
          an_idle_connection_is_closed_and_a_busy_one_is_not,
          a_greeted_http2_client_may_take_its_time, an_idle_http2_client_gets_a_goaway,
          over_the_limit_connections_are_closed, after_so_many_requests_a_connection_ends,
          what_is_no_http_is_counted, aborting_resets, tls_chooses_by_alpn)
