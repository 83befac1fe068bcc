#include "upstream/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

struct probe {
    struct list link;
    struct prober *prober;
    uint32_t slot;
    uint32_t endpoint;
    bool seen; /* by the update that is going on */
    char *url;
    char *server_name;
    struct slice authority;
    struct slice path;
    struct sockaddr_storage address;
    struct upstream_dial dial;
    struct upstream_connection *connection; /* NULL: none */
    struct stream *stream;                  /* NULL: nothing asked */
    struct request_head head;
    struct arena arena;
    int64_t asked_ns;
    struct timer next;
    struct timer timeout;
    struct loop_task destroy;
};

struct prober {
    struct loop *loop;
    struct prober_settings settings;
    char *path;
    const struct prober_events *events;
    void *owner;
    struct random random;
    struct list probes;
};

static void schedule(struct probe *probe)
{
    struct prober *prober = probe->prober;
    const double jitter = 0.8 + 0.4 * random_unit(&prober->random);
    timer_start(&probe->next, prober->loop,
                (int64_t)((double)prober->settings.interval_ms * jitter));
}

static void report(struct probe *probe, bool ok, const char *why)
{
    struct prober *prober = probe->prober;
    timer_stop(&probe->timeout);
    prober->events->on_result(prober->owner, probe->slot, probe->endpoint, ok, why);
    schedule(probe);
}

static void drop_connection(struct probe *probe)
{
    if (probe->stream != NULL)
        stream_reset(probe->stream, H2_CANCEL);
    probe->stream = NULL;
    if (probe->connection != NULL)
        upstream_connection_close(probe->connection);
    probe->connection = NULL;
}

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct probe *probe = stream->user;
    struct prober *prober = probe->prober;
    /* The loop's clock stood still since the turn began; a round trip wants the time now. */
    const double rtt_ms = ns_to_ms(clock_monotonic_ns() - probe->asked_ns);
    prober->events->on_rtt(prober->owner, probe->slot, probe->endpoint, rtt_ms);
    /* An engine without this path is alive too: only 5xx says it is not well. */
    report(probe, head->status < 500, head->status < 500 ? "" : "answered with an error");
}

static void on_body(struct stream *stream, struct slice data)
{
    stream_consumed(stream, data.len);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    (void)stream;
    (void)trailers;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct probe *probe = stream->user;
    probe->stream = NULL;
    if (why != STREAM_DONE && timer_running(&probe->timeout))
        report(probe, false, "the connection ended before the answer");
}

static const struct stream_events stream_upcalls = {
    .on_response = on_response,
    .on_body = on_body,
    .on_end = on_end,
    .on_closed = on_closed,
};

static void ask(struct probe *probe)
{
    probe->asked_ns = clock_monotonic_ns();
    probe->stream =
        codec_open(probe->connection->codec, &probe->head, NULL, 0, &stream_upcalls, probe);
}

static void on_open(void *owner, struct upstream_connection *connection)
{
    struct probe *probe = owner;
    if (connection == probe->connection && probe->stream == NULL)
        ask(probe);
}

static void on_capacity(void *owner, struct upstream_connection *connection)
{
    (void)owner;
    (void)connection;
}

static void on_ended(void *owner, struct upstream_connection *connection, const char *why)
{
    struct probe *probe = owner;
    if (connection != probe->connection)
        return;
    probe->connection = NULL;
    probe->stream = NULL;
    if (timer_running(&probe->timeout))
        report(probe, false, why);
}

static const struct upstream_connection_events connection_upcalls = {
    .on_open = on_open,
    .on_capacity = on_capacity,
    .on_ended = on_ended,
};

static void due(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, next);
    struct prober *prober = probe->prober;
    timer_start(&probe->timeout, prober->loop, prober->settings.timeout_ms);
    if (probe->stream == NULL && probe->connection != NULL &&
        upstream_connection_capacity(probe->connection) > 0 &&
        upstream_connection_alive(probe->connection)) {
        ask(probe);
        return;
    }
    drop_connection(probe);
    probe->connection =
        upstream_connection_dial(prober->loop, &probe->dial, &connection_upcalls, probe);
}

static void timed_out(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timeout);
    drop_connection(probe);
    report(probe, false, "no answer in time");
}

static void destroy(struct loop_task *task)
{
    struct probe *probe = CONTAINER_OF(task, struct probe, destroy);
    arena_finish(&probe->arena);
    tls_client_drop(&probe->dial.tls);
    free(probe->url);
    free(probe->server_name);
    free(probe);
}

