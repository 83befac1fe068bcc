#include "control/page_metrics.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics_text.h"
#include "control/admin_page.h"
#include "control/control.h"
#include "control/metrics_policies.h"
#include "proxy/identity.h"

static struct proxy *proxy_of(const struct control *control, uint32_t worker)
{
    return worker_proxy(control->workers[worker]);
}

/* A counter of every worker at the same place in struct proxy. */
static uint64_t sum_at(const struct control *control, size_t offset)
{
    uint64_t sum = 0;
    for (uint32_t w = 0; w < control->worker_count; w++) {
        const char *proxy = (const char *)proxy_of(control, w);
        sum += counter_get((const struct counter *)(const void *)(proxy + offset));
    }
    return sum;
}

#define SUM(member) sum_at(control, offsetof(struct proxy, member))

static void plain(struct metrics_text *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_family(metrics, METRIC_COUNTER, name, help);
    metrics_uint(metrics, value, METRIC_NO_LABELS);
}

static void gauge(struct metrics_text *metrics, const char *name, const char *help, double value)
{
    metrics_family(metrics, METRIC_GAUGE, name, help);
    metrics_number(metrics, value, METRIC_NO_LABELS);
}

/* --- clients --- */

static void write_requests(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_requests_total",
                   "Exchanges that ended, by class.");
    for (uint32_t c = 0; c < CLASS_COUNT; c++)
        metrics_uint(metrics, SUM(metrics.requests[c]), METRIC_LABELS({"class", class_name(c)}));
    metrics_family(metrics, METRIC_COUNTER, "isochrone_request_faults_total",
                   "Exchanges by how they ended for the client; ok is one of the words.");
    for (int f = 0; f < FAULT_COUNT; f++)
        metrics_uint(metrics, SUM(metrics.faults[f]),
                     METRIC_LABELS({"fault", fault_row((enum fault)f)->word}));
    metrics_family(metrics, METRIC_COUNTER, "isochrone_retries_total",
                   "Attempts made elsewhere, by why that was allowed.");
    metrics_uint(metrics, SUM(metrics.retries[0]), METRIC_LABELS({"reason", "unstarted"}));
    metrics_uint(metrics, SUM(metrics.retries[1]), METRIC_LABELS({"reason", "refusal"}));
    plain(metrics, "isochrone_retries_over_budget_total",
          "Refusals that were not tried elsewhere because the budget was used up.",
          SUM(metrics.no_retry_budget));
    plain(metrics, "isochrone_received_bytes_total", "Bytes of request bodies.",
          SUM(metrics.bytes_in));
    plain(metrics, "isochrone_sent_bytes_total", "Bytes of relayed response bodies.",
          SUM(metrics.bytes_out));
}

static void write_connections(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_connections_total",
                   "Client connections by what became of them.");
    metrics_uint(metrics, SUM(host.counters.accepted), METRIC_LABELS({"event", "accepted"}));
    metrics_uint(metrics, SUM(host.counters.closed), METRIC_LABELS({"event", "closed"}));
    metrics_uint(metrics, SUM(host.counters.tls_failed), METRIC_LABELS({"event", "tls_failed"}));
    metrics_uint(metrics, SUM(host.counters.timed_out), METRIC_LABELS({"event", "timed_out"}));
    metrics_uint(metrics, SUM(host.counters.protocol_errors),
                 METRIC_LABELS({"event", "protocol_error"}));
    metrics_uint(metrics, SUM(host.counters.refused_heads),
                 METRIC_LABELS({"event", "refused_head"}));
    metrics_uint(metrics, SUM(host.counters.too_many), METRIC_LABELS({"event", "too_many"}));
    const uint64_t accepted = SUM(host.counters.accepted), closed = SUM(host.counters.closed);
    gauge(metrics, "isochrone_connections_open", "Client connections open now.",
          accepted > closed ? (double)(accepted - closed) : 0);
    int64_t active = 0, body_bytes = 0;
    for (uint32_t w = 0; w < control->worker_count; w++) {
        active += level_get(&proxy_of(control, w)->metrics.active);
        body_bytes += level_get(&proxy_of(control, w)->metrics.body_bytes);
    }
    gauge(metrics, "isochrone_exchanges_open", "Requests under way now.", (double)active);
    gauge(metrics, "isochrone_request_body_bytes", "Memory held by request bodies now.",
          (double)body_bytes);
}

