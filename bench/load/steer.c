#include "load/steer.h"

#include <stdio.h>

#include "config/yaml.h"

enum { ANSWER_BYTES_MOST = 256 * 1024, PATIENCE_MS = 15000, URL_BYTES_MOST = 1024 };

/* ---- the answer ---- */

/* null is no name. */
static bool read_string(struct yaml_node *map, const char *key, size_t most, struct slice *out)
{
    const char *text;
    const struct yaml_node *node = yaml_need(map, key);
    if (node == NULL || !node->quoted || !yaml_as_text(node, &text, most))
        return false;
    *out = slice_of(text);
    return true;
}

static bool read_edge(struct yaml_node *root, struct slice *name, struct slice *url)
{
    struct yaml_node *edges = yaml_as_map(root) ? yaml_need_list(root, "edges") : NULL;
    struct yaml_node *nearest = edges != NULL ? edges->first : NULL;
    return nearest != NULL && yaml_as_map(nearest) &&
           read_string(nearest, "name", YAML_NAME_MAX, name) &&
           read_string(nearest, "url", URL_BYTES_MOST, url);
}

bool steer_parse(struct slice json, struct arena *arena, struct slice *name, struct slice *url,
                 struct error *error)
{
    struct config_problems problems;
    config_problems_init(&problems);
    struct yaml_node *root = yaml_load_text("/edge", json, arena, &problems); /* JSON is YAML */
    const bool good = root != NULL && read_edge(root, name, url);
    config_problems_finish(&problems);
    return good || error_set(error, "the answer of GET /edge names no edge with a URL");
}

/* ---- the question ---- */

static void over(struct steer *steer)
{
    if (steer->over)
        return;
    steer->over = true;
    timer_stop(&steer->patience);
    lane_leave(steer->lane, &steer->waiter);
    steer->on_over(steer->owner, steer);
}

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct steer *steer = stream->user;
    steer->status = head->status;
}

static void on_body(struct stream *stream, struct slice data)
{
    struct steer *steer = stream->user;
    const size_t room = ANSWER_BYTES_MOST - buffer_len(&steer->body);
    buffer_append(&steer->body, data.ptr, data.len < room ? data.len : room);
    stream_consumed(stream, data.len);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    (void)stream;
    (void)trailers;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct steer *steer = stream->user;
    steer->stream = NULL;
    if (why != STREAM_DONE)
        error_set(&steer->error, "GET %s/edge: the connection was lost",
                  steer->lane->settings.target->url.ptr);
    else if (steer->status != 200)
        error_set(&steer->error, "GET %s/edge: status %d", steer->lane->settings.target->url.ptr,
                  steer->status);
    over(steer);
}

static const struct stream_events stream_upcalls = {
    .on_response = on_response,
    .on_body = on_body,
    .on_end = on_end,
    .on_closed = on_closed,
};

static void on_connection(struct lane_waiter *waiter, struct upstream_connection *connection)
{
    struct steer *steer = CONTAINER_OF(waiter, struct steer, waiter);
    const struct target *target = steer->lane->settings.target;
    char path[512];
    const struct request_head head = {
        .method = METHOD_GET,
        .method_text = SLICE("GET"),
        .scheme = target->scheme,
        .authority = target->authority,
        .path = slice_make(path, (size_t)snprintf(path, sizeof(path), "%.*s/edge",
                                                  SLICE_ARG(target->prefix))),
        .content_length = -1,
    };
    steer->connection = connection;
    steer->stream = codec_open(connection->codec, &head, NULL, 0, &stream_upcalls, steer);
    CHECK(steer->stream != NULL);
}

static void on_failed(struct lane_waiter *waiter, const char *why)
{
    struct steer *steer = CONTAINER_OF(waiter, struct steer, waiter);
    error_set(&steer->error, "GET %s/edge: %s", steer->lane->settings.target->url.ptr, why);
    over(steer);
}

static void on_patience(struct timer *timer)
{
    struct steer *steer = CONTAINER_OF(timer, struct steer, patience);
    error_set(&steer->error, "GET %s/edge: no answer in %d s",
              steer->lane->settings.target->url.ptr, PATIENCE_MS / 1000);
    over(steer);
}

void steer_begin(struct steer *steer, struct lane *lane,
                 void (*on_over)(void *owner, struct steer *steer), void *owner)
{
    *steer = (struct steer){.lane = lane, .on_over = on_over, .owner = owner};
    steer->waiter.on_connection = on_connection;
    steer->waiter.on_failed = on_failed;
    list_init(&steer->waiter.link);
    timer_init(&steer->patience, on_patience);
    timer_start(&steer->patience, lane->settings.loop, PATIENCE_MS);
    lane_wait(lane, &steer->waiter, false);
}

void steer_finish(struct steer *steer)
{
    if (steer->lane == NULL)
        return;
    steer->over = true;
    timer_stop(&steer->patience);
    lane_leave(steer->lane, &steer->waiter);
    if (steer->stream != NULL)
        stream_reset(steer->stream, H2_CANCEL);
    steer->stream = NULL;
    buffer_release(&steer->body);
}
