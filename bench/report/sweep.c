/* Latency over load, the share in time over load, and the load that each run bears. */
#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/plots.h"

static double p99_of(const struct measure *measure)
{
    return measure->ttft.at[P99];
}

static double p50_of(const struct measure *measure)
{
    return measure->ttft.at[P50];
}

static double kept_of(const struct measure *measure)
{
    return measure->kept;
}

static double itl_of(const struct measure *measure)
{
    return measure->itl.at[P99];
}

struct sweep_chart {
    const char *title, *y_title;
    double (*of)(const struct measure *measure);
    enum axis_kind axis;
    enum axis_unit unit;
};

static void chart_write(const struct page *page, enum study_kind kind,
                        const struct sweep_chart *what)
{
    const struct chart_rule rule = {STUDY_SHARE_KEPT, "95\xc2\xa0%"};
    const struct subject *subject = NULL;
    struct plot plot = {.chart = {.title = what->title,
                                  .x_title = kind == STUDY_LOAD ? "requests per second" : "load",
                                  .y_title = what->y_title,
                                  .names = true,
                                  .x = {.kind = AXIS_LINEAR, .unit = AXIS_PLAIN},
                                  .y = {.kind = what->axis, .unit = what->unit}}};
    if (what->unit == AXIS_SHARE) {
        plot.chart.y.high = 1;
        plot.chart.rule = &rule;
    }
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        if (subject->count < 2)
            continue;
        struct chart_point *points =
            plot_line(&plot, subject->label, subject_look(page, subject), subject->count);
        plot.lines[plot.chart.count - 1].markers = true;
        for (size_t i = 0; i < subject->count; i++)
            points[i] =
                (struct chart_point){subject->measures[i].load, what->of(&subject->measures[i])};
        plot_line_end(&plot, subject->count);
    }
    plot_write(&plot, page->out, NULL);
    plot_finish(&plot);
}

/* --- goodput --- */

static double load_most(const struct page *page, enum study_kind kind)
{
    double most = 0;
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        most = fmax(most, subject->measures[subject->count - 1].load);
    return most;
}

static void goodput_row(const struct page *page, const struct subject *subject, double most)
{
    const double load = subject_goodput(subject);
    char text[AXIS_TEXT_BYTES];
    if (isnan(subject->measures[0].kept))
        return;
    html_format(page->out, "<div class=\"r%d\"><div class=\"name\">",
                (int)subject_look(page, subject));
    chart_key(page->out, subject_look(page, subject));
    html_format(page->out, "<span>%s</span></div>", subject->label);
    html_format(page->out, "<div class=\"bar s%d\"><i style=\"width:%.1f%%\"></i></div>",
                (int)subject_look(page, subject), isnan(load) ? 0.0 : 100 * load / most);
    if (isnan(load)) {
        axis_text(AXIS_PLAIN, subject->measures[0].load, text);
        html_format(page->out, "<div class=\"value\">below %s</div></div>", text);
    } else {
        const bool end = load == subject->measures[subject->count - 1].load;
        axis_text(AXIS_PLAIN, load, text);
        html_format(page->out, "<div class=\"value\"><b>%s</b>%s</div></div>", text,
                    end ? " and more" : "");
    }
}

static void goodput_write(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    const double most = load_most(page, kind);
    bool known = false;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        known |= !isnan(subject->measures[0].kept);
    if (!known || most <= 0)
        return;
    figure_begin(page->out, "Goodput",
                 "The highest load that was tried at which 95 % of the requests were in time.");
    html_format(page->out, "<div class=\"bars\">");
    while ((subject = subject_next(page, kind, subject)) != NULL)
        goodput_row(page, subject, most);
    html_format(page->out, "</div>");
    figure_end(page->out);
}

/* --- the section --- */

static bool has_sweep(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        if (subject->count > 1)
            return true;
    return false;
}

static void sweep_of(const struct page *page, enum study_kind kind)
{
    static const struct sweep_chart charts[] = {
        {"TTFT p99 over load", "TTFT p99", p99_of, AXIS_LOG, AXIS_MS},
        {"TTFT p50 over load", "TTFT p50", p50_of, AXIS_LOG, AXIS_MS},
        {"Requests in time over load", "in time", kept_of, AXIS_LINEAR, AXIS_SHARE},
        {"Gap between events, p99, over load", "ITL p99", itl_of, AXIS_LOG, AXIS_MS},
    };
    section_begin(page, "load", kind, "Over load",
                  "How each run bears more requests. A triangle at the upper edge: never.");
    legend_write(page, kind);
    html_format(page->out, "<div class=\"grid\">");
    for (size_t i = 0; i < COUNT_OF(charts); i++)
        chart_write(page, kind, &charts[i]);
    goodput_write(page, kind);
    html_format(page->out, "</div>");
    section_end(page->out);
}

bool sweep_write(const struct page *page)
{
    bool any = false;
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (has_sweep(page, (enum study_kind)kind)) {
            sweep_of(page, (enum study_kind)kind);
            any = true;
        }
    return any;
}