static void write_workers(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_worker_seconds_total",
                   "Time of each worker: at work, or resting a moment so that events go out "
                   "together; what is missing to the whole it waited.");
    for (uint32_t w = 0; w < control->worker_count; w++) {
        const struct pace *pace = &proxy_of(control, w)->pace;
        char name[16];
        snprintf(name, sizeof name, "%u", w);
        metrics_number(metrics, (double)counter_get(&pace->busy_ns) / (double)NS_PER_S,
                       METRIC_LABELS({"worker", name}, {"state", "busy"}));
        metrics_number(metrics, (double)counter_get(&pace->rested_ns) / (double)NS_PER_S,
                       METRIC_LABELS({"worker", name}, {"state", "rest"}));
    }
}

static void write_queue(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_GAUGE, "isochrone_queue_depth",
                   "Requests that wait here now until the fleet has room, by class.");
    for (uint32_t c = 0; c < CLASS_COUNT; c++) {
        int64_t depth = 0;
        for (uint32_t w = 0; w < control->worker_count; w++)
            depth += level_get(&proxy_of(control, w)->queue.depth[c]);
        metrics_number(metrics, (double)depth, METRIC_LABELS({"class", class_name(c)}));
    }
    metrics_family(metrics, METRIC_COUNTER, "isochrone_queue_waits_total",
                   "Requests that waited here, or would have had to, by what came of it.");
    for (uint32_t c = 0; c < CLASS_COUNT; c++)
        for (uint32_t o = 0; o < QUEUE_OUTCOME_COUNT; o++)
            metrics_uint(metrics, SUM(queue.outcomes[c][o]),
                         METRIC_LABELS({"class", class_name(c)},
                                       {"outcome", queue_outcome_word((enum queue_outcome)o)}));
    metrics_family(metrics, METRIC_HISTOGRAM, "isochrone_queue_wait_seconds",
                   "How long those waited that did, however it ended.");
    for (uint32_t c = 0; c < CLASS_COUNT; c++) {
        struct distribution_total total = {0};
        for (uint32_t w = 0; w < control->worker_count; w++)
            distribution_sum(&total, &proxy_of(control, w)->queue.wait_s[c]);
        metrics_histogram(metrics, &total, METRIC_LABELS({"class", class_name(c)}));
    }
}

/* --- targets --- */

static struct target_metrics *target_of(const struct control *control, uint32_t w, uint32_t slot)
{
    return atomic_load_explicit(&proxy_of(control, w)->metrics.targets[slot], memory_order_acquire);
}

static uint64_t sum_target(const struct control *control, uint32_t slot, size_t offset)
{
    uint64_t sum = 0;
    for (uint32_t w = 0; w < control->worker_count; w++) {
        const char *metrics = (const char *)target_of(control, w, slot);
        if (metrics != NULL)
            sum += counter_get((const struct counter *)(const void *)(metrics + offset));
    }
    return sum;
}

/* The labels that name a target. */
#define TARGET_LABELS(target, ...)                              \
    METRIC_LABELS({"cluster", (target)->config->cluster->name}, \
                  {"pool", (target)->config->pool->name}, __VA_ARGS__)

static void write_target_faults(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(
        metrics, METRIC_COUNTER, "isochrone_upstream_requests_total",
        "Attempts at a cluster by how they ended; words that never occurred are left out.");
    for (uint32_t t = 0; t < control->snapshot->count; t++) {
        const struct target *target = &control->snapshot->targets[t];
        for (size_t f = 0; f < FAULT_COUNT; f++) {
            const uint64_t n =
                sum_target(control, target->slot,
                           offsetof(struct target_metrics, faults) + f * sizeof(struct counter));
            if (n > 0 || f == FAULT_NONE)
                metrics_uint(metrics, n,
                             TARGET_LABELS(target, {"fault", fault_row((enum fault)f)->word}));
        }
    }
}

