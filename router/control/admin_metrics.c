/*
 * The fleet's part of GET /metrics.  One row a family, so that names, helps
 * and values stand beside each other; labels come from the configuration.
 */
#include <math.h>

#include "base/clock.h"
#include "control/admin_page.h"
#include "fleet/estimate.h"

struct moment {
    const struct snapshot *snapshot;
    double since_ms; /* the snapshot was made */
};

typedef double read_value(const struct moment *moment, uint32_t i);

struct family {
    const char *name;
    const char *help;
    enum metric_type type;
    read_value *value; /* NAN: unknown, left out */
};

#define VALUE(name, expression)                                     \
    static double name(const struct moment *moment, uint32_t i)     \
    {                                                               \
        const struct snapshot *snapshot = moment->snapshot;         \
        const struct target *target = &snapshot->targets[i];        \
        const struct forecast *forecast = &snapshot->forecasts[i];  \
        const struct iso_cluster *cluster = &snapshot->clusters[i]; \
        (void)target, (void)forecast, (void)cluster;                \
        return (expression);                                        \
    }

VALUE(usable, snapshot->gates[i] == FLEET_USABLE)
VALUE(drained, target->drained)
VALUE(ejected, target->health.state == HEALTH_EJECTED)
VALUE(ejections, (double)target->health.ejections)
VALUE(report_age, (target->report_age_ms + moment->since_ms) / 1000)
VALUE(inflight, forecast->own_requests)
VALUE(pending, forecast->own_tokens)
VALUE(others, forecast->others_requests)
VALUE(running, target->report.running)
VALUE(waiting, target->report.waiting)
VALUE(slots, cluster->slots)
VALUE(prefill, cluster->prefill_tokens_per_s)
VALUE(rtt, cluster->rtt_ms / 1000)
VALUE(utilisation, cluster->utilisation)
VALUE(kv_used, target->report.kv_used)
VALUE(itl, cluster->itl_ms / 1000)
VALUE(ttft, forecast->observed_ttft_ms / 1000)
VALUE(correction, fleet_correction(target->observed_s, target->predicted_s,
                                   forecast->age_ms + moment->since_ms))
VALUE(sent, (double)target->totals.sent)
VALUE(sent_tokens, (double)target->totals.sent_tokens)

static const struct family families[] = {
    {"isochrone_cluster_usable", "Whether requests may go there now.", METRIC_GAUGE, usable},
    {"isochrone_cluster_drained", "Whether an operator takes it out of service.", METRIC_GAUGE,
     drained},
    {"isochrone_cluster_ejected", "Whether it is given a rest after failures.", METRIC_GAUGE,
     ejected},
    {"isochrone_cluster_ejections_total", "Rests after failures.", METRIC_COUNTER, ejections},
    {"isochrone_cluster_report_age_seconds", "Age of its agent's last report.", METRIC_GAUGE,
     report_age},
    {"isochrone_cluster_inflight_requests", "Requests of this router there.", METRIC_GAUGE,
     inflight},
    {"isochrone_cluster_pending_tokens",
     "Prompt tokens of this router sent there and not known to be prefilled.", METRIC_GAUGE,
     pending},
    {"isochrone_cluster_others_inflight_requests",
     "Requests of the other routers there, by the last exchange.", METRIC_GAUGE, others},
    {"isochrone_cluster_running_requests", "Running there, by the report.", METRIC_GAUGE, running},
    {"isochrone_cluster_waiting_requests", "Waiting there, by the report.", METRIC_GAUGE, waiting},
    {"isochrone_cluster_slots", "Sequences it runs at once.", METRIC_GAUGE, slots},
    {"isochrone_cluster_prefill_tokens_per_second", "Prefill of all its instances together.",
     METRIC_GAUGE, prefill},
    {"isochrone_cluster_rtt_seconds", "The way there and back, at application level.", METRIC_GAUGE,
     rtt},
    {"isochrone_cluster_utilisation_ratio", "Busy share of its prefill.", METRIC_GAUGE,
     utilisation},
    {"isochrone_cluster_kv_used_ratio", "Share of its KV cache in use.", METRIC_GAUGE, kv_used},
    {"isochrone_cluster_inter_token_latency_seconds", "Between two tokens, now.", METRIC_GAUGE,
     itl},
    {"isochrone_cluster_observed_ttft_seconds", "Time to first token seen from here, smoothed.",
     METRIC_GAUGE, ttft},
    {"isochrone_cluster_correction_ratio", "What predictions for it are multiplied with.",
     METRIC_GAUGE, correction},
    {"isochrone_cluster_requests_total", "Attempts sent there.", METRIC_COUNTER, sent},
    {"isochrone_cluster_prompt_tokens_total", "Uncached prompt tokens sent there, as predicted.",
     METRIC_COUNTER, sent_tokens},
};

