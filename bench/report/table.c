/* Every figure of every run at every load. */
#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/html.h"
#include "report/page.h"

struct column {
    const char *head;
    enum axis_unit unit;
    double (*of)(const struct measure *measure);
};

static double requests(const struct measure *m)
{
    return m->bare ? NAN : m->requests;
}

static double failed(const struct measure *m)
{
    return m->bare ? NAN : m->failed;
}

static double cut(const struct measure *m)
{
    return m->bare ? NAN : m->cut;
}

static double unfinished(const struct measure *m)
{
    return m->bare ? NAN : m->unfinished;
}

static double kept(const struct measure *m)
{
    return m->kept;
}

static double mean(const struct measure *m)
{
    return m->ttft.mean;
}

static double p50(const struct measure *m)
{
    return m->ttft.at[P50];
}

static double p90(const struct measure *m)
{
    return m->ttft.at[P90];
}

static double p95(const struct measure *m)
{
    return m->ttft.at[P95];
}

static double p99(const struct measure *m)
{
    return m->ttft.at[P99];
}

static double p999(const struct measure *m)
{
    return m->ttft.at[P999];
}

static double itl_p50(const struct measure *m)
{
    return m->itl.at[P50];
}

static double itl_p99(const struct measure *m)
{
    return m->itl.at[P99];
}

static double e2e_p50(const struct measure *m)
{
    return m->e2e.at[P50];
}

static double e2e_p99(const struct measure *m)
{
    return m->e2e.at[P99];
}

static double prefix_hit(const struct measure *m)
{
    return m->prefix_hit;
}

static double flex_price(const struct measure *m)
{
    return m->flex_price;
}

static double slip(const struct measure *m)
{
    return m->slip_p99;
}

static double own_cpu(const struct measure *m)
{
    return m->own_cpu;
}

static const struct column columns[] = {
    {"requests", AXIS_PLAIN, requests},
    {"failed", AXIS_PLAIN, failed},
    {"cut", AXIS_PLAIN, cut},
    {"unfinished", AXIS_PLAIN, unfinished},
    {"in time", AXIS_SHARE, kept},
    {"TTFT mean", AXIS_MS, mean},
    {"p50", AXIS_MS, p50},
    {"p90", AXIS_MS, p90},
    {"p95", AXIS_MS, p95},
    {"p99", AXIS_MS, p99},
    {"p99.9", AXIS_MS, p999},
    {"ITL p50", AXIS_MS, itl_p50},
    {"p99", AXIS_MS, itl_p99},
    {"end to end p50", AXIS_MS, e2e_p50},
    {"p99", AXIS_MS, e2e_p99},
    {"cache hits", AXIS_SHARE, prefix_hit},
    {"price of flex", AXIS_PLAIN, flex_price},
    {"begun late by, p99", AXIS_MS, slip},
    {"own CPU", AXIS_SHARE, own_cpu},
};

/* A column in which nobody has a figure is not there. */
static bool column_used(const struct page *page, enum study_kind kind, const struct column *column)
{
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        for (size_t i = 0; i < subject->count; i++)
            if (!isnan(column->of(&subject->measures[i])))
                return true;
    return false;
}

static void row_write(const struct page *page, const struct subject *subject,
                      const struct measure *measure, const bool *used)
{
    char text[AXIS_TEXT_BYTES];
    axis_text(AXIS_PLAIN, measure->load, text);
    html_format(page->out, "<tr%s><th>%s</th><td>%s</td>",
                measure == subject->measures ? " class=\"next\"" : "", subject->label, text);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (!used[i])
            continue;
        axis_text(columns[i].unit, columns[i].of(measure), text);
        html_format(page->out, "<td>%s</td>", text);
    }
    html_format(page->out, "</tr>\n");
}

static void table_of(const struct page *page, enum study_kind kind)
{
    bool used[COUNT_OF(columns)];
    const struct subject *subject = NULL;
    struct buffer *out = page->out;
    section_begin(page, "figures", kind, "Every figure",
                  kind == STUDY_SIMULATE ? "Latencies are of interactive requests." : NULL);
    html_format(out,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"figures\">"
                "<table><thead><tr><th>run</th><th>%s</th>",
                kind == STUDY_LOAD ? "requests/s" : "load");
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        used[i] = column_used(page, kind, &columns[i]);
        if (used[i])
            html_format(out, "<th>%s</th>", columns[i].head);
    }
    html_format(out, "</tr></thead><tbody>\n");
    while ((subject = subject_next(page, kind, subject)) != NULL)
        for (size_t i = 0; i < subject->count; i++)
            row_write(page, subject, &subject->measures[i], used);
    html_format(out, "</tbody></table></div>");
    section_end(out);
}

void table_write(const struct page *page)
{
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (study_first(page->study, (enum study_kind)kind) != NULL)
            table_of(page, (enum study_kind)kind);
}
