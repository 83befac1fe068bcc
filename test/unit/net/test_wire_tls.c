/* wire with TLS, both sides in one process: names, ALPN, ends, pauses, much data. */
#include "unit.h"

#include <linux/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_kit.h"

static struct loop *loop;
static struct tls_server *server_tls;

static int set_up(void **state)
{
    (void)state;
    static const struct kit_certificate made[] = {
        {"edge", "edge.example", "DNS:edge.example,DNS:*.wild.example,IP:127.0.0.1"},
        {"other", "other.example", NULL},
        {"star", "x", "DNS:exact.wild.example"},
    };
    kit_certificates_make(made, COUNT_OF(made));
    const struct tls_certificate list[] = {
        {kit_path("edge", ".pem"), kit_path("edge", ".key")},
        {kit_path("other", ".pem"), kit_path("other", ".key")},
        {kit_path("star", ".pem"), kit_path("star", ".key")},
    };
    struct error error = {""};
    server_tls = tls_server_create(list, COUNT_OF(list), &error);
    if (!server_tls)
        fail_msg("%s", error.text);
    loop = loop_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_destroy(&loop);
    tls_server_drop(&server_tls);
    kit_certificates_remove();
    return 0;
}

static struct tls_client *client_tls(const char *ca, bool h2, bool h1)
{
    const struct tls_client_settings settings = {.verify = ca != NULL,
                                                 .ca_file = ca ? kit_path(ca, ".pem") : NULL,
                                                 .offer_h2 = h2,
                                                 .offer_h1 = h1};
    struct error error = {""};
    struct tls_client *tls = tls_client_create(&settings, &error);
    if (!tls)
        fail_msg("%s", error.text);
    return tls;
}

struct conversation {
    struct peer client, server;
    int listening;
    struct tls_client *tls;
    bool (*fact)(struct conversation *talk);
};

/* `tls` is taken. */
static void begin(struct conversation *talk, struct tls_client *tls, const char *name)
{
    struct address bound;
    talk->listening = kit_listen(&bound);
    talk->tls = tls;
    peer_init(&talk->client, loop);
    peer_init(&talk->server, loop);
    const struct wire_target target = {.address = &bound, .tls = tls, .server_name = name};
    wire_connect(&talk->client.wire, loop, &target, &peer_events, &talk->client);
    int fd;
    do
        fd = accept4(talk->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0);
    wire_accept(&talk->server.wire, loop, fd, server_tls, &peer_events, &talk->server);
}

static void finish(struct conversation *talk)
{
    peer_finish(&talk->client);
    peer_finish(&talk->server);
    close(talk->listening);
    tls_client_drop(&talk->tls);
}

static bool look(void *arg)
{
    struct conversation *talk = arg;
    return talk->fact(talk);
}

static void run_until(struct conversation *talk, bool (*fact)(struct conversation *talk))
{
    talk->fact = fact;
    kit_run_until(loop, look, talk);
}

static bool both_open(struct conversation *talk)
{
    return talk->client.opens && talk->server.opens;
}

static bool client_ended(struct conversation *talk)
{
    return talk->client.ended;
}

static bool server_ended(struct conversation *talk)
{
    return talk->server.ended;
}

static bool both_ended(struct conversation *talk)
{
    return talk->client.ended && talk->server.ended;
}

static bool all_arrived(struct conversation *talk)
{
    return buffer_len(&talk->client.in) == talk->server.out_len &&
           buffer_len(&talk->server.in) == talk->client.out_len;
}

static void assert_received(const struct peer *peer, const struct peer *sent)
{
    assert_int_equal(buffer_len(&peer->in), sent->out_len);
    assert_memory_equal(peer->in.memory + peer->in.start, sent->out, sent->out_len);
}

