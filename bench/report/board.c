/* The first screen: what was found, in a sentence and in figures, each run against the first. */
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

/* --- the sentence --- */

static void bold(struct buffer *out, const char *text)
{
    html_format(out, "<b>%s</b>", text);
}

static void bold_value(struct buffer *out, enum axis_unit unit, double value)
{
    char text[AXIS_TEXT_BYTES];
    axis_text(unit, value, text);
    bold(out, text);
}

/* How many times `value` is of `first`: "1.8", "15", "more than 1,000". */
static void times_text(double times, char out[AXIS_TEXT_BYTES])
{
    if (times >= 1000)
        snprintf(out, AXIS_TEXT_BYTES, "1,000+");
    else
        snprintf(out, AXIS_TEXT_BYTES, "%.*f", times < 9.95 ? (fabs(times - 1) < 0.095 ? 2 : 1) : 0,
                 times);
}

/* What the others take at p99, in words. */
static void others_write(const struct page *page, const struct subject *first, double first_p99)
{
    double least = INFINITY, most = 0;
    size_t count = 0, never = 0;
    char a[AXIS_TEXT_BYTES], b[AXIS_TEXT_BYTES];
    const struct subject *subject = first;
    while ((subject = subject_next(page, first->kind, subject)) != NULL) {
        const double p99 = subject_compared(page->study, subject)->ttft.at[P99];
        if (isnan(p99))
            continue;
        count++;
        never += isinf(p99) ? 1 : 0;
        least = fmin(least, p99 / first_p99);
        most = isinf(p99) ? most : fmax(most, p99 / first_p99);
    }
    if (count == 0)
        return;
    const char *who = count == 1 ? subject_next(page, first->kind, first)->label : "The others";
    html_format(page->out, " ");
    bold(page->out, who);
    if (never == count) {
        html_format(page->out, " never reach%s a p99: too many of the requests fail.",
                    count == 1 ? "es" : "");
        return;
    }
    times_text(least, a);
    times_text(most, b);
    if (count == 1)
        html_format(page->out, " takes %s times as long at p99", a);
    else
        html_format(page->out, " take %s to %s times as long at p99", a, b);
    if (never > 0)
        html_format(page->out, ", and %zu of them never end%s", never, never == 1 ? "s" : "");
    html_format(page->out, ".");
}

/* What loads the others bear, when nothing but that is known. */
static void goodput_finding_write(const struct page *page, const struct subject *first)
{
    const struct subject *subject = first;
    struct buffer *out = page->out;
    double least = INFINITY, most = 0;
    char load[64];
    while ((subject = subject_next(page, first->kind, subject)) != NULL) {
        const double goodput = subject_goodput(subject);
        least = fmin(least, isnan(goodput) ? 0 : goodput);
        most = fmax(most, isnan(goodput) ? 0 : goodput);
    }
    html_format(out, "<p class=\"lead\">");
    bold(out, first->label);
    load_text(first->kind, subject_goodput(first), load);
    if (isnan(subject_goodput(first)))
        html_format(out,
                    " keeps 95 %% of its requests in time at none of the loads that were tried.");
    else
        html_format(out, " keeps 95 %% of its requests in time up to <b>%s</b>.", load);
    if (study_count(page->study, first->kind) > 1) {
        char low[AXIS_TEXT_BYTES], high[AXIS_TEXT_BYTES];
        axis_text(AXIS_PLAIN, least, low);
        axis_text(AXIS_PLAIN, most, high);
        html_format(out,
                    least < most ? " The others: <b>%s</b> to <b>%s</b>."
                                 : " The others: <b>%s</b>.",
                    low, high);
    }
    html_format(out, "</p>\n");
}

