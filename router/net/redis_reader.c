#include "net/redis_reader.h"

#include "base/check.h"

#if HIREDIS_MAJOR >= 1
typedef size_t element_count; /* hiredis changed the type of its own callback */
#else
typedef int element_count;
#endif

static void *bounded_array(const struct redisReadTask *task, element_count count)
{
    struct redis_reader *reader = task->privdata;
    if (task->parent == NULL)
        reader->elements = 0;
    if (count > 0)
        reader->elements += (size_t)count;
    if (reader->elements > REDIS_REPLY_ELEMENTS_MOST) {
        reader->failure = "a reply of too many elements";
        return NULL;
    }
    return reader->original->createArray(task, count);
}

void redis_reader_init(struct redis_reader *reader)
{
    *reader = (struct redis_reader){.reader = redisReaderCreate()};
    CHECK(reader->reader != NULL);
    reader->original = reader->reader->fn;
    reader->functions = *reader->original;
    reader->functions.createArray = bounded_array;
    reader->reader->fn = &reader->functions;
    reader->reader->privdata = reader;
}

void redis_reader_finish(struct redis_reader *reader)
{
    if (reader->reader)
        redisReaderFree(reader->reader);
    reader->reader = NULL;
}

void redis_reader_feed(struct redis_reader *reader, struct slice bytes)
{
    if (reader->failure)
        return;
    if (redisReaderFeed(reader->reader, bytes.ptr, bytes.len) != REDIS_OK)
        reader->failure = "out of memory while reading a reply";
}

enum redis_read redis_reader_next(struct redis_reader *reader, struct redisReply **reply)
{
    *reply = NULL;
    if (reader->failure)
        return REDIS_READ_BROKEN;
    void *found = NULL;
    if (redisReaderGetReply(reader->reader, &found) != REDIS_OK) {
        if (!reader->failure)
            reader->failure = "bytes that are not the Redis protocol";
        return REDIS_READ_BROKEN;
    }
    if (found) {
        *reply = found;
        return REDIS_READ_REPLY;
    }
    if (reader->reader->len - reader->reader->pos > REDIS_REPLY_BYTES_MOST) {
        reader->failure = "a reply of too many bytes";
        return REDIS_READ_BROKEN;
    }
    return REDIS_READ_MORE;
}

struct slice redis_reply_text(const struct redisReply *reply)
{
    if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
        return SLICE_NONE;
    return slice_make(reply->str, (size_t)reply->len);
}

size_t redis_reply_count(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY ? (size_t)reply->elements : 0;
}
