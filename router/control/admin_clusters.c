/* GET /clusters, by target: may it be used, what is known and since when, what would come back. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "control/admin_page.h"
#include "fleet/estimate.h"

struct page {
    struct json json;
    const struct snapshot *snapshot;
    const struct iso_estimate *estimates;
    double since_ms; /* the snapshot was made */
    int64_t now_ns;
};

static void write_report(struct page *page, const struct target *target)
{
    struct json *json = &page->json;
    const struct report *report = &target->report;
    json_key(json, "report");
    if (!target->reported) {
        json_null(json);
        return;
    }
    json_object_begin(json);
    json_kv_fixed(json, "age_ms", target->report_age_ms + page->since_ms, 1);
    json_kv_uint(json, "epoch", report->epoch);
    json_kv_uint(json, "seq", report->seq);
    json_kv_string(json, "state", report_state_name(report->state));
#define WRITE_NUMBER(name, ...) json_kv_number(json, #name, report->name);
    REPORT_NUMBERS(WRITE_NUMBER)
#undef WRITE_NUMBER
#define WRITE_TEXT(name, size) json_kv_string(json, #name, report->name);
    REPORT_TEXTS(WRITE_TEXT)
#undef WRITE_TEXT
    json_key(json, "refused");
    json_array_begin(json);
    for (unsigned field = 0; field < REPORT_FIELD_COUNT; field++)
        if (report->refused >> field & 1)
            json_string(json, report_field_name((enum report_field)field));
    json_array_end(json);
    json_object_end(json);
}

/* A number that decisions use, whether it was measured, and how old it is where that is known. */
static void write_input(struct page *page, const struct forecast *forecast, const char *name,
                        double value, uint64_t bit)
{
    struct json *json = &page->json;
    const bool known = (forecast->known & bit) != 0;
    const bool reported = (forecast->known & ISO_KNOWN_REPORT) != 0 && bit != ISO_KNOWN_RTT;
    json_key(json, name);
    json_object_begin(json);
    json_kv_number(json, "value", value);
    json_kv_bool(json, "known", known);
    json_kv_fixed(json, "age_ms", known && reported ? forecast->age_ms + page->since_ms : NAN, 1);
    json_object_end(json);
}

static void write_inputs(struct page *page, uint32_t i)
{
    const struct iso_cluster *cluster = &page->snapshot->clusters[i];
    const struct forecast *forecast = &page->snapshot->forecasts[i];
    json_key(&page->json, "inputs");
    json_object_begin(&page->json);
    write_input(page, forecast, "rtt_ms", cluster->rtt_ms, ISO_KNOWN_RTT);
    write_input(page, forecast, "prefill_tokens_per_s", cluster->prefill_tokens_per_s,
                ISO_KNOWN_PREFILL);
    write_input(page, forecast, "prefill_tokens_per_s_one", cluster->prefill_tokens_per_s_one,
                ISO_KNOWN_PREFILL_ONE);
    write_input(page, forecast, "slots", cluster->slots, ISO_KNOWN_SLOTS);
    write_input(page, forecast, "hold_ms", cluster->hold_ms, ISO_KNOWN_HOLD);
    write_input(page, forecast, "itl_ms", cluster->itl_ms, ISO_KNOWN_ITL);
    write_input(page, forecast, "itl_idle_ms", cluster->itl_idle_ms, ISO_KNOWN_ITL_IDLE);
    write_input(page, forecast, "utilisation", cluster->utilisation, ISO_KNOWN_UTILISATION);
    write_input(page, forecast, "mean_tokens", cluster->mean_tokens, ISO_KNOWN_MEAN_TOKENS);
    write_input(page, forecast, "price_ratio", cluster->price_ratio, ISO_KNOWN_PRICE);
    json_object_end(&page->json);
}

