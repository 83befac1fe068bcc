#include "load/assertion.h"

#include <math.h>

#include "load/duration.h"

static const char *const latencies[METRIC_LATENCIES] = {
    [METRIC_TTFT] = "ttft",
    [METRIC_ITL] = "itl",
    [METRIC_ITL_REQUEST] = "itl_request",
    [METRIC_E2E] = "e2e",
    [METRIC_HEAD] = "head",
    [METRIC_SLIP] = "slip",
    [METRIC_ADDED_TTFT] = "added_ttft",
    [METRIC_ADDED_E2E] = "added_e2e",
    [METRIC_ADDED_HEAD] = "added_head",
};

static bool bad(struct error *error, struct slice text, const char *why)
{
    return error_set(error,
                     "%.*s: %s; examples: 'ttft.p99 < 800ms', 'itl.mean <= 50ms', 'failed == 0'",
                     SLICE_ARG(text), why);
}

/* "p99", "p99.9", "mean", "max" */
static bool read_statistic(struct slice text, double *percent)
{
    if (slice_eq(text, SLICE("mean"))) {
        *percent = -1;
        return true;
    }
    if (slice_eq(text, SLICE("max"))) {
        *percent = 100;
        return true;
    }
    return text.len > 1 && text.ptr[0] == 'p' &&
           slice_to_double(slice_make(text.ptr + 1, text.len - 1), percent) && *percent >= 0 &&
           *percent <= 100;
}

static int find_latency(struct slice name)
{
    for (int i = 0; i < METRIC_LATENCIES; i++)
        if (slice_eq(slice_of(latencies[i]), name))
            return i;
    return -1;
}

static int find_count(struct slice name)
{
    if (slice_eq(name, SLICE("requests")))
        return METRIC_REQUESTS;
    if (slice_eq(name, SLICE("failed")))
        return METRIC_FAILED;
    if (slice_eq(name, SLICE("goodput")))
        return METRIC_GOODPUT;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (slice_eq(slice_of(outcome_name((enum outcome)i)), name))
            return METRIC_OUTCOME + i;
    return -1;
}

static size_t read_order(struct slice text, enum assertion_order *order)
{
    static const struct {
        struct slice sign;
        enum assertion_order order;
    } signs[] = {{{"<=", 2}, ORDER_LESS_EQUAL},
                 {{">=", 2}, ORDER_MORE_EQUAL},
                 {{"==", 2}, ORDER_EQUAL},
                 {{"<", 1}, ORDER_LESS},
                 {{">", 1}, ORDER_MORE}};
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (slice_starts(text, signs[i].sign)) {
            *order = signs[i].order;
            return signs[i].sign.len;
        }
    return 0;
}

static bool read_metric(struct slice left, struct slice text, struct assertion *out,
                        struct error *error)
{
    struct slice name;
    if (slice_find(left, '.') < 0) {
        out->metric = find_count(left);
        return out->metric >= 0 || bad(error, text, "there is no such count");
    }
    (void)slice_split(&left, '.', &name);
    out->metric = find_latency(name);
    if (out->metric < 0)
        return bad(error, text,
                   "the latencies are ttft, itl, itl_request, e2e, head, slip, added_ttft, "
                   "added_e2e and added_head");
    return read_statistic(left, &out->percent) ||
           bad(error, text, "after the dot stands p0 to p100, mean or max");
}

bool assertion_parse(struct slice text, struct assertion *out, struct error *error)
{
    *out = (struct assertion){.text = text};
    size_t at = 0;
    while (at < text.len && slice_find(SLICE("<>="), text.ptr[at]) < 0)
        at++;
    const struct slice rest = slice_make(text.ptr + at, text.len - at);
    const size_t sign_len = read_order(rest, &out->order);
    if (sign_len == 0)
        return bad(error, text, "expected <, <=, >, >= or ==");
    if (!read_metric(slice_trim(slice_make(text.ptr, at)), text, out, error))
        return false;
    const struct slice right = slice_trim(slice_make(rest.ptr + sign_len, rest.len - sign_len));
    if (out->metric < METRIC_LATENCIES)
        return duration_parse(right, &out->bound) ||
               bad(error, text, "a latency is compared with a duration (ms, s, m or h)");
    return slice_to_double(right, &out->bound) ||
           bad(error, text, "a count is compared with a number");
}

static double statistic_ms(const struct histogram *histogram, double percent)
{
    return (percent < 0 ? histogram_mean(histogram) : histogram_percentile(histogram, percent)) /
           1e6;
}

static double measured(const struct assertion *assertion, const struct assertion_facts *facts)
{
    const struct tally *total = facts->total, *direct = facts->direct;
    const struct histogram *const histograms[METRIC_LATENCIES][2] = {
        [METRIC_TTFT] = {&total->ttft},
        [METRIC_ITL] = {&total->itl},
        [METRIC_ITL_REQUEST] = {&total->itl_request},
        [METRIC_E2E] = {&total->e2e},
        [METRIC_HEAD] = {&total->head},
        [METRIC_SLIP] = {facts->slips},
        [METRIC_ADDED_TTFT] = {&total->ttft, &direct->ttft},
        [METRIC_ADDED_E2E] = {&total->e2e, &direct->e2e},
        [METRIC_ADDED_HEAD] = {&total->head, &direct->head},
    };
    if (assertion->metric < METRIC_LATENCIES) {
        const struct histogram *const *both = histograms[assertion->metric];
        const double ms = statistic_ms(both[0], assertion->percent);
        return both[1] != NULL ? ms - statistic_ms(both[1], assertion->percent) : ms;
    }
    if (assertion->metric == METRIC_REQUESTS)
        return (double)total->requests;
    if (assertion->metric == METRIC_FAILED)
        return (double)tally_failed(total);
    if (assertion->metric == METRIC_GOODPUT)
        return total->promised > 0 ? (double)total->kept / (double)total->promised : NAN;
    return (double)total->outcomes[assertion->metric - METRIC_OUTCOME];
}

bool assertion_holds(const struct assertion *assertion, const struct assertion_facts *facts,
                     double *found)
{
    const double value = *found = measured(assertion, facts);
    switch (assertion->order) {
    case ORDER_LESS:
        return value < assertion->bound;
    case ORDER_LESS_EQUAL:
        return value <= assertion->bound;
    case ORDER_MORE:
        return value > assertion->bound;
    case ORDER_MORE_EQUAL:
        return value >= assertion->bound;
    case ORDER_EQUAL:
        break;
    }
    return value == assertion->bound;
}
