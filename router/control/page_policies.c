#include "control/page_policies.h"

#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "control/control.h"
#include "control/policy_spec.h"

/* --- GET /policies --- */

static struct proxy *proxy_of(const struct control *control, uint32_t worker)
{
    return worker_proxy(control->workers[worker]);
}

static void write_time(const struct control *control, const struct plugin *plugin,
                       struct json *json)
{
    struct distribution_total took = {0};
    uint64_t overruns = 0, strikes = 0;
    for (uint32_t w = 0; w < control->worker_count; w++) {
        const struct policy_metrics *metrics =
            policy_time_of(&proxy_of(control, w)->policy_time, plugin->number);
        if (metrics == NULL)
            continue;
        distribution_sum(&took, &metrics->took_s);
        overruns += counter_get(&metrics->overruns);
        strikes += counter_get(&metrics->strikes);
    }
    json_kv_uint(json, "decisions", took.count);
    json_kv_fixed(json, "took_us_p50",
                  took.count > 0 ? distribution_quantile(&took, 0.5) * 1e6 : NAN, 2);
    json_kv_fixed(json, "took_us_p99",
                  took.count > 0 ? distribution_quantile(&took, 0.99) * 1e6 : NAN, 2);
    json_kv_uint(json, "overruns", overruns);
    json_kv_uint(json, "strikes", strikes);
}

static void write_plugin(const struct control *control, const struct plugin *plugin,
                         struct json *json)
{
    json_object_begin(json);
    json_kv_string(json, "name", plugin->policy.name);
    json_kv_string(json, "version", plugin->policy.version);
    json_kv_string(json, "summary", plugin->policy.summary);
    json_kv_string(json, "kind", plugin->policy.kind == ISO_MODIFIER ? "modifier" : "complete");
    json_kv_string(json, "path", plugin->path);
    json_kv_string(json, "hash", plugin->hash);
    json_key(json, "faults");
    json_object_begin(json);
    for (int f = 0; f < PLUGIN_FAULTS; f++)
        json_kv_uint(json, plugin_fault_names[f],
                     atomic_load_explicit(&plugin->faults[f], memory_order_relaxed));
    json_object_end(json);
    write_time(control, plugin, json);
    json_object_end(json);
}

