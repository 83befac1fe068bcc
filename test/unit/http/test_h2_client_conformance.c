/*
 * A client that holds its server to RFC 9113: what a misbehaving cluster costs
 * its connection or its stream, and what it must not disturb.  Rows are fed
 * whole and in pieces, and end the same.
 */
#include "h2_back.h"

enum outcome {
    FINE,    /* no error of any kind */
    STREAM,  /* RST_STREAM or GOAWAY with one of the codes */
    CONN,    /* GOAWAY with one of the codes, and the connection is over */
    LENIENT, /* either FINE or CONN */
};
enum { OPEN = -1 };

/* Call 1 has sent all of its request on stream 1. */
struct row {
    const char *name;
    struct step steps[STEPS_MAX];
    enum outcome outcome;
    unsigned codes;
    int why;    /* call 1 was closed, or OPEN */
    int status; /* of its response, 0 none */
    const char *body;
};

#define HEADERS(flags, block) FRAME(HEADERS, (flags) | EH, 1, block)
#define DATA(flags, text) FRAME(DATA, flags, 1, text)
#define LENGTH(digit) "\017\015\001" digit
#define HINTS "\010\003103"
#define TRAILER "\000\003x-t\0011"
#define BAD_ANSWER STREAM, CODE(PROTOCOL), STREAM_PROTOCOL
#define UNDISTURBED FINE, 0, OPEN, 0, ""
#define DEAD(code) CONN, CODE(code), STREAM_PROTOCOL, 0, ""

static const struct row message_rows[] = {
    {"an answer", {HEADERS(0, OK), DATA(ES, "ok")}, FINE, 0, STREAM_DONE, 200, "ok"},
    {"an answer without body", {HEADERS(ES, OK)}, FINE, 0, STREAM_DONE, 200, ""},
    {"an empty end",
     {HEADERS(0, OK), DATA(0, "ok"), DATA(ES, "")},
     FINE,
     0,
     STREAM_DONE,
     200,
     "ok"},
    {"padding",
     {FRAME(HEADERS, EH | RAW_PADDED, 1, "\002" OK "\0\0"), DATA(RAW_PADDED, "\003o\0\0\0"),
      DATA(ES | RAW_PADDED, "\000k")},
     FINE,
     0,
     STREAM_DONE,
     200,
     "ok"},
    {"nothing but padding",
     {HEADERS(0, OK), DATA(RAW_PADDED, "\002\0\0"), DATA(RAW_PADDED | ES, "\000")},
     FINE,
     0,
     STREAM_DONE,
     200,
     ""},
    {"priority in HEADERS",
     {FRAME(HEADERS, EH | ES | RAW_PRIORITIZED, 1, "\0\0\0\0\020" OK)},
     FINE,
     0,
     STREAM_DONE,
     200,
     ""},
    {"CONTINUATION",
     {FRAME(HEADERS, ES, 1, ""), FRAME(CONTINUATION, 0, 1, "\010\00320"),
      FRAME(CONTINUATION, EH, 1, "0" TRAILER)},
     FINE,
     0,
     STREAM_DONE,
     200,
     ""},
    {"1xx", {HEADERS(0, HINTS), HEADERS(0, HINTS), HEADERS(ES, OK)}, FINE, 0, STREAM_DONE, 200, ""},
    {"1xx with END_STREAM", {HEADERS(ES, HINTS)}, BAD_ANSWER, 0, ""},
    {"1xx with content-length",
     {HEADERS(0, HINTS LENGTH("3")), HEADERS(ES, OK)},
     BAD_ANSWER,
     0,
     ""},
    {"1xx after the answer", {HEADERS(0, OK), HEADERS(0, HINTS)}, BAD_ANSWER, 200, ""},
    {"101", {HEADERS(0, "\010\003101")}, BAD_ANSWER, 0, ""},
    {"trailers",
     {HEADERS(0, OK), DATA(0, "ok"), HEADERS(ES, TRAILER)},
     FINE,
     0,
     STREAM_DONE,
     200,
     "ok"},
    {"trailers without END_STREAM",
     {HEADERS(0, OK), DATA(0, "ok"), HEADERS(0, TRAILER)},
     BAD_ANSWER,
     200,
     "ok"},
    {"trailers with :status", {HEADERS(0, OK), HEADERS(ES, OK)}, BAD_ANSWER, 200, ""},
    {"two answers", {HEADERS(0, OK), HEADERS(0, OK)}, BAD_ANSWER, 200, ""},
    {"DATA before HEADERS", {DATA(0, "ok")}, BAD_ANSWER, 0, ""},
    {"DATA and end before HEADERS", {DATA(ES, "ok")}, BAD_ANSWER, 0, ""},
    {"DATA behind 1xx", {HEADERS(0, HINTS), DATA(ES, "ok")}, BAD_ANSWER, 0, ""},
    {"no :status", {HEADERS(ES, TRAILER)}, BAD_ANSWER, 0, ""},
    {":status twice", {HEADERS(ES, OK OK)}, BAD_ANSWER, 0, ""},
    {":status late", {HEADERS(ES, TRAILER OK)}, BAD_ANSWER, 0, ""},
    {":status of two digits", {HEADERS(ES, "\010\00220")}, BAD_ANSWER, 0, ""},
    {":status with letters", {HEADERS(ES, "\010\0032a0")}, BAD_ANSWER, 0, ""},
    {"a request's pseudo field", {HEADERS(ES, OK "\204")}, BAD_ANSWER, 0, ""},
    {"content-length",
     {HEADERS(0, OK LENGTH("2")), DATA(0, "o"), DATA(ES, "k")},
     FINE,
     0,
     STREAM_DONE,
     200,
     "ok"},
    {"content-length, too few",
     {HEADERS(0, OK LENGTH("3")), DATA(ES, "ok")},
     BAD_ANSWER,
     200,
     "ok"},
    {"content-length, none", {HEADERS(ES, OK LENGTH("3"))}, BAD_ANSWER, 0, ""},
    {"content-length, too few before trailers",
     {HEADERS(0, OK LENGTH("3")), DATA(0, "ok"), HEADERS(ES, TRAILER)},
     BAD_ANSWER,
     200,
     "ok"},
    {"content-length 0 and DATA", {HEADERS(0, OK LENGTH("0")), DATA(ES, "k")}, BAD_ANSWER, 200, ""},
    {"content-length of 304", {HEADERS(ES, "\213" LENGTH("3"))}, FINE, 0, STREAM_DONE, 304, ""},
    {"204 with a body", {HEADERS(0, "\211"), DATA(ES, "ok")}, BAD_ANSWER, 204, ""},
};

