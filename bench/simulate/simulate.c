#include "simulate/simulate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulate/plan.h"

/* What the best clairvoyant reached with the same requests. */
struct best {
    double mean_ns, p99_ns;
};

static struct run_setup setup_make(const struct plan *o, double load, uint32_t seed,
                                   const struct contender *contender)
{
    return (struct run_setup){
        .workload = {.scenario = &o->scenario,
                     .sizes = &o->sizes,
                     .load = load,
                     .independent = o->independent,
                     .seed = seed,
                     .warm_s = o->warm_s,
                     .measured_s = o->measured_s},
        .rule = contender->rule,
        .chain = contender->chain,
        .routers = o->routers,
        .report_interval_ms = o->report_interval_ms,
        .faults = o->faults,
        .fault_count = o->fault_count,
        .slo_ms = o->scenario.workload.slo_ms,
        .flex_slo_ms = o->scenario.workload.flex_slo_ms,
    };
}

static struct best best_find(const struct plan *o, double load, uint32_t seed)
{
    static const enum run_rule rules[] = {RUN_EXACT, RUN_EXACT_QUICKEST};
    struct best best = {INFINITY, INFINITY};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        const struct contender seer = {.rule = rules[i], .chain = o->exact_chain};
        const struct run_setup setup = setup_make(o, load, seed, &seer);
        struct run_result result;
        run_make(&setup, &result);
        const struct score_class *class = &result.score.classes[SCORE_INTERACTIVE];
        best.mean_ns = fmin(best.mean_ns, score_mean(&class->ttft_ns, class->requests));
        best.p99_ns = fmin(best.p99_ns, score_percentile(&class->ttft_ns, class->requests, 99));
        run_result_finish(&result);
    }
    return best;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static void clusters_write(struct json *json, const char *key, const struct plan *o,
                           const double *values)
{
    json_key(json, key);
    json_object_begin(json);
    for (uint32_t i = 0; i < o->scenario.cluster_count; i++)
        json_kv_fixed(json, o->scenario.clusters[i].point.name, values[i], 4);
    json_object_end(json);
}

static void class_write(struct json *json, const struct score_class *class)
{
    score_write_times(json, "ttft_ms", &class->ttft_ns, class->requests);
    json_kv_fixed(json, "under_slo", share((double)class->under_slo, (double)class->requests), 5);
    score_write_times(json, "e2e_ms", &class->e2e_ns, class->requests);
}

static void result_print(const struct plan *o, const struct contender *contender, double load,
                         uint32_t seed, const struct run_result *result, const struct best *best)
{
    const struct score *score = &result->score;
    const struct score_class *interactive = &score->classes[SCORE_INTERACTIVE];
    const struct score_class *flex = &score->classes[SCORE_FLEX];
    const double mean = score_mean(&interactive->ttft_ns, interactive->requests);
    const double p99 = score_percentile(&interactive->ttft_ns, interactive->requests, 99);
    struct buffer line = {0};
    struct json json;
    json_init(&json, &line);
    json_object_begin(&json);
    json_kv_string(&json, "policy", contender->name);
    json_kv_number(&json, "load", load);
    json_kv_uint(&json, "seed", seed);
    json_kv_uint(&json, "requests", interactive->requests + flex->requests);
    json_kv_uint(&json, "failed", score->failed);
    json_kv_uint(&json, "failed_unstarted", score->failed_unstarted);
    json_kv_uint(&json, "unfinished", score->unfinished);
    class_write(&json, interactive);
    json_kv_fixed(&json, "flex_price", share(score->flex_paid, score->flex_tokens), 4);
    json_kv_fixed(&json, "prefix_hit", share(score->cached_tokens, score->prompt_tokens), 4);
    clusters_write(&json, "utilisation", o, result->utilisation);
    clusters_write(&json, "share", o, result->share);
    json_kv_fixed(&json, "regret", best != NULL ? (mean - best->mean_ns) / 1e6 : NAN, 2);
    json_kv_fixed(&json, "p99_to_best", best != NULL ? p99 / best->p99_ns : NAN, 3);
    json_key(&json, "flex");
    json_object_begin(&json);
    json_kv_uint(&json, "requests", flex->requests);
    class_write(&json, flex);
    json_object_end(&json);
    if (score->fault_sent > 0)
        json_kv_fixed(&json, "fault_share",
                      share((double)score->fault_sent_there, (double)score->fault_sent), 4);
    json_object_end(&json);
    buffer_append_byte(&line, '\n');
    fwrite(buffer_slice(&line).ptr, 1, buffer_len(&line), stdout);
    fflush(stdout);
    buffer_release(&line);
}

