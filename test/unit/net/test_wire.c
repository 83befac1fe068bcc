/* wire, plain: byte-exact both ways, half-close, reset, refusal, pauses, short writes. */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "net_kit.h"

static void connect_plain(struct peer *peer, struct loop *loop, const struct address *to,
                          const struct address *from)
{
    const struct wire_target target = {.address = to, .source = from};
    peer_init(peer, loop);
    wire_connect(&peer->wire, loop, &target, &peer_events, peer);
}

/* Two wires over one connection; the second is the accepted one. */
static void make_pair(struct peer *one, struct peer *two, struct loop *loop)
{
    int fds[2];
    kit_tcp_pair(fds);
    peer_init(one, loop);
    peer_init(two, loop);
    wire_accept(&one->wire, loop, fds[0], NULL, &peer_events, one);
    wire_accept(&two->wire, loop, fds[1], NULL, &peer_events, two);
    assert_int_equal(one->opens, 0); /* never from inside */
}

static bool is_open(void *arg)
{
    return ((struct peer *)arg)->opens > 0;
}

static bool has_ended(void *arg)
{
    return ((struct peer *)arg)->ended;
}

static bool received_all(void *arg)
{
    struct peer *const *peers = arg;
    return buffer_len(&peers[0]->in) == peers[1]->out_len &&
           buffer_len(&peers[1]->in) == peers[0]->out_len;
}

static void carries_much_both_ways(void **state)
{
    (void)state;
    enum { LEN = 6 * 1000 * 1000 + 7 };
    struct loop *loop = loop_create();
    char *there = kit_bytes(LEN, 1), *back = kit_bytes(LEN, 2);
    struct peer one, two;
    make_pair(&one, &two, loop);
    peer_send(&one, there, LEN);
    peer_send(&two, back, LEN);
    two.read_step = 1000;
    struct peer *peers[] = {&one, &two};
    kit_run_until(loop, received_all, peers);
    assert_memory_equal(two.in.memory + two.in.start, there, LEN);
    assert_memory_equal(one.in.memory + one.in.start, back, LEN);
    assert_int_equal(one.wire.bytes_out, LEN);
    assert_int_equal(one.wire.bytes_in, LEN);
    assert_int_equal(wire_alpn(&one.wire), TLS_ALPN_NONE);
    assert_null(wire_server_name(&one.wire));
    peer_finish(&one);
    peer_finish(&two);
    loop_destroy(&loop);
    free(there);
    free(back);
}