static void carries_much_both_ways(void **state)
{
    (void)state;
    enum { LEN = 5 * 1000 * 1000 + 3 };
    char *there = kit_bytes(LEN, 1), *back = kit_bytes(LEN, 2);
    struct conversation talk;
    const int small = 4096;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    setsockopt(talk.client.wire.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    talk.server.read_step = 777; /* leaves much inside OpenSSL */
    peer_send(&talk.client, there, LEN);
    peer_send(&talk.server, back, LEN);
    run_until(&talk, all_arrived);
    assert_received(&talk.server, &talk.client);
    assert_received(&talk.client, &talk.server);
    assert_true(talk.client.writables > 0);
    finish(&talk);
    free(there);
    free(back);
}

static void chooses_alpn(void **state)
{
    (void)state;
    static const struct {
        bool h2, h1;
        enum tls_alpn chosen;
    } cases[] = {{true, true, TLS_ALPN_H2},
                 {false, true, TLS_ALPN_H1},
                 {true, false, TLS_ALPN_H2},
                 {false, false, TLS_ALPN_NONE}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conversation talk;
        begin(&talk, client_tls("edge", cases[i].h2, cases[i].h1), "edge.example");
        run_until(&talk, both_open);
        assert_int_equal(wire_alpn(&talk.client.wire), cases[i].chosen);
        assert_int_equal(wire_alpn(&talk.server.wire), cases[i].chosen);
        assert_string_equal(wire_server_name(&talk.server.wire), "edge.example");
        assert_int_equal(SSL_version(talk.server.wire.ssl), TLS1_3_VERSION);
        assert_string_equal(SSL_get_cipher_name(talk.server.wire.ssl), "TLS_AES_128_GCM_SHA256");
        finish(&talk);
    }
}

static void assert_no_key(SSL *ssl, int (*get)(SSL *ssl, EVP_PKEY **key))
{
    EVP_PKEY *key = NULL;
    if (!get(ssl, &key))
        return;
    assert_null(EVP_PKEY_get0_provider(key));
    EVP_PKEY_free(key);
}

static int own_key(SSL *ssl, EVP_PKEY **key)
{
    return (int)SSL_get_tmp_key(ssl, key);
}

static int peer_key(SSL *ssl, EVP_PKEY **key)
{
    return (int)SSL_get_peer_tmp_key(ssl, key);
}

static void the_keys_of_the_handshake_are_not_kept(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    static const char *const groups[] = {"X25519:P-256", "P-256"};
    for (size_t i = 0; i < COUNT_OF(versions) * COUNT_OF(groups); i++) {
        struct conversation talk;
        begin(&talk, client_tls("edge", true, true), "edge.example");
        SSL *client = talk.client.wire.ssl;
        SSL_set_max_proto_version(client, versions[i / 2]);
        assert_int_equal(SSL_set1_groups_list(client, groups[i % 2]), 1);
        run_until(&talk, both_open);
        SSL *ssl[] = {client, talk.server.wire.ssl};
        for (size_t k = 0; k < COUNT_OF(ssl); k++) {
            assert_no_key(ssl[k], own_key);
            assert_no_key(ssl[k], peer_key);
        }
        peer_send(&talk.client, "there", 5);
        peer_send(&talk.server, "back", 4);
        run_until(&talk, all_arrived);
        if (versions[i / 2] == TLS1_3_VERSION) /* keys that follow need them no more */
            assert_int_equal(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
        buffer_clear(&talk.client.in);
        buffer_clear(&talk.server.in);
        peer_send(&talk.client, "again", 5);
        peer_send(&talk.server, "again", 5);
        run_until(&talk, all_arrived);
        finish(&talk);
    }
}

static unsigned packets_sent(const struct peer *peer)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    assert_int_equal(getsockopt(peer->wire.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_data_segs_out;
}

static void speaks_in_the_last_packet_of_the_handshake(void **state)
{
    (void)state;
    struct conversation talk;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    peer_send(&talk.client, "question", 8);
    peer_send(&talk.server, "answer", 6);
    run_until(&talk, all_arrived);
    assert_int_equal(packets_sent(&talk.client), 2); /* hello; Finished and the question */
    assert_int_equal(packets_sent(&talk.server), 2); /* hello to Finished; ticket and the answer */
    finish(&talk);
}

static void refuses_foreign_alpn(void **state)
{
    (void)state;
    struct conversation talk;
    begin(&talk, client_tls("edge", false, false), "edge.example");
    SSL_set_alpn_protos(talk.client.wire.ssl, (const unsigned char *)"\x08http/1.0", 9);
    run_until(&talk, both_ended);
    assert_int_equal(talk.client.wire.end, WIRE_TLS_FAILED);
    assert_int_equal(talk.server.wire.end, WIRE_TLS_FAILED);
    assert_non_null(strstr(wire_end_text(&talk.client.wire), "no application protocol"));
    assert_int_equal(talk.server.opens, 0);
    finish(&talk);
}

static void chooses_the_certificate_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"edge.example", "edge"},
                                           {"EDGE.example", "edge"},
                                           {"other.example", "other"},
                                           {"a.wild.example", "edge"},
                                           {"exact.wild.example", "star"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conversation talk;
        begin(&talk, client_tls(cases[i][1], true, true), cases[i][0]);
        run_until(&talk, both_open);
        assert_true(wire_covers_name(&talk.server.wire, slice_of(cases[i][0])));
        assert_false(wire_covers_name(&talk.server.wire, SLICE("foreign.example")));
        assert_false(wire_covers_name(&talk.server.wire, SLICE("")));
        assert_true(wire_covers_name(&talk.server.wire, SLICE("127.0.0.1")) ==
                    (strcmp(cases[i][1], "edge") == 0));
        assert_false(wire_covers_name(&talk.server.wire, SLICE("127.0.0.2")));
        finish(&talk);
    }
}

static void verifies_names_and_chains(void **state)
{
    (void)state;
    static const struct {
        const char *ca, *name;
        const char *text; /* NULL: good */
    } cases[] = {{"edge", "foreign.example", "ostname mismatch"},
                 {"edge", "a.b.wild.example", "ostname mismatch"},
                 {"edge", "127.0.0.1", NULL},
                 {"edge", NULL, NULL}, /* the address that is dialled */
                 {"edge", "127.0.0.2", "IP address mismatch"},
                 {"other", "edge.example", "self"},
                 {NULL, "foreign.example", NULL}}; /* not verified */
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conversation talk;
        begin(&talk, client_tls(cases[i].ca, true, true), cases[i].name);
        run_until(&talk, cases[i].text ? both_ended : both_open);
        if (cases[i].text) {
            assert_int_equal(talk.client.wire.end, WIRE_TLS_FAILED);
            assert_non_null(strstr(wire_end_text(&talk.client.wire), cases[i].text));
            assert_int_equal(talk.client.opens, 0);
        }
        finish(&talk);
    }
}

