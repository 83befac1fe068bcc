/* The first screen's figures, each run against the first. */
#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

static double part(double of, double whole)
{
    return whole > 0 ? of / whole : NAN;
}

/* What did not come to its end. */
static double lost(const struct measure *measure)
{
    return measure->failed + measure->cut + measure->unfinished;
}

/* --- the board --- */

/* A figure; under it how it stands to the first run's. */
static void figure_open(struct buffer *out, const char *what, enum axis_unit unit, double value)
{
    char text[AXIS_TEXT_BYTES];
    axis_text(unit, value, text);
    html_format(out, "<div class=\"fig\"><i>%s</i><b>%s</b>", what, text);
}

static void times_write(struct buffer *out, double value, double first)
{
    char text[AXIS_TEXT_BYTES];
    const double times = value / first;
    if (isnan(times) || isinf(first)) {
        html_format(out, "</div>");
        return;
    }
    times_text(times, text);
    html_format(out, "<small class=\"%s\">%s%s</small></div>",
                times < 0.98   ? "better"
                : times > 1.02 ? "worse"
                               : "",
                isinf(times) ? "" : "\xc3\x97", isinf(times) ? "no end" : text);
}

static void points_write(struct buffer *out, double value, double first)
{
    const double points = 100 * (value - first);
    if (isnan(points)) {
        html_format(out, "</div>");
        return;
    }
    html_format(out, "<small class=\"%s\">%s%.1f pts</small></div>",
                points > 0.05    ? "better"
                : points < -0.05 ? "worse"
                                 : "",
                points < 0 ? "\xe2\x88\x92" : "+", fabs(points));
}

static void lost_write(struct buffer *out, const struct measure *measure)
{
    char share[AXIS_TEXT_BYTES], requests[AXIS_TEXT_BYTES];
    axis_text(AXIS_SHARE, part(lost(measure), measure->requests), share);
    axis_text(AXIS_PLAIN, measure->requests, requests);
    figure_open(out, "failed", AXIS_PLAIN, measure->bare ? NAN : lost(measure));
    if (measure->bare) {
        html_format(out, "</div>");
        return;
    }
    html_format(out, "<small>");
    if (lost(measure) > 0)
        html_format(out, "%s ", share);
    html_format(out, "of %s</small></div>", requests);
}

/* `first` NULL: it is the first itself. */
static void latencies_write(const struct page *page, const struct subject *subject,
                            const struct subject *first)
{
    const bool tokens = has_first_tokens(page, subject->kind);
    const double *ms = times_of(page, subject);
    const double *base = first != NULL ? times_of(page, first) : NULL;
    figure_open(page->out, tokens ? "TTFT p50" : "end p50", AXIS_MS, ms[P50]);
    times_write(page->out, ms[P50], base != NULL ? base[P50] : NAN);
    figure_open(page->out, tokens ? "TTFT p99" : "end p99", AXIS_MS, ms[P99]);
    times_write(page->out, ms[P99], base != NULL ? base[P99] : NAN);
}

static void row_write(const struct page *page, const struct subject *subject,
                      const struct subject *first)
{
    const struct measure *measure = subject_compared(page->study, subject);
    const struct measure *base = subject_compared(page->study, first);
    struct buffer *out = page->out;
    char load[64];
    html_format(out, "<div class=\"row r%d\"><div class=\"name\">",
                (int)subject_look(page, subject));
    chart_key(out, subject_look(page, subject));
    html_format(out, "<span>%s", subject->label);
    if (isnan(page->study->compared[subject->kind])) {
        load_text(subject->kind, measure->load, load);
        html_format(out, "<small>%s</small>", load);
    } else if (subject == first && study_count(page->study, subject->kind) > 1) {
        html_format(out, "<small>the others are held against it</small>");
    }
    html_format(out, "</span></div>");
    latencies_write(page, subject, subject == first ? NULL : first);
    figure_open(out, "in time", AXIS_SHARE, measure->kept);
    points_write(out, measure->kept, subject == first ? NAN : base->kept);
    lost_write(out, measure);
    html_format(out, "</div>\n");
}

/* More than shares in time, which the curve shows better? */
static bool has_board(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        if (!subject_compared(page->study, subject)->bare)
            return true;
    return false;
}

static void board_of(const struct page *page, enum study_kind kind)
{
    const struct subject *first = study_first(page->study, kind), *subject = NULL;
    const struct measure *base = subject_compared(page->study, first);
    struct buffer *out = page->out;
    char promise[AXIS_TEXT_BYTES], load[64];
    html_format(out, "<div class=\"board\">");
    if (isnan(page->study->compared[kind]))
        snprintf(load, sizeof load, "run");
    else
        load_text(kind, base->load, load);
    const char *what = has_first_tokens(page, kind) ? "TTFT" : "end";
    html_format(out,
                "<div class=\"row top\"><div>%s%s</div><div>%s p50</div><div>%s p99</div>"
                "<div>in time",
                isnan(page->study->compared[kind]) ? "" : "at ", load, what, what);
    if (!isnan(base->promise_ms)) {
        axis_text(AXIS_MS, base->promise_ms, promise);
        html_format(out, " (%s)", promise);
    }
    html_format(out, "</div><div>failed</div></div>\n");
    while ((subject = subject_next(page, kind, subject)) != NULL)
        row_write(page, subject, first);
    html_format(out, "</div>\n");
}

void board_write(const struct page *page)
{
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (has_board(page, (enum study_kind)kind))
            board_of(page, (enum study_kind)kind);
}
