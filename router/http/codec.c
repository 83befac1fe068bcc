/*
 * The dispatch from codec.h to the four codecs, and what they have in common:
 * the pool of stream objects, the user's hold on a stream, the answer to a
 * refused request.
 */
#include "http/codec.h"

#include <pthread.h>
#include <stdlib.h>

#include "http/codec_core.h"
#include "http/h2_frame.h"

enum {
    STREAM_POOL_MAX = 2048,        /* stream objects a thread keeps */
    STREAM_KEPT_BUFFER = 4 * 1024, /* a pooled stream keeps a buffer up to this size */
    SPARE_BUFFER = 16 * 1024,      /* so does the thread, of those that codecs gave back, */
#if defined(__SANITIZE_ADDRESS__)
    SPARE_BUFFERS = 1, /* so that it sees misuse */
#else
    SPARE_BUFFERS = 16, /* so many */
#endif
};

const struct codec_limits codec_default_limits = {.streams = 100,
                                                  .head_fields = 100,
                                                  .head_bytes = 64 * 1024,
                                                  .secure = false};

/* One pool a thread; a key's destructor empties it when the thread ends. */
struct stream_pool {
    struct list free;
    size_t count;
    struct buffer spare[SPARE_BUFFERS];
    size_t spare_count;
};

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static pthread_key_t pool_key;
static __thread struct stream_pool *thread_pool;

static void stream_free(struct codec_stream *s)
{
    arena_finish(&s->arena);
    buffer_release(&s->out);
    free(s);
}

static void pool_free(void *memory)
{
    struct stream_pool *pool = memory;
    for (struct list *node; (node = list_pop(&pool->free)) != NULL;)
        stream_free(LIST_ENTRY(node, struct codec_stream, link));
    while (pool->spare_count > 0)
        buffer_release(&pool->spare[--pool->spare_count]);
    free(pool);
    thread_pool = NULL;
}

static void pool_key_create(void)
{
    CHECK_EQ(pthread_key_create(&pool_key, pool_free), 0);
}

static struct stream_pool *pool_get(void)
{
    if (ISO_UNLIKELY(thread_pool == NULL)) {
        CHECK_EQ(pthread_once(&pool_once, pool_key_create), 0);
        thread_pool = memory_zalloc(sizeof *thread_pool);
        list_init(&thread_pool->free);
        CHECK_EQ(pthread_setspecific(pool_key, thread_pool), 0);
    }
    return thread_pool;
}

struct codec_stream *codec_stream_take(struct codec *codec)
{
    struct stream_pool *pool = pool_get();
    struct list *node = list_pop(&pool->free);
    struct codec_stream *s;
    if (node != NULL) {
        s = LIST_ENTRY(node, struct codec_stream, link);
        pool->count--;
    } else {
        s = memory_zalloc_aligned(sizeof *s, CACHE_LINE_BYTES);
        arena_init(&s->arena);
        list_init(&s->link);
        list_init(&s->turn);
    }
    s->stream.codec = codec;
    return s;
}

static void pool_put(struct codec_stream *s)
{
    struct stream_pool *pool = pool_get();
    if (pool->count >= STREAM_POOL_MAX) {
        stream_free(s);
        return;
    }
    arena_reset(&s->arena);
    if (s->out.size > STREAM_KEPT_BUFFER)
        buffer_release(&s->out);
    else
        buffer_clear(&s->out);
    const struct arena arena = s->arena;
    const struct buffer out = s->out;
    *s = (struct codec_stream){.arena = arena, .out = out};
    list_init(&s->link);
    list_init(&s->turn);
    list_prepend(&pool->free, &s->link);
    pool->count++;
}

void codec_buffer_take(struct buffer *buffer)
{
    struct stream_pool *pool = pool_get();
    if (pool->spare_count > 0)
        *buffer = pool->spare[--pool->spare_count];
}

void codec_buffer_give(struct buffer *buffer)
{
    struct stream_pool *pool = pool_get();
    if (pool->spare_count == SPARE_BUFFERS || buffer->size > SPARE_BUFFER) {
        buffer_release(buffer);
        return;
    }
    buffer_clear(buffer);
    pool->spare[pool->spare_count++] = *buffer;
    *buffer = (struct buffer){0};
}

void codec_init(struct codec *codec, const struct codec_ops *ops, const struct codec_limits *limits,
                const struct codec_events *events, void *owner)
{
    codec->ops = ops;
    codec->limits = limits ? *limits : codec_default_limits;
    codec->events = events;
    codec->owner = owner;
    list_init(&codec->dead);
}

void codec_enter(struct codec *codec)
{
    codec->busy++;
}

