#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "load/report.h"

/* One thread cannot use more than 1. */
#define CPU_NEAR_FULL 0.8

/* "-" where nothing was measured. */
static void print_percentiles(const struct histogram *histogram, FILE *out)
{
    static const double percents[] = {50, 95, 99};
    for (size_t i = 0; i < COUNT_OF(percents); i++) {
        const double ms = histogram_percentile(histogram, percents[i]) / 1e6;
        if (isnan(ms))
            fputs("        -", out);
        else
            fprintf(out, " %8.*f", ms < 100 ? 2 : 0, ms);
    }
}

static void print_row(const char *place, const char *cluster, const struct tally *tally, FILE *out)
{
    fprintf(out, "%-14s %-14s %8" PRIu64 " %8" PRIu64 " %6" PRIu64 " %6" PRIu64 " ", place, cluster,
            tally->requests, tally->outcomes[OUTCOME_ANSWERED], tally->outcomes[OUTCOME_CUT],
            tally_failed(tally));
    print_percentiles(&tally->ttft, out);
    fputs(" ", out);
    print_percentiles(&tally->itl, out);
    fputs(" ", out);
    print_percentiles(&tally->e2e, out);
    fputc('\n', out);
}

static void print_header(FILE *out)
{
    static const char columns[] = "      p50      p95      p99";
    fprintf(out, "%-14s %-14s %8s %8s %6s %6s  %27s %28s %28s\n", "", "", "", "", "", "",
            "TTFT, ms", "between events, ms", "end to end, ms");
    fprintf(out, "%-14s %-14s %8s %8s %6s %6s  %s  %s  %s\n", "place", "cluster", "requests",
            "answered", "cut", "failed", columns, columns, columns);
}

static void print_place(const struct run_result *result, uint32_t p, struct tally *sum, FILE *out)
{
    const struct tallies *tallies = result->tallies;
    const struct options *options = result->options;
    const char *name = options->places[p].name;
    unsigned rows = 0;
    for (uint32_t c = 0; c < tallies_cluster_count(tallies); c++) {
        if (!tallies_sum(tallies, (struct tally_group){p, TALLY_ALL, c}, sum))
            continue;
        print_row(name, tallies_cluster_name(tallies, c), sum, out);
        rows++;
    }
    if (rows > 1 && options->place_count > 1) {
        (void)tallies_sum(tallies, (struct tally_group){p, TALLY_ALL, TALLY_ALL}, sum);
        print_row(name, "all", sum, out);
    }
}

/* Where there is more than one. */
static void print_classes(const struct run_result *result, struct tally *sum, FILE *out)
{
    uint64_t total = 0;
    if (tallies_sum(result->tallies, TALLY_EVERYTHING, sum))
        total = sum->requests;
    for (uint32_t k = 0; k < CLASS_COUNT; k++)
        if (tallies_sum(result->tallies, (struct tally_group){TALLY_ALL, k, TALLY_ALL}, sum) &&
            sum->requests < total)
            print_row("all", traffic_class_name((enum traffic_class)k), sum, out);
}

/* --direct: what went there, and by how much the others were slower. */
static void print_direct(const struct run_result *result, const struct tally *total, FILE *out)
{
    struct tally *direct = memory_alloc(sizeof *direct);
    (void)tallies_sum(result->tallies, TALLY_DIRECT, direct);
    print_row("direct", "", direct, out);
    const struct histogram *const pairs[][2] = {{&total->ttft, &direct->ttft},
                                                {&total->e2e, &direct->e2e},
                                                {&total->head, &direct->head}};
    static const char *const names[] = {"TTFT", "end to end", "head"};
    fputs("added, ms:", out);
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (pairs[i][0]->count > 0 && pairs[i][1]->count > 0)
            fprintf(
                out, "  %s p50 %.3f, p99 %.3f", names[i],
                (histogram_percentile(pairs[i][0], 50) - histogram_percentile(pairs[i][1], 50)) /
                    1e6,
                (histogram_percentile(pairs[i][0], 99) - histogram_percentile(pairs[i][1], 99)) /
                    1e6);
    fputc('\n', out);
    free(direct);
}

