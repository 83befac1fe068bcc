#include "simulate/goodput.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

/* Loads are looked at in steps up to the first two that fail, then halved in between. */
#define STEP 0.1
#define LOAD_MOST 1.5
#define HALVINGS 4 /* to a 160th */
#define POINTS_MOST 32

struct point {
    double load, under_slo;
};

struct curve {
    struct point points[POINTS_MOST]; /* by load */
    uint32_t count;
};

/* Share of interactive requests under the promise, all seeds together. */
static double share_at(const struct plan *plan, const struct contender *contender, double load)
{
    uint64_t requests = 0, under = 0;
    for (uint32_t k = 0; k < plan->seeds; k++) {
        const struct run_setup setup = plan_setup(plan, load, plan->first_seed + k, contender);
        struct run_result result;
        run_make(&setup, &result);
        requests += result.score.classes[SCORE_INTERACTIVE].requests;
        under += result.score.classes[SCORE_INTERACTIVE].under_slo;
        run_result_finish(&result);
    }
    return requests > 0 ? (double)under / (double)requests : 1;
}

static double look(const struct plan *plan, const struct contender *contender, double load,
                   struct curve *curve)
{
    const struct point point = {load, share_at(plan, contender, load)};
    uint32_t at = curve->count++;
    for (; at > 0 && curve->points[at - 1].load > load; at--)
        curve->points[at] = curve->points[at - 1];
    curve->points[at] = point;
    return point.under_slo;
}

/* 0: not even at the lowest. */
static double find(const struct plan *plan, const struct contender *contender, struct curve *curve)
{
    double good = 0, bad = LOAD_MOST + STEP;
    uint32_t failed = 0;
    for (int k = 1; k * STEP <= LOAD_MOST + STEP / 2 && failed < 2; k++) {
        if (look(plan, contender, k * STEP, curve) >= GOODPUT_SHARE && failed == 0) {
            good = k * STEP;
        } else {
            bad = failed == 0 ? k * STEP : bad;
            failed++;
        }
    }
    for (int k = 0; k < HALVINGS && bad <= LOAD_MOST; k++) {
        const double middle = (good + bad) / 2;
        if (look(plan, contender, middle, curve) >= GOODPUT_SHARE)
            good = middle;
        else
            bad = middle;
    }
    return good;
}

static void json_print(const struct plan *plan, const struct contender *contender, double goodput,
                       const struct curve *curve)
{
    struct buffer line = {0};
    struct json json;
    json_init(&json, &line);
    json_object_begin(&json);
    json_kv_string(&json, "policy", contender->name);
    json_kv_string(&json, "scenario", plan->scenario.name);
    json_kv_bool(&json, "independent", plan->independent);
    json_kv_uint(&json, "seeds", plan->seeds);
    json_kv_number(&json, "slo_ms", plan->scenario.workload.slo_ms);
    json_kv_number(&json, "share", GOODPUT_SHARE);
    json_kv_fixed(&json, "goodput", goodput, 5);
    json_key(&json, "curve");
    json_array_begin(&json);
    for (uint32_t i = 0; i < curve->count; i++) {
        json_array_begin(&json);
        json_fixed(&json, curve->points[i].load, 5);
        json_fixed(&json, curve->points[i].under_slo, 5);
        json_array_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_byte(&line, '\n');
    fwrite(buffer_slice(&line).ptr, 1, buffer_len(&line), stdout);
    buffer_release(&line);
}

void goodput_run(const struct plan *plan)
{
    if (!plan->json)
        printf("%-36s %s\n", "policy", "highest load with 95 % under the promise");
    for (uint32_t i = 0; i < plan->contender_count; i++) {
        struct curve curve = {.count = 0};
        const double goodput = find(plan, &plan->contenders[i], &curve);
        if (plan->json)
            json_print(plan, &plan->contenders[i], goodput, &curve);
        else
            printf("%-36s %.2f\n", plan->contenders[i].name, goodput);
        fflush(stdout);
    }
}
