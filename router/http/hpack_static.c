#include "http/hpack_static.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"

#define FIELD(name, value)                                    \
    {                                                         \
        {name, sizeof(name) - 1}, {value, sizeof(value) - 1}, \
    }

const struct hpack_static_field hpack_static_fields[HPACK_STATIC_COUNT] = {
    FIELD(":authority", ""),
    FIELD(":method", "GET"),
    FIELD(":method", "POST"),
    FIELD(":path", "/"),
    FIELD(":path", "/index.html"),
    FIELD(":scheme", "http"),
    FIELD(":scheme", "https"),
    FIELD(":status", "200"),
    FIELD(":status", "204"),
    FIELD(":status", "206"),
    FIELD(":status", "304"),
    FIELD(":status", "400"),
    FIELD(":status", "404"),
    FIELD(":status", "500"),
    FIELD("accept-charset", ""),
    FIELD("accept-encoding", "gzip, deflate"),
    FIELD("accept-language", ""),
    FIELD("accept-ranges", ""),
    FIELD("accept", ""),
    FIELD("access-control-allow-origin", ""),
    FIELD("age", ""),
    FIELD("allow", ""),
    FIELD("authorization", ""),
    FIELD("cache-control", ""),
    FIELD("content-disposition", ""),
    FIELD("content-encoding", ""),
    FIELD("content-language", ""),
    FIELD("content-length", ""),
    FIELD("content-location", ""),
    FIELD("content-range", ""),
    FIELD("content-type", ""),
    FIELD("cookie", ""),
    FIELD("date", ""),
    FIELD("etag", ""),
    FIELD("expect", ""),
    FIELD("expires", ""),
    FIELD("from", ""),
    FIELD("host", ""),
    FIELD("if-match", ""),
    FIELD("if-modified-since", ""),
    FIELD("if-none-match", ""),
    FIELD("if-range", ""),
    FIELD("if-unmodified-since", ""),
    FIELD("last-modified", ""),
    FIELD("link", ""),
    FIELD("location", ""),
    FIELD("max-forwards", ""),
    FIELD("proxy-authenticate", ""),
    FIELD("proxy-authorization", ""),
    FIELD("range", ""),
    FIELD("referer", ""),
    FIELD("refresh", ""),
    FIELD("retry-after", ""),
    FIELD("server", ""),
    FIELD("set-cookie", ""),
    FIELD("strict-transport-security", ""),
    FIELD("transfer-encoding", ""),
    FIELD("user-agent", ""),
    FIELD("vary", ""),
    FIELD("via", ""),
    FIELD("www-authenticate", ""),
};

struct marked {
    struct marked *next;
    hpack_mark *mark;
    struct hpack_field fields[HPACK_STATIC_COUNT];
};

/* One of each mark function there is; they stay. */
static _Atomic(struct marked *) marked_list;
static pthread_mutex_t marked_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct hpack_field *marked_find(hpack_mark *mark)
{
    struct marked *marked = atomic_load_explicit(&marked_list, memory_order_acquire);
    for (; marked != NULL; marked = marked->next) {
        if (marked->mark == mark)
            return marked->fields;
    }
    return NULL;
}

static const struct hpack_field *marked_add(hpack_mark *mark)
{
    struct marked *marked = memory_zalloc(sizeof *marked);
    marked->mark = mark;
    for (size_t i = 0; i < HPACK_STATIC_COUNT; i++) {
        struct hpack_field *field = &marked->fields[i];
        field->name = hpack_static_fields[i].name;
        field->value = hpack_static_fields[i].value;
        field->mark = mark(field->name, field->value, HPACK_NO_MARK);
        field->name_lasts = true;
        field->value_lasts = true;
    }
    marked->next = atomic_load_explicit(&marked_list, memory_order_relaxed);
    atomic_store_explicit(&marked_list, marked, memory_order_release);
    return marked->fields;
}

const struct hpack_field *hpack_static_marked(hpack_mark *mark)
{
    const struct hpack_field *fields = marked_find(mark);
    if (ISO_LIKELY(fields != NULL))
        return fields;
    pthread_mutex_lock(&marked_lock);
    fields = marked_find(mark);
    if (fields == NULL)
        fields = marked_add(mark);
    pthread_mutex_unlock(&marked_lock);
    return fields;
}