/* A connection to `name`, by a session or NULL; whether it was taken up, and the next session. */
static bool resumed(const char *name, int version, SSL_SESSION *from, SSL_SESSION **next)
{
    struct conversation talk;
    begin(&talk, client_tls(NULL, true, true), name);
    SSL_set_max_proto_version(talk.client.wire.ssl, version);
    if (from != NULL)
        assert_int_equal(SSL_set_session(talk.client.wire.ssl, from), 1);
    peer_send(&talk.server, "hello", 5); /* the ticket comes before it */
    run_until(&talk, all_arrived);
    const bool taken = SSL_session_reused(talk.server.wire.ssl);
    assert_true(wire_covers_name(&talk.server.wire, slice_of(name)));
    assert_int_equal(wire_alpn(&talk.server.wire), TLS_ALPN_H2);
    *next = SSL_get1_session(talk.client.wire.ssl);
    finish(&talk);
    return taken;
}

static void a_session_is_taken_up_with_its_own_certificate_only(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        SSL_SESSION *first, *second, *third, *fourth;
        assert_false(resumed("edge.example", versions[i], NULL, &first));
        assert_true(resumed("edge.example", versions[i], first, &second));
        assert_false(resumed("other.example", versions[i], second, &third));
        assert_false(resumed("exact.wild.example", versions[i], first, &fourth));
        SSL_SESSION_free(first);
        SSL_SESSION_free(second);
        SSL_SESSION_free(third);
        SSL_SESSION_free(fourth);
    }
}

static void another_server_takes_no_session_of_ours(void **state)
{
    const struct tls_certificate same = {kit_path("edge", ".pem"), kit_path("edge", ".key")};
    struct tls_server *ours = server_tls;
    SSL_SESSION *session, *other;
    struct error error;
    (void)state;
    assert_false(resumed("edge.example", TLS1_3_VERSION, NULL, &session));
    server_tls = tls_server_create(&same, 1, &error);
    assert_false(resumed("edge.example", TLS1_3_VERSION, session, &other));
    tls_server_drop(&server_tls);
    server_tls = ours;
    SSL_SESSION_free(session);
    SSL_SESSION_free(other);
}

static void an_orderly_close_is_not_truncation(void **state)
{
    (void)state;
    struct conversation talk;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    talk.server.close_when_sent = true;
    peer_send(&talk.server, "goodbye", 7);
    run_until(&talk, client_ended);
    assert_int_equal(talk.client.wire.end, WIRE_EOF);
    assert_received(&talk.client, &talk.server);
    finish(&talk);
}

static void a_fin_without_close_notify_is_truncation(void **state)
{
    (void)state;
    struct conversation talk;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    peer_send(&talk.client, "x", 1);
    run_until(&talk, all_arrived);
    shutdown(talk.client.wire.fd, SHUT_WR);
    run_until(&talk, server_ended);
    assert_int_equal(talk.server.wire.end, WIRE_TRUNCATED);
    finish(&talk);
}

static void abort_is_a_reset(void **state)
{
    (void)state;
    struct conversation talk;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    peer_send(&talk.client, "x", 1);
    run_until(&talk, all_arrived);
    wire_abort(&talk.client.wire);
    talk.client.closed = true;
    run_until(&talk, server_ended);
    assert_int_equal(talk.server.wire.end, WIRE_RESET);
    finish(&talk);
}

