#include "control/metrics_policies.h"

#include "control/control.h"

static struct proxy *proxy_of(const struct control *control, uint32_t worker)
{
    return worker_proxy(control->workers[worker]);
}

#define PLUGIN_LABELS(plugin, ...) \
    METRIC_LABELS({"policy", (plugin)->policy.name}, {"hash", (plugin)->hash}, __VA_ARGS__)

static void write_decisions(const struct control *control, struct metrics_text *metrics)
{
    struct distribution_total decisions = {0};
    for (uint32_t w = 0; w < control->worker_count; w++)
        distribution_sum(&decisions, &proxy_of(control, w)->metrics.decision_s);
    metrics_family(metrics, METRIC_HISTOGRAM, "isochrone_route_decision_seconds",
                   "What one decision took, estimates included.");
    metrics_histogram(metrics, &decisions, METRIC_NO_LABELS);
}

static void write_faults(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_policy_faults_total",
                   "Nonsense a policy returned, by kind; contained.");
    LIST_EACH (node, plugin_dir_list(control->plugins)) {
        const struct plugin *plugin = LIST_ENTRY(node, struct plugin, node);
        for (int f = 0; f < PLUGIN_FAULTS; f++)
            metrics_uint(metrics, atomic_load_explicit(&plugin->faults[f], memory_order_relaxed),
                         PLUGIN_LABELS(plugin, {"fault", plugin_fault_names[f]}));
    }
}

static void write_times(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_HISTOGRAM, "isochrone_policy_seconds",
                   "What one decision took of a policy's own code, shadows included.");
    LIST_EACH (node, plugin_dir_list(control->plugins)) {
        const struct plugin *plugin = LIST_ENTRY(node, struct plugin, node);
        struct distribution_total took = {0};
        for (uint32_t w = 0; w < control->worker_count; w++) {
            const struct policy_metrics *one =
                policy_time_of(&proxy_of(control, w)->policy_time, plugin->number);
            if (one != NULL)
                distribution_sum(&took, &one->took_s);
        }
        if (took.bounds != NULL)
            metrics_histogram(metrics, &took, PLUGIN_LABELS(plugin, {NULL, NULL}));
    }
}

static void write_overruns(const struct control *control, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_policy_overruns_total",
                   "Decisions in which a policy overran its budget: soft 50 us; hard 5 ms, and by "
                   "its own doing.");
    LIST_EACH (node, plugin_dir_list(control->plugins)) {
        const struct plugin *plugin = LIST_ENTRY(node, struct plugin, node);
        uint64_t soft = 0, hard = 0;
        for (uint32_t w = 0; w < control->worker_count; w++) {
            const struct policy_metrics *one =
                policy_time_of(&proxy_of(control, w)->policy_time, plugin->number);
            soft += one != NULL ? counter_get(&one->overruns) : 0;
            hard += one != NULL ? counter_get(&one->strikes) : 0;
        }
        metrics_uint(metrics, soft, PLUGIN_LABELS(plugin, {"budget", "soft"}));
        metrics_uint(metrics, hard, PLUGIN_LABELS(plugin, {"budget", "hard"}));
    }
}

static void write_changes(const struct control *control, struct metrics_text *metrics)
{
    const struct policy_life *life = &control->policies;
    metrics_family(metrics, METRIC_COUNTER, "isochrone_policy_changes_total",
                   "Changes of the policies in force at run time; taken_out: for overrunning.");
    metrics_uint(metrics, life->promotions, METRIC_LABELS({"change", "promotion"}));
    metrics_uint(metrics, life->rollbacks, METRIC_LABELS({"change", "rollback"}));
    metrics_uint(metrics, life->taken_out, METRIC_LABELS({"change", "taken_out"}));
}

/* An operator's shadow may have the name of the file's: the file's is the one that is shown. */
static bool is_shown(const struct proxy_tables *tables, uint32_t s)
{
    for (uint32_t earlier = 0; earlier < s; earlier++)
        if (strcmp(tables->shadows[earlier]->name, tables->shadows[s]->name) == 0)
            return false;
    return true;
}

static void write_shadow_prices(const struct proxy_tables *tables, struct metrics_text *metrics,
                                const char *name, const char *help, size_t offset)
{
    metrics_family(metrics, METRIC_HISTOGRAM, name, help);
    for (uint32_t s = 0; s < tables->shadow_count; s++) {
        struct shadow_sum sum;
        shadow_sum(tables->shadows[s], &sum);
        const char *total = (const char *)&sum + offset;
        if (is_shown(tables, s))
            metrics_histogram(metrics, (const struct distribution_total *)(const void *)total,
                              METRIC_LABELS({"policy", tables->shadows[s]->name}));
    }
}

static void write_shadows(const struct proxy_tables *tables, struct metrics_text *metrics)
{
    metrics_family(metrics, METRIC_COUNTER, "isochrone_shadow_decisions_total",
                   "Decisions of a shadow, by whether it would have chosen the same cluster.");
    for (uint32_t s = 0; s < tables->shadow_count; s++) {
        const char *name = tables->shadows[s]->name;
        struct shadow_sum sum;
        shadow_sum(tables->shadows[s], &sum);
        if (!is_shown(tables, s))
            continue;
        metrics_uint(metrics, sum.agreed, METRIC_LABELS({"policy", name}, {"agree", "yes"}));
        metrics_uint(metrics, sum.differed, METRIC_LABELS({"policy", name}, {"agree", "no"}));
    }
    write_shadow_prices(tables, metrics, "isochrone_shadow_gain_seconds",
                        "Where a shadow differs: what its choice saves, by its own prices.",
                        offsetof(struct shadow_sum, gain_s));
    write_shadow_prices(tables, metrics, "isochrone_shadow_loss_seconds",
                        "Where a shadow differs: what its choice costs more, by the live prices.",
                        offsetof(struct shadow_sum, loss_s));
}

void metrics_write_policies(const struct control *control, struct metrics_text *metrics)
{
    write_decisions(control, metrics);
    write_times(control, metrics);
    write_overruns(control, metrics);
    write_faults(control, metrics);
    write_changes(control, metrics);
    write_shadows(&control->tables->face, metrics);
}