static void print_goodput(const struct run_result *result, const struct tally *total, FILE *out)
{
    if (total->promised > 0)
        fprintf(out, "promise kept: %" PRIu64 " of %" PRIu64 " (%.2f %%), %.1f/s\n", total->kept,
                total->promised, 100 * (double)total->kept / (double)total->promised,
                (double)total->kept / result->elapsed_s);
}

static void print_errors(const struct tally *total, FILE *out)
{
    const char *comma = "errors: ";
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (total->outcomes[i] == 0 || i == OUTCOME_ANSWERED || i == OUTCOME_STATUS)
            continue;
        fprintf(out, "%s%s %" PRIu64, comma, outcome_name((enum outcome)i), total->outcomes[i]);
        comma = ", ";
    }
    for (int i = 0; i < TALLY_STATUSES && total->statuses[i].count > 0; i++) {
        fprintf(out, "%sstatus %d %" PRIu64, comma, total->statuses[i].status,
                total->statuses[i].count);
        comma = ", ";
    }
    if (comma[0] == ',')
        fputc('\n', out);
}

/* Why connections failed, where they did. */
static void print_connect_failures(const struct run_result *result, FILE *out)
{
    for (uint32_t p = 0; p < result->options->place_count; p++)
        for (uint32_t i = 0; i < result->places[p].lane_count; i++) {
            const struct lane *lane = &result->places[p].lanes[i];
            if (lane->dial_failures > 0)
                fprintf(out, "%s to %s: %" PRIu64 " of %" PRIu64 " connections failed: %s\n",
                        result->options->places[p].name, lane->settings.target->url.ptr,
                        lane->dial_failures, lane->dialled, lane->failure);
        }
}

static void print_timings(const struct tally *total, FILE *out)
{
    const char *comma = "server timing, mean ms: ";
    for (int i = 0; i < TALLY_TIMINGS && total->timings[i].count > 0; i++) {
        const struct tally_timing *timing = &total->timings[i];
        fprintf(out, "%s%s %.2f", comma, timing->name, timing->sum_ms / (double)timing->count);
        comma = ", ";
    }
    if (comma[0] == ',')
        fputc('\n', out);
}

static void print_steering(const struct run_result *result, FILE *out)
{
    for (uint32_t p = 0; p < result->options->place_count; p++) {
        const struct place *place = &result->places[p];
        if (place->edge.ptr != NULL)
            fprintf(out, "%s was sent to edge %.*s (%s)\n", place->options->name,
                    SLICE_ARG(place->edge), place->steered.url.ptr);
    }
}

static void print_summary(const struct run_result *result, const struct tally *total, FILE *out)
{
    const struct options *options = result->options;
    const struct histogram *slips = tallies_slips(result->tallies);
    fprintf(out, "%" PRIu64 " requests in %.1f s%s: ", total->requests, result->sending_s,
            result->interrupted ? " (interrupted)" : "");
    if (options->closed > 0)
        fprintf(out, "closed loop, %u at a time", options->closed);
    else
        fprintf(out, "%s arrivals", options->arrivals_text);
    if (options->closed == 0 && options->trace == NULL)
        fprintf(out, ", %g/s", options->schedule.rate);
    fprintf(out, "; %.1f answered/s; begun late by p99 %.2f ms, at most %.2f ms; own CPU %.0f %%\n",
            (double)total->outcomes[OUTCOME_ANSWERED] / result->elapsed_s,
            slips->count > 0 ? histogram_percentile(slips, 99) / 1e6 : 0.0,
            (double)slips->most / 1e6, 100 * result->cpu_s / result->elapsed_s);
    if (result->cpu_s > CPU_NEAR_FULL * result->elapsed_s)
        fputs("this program was near the end of its core: the latencies may be its own\n", out);
}

void report_table(const struct run_result *result, FILE *out)
{
    struct tally *sum = memory_alloc(sizeof *sum);
    print_steering(result, out);
    print_header(out);
    for (uint32_t p = 0; p < result->options->place_count; p++)
        print_place(result, p, sum, out);
    print_classes(result, sum, out);
    (void)tallies_sum(result->tallies, TALLY_EVERYTHING, sum);
    print_row("all", "all", sum, out);
    if (result->options->has_direct)
        print_direct(result, sum, out);
    print_goodput(result, sum, out);
    print_errors(sum, out);
    print_connect_failures(result, out);
    print_timings(sum, out);
    print_summary(result, sum, out);
    free(sum);
}