static void write_target_counters(const struct control *control, struct metrics_text *metrics)
{
    static const char *const hundreds[6] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    metrics_family(metrics, METRIC_COUNTER, "isochrone_upstream_responses_total",
                   "Response heads of a cluster by status class.");
    for (uint32_t t = 0; t < control->snapshot->count; t++) {
        const struct target *target = &control->snapshot->targets[t];
        for (size_t h = 1; h < COUNT_OF(hundreds); h++)
            metrics_uint(metrics,
                         sum_target(control, target->slot,
                                    offsetof(struct target_metrics, statuses) +
                                        h * sizeof(struct counter)),
                         TARGET_LABELS(target, {"status", hundreds[h]}));
    }
    metrics_family(metrics, METRIC_COUNTER, "isochrone_upstream_events_total",
                   "Data events relayed from a cluster.");
    for (uint32_t t = 0; t < control->snapshot->count; t++) {
        const struct target *target = &control->snapshot->targets[t];
        metrics_uint(metrics,
                     sum_target(control, target->slot, offsetof(struct target_metrics, events)),
                     TARGET_LABELS(target, {NULL, NULL}));
    }
}

static void write_target_times(const struct control *control, struct metrics_text *metrics,
                               const char *name, const char *help, size_t offset)
{
    metrics_family(metrics, METRIC_HISTOGRAM, name, help);
    for (uint32_t t = 0; t < control->snapshot->count; t++) {
        const struct target *target = &control->snapshot->targets[t];
        struct distribution_total total = {0};
        for (uint32_t w = 0; w < control->worker_count; w++) {
            const char *one = (const char *)target_of(control, w, target->slot);
            if (one != NULL)
                distribution_sum(&total, (const struct distribution *)(const void *)(one + offset));
        }
        if (total.bounds != NULL)
            metrics_histogram(metrics, &total, TARGET_LABELS(target, {NULL, NULL}));
    }
}

static void write_targets(const struct control *control, struct metrics_text *metrics)
{
    write_target_faults(control, metrics);
    write_target_counters(control, metrics);
    write_target_times(control, metrics, "isochrone_time_to_first_token_seconds",
                       "From the request's head to its first data event.",
                       offsetof(struct target_metrics, ttft_s));
    write_target_times(control, metrics, "isochrone_inter_event_seconds",
                       "Between two data events of a stream: inter-token latency.",
                       offsetof(struct target_metrics, event_gap_s));
    write_target_times(control, metrics, "isochrone_request_duration_seconds",
                       "From the request's head to the end of its answer.",
                       offsetof(struct target_metrics, duration_s));
}

/* --- the router itself --- */

