/* Distributions: latency by percentile, every nine with the same room. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/plots.h"

struct latency_chart {
    const char *title, *y_title, *sentence;
    size_t offset; /* of the distribution in a measure */
};

static const struct distribution *distribution_of(const struct measure *measure, size_t offset)
{
    return (const struct distribution *)(const void *)((const char *)measure + offset);
}

static void line_add(struct plot *plot, const struct page *page, const struct subject *subject,
                     size_t offset, struct distribution_point *curve)
{
    const struct measure *measure = subject_compared(page->study, subject);
    const struct distribution *distribution = distribution_of(measure, offset);
    const size_t count = distribution_curve(distribution, curve);
    struct chart_point *points =
        plot_line(plot, subject->label, subject_look(page, subject), count);
    plot->lines[plot->chart.count - 1].markers = distribution->bucket_count == 0;
    for (size_t i = 0; i < count; i++)
        points[i] = (struct chart_point){curve[i].percent, curve[i].ms};
    plot_line_end(plot, count);
}

static double highest_percent(const struct plot *plot)
{
    double highest = 99;
    for (size_t i = 0; i < plot->chart.count; i++)
        highest = fmax(highest, plot->lines[i].points[plot->lines[i].count - 1].x);
    return highest;
}

static void latency_write(const struct page *page, enum study_kind kind,
                          const struct latency_chart *what)
{
    struct distribution_point *curve = memory_alloc(CURVE_MOST * sizeof *curve);
    const struct subject *subject = NULL;
    struct plot plot = {.chart = {.title = what->title,
                                  .x_title = "percentile of the requests",
                                  .y_title = what->y_title,
                                  .names = true,
                                  .x = {.kind = AXIS_PERCENTILE, .unit = AXIS_PERCENT, .low = 50},
                                  .y = {.kind = AXIS_LOG, .unit = AXIS_MS}}};
    while ((subject = subject_next(page, kind, subject)) != NULL)
        line_add(&plot, page, subject, what->offset, curve);
    plot.chart.x.high = highest_percent(&plot);
    plot_write(&plot, page->out, what->sentence);
    plot_finish(&plot);
    free(curve);
}

/* Does anybody have at least two percentiles, a line? */
static bool has_percentiles(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        const struct measure *measure = subject_compared(page->study, subject);
        if (!isnan(measure->ttft.at[P50]) || !isnan(measure->e2e.at[P50]))
            return true;
    }
    return false;
}

static void percentiles_of(const struct page *page, enum study_kind kind)
{
    static const struct latency_chart charts[] = {
        {"Time to first token", "TTFT", "Lower is better; the steeper, the longer the tail.",
         offsetof(struct measure, ttft)},
        {"Gaps between events of a stream", "gap", "What a reader sees as stuttering.",
         offsetof(struct measure, itl)},
        {"Time to the end of the answer", "end to end", NULL, offsetof(struct measure, e2e)},
    };
    char load[64], sentence[160];
    if (isnan(page->study->compared[kind])) {
        snprintf(sentence, sizeof sentence, "Each run at its highest load.");
    } else {
        load_text(kind, page->study->compared[kind], load);
        snprintf(sentence, sizeof sentence, "At %s.", load);
    }
    section_begin(page, "percentiles", kind, "Percentiles", sentence);
    html_format(page->out, "<div class=\"grid\">");
    for (size_t i = 0; i < COUNT_OF(charts); i++)
        latency_write(page, kind, &charts[i]);
    html_format(page->out, "</div>");
    section_end(page->out);
}

bool percentiles_write(const struct page *page)
{
    bool any = false;
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (has_percentiles(page, (enum study_kind)kind)) {
            percentiles_of(page, (enum study_kind)kind);
            any = true;
        }
    return any;
}