static void keeps_what_the_socket_does_not_take(void **state)
{
    (void)state;
    enum { LEN = 4 * 1000 * 1000 };
    struct loop *loop = loop_create();
    char *bytes = kit_bytes(LEN, 3);
    struct peer one, two;
    const int small = 4096;
    make_pair(&one, &two, loop);
    setsockopt(one.wire.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    kit_run_until(loop, is_open, &one);
    wire_want_read(&two.wire, false);
    assert_true(wire_write(&one.wire, bytes, LEN) > 0); /* all at once, for the wire to keep */
    assert_true(wire_pending(&one.wire) > LEN / 2);
    assert_int_equal(one.writables, 0);
    wire_want_read(&two.wire, true);
    one.out_len = LEN;
    struct peer *peers[] = {&one, &two};
    kit_run_until(loop, received_all, peers);
    assert_memory_equal(two.in.memory + two.in.start, bytes, LEN);
    assert_int_equal(one.writables, 1);
    assert_null(one.wire.pending.memory);
    peer_finish(&one);
    peer_finish(&two);
    loop_destroy(&loop);
    free(bytes);
}

static void ends_by_halves(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    int fds[2];
    struct peer peer;
    kit_tcp_pair(fds);
    peer_init(&peer, loop);
    wire_accept(&peer.wire, loop, fds[0], NULL, &peer_events, &peer);
    assert_int_equal(write(fds[1], "last words", 10), 10);
    shutdown(fds[1], SHUT_WR);
    kit_run_until(loop, has_ended, &peer);
    assert_int_equal(peer.wire.end, WIRE_EOF);
    assert_string_equal(wire_end_text(&peer.wire), "closed by the peer");
    assert_int_equal(buffer_len(&peer.in), 10);
    assert_int_equal(wire_write(&peer.wire, "answer", 6), 0);
    char answer[16];
    assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
    assert_int_equal(read(fds[1], answer, sizeof answer), 6);
    wire_close(&peer.wire);
    assert_int_equal(read(fds[1], answer, sizeof answer), 0);
    peer.closed = true;
    peer_finish(&peer);
    close(fds[1]);
    loop_destroy(&loop);
}

static void abort_is_a_reset(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct peer one, two;
    make_pair(&one, &two, loop);
    kit_run_until(loop, is_open, &two);
    wire_abort(&one.wire);
    one.closed = true;
    kit_run_until(loop, has_ended, &two);
    assert_int_equal(two.wire.end, WIRE_RESET);
    peer_finish(&one);
    peer_finish(&two);
    loop_destroy(&loop);
}

static void a_broken_write_is_told_to_a_paused_reader(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct peer one, two;
    make_pair(&one, &two, loop);
    kit_run_until(loop, is_open, &two);
    wire_want_read(&two.wire, false);
    wire_abort(&one.wire);
    one.closed = true;
    wire_write(&two.wire, "x", 1);
    wire_write(&two.wire, "y", 1);
    assert_false(two.ended);
    kit_run_until(loop, has_ended, &two);
    assert_int_equal(two.wire.end, WIRE_RESET);
    peer_finish(&one);
    peer_finish(&two);
    loop_destroy(&loop);
}

static bool answer_was_read(void *arg)
{
    struct peer *peer = arg;
    return peer->ended && buffer_len(&peer->in) == 8;
}

static void an_answer_before_the_reset_is_read(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    int fds[2];
    struct peer peer;
    kit_tcp_pair(fds);
    peer_init(&peer, loop);
    wire_accept(&peer.wire, loop, fds[0], NULL, &peer_events, &peer);
    kit_run_until(loop, is_open, &peer);
    /* The other side answers and closes with our bytes unread, which resets the connection. */
    wire_want_read(&peer.wire, false);
    wire_write(&peer.wire, "unread", 6);
    assert_int_equal(write(fds[1], "too much", 8), 8);
    close(fds[1]);
    wire_want_read(&peer.wire, true);
    wire_write(&peer.wire, "more", 4);
    wire_write(&peer.wire, "more", 4);
    kit_run_until(loop, answer_was_read, &peer);
    assert_int_equal(peer.wire.end, WIRE_RESET);
    peer_finish(&peer);
    loop_destroy(&loop);
}

static void connects_from_a_source_address(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct address to, from, seen = {.len = sizeof seen.storage};
    struct error error;
    char text[ADDRESS_TEXT_BYTES];
    struct peer peer;
    const int listening = kit_listen(&to);
    assert_true(address_parse(SLICE("127.0.7.1:0"), &from, &error));
    connect_plain(&peer, loop, &to, &from);
    assert_int_equal(peer.opens, 0);
    kit_run_until(loop, is_open, &peer);
    const int fd = accept4(listening, (struct sockaddr *)&seen.storage, &seen.len, SOCK_CLOEXEC);
    assert_string_equal(address_write_ip(&seen, text), "127.0.7.1");
    peer_finish(&peer);
    close(fd);
    close(listening);
    loop_destroy(&loop);
}

static void a_refused_connect_is_an_end(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct address to;
    struct peer peer;
    close(kit_listen(&to)); /* a port nobody listens at */
    connect_plain(&peer, loop, &to, NULL);
    assert_int_equal(peer.reads, 0);
    kit_run_until(loop, has_ended, &peer);
    assert_int_equal(peer.wire.end, WIRE_REFUSED);
    assert_string_equal(wire_end_text(&peer.wire), "Connection refused");
    assert_int_equal(peer.opens, 0);
    peer_finish(&peer);
    struct error error;
    assert_true(address_parse(SLICE("unix:/nonexistent/x.sock"), &to, &error));
    connect_plain(&peer, loop, &to, NULL);
    assert_int_equal(peer.reads, 0);
    kit_run_until(loop, has_ended, &peer);
    assert_int_equal(peer.wire.end, WIRE_REFUSED);
    peer_finish(&peer);
    loop_destroy(&loop);
}

static void close_silences_what_was_due(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct peer one, two;
    make_pair(&one, &two, loop);
    wire_close(&one.wire);
    wire_close(&one.wire);
    assert_int_equal(one.wire.fd, -1);
    assert_true(wire_read(&one.wire, loop_read_scratch(loop), 10) < 0);
    assert_int_equal(wire_write(&one.wire, "x", 1), 0);
    one.closed = true;
    kit_run_until(loop, has_ended, &two);
    assert_int_equal(one.opens, 0);
    assert_int_equal(two.wire.end, WIRE_EOF);
    peer_finish(&one);
    peer_finish(&two);
    loop_destroy(&loop);
}

static bool got_everything(void *arg)
{
    const struct peer *peer = arg;
    return peer->ended && buffer_len(&peer->in) == 3000000;
}

/* A refusal sent while the upload still comes must reach the client, whole. */
static void the_last_answer_survives_unread_bytes(void **state)
{
    (void)state;
    enum { LEN = 3000000 };
    struct loop *loop = loop_create();
    char *upload = kit_bytes(LEN, 8), *answer = kit_bytes(LEN, 9);
    struct address to;
    struct peer client, server;
    const int listening = kit_listen(&to);
    connect_plain(&client, loop, &to, NULL);
    client.out = upload;
    client.out_len = LEN;
    peer_init(&server, loop);
    kit_run_until(loop, is_open, &client);
    const int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    wire_accept(&server.wire, loop, fd, NULL, &peer_events, &server);
    const int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    wire_want_read(&server.wire, false);
    kit_run_until(loop, is_open, &server);
    assert_true(wire_write(&server.wire, answer, LEN) > 0);
    wire_close(&server.wire);
    server.closed = true;
    kit_run_until(loop, got_everything, &client);
    assert_int_equal(client.wire.end, WIRE_EOF);
    assert_memory_equal(client.in.memory + client.in.start, answer, LEN);
    peer_finish(&client);
    peer_finish(&server);
    close(listening);
    loop_destroy(&loop);
    free(upload);
    free(answer);
}

UNIT_MAIN(the_last_answer_survives_unread_bytes, carries_much_both_ways,
          keeps_what_the_socket_does_not_take, ends_by_halves, abort_is_a_reset,
          a_broken_write_is_told_to_a_paused_reader, an_answer_before_the_reset_is_read,
          connects_from_a_source_address, a_refused_connect_is_an_end, close_silences_what_was_due)