static const struct row frame_rows[] = {
    {"SETTINGS' ACK with payload", {FRAME(SETTINGS, RAW_ACK, 0, "\0")}, DEAD(FRAME_SIZE)},
    {"SETTINGS' length", {FRAME(SETTINGS, 0, 0, "\0\3\0\0\0")}, DEAD(FRAME_SIZE)},
    {"SETTINGS on a stream", {FRAME(SETTINGS, 0, 1, "")}, DEAD(PROTOCOL)},
    {"ENABLE_PUSH 0", {FRAME(SETTINGS, 0, 0, "\0\2\0\0\0\0")}, UNDISTURBED},
    {"ENABLE_PUSH 1", {FRAME(SETTINGS, 0, 0, "\0\2\0\0\0\1")}, DEAD(PROTOCOL)},
    {"INITIAL_WINDOW_SIZE", {FRAME(SETTINGS, 0, 0, "\0\4\200\0\0\0")}, DEAD(FLOW_CONTROL)},
    {"MAX_FRAME_SIZE below", {FRAME(SETTINGS, 0, 0, "\0\5\0\0\077\377")}, DEAD(PROTOCOL)},
    {"MAX_FRAME_SIZE above", {FRAME(SETTINGS, 0, 0, "\0\5\1\0\0\0")}, DEAD(PROTOCOL)},
    {"MAX_FRAME_SIZE", {FRAME(SETTINGS, 0, 0, "\0\5\0\377\377\377")}, UNDISTURBED},
    {"an unknown setting", {FRAME(SETTINGS, 0, 0, "\377\377\0\0\0\1")}, UNDISTURBED},
    {"PING on a stream", {FRAME(PING, 0, 1, "12345678")}, DEAD(PROTOCOL)},
    {"PING's length", {FRAME(PING, 0, 0, "1234567")}, DEAD(FRAME_SIZE)},
    {"PING's ACK unasked", {FRAME(PING, RAW_ACK, 0, "12345678")}, UNDISTURBED},
    {"unknown frames",
     {FRAME(DATA + 10, 0, 0, "\0\0\0\0x"), FRAME(DATA + 200, 255, 1, "x"),
      FRAME(DATA + 77, 0, 9, "")},
     UNDISTURBED},
    {"PRIORITY",
     {FRAME(PRIORITY, 0, 1, "\0\0\0\0\020"), FRAME(PRIORITY, 0, 2, "\0\0\0\0\020")},
     UNDISTURBED},
    {"PUSH_PROMISE", {FRAME(PUSH_PROMISE, EH, 1, "\0\0\0\2\202\206\204\101\001a")}, DEAD(PROTOCOL)},
    {"HEADERS on an idle stream", {FRAME(HEADERS, EH | ES, 7, OK)}, DEAD(PROTOCOL)},
    {"HEADERS on an even stream", {FRAME(HEADERS, EH | ES, 2, OK)}, DEAD(PROTOCOL)},
    {"HEADERS on 0", {FRAME(HEADERS, EH | ES, 0, OK)}, DEAD(PROTOCOL)},
    {"DATA on an idle stream", {FRAME(DATA, 0, 7, "x")}, DEAD(PROTOCOL)},
    {"DATA on an even stream", {FRAME(DATA, 0, 2, "x")}, DEAD(PROTOCOL)},
    {"DATA on 0", {FRAME(DATA, 0, 0, "x")}, DEAD(PROTOCOL)},
    {"DATA, pad length",
     {HEADERS(0, OK), DATA(RAW_PADDED, "\001")},
     CONN,
     CODE(PROTOCOL),
     STREAM_PROTOCOL,
     200,
     ""},
    {"DATA too large",
     {HEADERS(0, OK), FILLED(DATA, 0, 1, 16385)},
     STREAM,
     CODE(FRAME_SIZE),
     STREAM_PROTOCOL,
     200,
     ""},
    {"RST_STREAM on an idle stream", {FRAME(RST_STREAM, 0, 7, "\0\0\0\010")}, DEAD(PROTOCOL)},
    {"RST_STREAM on an even stream", {FRAME(RST_STREAM, 0, 2, "\0\0\0\010")}, DEAD(PROTOCOL)},
    {"RST_STREAM's length", {FRAME(RST_STREAM, 0, 1, "\0\0\0\010\0")}, DEAD(FRAME_SIZE)},
    {"RST_STREAM twice",
     {FRAME(RST_STREAM, 0, 1, "\0\0\0\010"), FRAME(RST_STREAM, 0, 1, "\0\0\0\010")},
     LENIENT,
     CODE(STREAM_CLOSED),
     STREAM_RESET,
     0,
     ""},
    {"WINDOW_UPDATE on an idle stream", {FRAME(WINDOW_UPDATE, 0, 7, "\0\0\0\1")}, DEAD(PROTOCOL)},
    {"WINDOW_UPDATE 0", {FRAME(WINDOW_UPDATE, 0, 1, "\0\0\0\0")}, BAD_ANSWER, 0, ""},
    {"WINDOW_UPDATE's length", {FRAME(WINDOW_UPDATE, 0, 1, "\0\0\0\0\1")}, DEAD(FRAME_SIZE)},
    {"the connection's window overflows",
     {FRAME(WINDOW_UPDATE, 0, 0, "\177\377\377\377")},
     DEAD(FLOW_CONTROL)},
    {"CONTINUATION unasked", {FRAME(CONTINUATION, EH, 1, OK)}, DEAD(PROTOCOL)},
    {"CONTINUATION behind the last one",
     {FRAME(HEADERS, 0, 1, OK), FRAME(CONTINUATION, EH, 1, ""), FRAME(CONTINUATION, EH, 1, "")},
     CONN,
     CODE(PROTOCOL),
     STREAM_PROTOCOL,
     200,
     ""},
    {"CONTINUATION of another stream",
     {FRAME(HEADERS, 0, 1, OK), FRAME(CONTINUATION, EH, 3, "")},
     DEAD(PROTOCOL)},
    {"PING in a header block",
     {FRAME(HEADERS, 0, 1, OK), FRAME(PING, 0, 0, "12345678")},
     DEAD(PROTOCOL)},
    {"an unknown frame in a header block",
     {FRAME(HEADERS, 0, 1, OK), FRAME(DATA + 99, 0, 1, "")},
     DEAD(PROTOCOL)},
    {"a broken header block", {HEADERS(ES, "\210\377\377\377\377\377\377")}, DEAD(COMPRESSION)},
    {"a table larger than ours", {HEADERS(ES, "\077\342\037" OK)}, DEAD(COMPRESSION)},
    {"GOAWAY on a stream", {FRAME(GOAWAY, 0, 1, "\0\0\0\1\0\0\0\0")}, DEAD(PROTOCOL)},
    {"GOAWAY's length", {FRAME(GOAWAY, 0, 0, "\0\0\0\1")}, DEAD(FRAME_SIZE)},
    {"DATA behind the end",
     {HEADERS(ES, OK), DATA(0, "ok")},
     LENIENT,
     CODE(STREAM_CLOSED),
     STREAM_DONE,
     200,
     ""},
    {"HEADERS behind the end",
     {HEADERS(ES, OK), HEADERS(ES, OK)},
     LENIENT,
     CODE(STREAM_CLOSED),
     STREAM_DONE,
     200,
     ""},
    {"WINDOW_UPDATE and RST_STREAM behind the end",
     {HEADERS(ES, OK), FRAME(WINDOW_UPDATE, 0, 1, "\0\0\0\1"), FRAME(RST_STREAM, 0, 1, "\0\0\0\0")},
     FINE,
     0,
     STREAM_DONE,
     200,
     ""},
};

