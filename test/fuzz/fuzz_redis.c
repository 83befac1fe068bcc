/*
 * Any bytes as what a Redis sends, whole and in pieces: replies come out the
 * same way, or the reader breaks for good and says why.
 */
#include "net/redis_reader.h"

#include "fuzz.h"

struct outcome {
    size_t replies, elements;
    bool broken;
};

static void drain(struct redis_reader *reader, struct outcome *outcome)
{
    while (!outcome->broken) {
        struct redisReply *reply = NULL;
        switch (redis_reader_next(reader, &reply)) {
        case REDIS_READ_MORE:
            return;
        case REDIS_READ_BROKEN:
            outcome->broken = true;
            must(reader->failure != NULL);
            break;
        case REDIS_READ_REPLY:
            outcome->replies++;
            outcome->elements += redis_reply_count(reply);
            (void)redis_reply_text(reply);
            freeReplyObject(reply);
            break;
        }
    }
}

static struct outcome read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
    struct outcome outcome = {0};
    struct redis_reader reader;
    redis_reader_init(&reader);
    for (size_t at = 0; at < size && !outcome.broken; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        redis_reader_feed(&reader, (struct slice){(const char *)data + at, len});
        drain(&reader, &outcome);
    }
    redis_reader_finish(&reader);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct outcome whole = read_in_pieces(data, size, size);
    struct outcome pieces = read_in_pieces(data, size, 3);
    must(whole.replies == pieces.replies && whole.elements == pieces.elements &&
         whole.broken == pieces.broken);
    return 0;
}
