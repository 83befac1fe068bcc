#include "replay/log_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct log_stream {
    uint64_t id;
    uint64_t scene;
    uint32_t count;
    struct iso_cluster *clusters; /* their texts are in the log */
    uint32_t chain_count;
    const struct record_chain *chains[RECORD_CHAINS_MAX];
};

void log_reader_init(struct log_reader *reader, struct slice log)
{
    *reader = (struct log_reader){.left = log};
}

void log_reader_finish(struct log_reader *reader)
{
    for (size_t s = 0; s < reader->stream_count; s++)
        free(reader->streams[s].clusters);
    free(reader->streams);
    *reader = (struct log_reader){0};
}

static struct log_stream *stream_of(struct log_reader *reader, uint64_t id)
{
    for (size_t s = 0; s < reader->stream_count; s++)
        if (reader->streams[s].id == id)
            return &reader->streams[s];
    reader->streams =
        memory_realloc(reader->streams, (reader->stream_count + 1) * sizeof *reader->streams);
    struct log_stream *stream = &reader->streams[reader->stream_count++];
    *stream = (struct log_stream){.id = id};
    return stream;
}

/* Takes `bytes` off the front; NULL when there are not so many. */
static const char *take(struct slice *left, size_t bytes)
{
    const char *at = left->ptr;
    if (left->len < bytes)
        return NULL;
    *left = slice_make(at + bytes, left->len - bytes);
    return at;
}

static const char *take_text(struct slice *left)
{
    const ptrdiff_t len = slice_find(*left, '\0');
    return len < 0 ? NULL : take(left, (size_t)len + 1);
}

/* --- scene and chain --- */

static bool scene_read(struct log_stream *stream, struct slice record)
{
    const struct record_scene *fixed = (const void *)take(&record, sizeof *fixed);
    if (fixed == NULL || fixed->cluster_bytes != sizeof(struct iso_cluster))
        return false;
    const char *clusters = take(&record, (size_t)fixed->count * sizeof *stream->clusters);
    if (clusters == NULL)
        return false;
    stream->scene = fixed->head.scene;
    stream->count = fixed->count;
    stream->chain_count = 0;
    stream->clusters =
        memory_realloc(stream->clusters, (fixed->count + 1u) * sizeof *stream->clusters);
    memcpy(stream->clusters, clusters, fixed->count * sizeof *stream->clusters);
    for (uint32_t i = 0; i < fixed->count; i++) {
        struct iso_cluster *cluster = &stream->clusters[i];
        cluster->name = take_text(&record);
        cluster->region = take_text(&record);
        cluster->country = take_text(&record);
        cluster->accelerator = take_text(&record);
        if (cluster->accelerator == NULL) /* the last to be missing */
            return false;
    }
    return true;
}

const struct record_link *log_link(const struct record_chain *chain, uint32_t k,
                                   const void **settings, const char **path)
{
    const char *at = (const char *)(chain + 1);
    const struct record_link *link = (const void *)at;
    while (k-- > 0) {
        at += link->bytes;
        link = (const void *)at;
    }
    *settings = link + 1;
    *path = (const char *)(link + 1) + link->settings_bytes;
    return link;
}

static bool chain_read(struct log_stream *stream, struct slice record)
{
    const struct record_chain *chain = (const void *)take(&record, sizeof *chain);
    if (chain == NULL || chain->head.scene != stream->scene || chain->count < 1 ||
        chain->count > CHAIN_POLICIES_MAX || stream->chain_count == RECORD_CHAINS_MAX)
        return false;
    for (uint32_t k = 0; k < chain->count; k++) {
        const struct record_link *link = (const void *)record.ptr;
        if (record.len < sizeof *link || link->bytes < sizeof *link || link->bytes % 8 != 0)
            return false;
        struct slice rest = slice_make(link + 1, link->bytes - sizeof *link);
        if (take(&record, link->bytes) == NULL || take(&rest, link->settings_bytes) == NULL ||
            take_text(&rest) == NULL || memchr(link->hash, 0, sizeof link->hash) == NULL ||
            memchr(link->name, 0, sizeof link->name) == NULL ||
            memchr(link->version, 0, sizeof link->version) == NULL)
            return false;
    }
    stream->chains[stream->chain_count++] = chain;
    return true;
}

/* --- a decision --- */

static bool decision_read(struct log_reader *reader, const struct log_stream *stream,
                          struct slice record, struct recorded *out, bool *whole)
{
    const struct record_decision *fixed = (const void *)take(&record, sizeof *fixed);
    *out = (struct recorded){.fixed = fixed, .clusters = stream->clusters};
    *whole = false;
    if (fixed == NULL || fixed->estimate_bytes != sizeof *out->estimates)
        return false;
    const size_t count = fixed->count;
    out->estimates = (const void *)take(&record, count * sizeof *out->estimates);
    out->totals = (const void *)take(&record, count * sizeof *out->totals);
    out->verdicts = (const void *)take(&record, count);
    out->route = slice_make(take(&record, fixed->route_len), fixed->route_len);
    out->model = slice_make(take(&record, fixed->request.model.len), fixed->request.model.len);
    out->tenant = slice_make(take(&record, fixed->request.tenant.len), fixed->request.tenant.len);
    if (out->estimates == NULL || out->totals == NULL || out->verdicts == NULL ||
        out->route.ptr == NULL || out->model.ptr == NULL || out->tenant.ptr == NULL)
        return false;
    for (uint32_t k = 0; k < stream->chain_count; k++)
        if (stream->chains[k]->number == fixed->chain)
            out->chain = stream->chains[k];
    *whole = out->chain != NULL && fixed->head.scene == stream->scene && stream->count == count;
    reader->orphans += !*whole;
    return true;
}

enum log_step log_reader_next(struct log_reader *reader, struct recorded *out, struct error *error)
{
    while (reader->left.len > 0) {
        const struct record_head *head = (const void *)reader->left.ptr;
        if (reader->left.len < sizeof *head || head->bytes > reader->left.len) {
            error_set(error, "the log ends in the middle of a record");
            return LOG_DAMAGED;
        }
        const struct slice record = slice_make(head, head->bytes);
        bool fine =
            head->magic == RECORD_MAGIC && head->bytes >= sizeof *head && head->bytes % 8 == 0;
        bool whole = false;
        if (fine) {
            struct log_stream *stream = stream_of(reader, head->stream);
            fine = head->kind == RECORD_SCENE   ? scene_read(stream, record)
                   : head->kind == RECORD_CHAIN ? chain_read(stream, record)
                   : head->kind == RECORD_DECISION
                       ? decision_read(reader, stream, record, out, &whole)
                       : false;
        }
        if (!fine) {
            error_set(error, "a record is not of this version, or damaged");
            return LOG_DAMAGED;
        }
        take(&reader->left, record.len);
        if (whole)
            return LOG_DECISION;
    }
    return LOG_END;
}