/* The parts of what is on its way: reported, exchanged, and sent by us since either. */
static void write_work(struct page *page, uint32_t i)
{
    struct json *json = &page->json;
    const struct forecast *forecast = &page->snapshot->forecasts[i];
    const double exchange_age_ms = page->snapshot->exchange_age_ms + page->since_ms;
    json_key(json, "work");
    json_object_begin(json);
    json_kv_number(json, "own_requests", forecast->own_requests);
    json_kv_number(json, "own_pending_tokens", forecast->own_tokens);
    json_kv_number(json, "others_requests", forecast->others_requests);
    json_kv_number(json, "others_pending_tokens", forecast->others_tokens);
    json_kv_fixed(json, "exchange_age_ms", exchange_age_ms, 1);
    json_kv_number(json, "sent_since_exchange", forecast->exchange_requests);
    json_kv_number(json, "reported_requests", forecast->reported_requests);
    json_kv_number(json, "reported_waiting_tokens", forecast->reported_tokens);
    json_kv_fixed(json, "report_age_ms",
                  forecast->known & ISO_KNOWN_REPORT ? forecast->age_ms + page->since_ms : NAN, 1);
    json_kv_number(json, "sent_since_report", forecast->report_requests);
    json_object_end(json);
}

static void write_estimate(struct page *page, uint32_t i)
{
    struct json *json = &page->json;
    const struct iso_estimate *estimate = &page->estimates[i];
    json_key(json, "estimate");
    json_object_begin(json);
    json_kv_fixed(json, "prompt_tokens", ADMIN_PROMPT_TOKENS, 0);
    json_kv_fixed(json, "ttft_ms", estimate->ttft_ms, 3);
    json_kv_fixed(json, "wait_ms", estimate->wait_ms, 3);
    json_kv_fixed(json, "wait_prefill_ms", estimate->wait_prefill_ms, 3);
    json_kv_fixed(json, "wait_slot_ms", estimate->wait_slot_ms, 3);
    json_kv_fixed(json, "service_ms", estimate->service_ms, 3);
    json_kv_fixed(json, "inflight", estimate->inflight, 1);
    json_kv_fixed(json, "own_inflight", estimate->own_inflight, 0);
    json_kv_fixed(json, "backlog_tokens", estimate->backlog_tokens, 0);
    json_kv_fixed(json, "correction", estimate->correction, 3);
    json_kv_fixed(json, "observed_ttft_ms", estimate->observed_ttft_ms, 3);
    json_kv_fixed(json, "peak_ttft_ms", estimate->peak_ttft_ms, 3);
    json_object_end(json);
}

static void write_health(struct page *page, const struct target *target)
{
    struct json *json = &page->json;
    const struct health *health = &target->health;
    json_key(json, "health");
    json_object_begin(json);
    json_kv_string(json, "state", health_state_name(health->state));
    json_kv_fixed(json, "for_ms", ns_to_ms(page->now_ns - health->since_ns), 0);
    json_kv_bool(json, "erring", target->erring);
    json_kv_fixed(json, "failures_of_late", health->failures, 2);
    json_kv_fixed(json, "successes_of_late", health->successes, 2);
    json_kv_uint(json, "ejections", health->ejections);
    json_object_end(json);
}