static bool row_holds(const struct row *row, struct back *back, struct said *said)
{
    const struct message *call = back->call;
    const bool dead = code_in(said->goaway, row->codes) && codec_finished(back->peer.codec);
    const bool fine = said->goaway < 0 && said->resets == 0;
    const bool reset = said->goaway < 0 && code_in(said->reset, row->codes);
    bool right = false;
    if (row->outcome == FINE)
        right = fine;
    else if (row->outcome == CONN)
        right = dead;
    else
        right = dead || (row->outcome == STREAM ? reset : fine);
    if (dead) /* what its owner does now */
        codec_destroy(&back->peer.pair->client);
    return right && (dead || still_works(back)) && call->closed == (row->why != OPEN) &&
           (!call->closed || (int)call->why == row->why) && call->status == row->status &&
           slice_eq(buffer_slice(&call->body), slice_of(row->body)) &&
           call->ended == (row->why == STREAM_DONE);
}

static void rows_must_hold(const struct row *rows, size_t count)
{
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        struct said first = {0};
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            struct back back;
            back_begin(&back, pieces[p]);
            peer_play(&back.peer, rows[i].steps);
            struct said said = peer_said(&back.peer);
            if (p == 0)
                first = said;
            const bool holds = row_holds(&rows[i], &back, &said);
            if (!holds || said.goaway != first.goaway || said.reset != first.reset) {
                print_message("%s, piece %zu: goaway %d, reset %d, closed %d, why %d, status %d, "
                              "body %zu\n",
                              rows[i].name, pieces[p], said.goaway, said.reset, back.call->closed,
                              (int)back.call->why, back.call->status, buffer_len(&back.call->body));
                failures++;
            }
            peer_finish(&back.peer);
        }
    }
    assert_int_equal(failures, 0);
}

static void test_messages(void **state)
{
    (void)state;
    rows_must_hold(message_rows, COUNT_OF(message_rows));
}

static void test_frames(void **state)
{
    (void)state;
    rows_must_hold(frame_rows, COUNT_OF(frame_rows));
}

UNIT_MAIN(test_messages, test_frames)