/* --- the table: all seeds of a policy and load together --- */

static void cell_print(double seconds)
{
    if (isfinite(seconds))
        printf(" %8.3f", seconds);
    else
        printf(" %8s", "never");
}

static void row_print(const struct contender *contender, double load, const struct score *score,
                      const struct best *best)
{
    static const double percents[] = {50, 95, 99};
    const struct score_class *class = &score->classes[SCORE_INTERACTIVE];
    const double p99 = score_percentile(&class->ttft_ns, class->requests, 99);
    printf("%-36s %4.2f", contender->name, load);
    cell_print(score_mean(&class->ttft_ns, class->requests) / 1e9);
    for (size_t i = 0; i < COUNT_OF(percents); i++)
        cell_print(score_percentile(&class->ttft_ns, class->requests, percents[i]) / 1e9);
    printf(" %7.2f %7.3f %6.2f", 100 * share((double)class->under_slo, (double)class->requests),
           share(score->flex_paid, score->flex_tokens),
           share(score->cached_tokens, score->prompt_tokens));
    if (best->p99_ns > 0)
        printf(" %6.2f", p99 / best->p99_ns);
    else
        printf(" %6s", "-");
    printf(" %9llu %llu\n",
           (unsigned long long)(class->requests + score->classes[SCORE_FLEX].requests),
           (unsigned long long)(score->failed + score->unfinished));
    fflush(stdout);
}

static void head_print(void)
{
    printf("%-36s %4s %8s %8s %8s %8s %7s %7s %6s %6s %9s %s\n", "policy", "load", "mean s", "p50",
           "p95", "p99", "< 1 s %", "flex", "hit", "x best", "requests", "failed");
}

/* --- everything --- */

static void contender_run(const struct plan *o, const struct contender *contender, double load,
                          const struct best *bests, struct score *all, FILE *arrivals)
{
    for (uint32_t k = 0; k < o->seeds; k++) {
        const uint32_t seed = o->first_seed + k;
        struct run_setup setup = setup_make(o, load, seed, contender);
        struct run_result result;
        setup.arrivals = arrivals;
        run_make(&setup, &result);
        score_merge(all, &result.score);
        if (o->json)
            result_print(o, contender, load, seed, &result, o->regret ? &bests[k] : NULL);
        run_result_finish(&result);
    }
}

static void load_run(const struct plan *o, double load, FILE *arrivals)
{
    struct best *bests = memory_zalloc(o->seeds * sizeof *bests);
    struct score *all = memory_alloc(sizeof *all);
    struct best mean = {0, 0};
    for (uint32_t k = 0; k < o->seeds && o->regret; k++) {
        bests[k] = best_find(o, load, o->first_seed + k);
        mean.mean_ns += bests[k].mean_ns / o->seeds;
        mean.p99_ns += bests[k].p99_ns / o->seeds;
    }
    for (uint32_t i = 0; i < o->contender_count; i++) {
        *all = (struct score){0};
        contender_run(o, &o->contenders[i], load, bests, all, arrivals);
        if (!o->json)
            row_print(&o->contenders[i], load, all, &mean);
    }
    free(all);
    free(bests);
}

static int plan_run(const struct plan *o)
{
    FILE *arrivals = NULL;
    if (o->arrivals_file != NULL && (arrivals = fopen(o->arrivals_file, "we")) == NULL) {
        fprintf(stderr, "isobench simulate: %s: %s\n", o->arrivals_file, strerror(errno));
        return 1;
    }
    if (!o->json)
        head_print();
    for (uint32_t i = 0; i < o->load_count; i++)
        load_run(o, o->loads[i], arrivals);
    if (arrivals != NULL && fclose(arrivals) != 0) {
        fprintf(stderr, "isobench simulate: %s: %s\n", o->arrivals_file, strerror(errno));
        return 1;
    }
    return 0;
}

int simulate_main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(plan_usage, stdout);
        return 0;
    }
    static struct plan plan;
    const int exit_code = plan_read(&plan, argc, argv) ? plan_run(&plan) : 2;
    plan_finish(&plan);
    return exit_code;
}