static void write_endpoints(struct page *page, const struct target *target)
{
    struct json *json = &page->json;
    json_key(json, "endpoints");
    json_array_begin(json);
    for (uint32_t i = 0; i < target->endpoint_count; i++) {
        const struct endpoint_state *endpoint = &target->endpoints[i];
        json_object_begin(json);
        json_kv_string(json, "url", endpoint->config->url);
        json_kv_bool(json, "down", endpoint->down);
        json_kv_fixed(json, "rtt_ms", endpoint->rtt_ms, 3);
        json_kv_uint(json, "addresses", endpoint->addresses ? endpoint->addresses->count : 0);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_totals(struct page *page, const struct target *target)
{
    struct json *json = &page->json;
    json_key(json, "totals");
    json_object_begin(json);
    json_kv_uint(json, "sent", target->totals.sent);
    json_kv_uint(json, "sent_tokens", target->totals.sent_tokens);
    json_kv_uint(json, "ended", target->totals.ended);
    json_key(json, "outcomes");
    json_object_begin(json);
    for (unsigned i = 0; i < FLIGHT_OUTCOMES; i++)
        json_kv_uint(json, flight_outcome_name((enum flight_outcome)i),
                     target->outcomes.outcomes[i]);
    json_object_end(json);
    json_object_end(json);
}

static void write_models(struct page *page, const struct pool *pool)
{
    struct json *json = &page->json;
    json_key(json, "models");
    json_array_begin(json);
    for (uint32_t i = 0; i < pool->model_count; i++)
        json_string(json, pool->models[i].ours);
    if (pool->model_count == 0)
        json_string(json, FLEET_MODEL_ANY);
    json_array_end(json);
}

static void write_declared(struct page *page, const struct target *target,
                           const struct iso_cluster *cluster)
{
    struct json *json = &page->json;
    json_kv_string(json, "name", target->config->name);
    json_kv_string(json, "cluster", target->config->cluster->name);
    json_kv_string(json, "pool", target->config->pool->name);
    json_kv_string(json, "region", cluster->region);
    json_kv_string(json, "country", cluster->country);
    json_kv_string(json, "accelerator", cluster->accelerator);
    json_kv_number(json, "latitude", cluster->latitude);
    json_kv_number(json, "longitude", cluster->longitude);
    json_kv_uint(json, "weight", cluster->weight);
    write_models(page, target->config->pool);
}

static void write_target(struct page *page, uint32_t i)
{
    struct json *json = &page->json;
    const struct target *target = &page->snapshot->targets[i];
    const enum fleet_reason gate = (enum fleet_reason)page->snapshot->gates[i];
    json_object_begin(json);
    write_declared(page, target, &page->snapshot->clusters[i]);
    json_kv_bool(json, "usable", gate == FLEET_USABLE);
    json_kv_string(json, "gate", fleet_reason_name(gate));
    json_kv_bool(json, "drained", target->drained);
    json_kv_bool(json, "down", target->down);
    write_health(page, target);
    write_endpoints(page, target);
    write_inputs(page, i);
    write_work(page, i);
    write_estimate(page, i);
    write_totals(page, target);
    write_report(page, target);
    json_object_end(json);
}

static void write_fleet(struct page *page)
{
    struct json *json = &page->json;
    const struct snapshot *snapshot = page->snapshot;
    json_object_begin(json);
    json_kv_uint(json, "generation", snapshot->generation);
    json_kv_fixed(json, "age_ms", page->since_ms, 1);
    json_kv_uint(json, "routers", snapshot->routers);
    json_kv_fixed(json, "exchange_age_ms", snapshot->exchange_age_ms + page->since_ms, 1);
    json_kv_fixed(json, "exchange_tick_ms", snapshot->exchange_tick_ms, 1);
    json_kv_bool(json, "panic", snapshot->panic);
    json_key(json, "clusters");
    json_array_begin(json);
    for (uint32_t i = 0; i < snapshot->count; i++)
        write_target(page, i);
    json_array_end(json);
    json_object_end(json);
}

void admin_write_clusters(struct buffer *out, const struct snapshot *snapshot,
                          const struct ledger *ledger, int64_t now_ns)
{
    const struct fleet_query query = {.prompt_tokens = ADMIN_PROMPT_TOKENS,
                                      .stream = true,
                                      .latitude = snapshot->config->edge_latitude,
                                      .longitude = snapshot->config->edge_longitude};
    struct iso_estimate *estimates =
        memory_zalloc((snapshot->count + 1) * sizeof(struct iso_estimate));
    fleet_estimate(snapshot, ledger, &query, now_ns, estimates);
    struct page page = {.snapshot = snapshot,
                        .estimates = estimates,
                        .since_ms = ns_to_ms(now_ns - snapshot->made_ns),
                        .now_ns = now_ns};
    json_init(&page.json, out);
    write_fleet(&page);
    buffer_append_byte(out, '\n');
    free(estimates);
}
