/* The first screen's words: what was found, and where the figures are from. */
#include <math.h>

#include "report/axis.h"
#include "report/html.h"
#include "report/page.h"

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

/* What the others take at p99, in words. */
static void others_write(const struct page *page, const struct subject *first, double first_p99)
{
    double least = INFINITY, most = 0;
    size_t count = 0, never = 0;
    char a[AXIS_TEXT_BYTES], b[AXIS_TEXT_BYTES];
    const struct subject *subject = first, *last = first;
    while ((subject = subject_next(page, first->kind, subject)) != NULL) {
        const double p99 = times_of(page, subject)[P99];
        if (isnan(p99))
            continue;
        last = subject;
        count++;
        never += isinf(p99) ? 1 : 0;
        least = fmin(least, p99 / first_p99);
        most = isinf(p99) ? most : fmax(most, p99 / first_p99);
    }
    if (count == 0)
        return;
    const char *who = count == 1 ? last->label : "The others";
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
static void goodput_write(const struct page *page, const struct subject *first)
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

static void latency_write(const struct page *page, const struct subject *first)
{
    const struct measure *measure = subject_compared(page->study, first);
    const double *ms = times_of(page, first);
    struct buffer *out = page->out;
    char load[64];
    if (isnan(ms[P50])) {
        if (!isnan(measure->kept))
            goodput_write(page, first);
        return;
    }
    load_text(first->kind, measure->load, load);
    html_format(out, "<p class=\"lead\">At %s, ", load);
    bold(out, first->label);
    html_format(out, has_first_tokens(page, first->kind) ? " brings the first token in "
                                                         : " answers in ");
    bold_value(out, AXIS_MS, ms[P50]);
    html_format(out, " at the median and ");
    bold_value(out, AXIS_MS, ms[P99]);
    html_format(out, " at p99");
    if (!isnan(measure->kept)) {
        html_format(out, "; ");
        bold_value(out, AXIS_SHARE, measure->kept);
        html_format(out, " of the requests are in time");
    }
    html_format(out, ".");
    others_write(page, first, ms[P99]);
    html_format(out, "</p>\n");
}

static void replay_write(const struct page *page, const struct subject *first)
{
    const struct replayed *replayed = &first->measures[0].replayed;
    struct buffer *out = page->out;
    html_format(out, "<p class=\"lead\">Of the decisions that were recorded, ");
    bold(out, first->label);
    html_format(out, " would have sent ");
    bold_value(out, AXIS_SHARE,
               replayed->decisions > 0 ? replayed->changed / replayed->decisions : NAN);
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

void finding_write(const struct page *page)
{
    const struct subject *leading = &page->study->subjects[0];
    if (leading->kind == STUDY_REPLAY)
        replay_write(page, leading);
    else
        latency_write(page, leading);
    for (int kind = 0; kind < STUDY_KINDS; kind++)
        if (study_first(page->study, (enum study_kind)kind) != NULL)
            meta_write(page, (enum study_kind)kind);
}