static void write_redis(const struct control *control, struct metrics_text *metrics)
{
    if (control->feed == NULL)
        return;
    struct redis_feed_status status;
    redis_feed_status(control->feed, &status);
    gauge(metrics, "isochrone_redis_up", "Whether Redis answers.",
          status.commands.state == REDIS_READY);
    plain(metrics, "isochrone_redis_failures_total", "Connections to Redis lost or never made.",
          status.commands.failures + status.subscriber.failures);
    plain(metrics, "isochrone_redis_snapshots_total", "Full pictures taken from Redis.",
          status.snapshots);
    plain(metrics, "isochrone_redis_exchanges_total", "Counters exchanged with the other routers.",
          status.exchanges);
    metrics_family(metrics, METRIC_COUNTER, "isochrone_redis_refused_total",
                   "What came from Redis and was not the contract's, by kind; it changed nothing.");
    metrics_uint(metrics, status.snapshots_refused, METRIC_LABELS({"what", "snapshot"}));
    metrics_uint(metrics, status.exchanges_refused, METRIC_LABELS({"what", "exchange"}));
    metrics_uint(metrics, status.refusals.whole, METRIC_LABELS({"what", "report"}));
    metrics_uint(metrics, status.commands.unexpected + status.subscriber.unexpected,
                 METRIC_LABELS({"what", "reply"}));
    gauge(metrics, "isochrone_redis_clock_skew_seconds",
          "The clock of Redis minus this machine's; nothing depends on it.",
          status.clock_skew_ms / 1000);
    gauge(metrics, "isochrone_redis_snapshot_age_seconds", "Since the last full picture.",
          status.snapshot_ms / 1000);
    metrics_family(metrics, METRIC_COUNTER, "isochrone_reports_total",
                   "Reports by what became of them.");
    static const char *const fates[] = {"taken", "stale", "unknown_target", "held"};
    for (size_t f = 0; f < COUNT_OF(fates); f++)
        metrics_uint(metrics, status.fates[f], METRIC_LABELS({"fate", fates[f]}));
    metrics_family(metrics, METRIC_COUNTER, "isochrone_report_fields_refused_total",
                   "Values of reports that were not acceptable; the last good ones stand.");
    for (int f = 0; f < REPORT_FIELD_COUNT; f++)
        metrics_uint(metrics, status.refusals.fields[f],
                     METRIC_LABELS({"field", report_field_name((enum report_field)f)}));
}

static double resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return NAN;
    const int got = fscanf(file, "%lu %lu", &size, &resident);
    fclose(file);
    return got == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : NAN;
}

static void write_process(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_GAUGE, "isochrone_build_info", "Always 1.");
    metrics_uint(metrics, 1, METRIC_LABELS({"version", ISOCHRONE_VERSION}));
    gauge(metrics, "isochrone_config_generation", "Of the configuration in force.",
          (double)control->generation);
    metrics_family(metrics, METRIC_COUNTER, "isochrone_reloads_total",
                   "Configurations read again, by result.");
    metrics_uint(metrics, control->counters.reloads, METRIC_LABELS({"result", "taken"}));
    metrics_uint(metrics, control->counters.reloads_failed, METRIC_LABELS({"result", "refused"}));
    gauge(metrics, "isochrone_config_last_reload_ok", "0 when the last reload was refused.",
          control->last_reload_error.text[0] == '\0');
    gauge(metrics, "isochrone_uptime_seconds", "Since this process began.",
          ns_to_ms(clock_monotonic_ns() - control->started_ns) / 1000);
    plain(metrics, "isochrone_probes_total", "Health probes answered or failed.",
          control->counters.probes);
    plain(metrics, "isochrone_probe_failures_total", "Health probes that failed.",
          control->counters.probes_failed);
    plain(metrics, "isochrone_access_log_dropped_total",
          "Access log lines dropped because the disk was slower than the traffic.",
          control->log != NULL ? access_log_dropped(control->log) : 0);
    plain(metrics, "isochrone_decision_log_dropped_total",
          "Decisions not recorded because the disk was slower than the traffic.",
          control->decision_log != NULL ? access_log_dropped(control->decision_log) : 0);
    gauge(metrics, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
    plain(metrics, "process_cpu_seconds_total", "User and system time, whole seconds.",
          (uint64_t)clock_process_s());
}

void page_metrics(struct control *control, const struct page_request *request, struct page *page)
{
    const bool open = request->accept.len > 0 && memmem(request->accept.ptr, request->accept.len,
                                                        "application/openmetrics-text", 28) != NULL;
    const enum metrics_format format = open ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
    struct metrics_text metrics;
    metrics_begin(&metrics, &page->body, format);
    write_requests(control, &metrics);
    write_connections(control, &metrics);
    write_workers(control, &metrics);
    write_queue(control, &metrics);
    write_targets(control, &metrics);
    admin_write_fleet_metrics(&metrics, control->snapshot, clock_monotonic_ns());
    metrics_write_policies(control, &metrics);
    write_redis(control, &metrics);
    write_process(control, &metrics);
    metrics_end(&metrics);
    page->type = metrics_content_type(format);
}