static void stop(struct probe *probe)
{
    list_remove(&probe->link);
    timer_stop(&probe->next);
    timer_stop(&probe->timeout);
    drop_connection(probe);
    loop_destroy_later(probe->prober->loop, &probe->destroy);
}

static void fill_head(struct probe *probe, const struct endpoint *endpoint)
{
    char *authority = upstream_authority(endpoint);
    probe->head = (struct request_head){
        .method = METHOD_GET,
        .version = HTTP_1_1,
        .method_text = SLICE("GET"),
        .scheme = endpoint->tls ? SLICE("https") : SLICE("http"),
        .authority = arena_copy(&probe->arena, slice_of(authority)),
        .path = arena_printf(&probe->arena, "%s%s", endpoint->path ? endpoint->path : "",
                             probe->prober->path),
        .content_length = -1,
    };
    free(authority);
    fields_add(&probe->head.fields, &probe->arena, SLICE("user-agent"), SLICE("isochrone-probe"));
    fields_add(&probe->head.fields, &probe->arena, SLICE("accept"), SLICE("*/*"));
}

static void start(struct prober *prober, const struct target *target, uint32_t e,
                  const struct tls_set *tls)
{
    const struct endpoint_state *state = &target->endpoints[e];
    struct probe *probe = memory_zalloc(sizeof *probe);
    probe->prober = prober;
    probe->slot = target->slot;
    probe->endpoint = e;
    probe->seen = true;
    probe->url = memory_strdup(state->config->url);
    probe->address = state->addresses->list[0];
    upstream_dial_fill(&probe->dial, state->config, &probe->address,
                       tls_set_find(tls, state->config));
    probe->server_name = memory_strdup(probe->dial.server_name);
    probe->dial.server_name = probe->server_name;
    probe->dial.source = prober->settings.source;
    probe->dial.connect_timeout_ms = prober->settings.timeout_ms;
    if (probe->dial.tls != NULL)
        tls_client_hold(probe->dial.tls);
    arena_init(&probe->arena);
    fill_head(probe, state->config);
    timer_init(&probe->next, due);
    timer_init(&probe->timeout, timed_out);
    loop_task_init(&probe->destroy, destroy);
    list_append(&prober->probes, &probe->link);
    timer_start(&probe->next, prober->loop, (int64_t)(50 * random_unit(&prober->random)));
}

static struct probe *find(struct prober *prober, uint32_t slot, uint32_t endpoint)
{
    LIST_EACH (node, &prober->probes) {
        struct probe *probe = LIST_ENTRY(node, struct probe, link);
        if (probe->slot == slot && probe->endpoint == endpoint)
            return probe;
    }
    return NULL;
}

static void update_one(struct prober *prober, const struct target *target, uint32_t e,
                       const struct tls_set *tls)
{
    const struct endpoint_state *state = &target->endpoints[e];
    if (state->addresses == NULL || state->addresses->count == 0)
        return;
    struct probe *probe = find(prober, target->slot, e);
    if (probe != NULL && strcmp(probe->url, state->config->url) == 0 &&
        memcmp(&probe->address, &state->addresses->list[0], sizeof probe->address) == 0) {
        probe->seen = true;
        return;
    }
    if (probe != NULL)
        stop(probe);
    start(prober, target, e, tls);
}

void prober_update(struct prober *prober, const struct snapshot *snapshot,
                   const struct tls_set *tls)
{
    LIST_EACH (node, &prober->probes)
        LIST_ENTRY(node, struct probe, link)->seen = false;
    for (uint32_t t = 0; t < snapshot->count; t++)
        for (uint32_t e = 0; e < snapshot->targets[t].endpoint_count; e++)
            update_one(prober, &snapshot->targets[t], e, tls);
    LIST_EACH_SAFE (node, &prober->probes) {
        struct probe *probe = LIST_ENTRY(node, struct probe, link);
        if (!probe->seen)
            stop(probe);
    }
}

struct prober *prober_create(struct loop *loop, const struct prober_settings *settings,
                             const struct prober_events *events, void *owner)
{
    struct prober *prober = memory_zalloc(sizeof *prober);
    prober->loop = loop;
    prober->settings = *settings;
    prober->path = memory_strdup(settings->path);
    prober->settings.path = prober->path;
    prober->events = events;
    prober->owner = owner;
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(&prober->random, seed);
    list_init(&prober->probes);
    return prober;
}

void prober_destroy(struct prober **prober)
{
    if (*prober == NULL)
        return;
    LIST_EACH_SAFE (node, &(*prober)->probes)
        stop(LIST_ENTRY(node, struct probe, link));
    free((*prober)->path);
    free(*prober);
    *prober = NULL;
}