static void a_close_in_the_handshake_is_told(void **state)
{
    (void)state;
    struct conversation talk;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    wire_close(&talk.client.wire);
    talk.client.closed = true;
    run_until(&talk, server_ended);
    assert_int_equal(talk.server.wire.end, WIRE_TLS_FAILED);
    assert_string_equal(wire_end_text(&talk.server.wire),
                        "closed by the peer during the TLS handshake");
    finish(&talk);
}

static void what_is_not_tls_fails_alone(void **state)
{
    (void)state;
    struct conversation talk, good;
    int fds[2];
    begin(&good, client_tls("edge", true, true), "edge.example");
    run_until(&good, both_open);
    kit_tcp_pair(fds);
    talk = (struct conversation){.listening = fds[1]};
    peer_init(&talk.client, loop);
    peer_init(&talk.server, loop);
    wire_accept(&talk.server.wire, loop, fds[0], server_tls, &peer_events, &talk.server);
    assert_int_equal(write(fds[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    run_until(&talk, server_ended);
    assert_int_equal(talk.server.wire.end, WIRE_TLS_FAILED);
    assert_non_null(strstr(wire_end_text(&talk.server.wire), "http request"));
    peer_send(&good.client, "fine", 4);
    run_until(&good, all_arrived);
    finish(&talk);
    finish(&good);
}

static bool client_has_one_step(struct conversation *talk)
{
    return buffer_len(&talk->client.in) >= 100;
}

static int client_turns;

static bool ten_turns_passed(struct conversation *talk)
{
    (void)talk;
    return ++client_turns > 10;
}

/* All 16,000 bytes come as one record; the reader takes 100, pauses, and goes on. */
static void a_pause_holds_back_what_openssl_has(void **state)
{
    (void)state;
    char *bytes = kit_bytes(16000, 5);
    struct conversation talk;
    begin(&talk, client_tls("edge", true, true), "edge.example");
    run_until(&talk, both_open);
    wire_want_read(&talk.client.wire, false);
    talk.client.read_step = 100;
    peer_send(&talk.server, bytes, 16000);
    client_turns = 0;
    run_until(&talk, ten_turns_passed);
    assert_int_equal(buffer_len(&talk.client.in), 0);
    wire_want_read(&talk.client.wire, true);
    run_until(&talk, client_has_one_step);
    wire_want_read(&talk.client.wire, false);
    const size_t steps = buffer_len(&talk.client.in);
    client_turns = 0;
    run_until(&talk, ten_turns_passed);
    assert_int_equal(buffer_len(&talk.client.in), steps);
    wire_want_read(&talk.client.wire, true);
    run_until(&talk, all_arrived);
    assert_received(&talk.client, &talk.server);
    finish(&talk);
    free(bytes);
}

static void bad_files_are_sentences(void **state)
{
    (void)state;
    struct error error = {""};
    const struct tls_certificate missing = {"/nonexistent.pem", "/nonexistent.key"};
    assert_null(tls_server_create(&missing, 1, &error));
    assert_non_null(strstr(error.text, "/nonexistent.pem"));
    assert_non_null(strstr(error.text, "No such file"));
    const struct tls_certificate mixed = {kit_path("edge", ".pem"), kit_path("other", ".key")};
    assert_null(tls_server_create(&mixed, 1, &error));
    assert_non_null(strstr(error.text, "does not belong"));
    const struct tls_certificate swapped = {kit_path("edge", ".pem"), kit_path("edge", ".pem")};
    assert_null(tls_server_create(&swapped, 1, &error));
    assert_non_null(strstr(error.text, "key "));
    assert_null(tls_server_create(NULL, 0, &error));
    const struct tls_client_settings settings = {.verify = true, .ca_file = "/nonexistent.pem"};
    assert_null(tls_client_create(&settings, &error));
    assert_non_null(strstr(error.text, "/nonexistent.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_LIST(carries_much_both_ways, chooses_alpn, the_keys_of_the_handshake_are_not_kept,
                  speaks_in_the_last_packet_of_the_handshake, refuses_foreign_alpn,
                  chooses_the_certificate_by_name, verifies_names_and_chains,
                  a_session_is_taken_up_with_its_own_certificate_only,
                  another_server_takes_no_session_of_ours, an_orderly_close_is_not_truncation,
                  a_fin_without_close_notify_is_truncation, abort_is_a_reset,
                  a_close_in_the_handshake_is_told, what_is_not_tls_fails_alone,
                  a_pause_holds_back_what_openssl_has, bad_files_are_sentences)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