static void write_family(struct metrics_text *metrics, const struct moment *moment,
                         const struct family *family)
{
    metrics_family(metrics, family->type, family->name, family->help);
    for (uint32_t i = 0; i < moment->snapshot->count; i++) {
        const struct target_config *config = moment->snapshot->targets[i].config;
        metrics_number(metrics, family->value(moment, i),
                       METRIC_LABELS({"cluster", config->cluster->name},
                                     {"pool", config->pool->name}));
    }
}

static void write_outcomes(struct metrics_text *metrics, const struct snapshot *snapshot)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_cluster_outcomes_total",
                   "How attempts there ended.");
    for (uint32_t i = 0; i < snapshot->count; i++)
        for (unsigned k = 0; k < FLIGHT_OUTCOMES; k++) {
            const struct target *target = &snapshot->targets[i];
            metrics_uint(metrics, target->outcomes.outcomes[k],
                         METRIC_LABELS({"cluster", target->config->cluster->name},
                                       {"pool", target->config->pool->name},
                                       {"outcome", flight_outcome_name((enum flight_outcome)k)}));
        }
}

static void write_endpoints(struct metrics_text *metrics, const struct snapshot *snapshot)
{
    metrics_family(metrics, METRIC_GAUGE, "isochrone_endpoint_up",
                   "Whether an endpoint answers its probes.");
    for (uint32_t i = 0; i < snapshot->count; i++)
        for (uint32_t k = 0; k < snapshot->targets[i].endpoint_count; k++) {
            const struct target *target = &snapshot->targets[i];
            metrics_uint(metrics, !target->endpoints[k].down,
                         METRIC_LABELS({"cluster", target->config->cluster->name},
                                       {"pool", target->config->pool->name},
                                       {"url", target->endpoints[k].config->url}));
        }
}

void admin_write_fleet_metrics(struct metrics_text *metrics, const struct snapshot *snapshot,
                               int64_t now_ns)
{
    const struct moment moment = {snapshot, ns_to_ms(now_ns - snapshot->made_ns)};
    for (size_t i = 0; i < COUNT_OF(families); i++)
        write_family(metrics, &moment, &families[i]);
    write_outcomes(metrics, snapshot);
    write_endpoints(metrics, snapshot);
    metrics_family(metrics, METRIC_GAUGE, "isochrone_fleet_routers",
                   "Routers alive by the last exchange, this one included.");
    metrics_uint(metrics, snapshot->routers, METRIC_NO_LABELS);
    metrics_family(metrics, METRIC_GAUGE, "isochrone_fleet_exchange_age_seconds",
                   "Since routers last exchanged their counters.");
    metrics_number(metrics, (snapshot->exchange_age_ms + moment.since_ms) / 1000, METRIC_NO_LABELS);
    metrics_family(metrics, METRIC_GAUGE, "isochrone_fleet_panic",
                   "Whether so much of the fleet looks unfit that it is not believed.");
    metrics_uint(metrics, snapshot->panic, METRIC_NO_LABELS);
    metrics_family(metrics, METRIC_COUNTER, "isochrone_fleet_snapshots_total",
                   "Pictures of the fleet made.");
    metrics_uint(metrics, snapshot->generation, METRIC_NO_LABELS);
}
