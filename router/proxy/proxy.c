#include "proxy/proxy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "proxy/exchange.h"

static void on_request(void *owner, struct connection *connection, struct stream *stream,
                       const struct request_head *head)
{
    exchange_begin(owner, connection, stream, head);
}

/* There is no exchange yet, so its id stands in the program's log; at debug, since who
 * sends such heads chooses how many. */
static struct slice on_refused(void *owner, struct connection *connection, enum fault fault)
{
    struct proxy *proxy = owner;
    char peer[ADDRESS_TEXT_BYTES];
    counter_add(&proxy->metrics.faults[fault], 1);
    number_write_hex(proxy->refused_id, random_u64(&proxy->random));
    number_write_hex(proxy->refused_id + NUMBER_HEX_BYTES, random_u64(&proxy->random));
    log_event(LOG_DEBUG, "head_refused", "%s from %s: %s", proxy->refused_id,
              address_write_ip(&connection->peer, peer), fault_row(fault)->word);
    return slice_of(proxy->refused_id);
}

static const struct connection_handler handler = {
    .on_request = on_request,
    .on_refused = on_refused,
};

struct proxy *proxy_create(struct loop *loop, uint32_t worker,
                           const struct proxy_settings *settings, struct affinity *affinity,
                           struct access_log *log)
{
    struct proxy *proxy = memory_zalloc(sizeof *proxy);
    proxy->loop = loop;
    proxy->worker = worker;
    proxy->affinity = affinity;
    proxy->log = log;
    proxy->decision_log = settings->decision_log;
    decision_recorder_init(&proxy->recorder);
    proxy->ledger = ledger_create(worker);
    proxy->upstream = upstream_create(loop, &settings->pool, &settings->source);
    proxy->ring = decision_ring_create(settings->decisions_kept);
    proxy->shadow_ring = decision_ring_create(settings->decisions_kept);
    decision_init(&proxy->decision);
    decision_init(&proxy->shadow_decision);
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(&proxy->random, seed);
    list_init(&proxy->idle_exchanges);
    queue_init(&proxy->queue, loop);
    distribution_init(&proxy->metrics.decision_s, &distribution_short_s);
    connection_host_init(&proxy->host, loop, &handler, proxy);
    return proxy;
}

void proxy_destroy(struct proxy **proxy)
{
    if (*proxy == NULL)
        return;
    struct proxy *gone = *proxy;
    struct list *node;
    while ((node = list_pop(&gone->idle_exchanges)) != NULL)
        free(LIST_ENTRY(node, struct exchange, link));
    queue_finish(&gone->queue);
    upstream_destroy(&gone->upstream);
    ledger_destroy(&gone->ledger);
    decision_ring_destroy(&gone->ring);
    decision_ring_destroy(&gone->shadow_ring);
    decision_finish(&gone->decision);
    decision_finish(&gone->shadow_decision);
    buffer_release(&gone->decision_lines.bytes);
    policy_time_finish(&gone->policy_time);
    decide_room_finish(&gone->room);
    for (uint32_t s = 0; s < FLEET_SLOTS_MAX; s++)
        free(atomic_load(&gone->metrics.targets[s]));
    buffer_release(&gone->log_lines.bytes);
    buffer_release(&gone->scratch);
    free(gone);
    *proxy = NULL;
}

int64_t proxy_wall_ms(struct proxy *proxy)
{
    const int64_t now_ns = loop_now_ns(proxy->loop);
    if (proxy->wall_of_ns != now_ns) {
        proxy->wall_of_ns = now_ns;
        proxy->wall_ms = clock_wall_ms();
    }
    return proxy->wall_ms;
}

struct target_metrics *proxy_target_metrics(struct proxy *proxy, uint32_t slot)
{
    struct target_metrics *metrics =
        atomic_load_explicit(&proxy->metrics.targets[slot], memory_order_relaxed);
    if (metrics != NULL)
        return metrics;
    metrics = memory_zalloc(sizeof *metrics);
    distribution_init(&metrics->ttft_s, &distribution_ttft_s);
    distribution_init(&metrics->event_gap_s, &distribution_tpot_s);
    distribution_init(&metrics->duration_s, &distribution_duration_s);
    atomic_store_explicit(&proxy->metrics.targets[slot], metrics, memory_order_release);
    return metrics;
}

void proxy_hand_over_logs(struct proxy *proxy, bool all)
{
    const int64_t now_ns = loop_now_ns(proxy->loop);
    if (proxy->log != NULL)
        access_log_hand_over(proxy->log, &proxy->log_lines, now_ns, all);
    if (proxy->decision_log != NULL)
        access_log_hand_over(proxy->decision_log, &proxy->decision_lines, now_ns, all);
}

void proxy_turn(struct proxy *proxy)
{
    ledger_turn(proxy->ledger, loop_now_ns(proxy->loop));
    proxy_hand_over_logs(proxy, false);
    queue_turn(proxy);
    const struct proxy_tables *tables = proxy_tables(proxy);
    const struct snapshot *snapshot = proxy_snapshot(proxy);
    if (tables != NULL && snapshot != NULL && tables->generation != proxy->upstream_generation) {
        upstream_sweep(proxy->upstream, snapshot);
        proxy->upstream_generation = tables->generation;
    }
}
