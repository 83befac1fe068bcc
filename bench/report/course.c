/* How the runs went: latency and arrivals over time, and how busy each cluster was. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/plots.h"

enum { CLUSTERS_SHOWN = 12 };

static struct plot plot_over_time(const char *title, const char *y_title, enum axis_kind kind,
                                  enum axis_unit unit)
{
    return (struct plot){.chart = {.title = title,
                                   .y_title = y_title,
                                   .names = true,
                                   .x = {.kind = AXIS_LINEAR, .unit = AXIS_SECONDS},
                                   .y = {.kind = kind, .unit = unit}}};
}

/* A line of one value a step; `scale`: that makes the file's unit the axis'. */
static void line_add(struct plot *plot, const char *name, unsigned look,
                     const struct course *course, const double *values, double scale)
{
    if (values == NULL)
        return;
    struct chart_point *points = plot_line(plot, name, look, course->steps);
    plot->lines[plot->chart.count - 1].thin = true;
    for (size_t i = 0; i < course->steps; i++)
        points[i] = (struct chart_point){((double)i + 0.5) * course->step_s, values[i] * scale};
    plot_line_end(plot, course->steps);
}

/* --- latency and arrivals --- */

static void latency_write(const struct page *page, enum study_kind kind)
{
    struct plot plot = plot_over_time("TTFT p99 over time", "TTFT p99", AXIS_LOG, AXIS_MS);
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        const struct course *course = &subject_compared(page->study, subject)->course;
        line_add(&plot, subject->label, subject_look(page, subject), course, course->p99, 1);
    }
    plot_write(&plot, page->out, "Of the requests that arrived in each step.");
    plot_finish(&plot);
}

/* Simulated runs have the same arrivals: the first's are enough. */
static void arrivals_write(const struct page *page, enum study_kind kind)
{
    struct plot plot = plot_over_time("Arrivals over time", "requests/s", AXIS_LINEAR, AXIS_PLAIN);
    const struct subject *subject = NULL;
    plot.chart.names = kind == STUDY_LOAD;
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        const struct course *course = &subject_compared(page->study, subject)->course;
        if (kind == STUDY_LOAD || plot.chart.count == 0)
            line_add(&plot, subject->label, subject_look(page, subject), course, course->requests,
                     1 / course->step_s);
    }
    plot_write(&plot, page->out, kind == STUDY_SIMULATE ? "What every run had to bear." : NULL);
    plot_finish(&plot);
}

/* --- utilisation --- */

static const struct site *site_named(const struct measure *measure, const char *name)
{
    for (size_t i = 0; i < measure->cluster_count; i++)
        if (strcmp(measure->clusters[i].name, name) == 0)
            return &measure->clusters[i];
    return NULL;
}

static void busy_write(const struct page *page, enum study_kind kind, const char *cluster)
{
    struct plot plot = plot_over_time(cluster, "busy", AXIS_LINEAR, AXIS_SHARE);
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL) {
        const struct measure *measure = subject_compared(page->study, subject);
        const struct site *site = site_named(measure, cluster);
        if (site != NULL)
            line_add(&plot, subject->label, subject_look(page, subject), &measure->course,
                     site->busy, 1);
    }
    plot.chart.names = false;
    plot.chart.small = true;
    plot.chart.height = 170;
    plot.chart.y.high = 1;
    plot_write(&plot, page->out, NULL);
    plot_finish(&plot);
}

static int by_requests(const void *a, const void *b)
{
    const struct site *const *left = a, *const *right = b;
    if ((*left)->requests != (*right)->requests)
        return (*left)->requests > (*right)->requests ? -1 : 1;
    return *left < *right ? -1 : 1;
}

static void utilisation_write(const struct page *page, enum study_kind kind)
{
    const struct measure *first = subject_compared(page->study, study_first(page->study, kind));
    const struct site **order = memory_alloc((first->cluster_count + 1) * sizeof(*order));
    size_t count = 0;
    for (size_t i = 0; i < first->cluster_count; i++)
        if (first->clusters[i].busy != NULL)
            order[count++] = &first->clusters[i];
    qsort(order, count, sizeof(*order), by_requests);
    if (count > 0) {
        html_format(page->out, "<h3 class=\"sub\">Utilisation of each cluster</h3>");
        if (count > CLUSTERS_SHOWN)
            html_format(page->out, "<p class=\"note\">The %d with the most requests of %zu.</p>",
                        CLUSTERS_SHOWN, count);
        legend_write(page, kind);
        html_format(page->out, "<div class=\"grid small\">");
        for (size_t i = 0; i < count && i < CLUSTERS_SHOWN; i++)
            busy_write(page, kind, order[i]->name);
        html_format(page->out, "</div>\n");
    }
    free(order);
}

/* --- the section --- */

static bool has_course(const struct page *page, enum study_kind kind)
{
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        if (subject_compared(page->study, subject)->course.steps > 0)
            return true;
    return false;
}

static void course_of(const struct page *page, enum study_kind kind)
{
    section_begin(page, "time", kind, "Over time", NULL);
    html_format(page->out, "<div class=\"grid\">");
    latency_write(page, kind);
    arrivals_write(page, kind);
    html_format(page->out, "</div>");
    utilisation_write(page, kind);
    section_end(page->out);
}

bool course_write(const struct page *page)
{
    bool any = false;
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (has_course(page, (enum study_kind)kind)) {
            course_of(page, (enum study_kind)kind);
            any = true;
        }
    return any;
}
