#include "report/page.h"

#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"

extern const char report_style[]; /* style.css */

/* --- what sections share --- */

void section_begin(const struct page *page, const char *id, enum study_kind kind,
                   const char *heading, const char *sentence)
{
    static const char *const ids[] = {"", "-simulated", "-replayed"};
    static const char *const words[] = {", measured", ", simulated", ""};
    const bool both =
        study_count(page->study, STUDY_LOAD) > 0 && study_count(page->study, STUDY_SIMULATE) > 0;
    html_format(page->out, "<section id=\"%s%s\"><h2>%s%s</h2>\n", id, ids[kind], heading,
                both ? words[kind] : "");
    if (sentence != NULL)
        html_format(page->out, "<p class=\"note\">%s</p>\n", sentence);
}

void section_end(struct buffer *out)
{
    html_format(out, "</section>\n");
}

void figure_begin(struct buffer *out, const char *title, const char *sentence)
{
    html_format(out, "<figure><figcaption><b>%s</b>", title);
    if (sentence != NULL)
        html_format(out, "<span>%s</span>", sentence);
    html_format(out, "</figcaption>");
}

void figure_end(struct buffer *out)
{
    html_format(out, "</figure>\n");
}

unsigned subject_look(const struct page *page, const struct subject *subject)
{
    return (unsigned)(subject - page->study->subjects);
}

const struct subject *subject_next(const struct page *page, enum study_kind kind,
                                   const struct subject *subject)
{
    const struct study *study = page->study;
    for (size_t i = subject == NULL ? 0 : subject_look(page, subject) + 1; i < study->count; i++)
        if (study->subjects[i].kind == kind)
            return &study->subjects[i];
    return NULL;
}

void legend_write(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    if (study_count(page->study, kind) < 2)
        return;
    html_format(page->out, "<ul class=\"legend\">");
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        html_format(page->out, "<li class=\"r%d\">", (int)subject_look(page, subject));
        chart_key(page->out, subject_look(page, subject));
        html_format(page->out, "<span>%s</span></li>", subject->label);
    }
    html_format(page->out, "</ul>\n");
}

void load_text(enum study_kind kind, double load, char out[64])
{
    char number[AXIS_TEXT_BYTES];
    axis_text(AXIS_PLAIN, load, number);
    if (kind == STUDY_LOAD)
        snprintf(out, 64, "%s requests/s", number);
    else
        snprintf(out, 64, "load %s", number);
}

bool has_first_tokens(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    bool ends = false;
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        const struct measure *measure = subject_compared(page->study, subject);
        if (!isnan(measure->ttft.at[P50]))
            return true;
        ends |= !isnan(measure->e2e.at[P50]);
    }
    return !ends;
}

const double *times_of(const struct page *page, const struct subject *subject)
{
    const struct measure *measure = subject_compared(page->study, subject);
    return has_first_tokens(page, subject->kind) ? measure->ttft.at : measure->e2e.at;
}

void times_text(double times, char out[AXIS_TEXT_BYTES])
{
    if (times >= 1000)
        snprintf(out, AXIS_TEXT_BYTES, "1,000+");
    else
        snprintf(out, AXIS_TEXT_BYTES, "%.*f", times < 9.95 ? (fabs(times - 1) < 0.095 ? 2 : 1) : 0,
                 times);
}

/* --- the head --- */

/* Whoever points at a run sees it everywhere. */
static void pointing_write(const struct page *page)
{
    for (int i = 0; i < (int)page->study->count; i++)
        html_format(page->out, "main:has(.r%d:hover) .run:not(.r%d){opacity:.16}\n", i, i);
}

static void title_write(const struct page *page)
{
    const struct study *study = page->study;
    if (page->title != NULL)
        html_format(page->out, "%s", page->title);
    else if (study->count == 1)
        html_format(page->out, "%s", study->subjects[0].label);
    else if (study->count == 2)
        html_format(page->out, "%s against %s", study->subjects[0].label, study->subjects[1].label);
    else
        html_format(page->out, "%s against %zu others", study->subjects[0].label, study->count - 1);
}

static void head_write(const struct page *page)
{
    struct buffer *out = page->out;
    html_format(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" "
                     "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta name=\"color-scheme\" content=\"light dark\">\n"
                     "<link rel=\"icon\" href=\"data:,\">\n<title>");
    title_write(page);
    html_format(out, " - isobench report</title>\n<style>\n");
    buffer_append_slice(out, slice_of(report_style));
    pointing_write(page);
    html_format(out, "</style></head>\n<body><main>\n<header>");
    html_format(out, "<div class=\"brand\"><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\">"
                     "<path d=\"M3.2 16.8a6.5 6.5 0 0 1 0-6.8a6.5 6.5 0 0 1 5.6-3.2\"/>"
                     "<path d=\"M7.6 2.2c5.6 0 10.2 4.6 10.2 10.2\"/>"
                     "<path d=\"M8.4 10.9c1.4 0 2.6 1.1 2.6 2.6c0 1.4-1.2 2.6-2.6 2.6\"/>"
                     "<circle cx=\"8.4\" cy=\"13.5\" r=\"1.6\"/></svg>"
                     "<span>isobench report</span></div>\n<h1>");
    title_write(page);
    html_format(out, "</h1>\n");
}

/* --- the foot: what the words mean --- */

static void foot_write(const struct page *page)
{
    struct buffer *out = page->out;
    html_format(out, "<footer><dl>"
                     "<dt>TTFT</dt><dd>time to first token: from a request's intended start to the "
                     "first event of its answer</dd>"
                     "<dt>p99</dt><dd>99 of 100 requests took at most so long; what is a mean of "
                     "several seeds is a mean of their percentiles</dd>"
                     "<dt>in time</dt><dd>share of the requests whose first token came within the "
                     "promise; one that never came did not</dd>"
                     "<dt>never</dt><dd>so many requests failed or were not finished that this "
                     "percentile has no end</dd>");
    if (study_count(page->study, STUDY_SIMULATE) > 0)
        html_format(out, "<dt>load</dt><dd>of a simulation: 1 is what the whole fleet can do when "
                         "every cache hit is made</dd>"
                         "<dt>utilisation</dt><dd>busy share of a cluster's prefill lanes</dd>");
    html_format(out, "</dl><p>Coastlines: Natural Earth, public domain. This file is whole: it "
                     "loads nothing from anywhere.</p></footer>\n");
}

struct shown {
    bool sweep, percentiles, course;
};

/* What somebody may look for and why it is not here. */
static void absent_write(const struct page *page, struct shown shown)
{
    if (study_first(page->study, STUDY_REPLAY) == &page->study->subjects[0])
        return; /* replays alone have none of it */
    if (shown.sweep && shown.percentiles && shown.course)
        return;
    html_format(page->out, "<p class=\"note absent\">Left out:%s%s%s</p>\n",
                shown.sweep ? "" : " curves over load, for every run was measured at one load.",
                shown.percentiles ? "" : " percentiles, for the files have none.",
                shown.course ? "" : " the course over time, for the files have none.");
}

void page_write(const struct page *page)
{
    struct shown shown;
    head_write(page);
    finding_write(page);
    html_format(page->out, "</header>\n");
    board_write(page);
    shown.sweep = sweep_write(page);
    shown.percentiles = percentiles_write(page);
    added_write(page);
    shown.course = course_write(page);
    traffic_write(page);
    replays_write(page);
    table_write(page);
    absent_write(page, shown);
    foot_write(page);
    html_format(page->out, "</main></body></html>\n");
}
