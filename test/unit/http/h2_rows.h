/*
 * Rows of frames that a client sends a server codec, and what must come of
 * them; each is fed whole and in pieces, and must end the same.
 */
#ifndef TEST_H2_ROWS_H
#define TEST_H2_ROWS_H

#include "h2_peer.h"

enum outcome {
    PONG,     /* taken, and the PING behind it answered */
    QUIET,    /* the same, or the connection is over */
    ANSWERED, /* a response on stream 1 */
    ACKED,    /* `expect` SETTINGS frames acknowledged */
    BODY,     /* `expect` bytes of a response's body, no more */
    STREAM,   /* RST_STREAM or GOAWAY with one of the codes */
    CONN,     /* GOAWAY with one of the codes, and the connection is over */
};

struct row {
    const char *name;
    struct step steps[STEPS_MAX];
    enum outcome outcome;
    unsigned expect; /* codes or a number */
    bool hold;       /* requests are not answered */
};

/* :method, :scheme http, :path /, :authority a.test */
#define REST "\206\204\101\006a.test"
#define GET "\202" REST
#define POST "\203" REST
/* The same without use of the tables. */
#define PLAIN_GET "\202\206\204\001\006a.test"
#define X_TEST "\000\006x-test\006h2spec"

#define WINDOW(size) FRAME(SETTINGS, 0, 0, "\000\004" size)
#define DATA(flags, stream) FRAME(DATA, flags, stream, "test")
#define RESET(stream, code) FRAME(RST_STREAM, 0, stream, "\000\000\000" code)
#define UPDATE(stream, increment) FRAME(WINDOW_UPDATE, 0, stream, increment)

struct verdict {
    struct said said;
    bool over, answered, works;
};

static void answer(struct message *request)
{
    if (request->stream != NULL)
        respond(request, 200, pattern(10));
}

static void answer_at_end(struct message *request)
{
    request->on_end = answer;
}

/* A new request is answered: the codec is not out of step, whatever it was told. */
static bool still_works(struct peer *peer)
{
    const size_t before = peer->pair->request_count;
    peer->pair->on_request = answer_at_end;
    raw_setting(&peer->bytes, RAW_INITIAL_WINDOW_SIZE, 65535);
    raw_headers(&peer->bytes, 101, RAW_END_STREAM, SLICE(PLAIN_GET));
    buffer_clear(&peer->out);
    peer_flush(peer);
    return peer->alive && peer->pair->request_count == before + 1 && peer_said(peer).heads >= 1;
}

static struct verdict verdict_of(const struct row *row, size_t piece)
{
    struct peer peer;
    peer_begin(&peer, true, piece);
    if (!row->hold)
        peer.pair->on_request = answer_at_end;
    peer_play(&peer, row->steps);
    struct verdict verdict = {.said = peer_said(&peer), .over = codec_finished(peer.codec)};
    verdict.answered = verdict.said.heads == 1 && verdict.said.goaway < 0 && verdict.said.reset < 0;
    verdict.works = !verdict.over && verdict.said.goaway < 0 && still_works(&peer);
    peer_finish(&peer);
    return verdict;
}

static bool verdict_is(const struct verdict *verdict, const struct row *row)
{
    const struct said *said = &verdict->said;
    switch (row->outcome) {
    case PONG:
        return verdict->works && said->pongs == 1;
    case QUIET:
        return said->goaway <= 0 && (verdict->over || said->pongs == 1);
    case ANSWERED:
        return verdict->works && verdict->answered;
    case ACKED:
        return verdict->works && said->acks == row->expect;
    case BODY:
        return verdict->works && verdict->answered && said->data == row->expect;
    case STREAM:
        if (said->goaway < 0)
            return verdict->works && code_in(said->reset, row->expect);
        /* fall through */
    case CONN:
        return verdict->over && code_in(said->goaway, row->expect);
    }
    return false;
}

static bool verdict_same(const struct verdict *a, const struct verdict *b)
{
    return a->said.goaway == b->said.goaway && a->said.reset == b->said.reset &&
           a->over == b->over && a->answered == b->answered && a->said.data == b->said.data;
}

static inline void rows_must_hold(const struct row *table, size_t count)
{
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        struct verdict first = {0};
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            const struct verdict verdict = verdict_of(&table[i], pieces[p]);
            const struct said *said = &verdict.said;
            if (p == 0)
                first = verdict;
            if (verdict_is(&verdict, &table[i]) && verdict_same(&verdict, &first))
                continue;
            print_message("%s, piece %zu: goaway %d, reset %d, over %d, heads %u, data %zu, "
                          "acks %u, pongs %u, works %d\n",
                          table[i].name, pieces[p], said->goaway, said->reset, verdict.over,
                          said->heads, said->data, said->acks, said->pongs, verdict.works);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

#endif
