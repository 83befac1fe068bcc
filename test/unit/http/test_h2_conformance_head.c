/*
 * A server that reads header blocks as RFC 7541 and RFC 9113 section 8 say: the
 * cases of h2spec 2.6 about them, under their names (g: its generic part, p:
 * its HPACK part), and more that a decoder can get wrong (x).
 */
#include "h2_rows.h"

#define HEADERS(block) FRAME(HEADERS, EH | ES, 1, block)
#define REFUSED CONN, CODE(COMPRESSION), 0
/* Huffman-coded */
#define H_USER_AGENT "\207\265\005\261\141\314\132\223"
#define H_X_TEST "\205\362\262\112\204\377"
#define H_H2SPEC "\204\234\110\254\244"

static const struct row hpack_rows[] = {
    {"g5/1 indexed", {HEADERS(GET "\272")}, ANSWERED, 0, 0},
    {"g5/2 incremental, indexed name", {HEADERS(GET "\172\006h2spec")}, ANSWERED, 0, 0},
    {"g5/3 the same, Huffman", {HEADERS(GET "\172" H_H2SPEC)}, ANSWERED, 0, 0},
    {"g5/4 incremental, new name", {HEADERS(GET "\100\006x-test\006h2spec")}, ANSWERED, 0, 0},
    {"g5/5 the same, Huffman", {HEADERS(GET "\100" H_X_TEST H_H2SPEC)}, ANSWERED, 0, 0},
    {"g5/6 not indexed, indexed name", {HEADERS(GET "\017\053\006h2spec")}, ANSWERED, 0, 0},
    {"g5/7 the same, Huffman", {HEADERS(GET "\017\053" H_H2SPEC)}, ANSWERED, 0, 0},
    {"g5/8 not indexed, new name", {HEADERS(GET X_TEST)}, ANSWERED, 0, 0},
    {"g5/9 the same, Huffman", {HEADERS(GET "\000" H_USER_AGENT H_H2SPEC)}, ANSWERED, 0, 0},
    {"g5/10 never indexed, indexed name", {HEADERS(GET "\037\053\006h2spec")}, ANSWERED, 0, 0},
    {"g5/11 the same, Huffman", {HEADERS(GET "\037\053" H_H2SPEC)}, ANSWERED, 0, 0},
    {"g5/12 never indexed, new name", {HEADERS(GET "\020\006x-test\006h2spec")}, ANSWERED, 0, 0},
    {"g5/13 the same, Huffman", {HEADERS(GET "\020" H_X_TEST H_H2SPEC)}, ANSWERED, 0, 0},
    {"g5/14 table size 0", {HEADERS("\040" GET)}, ANSWERED, 0, 0},
    {"g5/15 table sizes 128 and 4096", {HEADERS("\077\141\077\341\037" GET)}, ANSWERED, 0, 0},
    {"p2.3.3/1 index too large", {HEADERS(GET "\306")}, REFUSED},
    {"p2.3.3/2 name's index too large", {HEADERS(GET "\177\007\000")}, REFUSED},
    {"p4.2/1 table size at the end", {HEADERS(GET "\040")}, REFUSED},
    {"p5.2/1 padding of 8 bits", {HEADERS(GET "\000\006x-test\205\234\110\254\244\377")}, REFUSED},
    {"p5.2/2 padding of zeros", {HEADERS(GET "\000\006x-test\201\070")}, REFUSED},
    {"p5.2/3 EOS", {HEADERS(GET "\000\006x-test\204\377\377\377\377")}, REFUSED},
    {"p6.1/1 index 0", {HEADERS("\200" GET)}, REFUSED},
    {"p6.3/1 table size 4097", {HEADERS("\077\342\037" GET)}, REFUSED},
    {"x1 the first dynamic entry", {HEADERS(GET "\100\001a\001b\276")}, ANSWERED, 0, 0},
    {"x2 behind the last dynamic entry", {HEADERS(GET "\100\001a\001b\300")}, REFUSED},
    {"x3 none is left at size 0", {HEADERS("\040" GET "\100\001a\001b\276")}, REFUSED},
    {"x4 index, endless number",
     {HEADERS(GET "\377\200\200\200\200\200\200\200\200\200\200\001")},
     REFUSED},
    {"x5 index, 2 if cut to 32 bits", {HEADERS(GET "\377\203\377\377\377\017")}, REFUSED},
    {"x6 index, 34 bits", {HEADERS(GET "\377\202\377\377\377\077")}, REFUSED},
    {"x7 number cut", {HEADERS(GET "\377\200")}, REFUSED},
    {"x8 string longer than the block", {HEADERS(GET "\000\006x-test\007h2spec")}, REFUSED},
    {"x9 string's length 2^32 more",
     {HEADERS(GET "\000\006x-test\177\207\377\377\377\017")},
     REFUSED},
    {"x10 string's length cut", {HEADERS(GET "\000\006x-test\177")}, REFUSED},
    {"x11 no value", {HEADERS(GET "\000\006x-test")}, REFUSED},
    {"x12 empty Huffman value", {HEADERS(GET "\000\006x-test\200")}, ANSWERED, 0, 0},
    {"x13 Huffman code cut", {HEADERS(GET "\000\006x-test\201\376")}, REFUSED},
    {"x14 three table sizes", {HEADERS("\040\077\001\077\341\037" GET)}, ANSWERED, 0, 0},
    {"x15 a field, then a table size", {HEADERS("\202\040" REST)}, REFUSED},
    {"x16 a number with zeros behind", {HEADERS("\077\341\237\000" GET)}, ANSWERED, 0, 0},
};