static void write_routes(const struct proxy_tables *tables, struct json *json)
{
    json_key(json, "routes");
    json_array_begin(json);
    for (size_t r = 0; r < tables->route_count; r++) {
        const struct chain *chain = tables->routes[r].chain;
        json_object_begin(json);
        json_kv_string(json, "route", tables->routes[r].name);
        json_key(json, "chain");
        json_array_begin(json);
        for (uint32_t k = 0; k < chain->count; k++)
            json_string(json, chain->links[k].plugin->policy.name);
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static double mean_ms(const struct distribution_total *total)
{
    return total->count > 0 ? total->sum / (double)total->count * 1e3 : NAN;
}

static void write_shadow(const struct shadow *shadow, struct json *json)
{
    struct shadow_sum sum;
    shadow_sum(shadow, &sum);
    const uint64_t all = sum.agreed + sum.differed;
    json_object_begin(json);
    json_kv_string(json, "policy", shadow->name);
    json_kv_string(json, "from", shadow->from_file ? "file" : "operator");
    json_kv_uint(json, "decisions", all);
    json_kv_uint(json, "differed", sum.differed);
    json_kv_fixed(json, "differed_share", all > 0 ? (double)sum.differed / (double)all : NAN, 4);
    json_kv_fixed(json, "gain_ms_mean", mean_ms(&sum.gain_s), 3);
    json_kv_fixed(json, "loss_ms_mean", mean_ms(&sum.loss_s), 3);
    json_object_end(json);
}

static void write_chain(const char *key, const struct chain *chain, struct json *json)
{
    char name[SHADOW_NAME_BYTES];
    json_kv_string(json, key, chain != NULL ? chain_name(chain, name, sizeof name) : NULL);
}

static void write_life(const struct control *control, struct json *json)
{
    const struct policy_life *life = &control->policies;
    char name[SHADOW_NAME_BYTES];
    write_chain("in_force", policy_life_in_force(life, control->tables), json);
    write_chain("file", tables_file_chain(control->tables), json);
    json_key(json, "promoted");
    json_array_begin(json);
    for (uint32_t p = 0; p < life->promoted_count; p++)
        json_string(json, chain_name(life->promoted[p], name, sizeof name));
    json_array_end(json);
    write_chain("candidate", life->candidate, json);
    json_key(json, "shadows");
    json_array_begin(json);
    for (uint32_t s = 0; s < control->tables->face.shadow_count; s++)
        write_shadow(control->tables->face.shadows[s], json);
    json_array_end(json);
}

void page_policies(struct control *control, const struct page_request *request, struct page *page)
{
    (void)request;
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_key(&json, "loaded");
    json_array_begin(&json);
    LIST_EACH (node, plugin_dir_list(control->plugins))
        write_plugin(control, LIST_ENTRY(node, struct plugin, node), &json);
    json_array_end(&json);
    write_routes(&control->tables->face, &json);
    write_life(control, &json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
}

/* --- POST --- */

struct collector {
    struct problem_sink face;
    struct json json;
};

static void collect(struct problem_sink *face, const char *place, const char *sentence)
{
    struct collector *collector = CONTAINER_OF(face, struct collector, face);
    char text[1024];
    snprintf(text, sizeof text, "%s: %s", place, sentence);
    json_string(&collector->json, text);
}

/* The chain that a body describes becomes the candidate; false after a page of every problem. */
static bool load(struct control *control, const struct policy_spec *spec, struct page *page)
{
    struct collector collector = {.face.tell = collect};
    json_init(&collector.json, &page->body);
    json_object_begin(&collector.json);
    json_key(&collector.json, "problems");
    json_array_begin(&collector.json);
    struct chain *chain = chain_create(spec->refs, spec->count, control->plugins, &collector.face);
    json_array_end(&collector.json);
    json_object_end(&collector.json);
    buffer_append_byte(&page->body, '\n');
    if (chain == NULL) {
        page->status = 422;
        return false;
    }
    buffer_clear(&page->body);
    policy_life_load(&control->policies, chain);
    return true;
}

static void told(struct control *control, const char *event, struct page *page)
{
    char in_force[SHADOW_NAME_BYTES];
    const struct policy_life *life = &control->policies;
    log_event(LOG_INFO, event, "in force is %s",
              chain_name(policy_life_in_force(life, control->tables), in_force, sizeof in_force));
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    write_life(control, &json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
}

static bool read_spec(const struct page_request *request, struct policy_spec *spec,
                      struct page *page)
{
    struct error error;
    if (policy_spec_read(spec, request->body, &error))
        return true;
    page_error(page, 400, "%s.", error.text);
    return false;
}

void page_policy_load(struct control *control, const struct page_request *request,
                      struct page *page)
{
    struct policy_spec spec;
    if (read_spec(request, &spec, page)) {
        if (spec.count == 0)
            page_error(page, 400, "Say which policy: {\"plugin\": ..., \"settings\": {...}}.");
        else if (load(control, &spec, page))
            told(control, "policy_loaded", page);
    }
    policy_spec_finish(&spec);
}

static void shadow(struct control *control, const struct policy_spec *spec, struct page *page)
{
    struct error error;
    if (spec->count > 0 && !load(control, spec, page))
        return;
    const bool fine = spec->stop != NULL
                          ? policy_life_unshadow(&control->policies, spec->stop, &error)
                          : policy_life_shadow(&control->policies, &error);
    if (!fine) {
        page_error(page, 409, "%s", error.text);
        return;
    }
    control_publish_policies(control);
    told(control, spec->stop != NULL ? "policy_shadow_stopped" : "policy_shadowed", page);
}

void page_policy_shadow(struct control *control, const struct page_request *request,
                        struct page *page)
{
    struct policy_spec spec;
    if (read_spec(request, &spec, page)) {
        if (spec.name != NULL)
            page_error(page, 400,
                       "policy: a shadow begins with {\"plugin\": ...} or with the candidate, and "
                       "ends with {\"stop\": name}.");
        else
            shadow(control, &spec, page);
    }
    policy_spec_finish(&spec);
}

static void promote(struct control *control, const struct policy_spec *spec, struct page *page)
{
    struct error error;
    if (!policy_life_promote(&control->policies, spec->name, &error)) {
        page_error(page, 409, "%s", error.text);
        return;
    }
    control_publish_policies(control);
    told(control, "policy_promoted", page);
}

void page_policy_promote(struct control *control, const struct page_request *request,
                         struct page *page)
{
    struct policy_spec spec;
    if (read_spec(request, &spec, page)) {
        if (spec.count > 0 || spec.stop != NULL)
            page_error(page, 400,
                       "A shadow or the candidate can be promoted: {\"policy\": name} or nothing.");
        else
            promote(control, &spec, page);
    }
    policy_spec_finish(&spec);
}

void page_policy_rollback(struct control *control, const struct page_request *request,
                          struct page *page)
{
    (void)request;
    struct error error;
    if (!policy_life_rollback(&control->policies, &error)) {
        page_error(page, 409, "%s", error.text);
        return;
    }
    control_publish_policies(control);
    told(control, "policy_rolled_back", page);
}
