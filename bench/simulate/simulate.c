#include "simulate/simulate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/goodput.h"
#include "simulate/plan.h"
#include "simulate/result_json.h"

static struct best best_find(const struct plan *o, double load, uint32_t seed)
{
    static const enum run_rule rules[] = {RUN_EXACT, RUN_EXACT_QUICKEST};
    struct best best = {INFINITY, INFINITY};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        const struct contender seer = {.rule = rules[i], .chain = o->exact_chain};
        const struct run_setup setup = plan_setup(o, load, seed, &seer);
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

static void result_print(const struct result_of *of)
{
    struct buffer line = {0};
    result_json_write(of, &line);
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

/* All seeds of a policy and load as one run: requests together, shares in the mean. */
static void whole_add(struct run_result *whole, const struct run_result *one, const struct plan *o)
{
    score_merge(&whole->score, &one->score);
    for (uint32_t i = 0; i < o->scenario.cluster_count; i++) {
        whole->utilisation[i] += one->utilisation[i] / o->seeds;
        whole->share[i] += one->share[i] / o->seeds;
    }
}

static void contender_run(const struct plan *o, const struct contender *contender, double load,
                          const struct best *bests, struct run_result *whole, FILE *arrivals)
{
    for (uint32_t k = 0; k < o->seeds; k++) {
        const uint32_t seed = o->first_seed + k;
        struct run_setup setup = plan_setup(o, load, seed, contender);
        struct run_result result;
        setup.arrivals = arrivals;
        setup.series = o->json && !o->merge;
        run_make(&setup, &result);
        whole_add(whole, &result, o);
        if (o->json && !o->merge)
            result_print(&(struct result_of){.policy = contender->name,
                                             .load = load,
                                             .seed = seed,
                                             .seeds = 1,
                                             .setup = &setup,
                                             .result = &result,
                                             .best = o->regret ? &bests[k] : NULL});
        run_result_finish(&result);
    }
}

static void whole_print(const struct plan *o, const struct contender *contender, double load,
                        const struct run_result *whole, const struct best *best)
{
    const struct run_setup setup = plan_setup(o, load, o->first_seed, contender);
    if (!o->json)
        row_print(contender, load, &whole->score, best);
    else if (o->merge)
        result_print(&(struct result_of){.policy = contender->name,
                                         .load = load,
                                         .seeds = o->seeds,
                                         .setup = &setup,
                                         .result = whole,
                                         .best = o->regret ? best : NULL});
}

static void load_run(const struct plan *o, double load, FILE *arrivals)
{
    const size_t clusters = o->scenario.cluster_count;
    struct best *bests = memory_zalloc(o->seeds * sizeof *bests);
    struct best mean = {0, 0};
    for (uint32_t k = 0; k < o->seeds && o->regret; k++) {
        bests[k] = best_find(o, load, o->first_seed + k);
        mean.mean_ns += bests[k].mean_ns / o->seeds;
        mean.p99_ns += bests[k].p99_ns / o->seeds;
    }
    for (uint32_t i = 0; i < o->contender_count; i++) {
        struct run_result *whole = memory_zalloc(sizeof *whole);
        whole->utilisation = memory_zalloc(clusters * sizeof *whole->utilisation);
        whole->share = memory_zalloc(clusters * sizeof *whole->share);
        contender_run(o, &o->contenders[i], load, bests, whole, arrivals);
        whole_print(o, &o->contenders[i], load, whole, &mean);
        run_result_finish(whole);
        free(whole);
    }
    free(bests);
}

static int plan_run(const struct plan *o)
{
    FILE *arrivals = NULL;
    if (o->goodput) {
        goodput_run(o);
        return 0;
    }
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