static const struct row message_rows[] = {
    {"8.1/1 second HEADERS without END_STREAM",
     {FRAME(HEADERS, EH, 1, POST), FRAME(HEADERS, EH, 1, X_TEST)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2/1 upper case",
     {FRAME(HEADERS, EH | ES, 1, GET "\000\006X-TEST\002ok")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.1/1 unknown pseudo field",
     {FRAME(HEADERS, EH | ES, 1, GET "\000\005:test\002ok")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.1/2 a response's pseudo field",
     {FRAME(HEADERS, EH | ES, 1, GET "\210")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.1/3 pseudo field as trailer",
     {FRAME(HEADERS, EH, 1, POST), DATA(0, 1), FRAME(HEADERS, EH | ES, 1, "\202")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.1/4 pseudo field behind a field",
     {FRAME(HEADERS, EH | ES, 1, "\206\204\101\006a.test" X_TEST "\202")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.2/1 connection",
     {FRAME(HEADERS, EH | ES, 1, GET "\000\012connection\012keep-alive")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.2/2 te",
     {FRAME(HEADERS, EH | ES, 1, GET "\000\002te\021trailers, deflate")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.3/1 :path empty",
     {FRAME(HEADERS, EH | ES, 1, "\202\206\004\000\101\006a.test")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.3/2 no :method", {FRAME(HEADERS, EH | ES, 1, REST)}, STREAM, CODE(PROTOCOL), 0},
    {"8.1.2.3/3 no :scheme",
     {FRAME(HEADERS, EH | ES, 1, "\202\204\101\006a.test")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.3/4 no :path",
     {FRAME(HEADERS, EH | ES, 1, "\202\206\101\006a.test")},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.3/5 :method twice",
     {FRAME(HEADERS, EH | ES, 1, "\202" GET)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.3/6 :scheme twice",
     {FRAME(HEADERS, EH | ES, 1, "\202\206" REST)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.3/7 :path twice",
     {FRAME(HEADERS, EH | ES, 1, "\202\204" REST)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.6/1 content-length",
     {FRAME(HEADERS, EH, 1, POST "\017\015\0011"), DATA(ES, 1)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.1.2.6/2 content-length of many",
     {FRAME(HEADERS, EH, 1, POST "\017\015\0015"), DATA(0, 1), DATA(ES, 1)},
     STREAM,
     CODE(PROTOCOL),
     0},
    {"8.2/1 PUSH_PROMISE",
     {FRAME(HEADERS, EH, 1, GET), FRAME(PUSH_PROMISE, EH, 1, "\0\0\0\2" GET)},
     CONN,
     CODE(PROTOCOL),
     0},
};

static void test_hpack(void **state)
{
    (void)state;
    rows_must_hold(hpack_rows, COUNT_OF(hpack_rows));
}

static void test_messages(void **state)
{
    (void)state;
    rows_must_hold(message_rows, COUNT_OF(message_rows));
}

/* RFC 7541 4.4: a new entry may name one that it drives out, or be too large for the table. */
static void test_name_of_an_entry_that_goes(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2000, 4000, 4059, 4060, 4100, 20000};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            struct peer peer;
            struct buffer block = {0};
            peer_begin(&peer, true, pieces[p]);
            buffer_append_slice(&block, SLICE(GET "\100\005x-abc\001b\176"));
            raw_string(&block, pattern(lengths[i]));
            const struct slice whole = buffer_slice(&block);
            const size_t first = whole.len < 16384 ? whole.len : 16384;
            raw_frame(&peer.bytes, RAW_HEADERS, ES, 1, slice_make(whole.ptr, first));
            raw_frame(&peer.bytes, RAW_CONTINUATION, EH, 1,
                      slice_make(whole.ptr + first, whole.len - first));
            peer_flush(&peer);
            assert_int_equal(peer.pair->request_count, 1);
            const struct fields *fields = &peer.pair->requests[0].request.fields;
            assert_int_equal(fields->count, 2);
            assert_true(slice_eq(fields->items[1].name, SLICE("x-abc")));
            assert_true(slice_eq(fields->items[1].value, pattern(lengths[i])));
            buffer_release(&block);
            peer_finish(&peer);
        }
    }
}

UNIT_MAIN(test_hpack, test_messages, test_name_of_an_entry_that_goes)