static void finding_write(const struct page *page, const struct subject *first)
{
    const struct measure *measure = subject_compared(page->study, first);
    struct buffer *out = page->out;
    char load[64];
    if (isnan(measure->ttft.at[P50])) {
        if (!isnan(measure->kept))
            goodput_finding_write(page, first);
        return;
    }
    load_text(first->kind, measure->load, load);
    html_format(out, "<p class=\"lead\">At %s, ", load);
    bold(out, first->label);
    html_format(out, " brings the first token in ");
    bold_value(out, AXIS_MS, measure->ttft.at[P50]);
    html_format(out, " at the median and ");
    bold_value(out, AXIS_MS, measure->ttft.at[P99]);
    html_format(out, " at p99");
    if (!isnan(measure->kept)) {
        html_format(out, "; ");
        bold_value(out, AXIS_SHARE, measure->kept);
        html_format(out, " of the requests are in time");
    }
    html_format(out, ".");
    others_write(page, first, measure->ttft.at[P99]);
    html_format(out, "</p>\n");
}

static void replay_finding_write(const struct page *page, const struct subject *first)
{
    const struct replayed *replayed = &first->measures[0].replayed;
    struct buffer *out = page->out;
    html_format(out, "<p class=\"lead\">Of the decisions that were recorded, ");
    bold(out, first->label);
    html_format(out, " would have sent ");
    bold_value(out, AXIS_SHARE, part(replayed->changed, replayed->decisions));
    html_format(out, " elsewhere");
    if (!isnan(replayed->all_ms) && replayed->changed > 0) {
        char ms[AXIS_TEXT_BYTES];
        axis_text(AXIS_MS, fabs(replayed->all_ms), ms);
        html_format(out, ", and the first token is predicted ");
        bold(out, ms);
        html_format(out, " %s, as a mean of all", replayed->all_ms < 0 ? "sooner" : "later");
    }
    html_format(out, ".</p>\n");
}

/* --- where the figures are from --- */

static double requests_sum(const struct subject *subject)
{
    double sum = 0;
    for (size_t i = 0; i < subject->count; i++)
        sum += subject->measures[i].requests;
    return sum;
}

static void meta_write(const struct page *page, enum study_kind kind)
{
    static const char *const words[] = {"Measured by isobench load",
                                        "Simulated by isobench simulate",
                                        "Recorded decisions made again by isobench replay"};
    const struct subject *first = study_first(page->study, kind), *subject = NULL;
    const struct measure *measure = subject_compared(page->study, first);
    char text[AXIS_TEXT_BYTES];
    double sum = 0;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        sum += requests_sum(subject);
    struct buffer *out = page->out;
    html_format(out, "<p class=\"meta\">%s", words[kind]);
    if (first->scenario != NULL)
        html_format(out, ": scenario %s", first->scenario);
    if (!isnan(first->routers))
        html_format(out, ", %.0f router%s", first->routers, first->routers == 1 ? "" : "s");
    if (!isnan(first->report_interval_ms)) {
        axis_text(AXIS_MS, first->report_interval_ms, text);
        html_format(out, ", reports every %s", text);
    }
    if (measure->runs > 1)
        html_format(out, ", %d seeds", (int)measure->runs);
    axis_text(AXIS_PLAIN, sum, text);
    if (sum > 0)
        html_format(out, ". %s %s in all.", text, kind == STUDY_REPLAY ? "decisions" : "requests");
    html_format(out, "</p>\n");
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
    figure_open(out, "TTFT p50", AXIS_MS, measure->ttft.at[P50]);
    times_write(out, measure->ttft.at[P50], subject == first ? NAN : base->ttft.at[P50]);
    figure_open(out, "TTFT p99", AXIS_MS, measure->ttft.at[P99]);
    times_write(out, measure->ttft.at[P99], subject == first ? NAN : base->ttft.at[P99]);
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
    html_format(out,
                "<div class=\"row top\"><div>%s%s</div><div>TTFT p50</div>"
                "<div>TTFT p99</div><div>in time",
                isnan(page->study->compared[kind]) ? "" : "at ", load);
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
    const struct subject *leading = &page->study->subjects[0];
    if (leading->kind == STUDY_REPLAY)
        replay_finding_write(page, leading);
    else
        finding_write(page, leading);
    for (int kind = 0; kind < STUDY_KINDS; kind++)
        if (study_first(page->study, (enum study_kind)kind) != NULL)
            meta_write(page, (enum study_kind)kind);
    html_format(page->out, "</header>\n");
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (has_board(page, (enum study_kind)kind))
            board_of(page, (enum study_kind)kind);
}
