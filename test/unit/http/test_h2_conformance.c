/*
 * A server that speaks HTTP/2 as RFC 9113 says: the cases of h2spec 2.6 about
 * frames, streams and flow control, under their names (g: its generic part).
 */
#include "h2_rows.h"

static const struct row generic_rows[] = {
    {"g1/1 preface", {PING}, PONG, 0, 0},
    {"g2/1 PRIORITY on idle", {FRAME(PRIORITY, 0, 1, "\0\0\0\0\377"), PING}, PONG, 0, 0},
    {"g2/2 WINDOW_UPDATE half-closed",
     {WINDOW("\0\0\0\0"), FRAME(HEADERS, EH | ES, 1, GET), WAIT, UPDATE(1, "\0\0\0\1")},
     BODY,
     1,
     0},
    {"g2/3 PRIORITY half-closed",
     {WINDOW("\0\0\0\0"), FRAME(HEADERS, EH | ES, 1, GET), WAIT,
      FRAME(PRIORITY, 0, 1, "\0\0\0\0\377"), UPDATE(1, "\0\0\0\1")},
     BODY,
     1,
     0},
    {"g2/4 RST_STREAM half-closed",
     {FRAME(HEADERS, EH | ES, 1, GET), RESET(1, "\010"), PING},
     PONG,
     0,
     true},
    {"g2/5 PRIORITY closed",
     {FRAME(HEADERS, EH | ES, 1, GET), WAIT, FRAME(PRIORITY, 0, 1, "\0\0\0\0\377"), PING},
     PONG,
     0,
     0},
    {"g3.1/1 DATA", {FRAME(HEADERS, EH, 1, POST), DATA(ES, 1)}, ANSWERED, 0, 0},
    {"g3.1/2 DATA twice", {FRAME(HEADERS, EH, 1, POST), DATA(0, 1), DATA(ES, 1)}, ANSWERED, 0, 0},
    {"g3.1/3 DATA padded",
     {FRAME(HEADERS, EH, 1, POST), FRAME(DATA, ES | RAW_PADDED, 1, "\006test\0\0\0\0\0\0")},
     ANSWERED,
     0,
     0},
    {"g3.2/1 HEADERS", {FRAME(HEADERS, EH | ES, 1, GET)}, ANSWERED, 0, 0},
    {"g3.2/2 HEADERS padded",
     {FRAME(HEADERS, EH | ES | RAW_PADDED, 1, "\003" GET "\0\0\0")},
     ANSWERED,
     0,
     0},
    {"g3.2/3 HEADERS with priority",
     {FRAME(HEADERS, EH | ES | RAW_PRIORITIZED, 1, "\0\0\0\0\377" GET)},
     ANSWERED,
     0,
     0},
    {"g3.2/4 HEADERS padded with priority",
     {FRAME(HEADERS, EH | ES | RAW_PRIORITIZED | RAW_PADDED, 1, "\002\0\0\0\0\377" GET "\0\0")},
     ANSWERED,
     0,
     0},
    {"g3.3/1 PRIORITY 1",
     {FRAME(PRIORITY, 0, 1, "\0\0\0\0\0"), FRAME(HEADERS, EH | ES, 1, GET)},
     ANSWERED,
     0,
     0},
    {"g3.3/2 PRIORITY 256",
     {FRAME(PRIORITY, 0, 1, "\0\0\0\0\377"), FRAME(HEADERS, EH | ES, 1, GET)},
     ANSWERED,
     0,
     0},
    {"g3.3/3 PRIORITY dependency",
     {FRAME(PRIORITY, 0, 1, "\0\0\0\3\1"), FRAME(HEADERS, EH | ES, 1, GET)},
     ANSWERED,
     0,
     0},
    {"g3.3/4 PRIORITY exclusive",
     {FRAME(PRIORITY, 0, 1, "\200\0\0\3\1"), FRAME(HEADERS, EH | ES, 1, GET)},
     ANSWERED,
     0,
     0},
    {"g3.3/5 PRIORITY on a higher idle stream",
     {FRAME(PRIORITY, 0, 7, "\0\0\0\0\377"), FRAME(HEADERS, EH | ES, 1, GET)},
     ANSWERED,
     0,
     0},
    {"g3.4/1 RST_STREAM", {FRAME(HEADERS, EH, 1, GET), RESET(1, "\010"), PING}, PONG, 0, 0},
    {"g3.5/1 SETTINGS",
     {FRAME(SETTINGS, 0, 0,
            "\0\1\0\0\020\0"
            "\0\2\0\0\0\1"
            "\0\3\0\0\0\144"
            "\0\4\0\0\377\377"
            "\0\5\0\0\100\0"
            "\0\6\0\0\0\144")},
     ACKED,
     2,
     0},
    {"g3.7/1 PING", {PING}, PONG, 0, 0},
    {"g3.8/1 GOAWAY", {FRAME(GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0"), PING}, QUIET, 0, 0},
    {"g3.9/1 WINDOW_UPDATE", {UPDATE(0, "\0\0\0\1"), PING}, PONG, 0, 0},
    {"g3.9/2 WINDOW_UPDATE of a stream",
     {WINDOW("\0\0\0\0"), FRAME(HEADERS, EH | ES, 1, GET), UPDATE(1, "\0\0\0\1")},
     BODY,
     1,
     0},
    {"g3.10/1 CONTINUATION",
     {FRAME(HEADERS, ES, 1, GET), FRAME(CONTINUATION, EH, 1, X_TEST)},
     ANSWERED,
     0,
     0},
    {"g3.10/2 CONTINUATION twice",
     {FRAME(HEADERS, ES, 1, GET), FRAME(CONTINUATION, 0, 1, X_TEST),
      FRAME(CONTINUATION, EH, 1, X_TEST)},
     ANSWERED,
     0,
     0},
    {"g4/1 GET", {FRAME(HEADERS, EH | ES, 1, GET)}, ANSWERED, 0, 0},
    {"g4/2 HEAD", {FRAME(HEADERS, EH | ES, 1, "\002\004HEAD" REST)}, ANSWERED, 0, 0},
    {"g4/3 POST", {FRAME(HEADERS, EH, 1, POST), DATA(ES, 1)}, ANSWERED, 0, 0},
    {"g4/4 POST with trailers",
     {FRAME(HEADERS, EH, 1, POST "\000\007trailer\006x-test"), DATA(0, 1),
      FRAME(HEADERS, EH | ES, 1, "\000\006x-test\002ok")},
     ANSWERED,
     0,
     0},
};

static const struct row rows[] = {
    {"4.1/1 unknown type", {FRAME(DATA + 22, 0, 0, "\0\0\0\0\0\0\0\0"), PING}, PONG, 0, 0},
    {"4.1/2 undefined flag", {FRAME(PING, 22, 0, "probe\0\0\0")}, PONG, 0, 0},
    {"4.1/3 reserved bit", {FRAME(PING, 22, 1u << 31, "probe\0\0\0")}, PONG, 0, 0},
    {"4.2/1 the largest DATA",
     {FRAME(HEADERS, EH, 1, POST), FILLED(DATA, ES, 1, 16384)},
     ANSWERED,
     0,
     0},
    {"4.2/2 DATA too large",
     {FRAME(HEADERS, EH, 1, POST), FILLED(DATA, ES, 1, 16385)},
     STREAM,
     CODE(FRAME_SIZE),
     0},
    {"4.2/3 HEADERS too large", {FILLED(HEADERS, EH | ES, 1, 16385)}, CONN, CODE(FRAME_SIZE), 0},
    {"4.3/1 header block cut", {FRAME(HEADERS, EH | ES, 1, "\100")}, CONN, CODE(COMPRESSION), 0},
    {"4.3/2 PRIORITY in a header block",
     {FRAME(HEADERS, 0, 1, GET), FRAME(PRIORITY, 0, 1, "\0\0\0\0\377"),
      FRAME(CONTINUATION, EH, 1, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     0},
    {"4.3/3 HEADERS in a header block",
     {FRAME(HEADERS, 0, 1, GET), FRAME(HEADERS, EH | ES, 3, GET),
      FRAME(CONTINUATION, EH, 1, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     0},
    {"5.1/1 idle: DATA", {DATA(ES, 1)}, CONN, CODE(PROTOCOL), 0},
    {"5.1/2 idle: RST_STREAM", {RESET(1, "\010")}, CONN, CODE(PROTOCOL), 0},
    {"5.1/3 idle: WINDOW_UPDATE", {UPDATE(1, "\0\0\0\144")}, CONN, CODE(PROTOCOL), 0},
    {"5.1/4 idle: CONTINUATION", {FRAME(CONTINUATION, EH, 1, GET)}, CONN, CODE(PROTOCOL), 0},
    {"5.1/5 half-closed: DATA",
     {FRAME(HEADERS, EH | ES, 1, GET), DATA(ES, 1)},
     STREAM,
     CODE(STREAM_CLOSED),
     true},
    {"5.1/6 half-closed: HEADERS",
     {FRAME(HEADERS, EH | ES, 1, GET), FRAME(HEADERS, EH | ES, 1, GET)},
     STREAM,
     CODE(STREAM_CLOSED),
     true},
    {"5.1/7 half-closed: CONTINUATION",
     {FRAME(HEADERS, EH | ES, 1, GET), FRAME(CONTINUATION, EH, 1, X_TEST)},
     STREAM,
     CODE(STREAM_CLOSED) | CODE(PROTOCOL),
     true},
    {"5.1/8 reset by us: DATA",
     {FRAME(HEADERS, EH, 1, GET), RESET(1, "\010"), DATA(ES, 1)},
     STREAM,
     CODE(STREAM_CLOSED),
     0},
    {"5.1/9 reset by us: HEADERS",
     {FRAME(HEADERS, EH, 1, GET), RESET(1, "\010"), FRAME(HEADERS, EH | ES, 1, GET)},
     STREAM,
     CODE(STREAM_CLOSED),
     0},
    {"5.1/10 reset by us: CONTINUATION",
     {FRAME(HEADERS, EH, 1, GET), RESET(1, "\010"), FRAME(CONTINUATION, EH, 1, X_TEST)},
     STREAM,
     CODE(STREAM_CLOSED) | CODE(PROTOCOL),
     0},
    {"5.1/11 closed: DATA",
     {FRAME(HEADERS, EH | ES, 1, GET), WAIT, DATA(ES, 1)},
     CONN,
     CODE(STREAM_CLOSED),
     0},
    {"5.1/12 closed: HEADERS",
     {FRAME(HEADERS, EH | ES, 1, GET), WAIT, FRAME(HEADERS, EH | ES, 1, GET)},
     CONN,
     CODE(STREAM_CLOSED),
     0},
    {"5.1/13 closed: CONTINUATION",
     {FRAME(HEADERS, EH | ES, 1, GET), WAIT, FRAME(CONTINUATION, EH, 1, X_TEST)},
     CONN,
     CODE(STREAM_CLOSED) | CODE(PROTOCOL),
     0},
    {"5.1.1/1 even id", {FRAME(HEADERS, EH | ES, 2, GET)}, CONN, CODE(PROTOCOL), 0},
    {"5.1.1/2 smaller id",
     {FRAME(HEADERS, EH | ES, 5, GET), FRAME(HEADERS, EH | ES, 3, GET)},
     CONN,
     CODE(PROTOCOL),
     true},
    {"5.1.1/3 the same id",
     {FRAME(HEADERS, EH | ES, 5, GET), FRAME(HEADERS, EH | ES, 5, GET)},
     STREAM,
     CODE(STREAM_CLOSED),
     true},
    {"5.3.1/1 HEADERS depends on itself",
     {FRAME(HEADERS, EH | ES | RAW_PRIORITIZED, 1, "\0\0\0\1\377" GET)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"5.3.1/2 PRIORITY depends on itself",
     {FRAME(PRIORITY, 0, 1, "\0\0\0\1\377")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"5.4.1/1 GOAWAY and the end",
     {FRAME(PING, 0, 3, "\0\0\0\0\0\0\0\0")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"5.5/1 extension", {FRAME(DATA + 22, 0, 1, "\0\0\0\0\0\0\0\0"), PING}, PONG, 0, 0},
    {"5.5/2 extension in a header block",
     {FRAME(HEADERS, ES, 1, GET), FRAME(DATA + 22, 0, 0, "\0\0\0\0\0\0\0\0")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.1/1 DATA on 0", {DATA(ES, 0)}, CONN, CODE(PROTOCOL), 0},
    {"6.1/2 DATA on half-closed",
     {FRAME(HEADERS, EH | ES, 1, POST), DATA(ES, 1)},
     STREAM,
     CODE(STREAM_CLOSED),
     true},
    {"6.1/3 DATA, pad length",
     {FRAME(HEADERS, EH, 1, POST), FRAME(DATA, ES | RAW_PADDED, 1, "\006Test")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.1/4 DATA, pad length the payload's",
     {FRAME(HEADERS, EH, 1, POST), FRAME(DATA, ES | RAW_PADDED, 1, "\005Test")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.1/5 DATA, no pad length",
     {FRAME(HEADERS, EH, 1, POST), FRAME(DATA, ES | RAW_PADDED, 1, "")},
     CONN,
     CODE(PROTOCOL) | CODE(FRAME_SIZE),
     0},
    {"6.2/1 PRIORITY instead of CONTINUATION",
     {FRAME(HEADERS, 0, 1, GET), FRAME(PRIORITY, 0, 1, "\0\0\0\0\377")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.2/2 HEADERS instead of CONTINUATION",
     {FRAME(HEADERS, 0, 1, GET), FRAME(HEADERS, EH | ES, 3, GET)},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.2/3 HEADERS on 0", {FRAME(HEADERS, EH | ES, 0, GET)}, CONN, CODE(PROTOCOL), 0},
    {"6.2/4 HEADERS, pad length",
     {FRAME(HEADERS, EH | ES | RAW_PADDED, 1, "\021" GET)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"6.2/5 HEADERS, priority cut",
     {FRAME(HEADERS, EH | ES | RAW_PRIORITIZED, 1, "\0\0\0")},
     CONN,
     CODE(PROTOCOL) | CODE(FRAME_SIZE),
     0},
    {"6.3/1 PRIORITY on 0", {FRAME(PRIORITY, 0, 0, "\0\0\0\0\377")}, CONN, CODE(PROTOCOL), 0},
    {"6.3/2 PRIORITY's length",
     {FRAME(HEADERS, EH, 1, GET), FRAME(PRIORITY, 0, 1, "\200\0\0\1")},
     STREAM,
     CODE(FRAME_SIZE),
     0},
    {"6.4/1 RST_STREAM on 0", {RESET(0, "\010")}, CONN, CODE(PROTOCOL), 0},
    {"6.4/2 RST_STREAM on idle", {RESET(1, "\010")}, CONN, CODE(PROTOCOL), 0},
    {"6.4/3 RST_STREAM's length",
     {FRAME(HEADERS, EH, 1, GET), FRAME(RST_STREAM, 0, 1, "\0\0\0")},
     CONN,
     CODE(FRAME_SIZE),
     0},
    {"6.5/1 SETTINGS, ACK with payload",
     {FRAME(SETTINGS, RAW_ACK, 0, "\0")},
     CONN,
     CODE(FRAME_SIZE),
     0},
    {"6.5/2 SETTINGS on 1", {FRAME(SETTINGS, 0, 1, "\0\3\0\0\0\144")}, CONN, CODE(PROTOCOL), 0},
    {"6.5/3 SETTINGS' length",
     {FRAME(SETTINGS, 0, 0, "\0\3\0\0\0\144\0\2")},
     CONN,
     CODE(FRAME_SIZE),
     0},
    {"6.5.2/1 ENABLE_PUSH 2", {FRAME(SETTINGS, 0, 0, "\0\2\0\0\0\2")}, CONN, CODE(PROTOCOL), 0},
    {"6.5.2/2 INITIAL_WINDOW_SIZE", {WINDOW("\200\0\0\0")}, CONN, CODE(FLOW_CONTROL), 0},
    {"6.5.2/3 MAX_FRAME_SIZE below",
     {FRAME(SETTINGS, 0, 0, "\0\5\0\0\077\377")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.5.2/4 MAX_FRAME_SIZE above",
     {FRAME(SETTINGS, 0, 0, "\0\5\1\0\0\0")},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.5.2/5 unknown setting", {FRAME(SETTINGS, 0, 0, "\0\377\0\0\0\1"), PING}, PONG, 0, 0},
    {"6.5.3/1 a setting twice",
     {FRAME(SETTINGS, 0, 0, "\0\4\0\0\0\144\0\4\0\0\0\1"), FRAME(HEADERS, EH | ES, 1, GET)},
     BODY,
     1,
     0},
    {"6.5.3/2 SETTINGS is acknowledged", {FRAME(SETTINGS, 0, 0, "\0\2\0\0\0\0")}, ACKED, 2, 0},
    {"6.7/1 PING", {PING}, PONG, 0, 0},
    {"6.7/2 PING's ACK is not answered",
     {FRAME(PING, RAW_ACK, 0, "probe\0\0\0"), PING},
     PONG,
     0,
     0},
    {"6.7/3 PING on 1", {FRAME(PING, 0, 1, "\0\0\0\0\0\0\0\0")}, CONN, CODE(PROTOCOL), 0},
    {"6.7/4 PING's length", {FRAME(PING, 0, 0, "\0\0\0\0\0\0")}, CONN, CODE(FRAME_SIZE), 0},
    {"6.8/1 GOAWAY on 1", {FRAME(GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0")}, CONN, CODE(PROTOCOL), 0},
    {"6.8/2 GOAWAY's length", {FRAME(GOAWAY, 0, 0, "\0\0\0\0\0\0\0")}, CONN, CODE(FRAME_SIZE), 0},
    {"6.9/1 WINDOW_UPDATE 0", {UPDATE(0, "\0\0\0\0")}, CONN, CODE(PROTOCOL), 0},
    {"6.9/2 WINDOW_UPDATE 0 on a stream",
     {FRAME(HEADERS, EH, 1, GET), UPDATE(1, "\0\0\0\0")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"6.9/3 WINDOW_UPDATE's length", {UPDATE(0, "\0\0\1")}, CONN, CODE(FRAME_SIZE), 0},
    {"6.9.1/1 a window of 1", {WINDOW("\0\0\0\1"), FRAME(HEADERS, EH | ES, 1, GET)}, BODY, 1, 0},
    {"6.9.1/2 WINDOW_UPDATE beyond 2^31-1",
     {UPDATE(0, "\177\377\377\377"), UPDATE(0, "\177\377\377\377")},
     CONN,
     CODE(FLOW_CONTROL),
     0},
    {"6.9.1/3 the same on a stream",
     {FRAME(HEADERS, EH, 1, GET), UPDATE(1, "\177\377\377\377"), UPDATE(1, "\177\377\377\377")},
     STREAM,
     CODE(FLOW_CONTROL),
     0},
    {"6.9.2/1 INITIAL_WINDOW_SIZE after HEADERS",
     {WINDOW("\0\0\0\0"), FRAME(HEADERS, EH | ES, 1, GET), WAIT, WINDOW("\0\0\0\1")},
     BODY,
     1,
     0},
    {"6.9.2/2 a negative window",
     {WINDOW("\0\0\0\3"), FRAME(HEADERS, EH | ES, 1, GET), WAIT, WINDOW("\0\0\0\2"), WAIT,
      UPDATE(1, "\0\0\0\2")},
     BODY,
     4,
     0},
    {"6.9.2/3 INITIAL_WINDOW_SIZE", {WINDOW("\377\377\377\377")}, CONN, CODE(FLOW_CONTROL), 0},
    {"6.9.2/4 INITIAL_WINDOW_SIZE makes a window overflow",
     {FRAME(HEADERS, EH, 1, GET), UPDATE(1, "\177\377\0\0"), WINDOW("\0\2\0\0")},
     CONN,
     CODE(FLOW_CONTROL),
     0},
    {"6.10/1 CONTINUATION twice",
     {FRAME(HEADERS, ES, 1, GET), FRAME(CONTINUATION, 0, 1, X_TEST),
      FRAME(CONTINUATION, EH, 1, X_TEST)},
     ANSWERED,
     0,
     0},
    {"6.10/2 DATA behind CONTINUATION",
     {FRAME(HEADERS, 0, 1, POST), FRAME(CONTINUATION, 0, 1, X_TEST), DATA(ES, 1)},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.10/3 CONTINUATION on 0",
     {FRAME(HEADERS, ES, 1, GET), FRAME(CONTINUATION, EH, 0, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     0},
    {"6.10/4 CONTINUATION behind a whole HEADERS",
     {FRAME(HEADERS, EH | ES, 1, GET), FRAME(CONTINUATION, EH, 1, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     true},
    {"6.10/5 CONTINUATION behind the last one",
     {FRAME(HEADERS, ES, 1, GET), FRAME(CONTINUATION, EH, 1, X_TEST),
      FRAME(CONTINUATION, EH, 1, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     true},
    {"6.10/6 CONTINUATION behind DATA",
     {FRAME(HEADERS, EH, 1, POST), DATA(ES, 1), FRAME(CONTINUATION, EH, 1, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     true},
    {"6.10/7 CONTINUATION of another stream",
     {FRAME(HEADERS, ES, 1, GET), FRAME(CONTINUATION, EH, 3, X_TEST)},
     CONN,
     CODE(PROTOCOL),
     0},
    {"7/1 GOAWAY, unknown code", {FRAME(GOAWAY, 0, 0, "\0\0\0\0\0\0\0\377"), PING}, QUIET, 0, 0},
    {"7/2 RST_STREAM, unknown code",
     {FRAME(HEADERS, EH, 1, GET), RESET(1, "\377"), PING},
     PONG,
     0,
     0},
};

static void test_generic(void **state)
{
    (void)state;
    rows_must_hold(generic_rows, COUNT_OF(generic_rows));
}

static void test_frames(void **state)
{
    (void)state;
    rows_must_hold(rows, COUNT_OF(rows));
}

/* 3.5/1 and 3.5/2 */
static void test_preface(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct peer peer;
        peer_init(&peer, true, pieces[p]);
        raw_preface(&peer.bytes);
        peer_flush(&peer);
        struct raw_reader reader = {.rest = buffer_slice(&peer.out)};
        assert_true(raw_next(&reader));
        assert_int_equal(reader.type, RAW_SETTINGS);
        assert_int_equal(reader.flags, 0);
        peer_finish(&peer);

        static const struct slice others[] = {
            S("INVALID CONNECTION PREFACE\r\n\r\n"), S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"),
            S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\10\6\0\0\0\0\0probe\0\0\0"), /* no SETTINGS */
            S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\1\0\0\0\0"),             /* its ACK */
        };
        for (size_t i = 0; i < COUNT_OF(others); i++) {
            peer_init(&peer, true, pieces[p]);
            buffer_append_slice(&peer.bytes, others[i]);
            peer_flush(&peer);
            if (!codec_finished(peer.codec))
                fail_msg("preface %zu, piece %zu: taken", i, pieces[p]);
            peer_finish(&peer);
        }
    }
}

/* 5.1.2/1: one more than MAX_CONCURRENT_STREAMS, acknowledged. */
static void test_concurrency(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct peer peer;
        peer_begin(&peer, true, pieces[p]);
        for (uint32_t i = 0; i < codec_default_limits.streams; i++)
            raw_headers(&peer.bytes, 1 + 2 * i, RAW_END_STREAM, SLICE(GET));
        peer_flush(&peer);
        assert_int_equal(peer.pair->request_count, codec_default_limits.streams);
        assert_int_equal(peer_said(&peer).goaway, -1);
        raw_headers(&peer.bytes, 1001, RAW_END_STREAM, SLICE(GET));
        peer_flush(&peer);
        const struct said said = peer_said(&peer);
        assert_int_equal(peer.pair->request_count, codec_default_limits.streams);
        assert_true(
            code_in(said.goaway >= 0 ? said.goaway : said.reset, CODE(PROTOCOL) | CODE(REFUSED)));
        peer_finish(&peer);
    }
}

/* RFC 9113 5.1: what a peer sent before our RST_STREAM reached it is no fault of its. */
static void test_frames_behind_our_reset(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct peer peer;
        peer_begin(&peer, true, pieces[p]);
        raw_headers(&peer.bytes, 1, 0, SLICE(POST));
        peer_flush(&peer);
        stream_reset(peer.pair->requests[0].stream, H2_CANCEL);
        peer_produce(&peer);
        for (int i = 0; i < 100; i++) { /* beyond any window if they were not given back */
            raw_frame(&peer.bytes, RAW_DATA, 0, 1, pattern(16384));
            if (i % 10 == 9)
                peer_flush(&peer);
        }
        raw_window_update(&peer.bytes, 1, 5);
        raw_headers(&peer.bytes, 1, RAW_END_STREAM, SLICE("\100\006x-test\002ok"));
        raw_reset(&peer.bytes, 1, H2_CANCEL);
        raw_headers(&peer.bytes, 3, RAW_END_STREAM, SLICE(PLAIN_GET "\276")); /* that x-test */
        peer_flush(&peer);
        const struct said said = peer_said(&peer);
        assert_true(peer.alive);
        assert_int_equal(said.goaway, -1);
        assert_int_equal(peer.pair->request_count, 2);
        assert_string_equal(peer.pair->requests[1].fields, "x-test=ok;");
        assert_true(said.connection_credit >= 100 * 16384 - 512 * 1024);
        peer_finish(&peer);
    }
}

UNIT_MAIN(test_generic, test_frames, test_preface, test_concurrency, test_frames_behind_our_reset)