void codec_leave(struct codec *codec)
{
    if (--codec->busy > 0)
        return;
    for (struct list *node; (node = list_pop(&codec->dead)) != NULL;)
        pool_put(LIST_ENTRY(node, struct codec_stream, link));
}

void codec_mark_dirty(struct codec *codec)
{
    if (codec->busy == 0)
        codec->events->on_dirty(codec->owner);
}

void codec_stream_bury(struct codec_stream *s)
{
    struct codec *codec = s->stream.codec;
    list_remove(&s->link);
    list_append(&codec->dead, &s->link);
}

void codec_stream_attach(struct codec_stream *s, const struct stream_events *events, void *user)
{
    s->stream.events = events;
    s->stream.user = user;
    s->user = USER_ATTACHED;
    s->stream.codec->stream_count++;
}

void codec_stream_announce(struct codec_stream *s)
{
    struct codec *codec = s->stream.codec;
    codec_stream_attach(s, NULL, NULL);
    codec->events->on_request(codec->owner, &s->stream, &s->request);
    CHECK(!stream_attached(s) || s->stream.events != NULL);
}

void codec_stream_detach(struct codec_stream *s)
{
    if (s->user == USER_ATTACHED)
        s->stream.codec->stream_count--;
    s->user = USER_DETACHED;
}

void codec_stream_close(struct codec_stream *s, enum stream_close why)
{
    const bool attached = stream_attached(s);
    codec_stream_detach(s);
    if (attached)
        s->stream.events->on_closed(&s->stream, why);
}

void codec_stream_refuse(struct codec_stream *s, enum fault fault)
{
    struct codec *codec = s->stream.codec;
    const struct fault_row *row = fault_row(fault);
    struct buffer body = {0};
    fault_body_write(fault, NULL, SLICE_NONE, &body);
    struct response_head head = {.status = row->status,
                                 .content_length = (int64_t)buffer_len(&body)};
    fields_add(&head.fields, &s->arena, SLICE("content-type"), SLICE("application/json"));
    if (!row->client_may_retry)
        fields_add(&head.fields, &s->arena, SLICE("x-should-retry"), SLICE("false"));
    const struct slice id = codec->events->on_refused != NULL
                                ? codec->events->on_refused(codec->owner, fault)
                                : SLICE_NONE;
    if (id.ptr != NULL)
        fields_add(&head.fields, &s->arena, SLICE("x-request-id"), id);
    codec->ops->send_response(&s->stream, &head, false);
    codec->ops->send_body(&s->stream, buffer_slice(&body));
    codec->ops->send_end(&s->stream, NULL);
    buffer_release(&body);
}

void codec_stream_drained(struct codec_stream *s, size_t queued)
{
    if (!s->above_high || queued > STREAM_LOW_BYTES)
        return;
    s->above_high = false;
    if (stream_attached(s) && s->stream.events->on_drained != NULL)
        s->stream.events->on_drained(&s->stream);
}

void body_parts_init(struct body_parts *body, const struct slice *parts, size_t count)
{
    *body = (struct body_parts){.parts = parts, .count = count};
    for (size_t i = 0; i < count; i++)
        body->left += parts[i].len;
}

size_t body_parts_take(struct body_parts *body, char *out, size_t size)
{
    size_t taken = 0;
    while (taken < size && body->left > 0) {
        const struct slice part = body->parts[body->at];
        size_t n = part.len - body->offset;
        if (n > size - taken)
            n = size - taken;
        if (n > 0)
            memcpy(out + taken, part.ptr + body->offset, n);
        taken += n;
        body->offset += n;
        body->left -= n;
        if (body->offset == part.len) {
            body->at++;
            body->offset = 0;
        }
    }
    return taken;
}

enum http_sniff http_sniff(struct slice first_bytes)
{
    const size_t len = first_bytes.len < H2_PREFACE_BYTES ? first_bytes.len : H2_PREFACE_BYTES;
    if (len > 0 && memcmp(first_bytes.ptr, H2_PREFACE, len) != 0)
        return SNIFF_H1;
    return len == H2_PREFACE_BYTES ? SNIFF_H2 : SNIFF_MORE;
}

void codec_destroy(struct codec **codec)
{
    if (*codec == NULL)
        return;
    struct codec *dying = *codec;
    CHECK_EQ(dying->busy, 0);
    *codec = NULL;
    dying->ops->destroy(dying);
}

bool codec_feed(struct codec *codec, struct slice bytes, int64_t now_ns)
{
    codec_enter(codec);
    const bool alive = codec->ops->feed(codec, bytes, now_ns);
    codec_leave(codec);
    if (codec->ops->has_output(codec))
        codec_mark_dirty(codec);
    return alive;
}

void codec_end_of_input(struct codec *codec, bool clean)
{
    codec_enter(codec);
    codec->ops->end_of_input(codec, clean);
    codec_leave(codec);
}

size_t codec_produce(struct codec *codec, char *out, size_t size)
{
    codec_enter(codec);
    const size_t produced = codec->ops->produce(codec, out, size);
    codec_leave(codec);
    return produced;
}

bool codec_wants_read(const struct codec *codec)
{
    return codec->ops->wants_read(codec);
}

bool codec_finished(const struct codec *codec)
{
    return codec->ops->finished(codec);
}

bool codec_aborted(const struct codec *codec)
{
    return codec->aborted;
}

bool codec_head_begun(const struct codec *codec)
{
    return codec->ops->head_begun(codec);
}

void codec_timed_out(struct codec *codec)
{
    codec_enter(codec);
    codec->ops->timed_out(codec);
    codec_leave(codec);
    codec_mark_dirty(codec);
}

void codec_shutdown(struct codec *codec)
{
    codec->ops->shutdown(codec);
    codec_mark_dirty(codec);
}

size_t codec_stream_count(const struct codec *codec)
{
    return codec->stream_count;
}

size_t codec_capacity(const struct codec *codec)
{
    return codec->ops->capacity(codec);
}

bool codec_is_h2(const struct codec *codec)
{
    return codec->ops->ping != NULL;
}

bool codec_ping(struct codec *codec)
{
    if (codec->ops->ping == NULL || !codec->ops->ping(codec))
        return false;
    codec_mark_dirty(codec);
    return true;
}

const char *codec_failure(const struct codec *codec)
{
    return codec->failure;
}

struct stream *codec_open(struct codec *codec, const struct request_head *head,
                          const struct slice *body_parts, size_t body_part_count,
                          const struct stream_events *events, void *user)
{
    if (codec_capacity(codec) == 0)
        return NULL;
    struct stream *stream =
        codec->ops->open(codec, head, body_parts, body_part_count, events, user);
    codec_mark_dirty(codec);
    return stream;
}

void stream_send_informational(struct stream *stream, const struct response_head *head)
{
    if (codec_stream_of(stream)->head_begun || codec_stream_of(stream)->ending)
        return;
    stream->codec->ops->send_informational(stream, head);
    codec_mark_dirty(stream->codec);
}

void stream_send_response(struct stream *stream, const struct response_head *head, bool end)
{
    stream->codec->ops->send_response(stream, head, end);
    codec_mark_dirty(stream->codec);
}

void stream_send_body(struct stream *stream, struct slice data)
{
    struct codec_stream *s = codec_stream_of(stream);
    if (data.len == 0 || s->ending || s->cutting || s->bodiless)
        return;
    CHECK(s->head_begun);
    stream->codec->ops->send_body(stream, data);
    if (stream->codec->ops->queued(stream) > STREAM_HIGH_BYTES)
        s->above_high = true;
    codec_mark_dirty(stream->codec);
}

void stream_send_end(struct stream *stream, const struct fields *trailers)
{
    struct codec_stream *s = codec_stream_of(stream);
    if (s->ending || s->cutting)
        return;
    CHECK(s->head_begun);
    stream->codec->ops->send_end(stream, trailers);
    codec_mark_dirty(stream->codec);
}

void stream_send_cut(struct stream *stream, enum h2_error error)
{
    struct codec_stream *s = codec_stream_of(stream);
    if (s->ending || s->cutting)
        return;
    stream->codec->ops->send_cut(stream, error);
    codec_mark_dirty(stream->codec);
}

size_t stream_queued(const struct stream *stream)
{
    return stream->codec->ops->queued(stream);
}

void stream_consumed(struct stream *stream, size_t len)
{
    if (len == 0)
        return;
    struct codec *codec = stream->codec;
    const bool wanted_read = codec_wants_read(codec);
    codec->ops->consumed(stream, len);
    /* The owner looks again whether to read when it flushes. */
    if (codec->ops->has_output(codec) || wanted_read != codec_wants_read(codec))
        codec_mark_dirty(codec);
}

void stream_reset(struct stream *stream, enum h2_error error)
{
    struct codec *codec = stream->codec;
    codec_enter(codec);
    codec_stream_detach(codec_stream_of(stream));
    codec->ops->reset(stream, error);
    codec_leave(codec);
    codec_mark_dirty(codec);
}

struct arena *stream_arena(struct stream *stream)
{
    return &codec_stream_of(stream)->arena;
}
