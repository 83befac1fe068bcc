/* Where the requests went: a map for each run, and each cluster's share of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/axis.h"
#include "report/html.h"
#include "report/map.h"
#include "report/page.h"

enum { MAPS_SHOWN = 8, CLUSTERS_SHOWN = 40 };

static void maps_write(const struct page *page, enum study_kind kind, size_t *drawn, bool alone)
{
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL && *drawn < MAPS_SHOWN) {
        const struct measure *measure = subject_compared(page->study, subject);
        if (!map_possible(measure))
            continue;
        if ((*drawn)++ == 0)
            html_format(page->out, "<div class=\"grid%s\">", alone ? " one" : "");
        figure_begin(page->out, subject->label, NULL);
        map_draw(measure, subject->label, subject_look(page, subject), page->out);
        figure_end(page->out);
    }
}

/* --- the table --- */

static int by_requests(const void *a, const void *b)
{
    const struct site *const *left = a, *const *right = b;
    if ((*left)->requests != (*right)->requests)
        return (*left)->requests > (*right)->requests ? -1 : 1;
    return *left < *right ? -1 : *left > *right;
}

static double requests_sum(const struct measure *measure)
{
    double sum = 0;
    for (size_t i = 0; i < measure->cluster_count; i++)
        sum += measure->clusters[i].requests;
    return sum;
}

static void cell_write(const struct page *page, const struct subject *subject, const char *name)
{
    const struct measure *measure = subject_compared(page->study, subject);
    const double sum = requests_sum(measure);
    char share[AXIS_TEXT_BYTES], busy[AXIS_TEXT_BYTES];
    for (size_t i = 0; i < measure->cluster_count; i++) {
        const struct site *site = &measure->clusters[i];
        if (strcmp(site->name, name) != 0)
            continue;
        const double part = sum > 0 ? site->requests / sum : 0;
        snprintf(share, sizeof share, "%.1f\xc2\xa0%%", 100 * part);
        html_format(page->out,
                    "<td><span class=\"cell s%d\"><i style=\"width:%.1f%%\"></i></span>%s",
                    (int)subject_look(page, subject), 100 * part, share);
        if (!isnan(site->utilisation)) {
            snprintf(busy, sizeof busy, "%.0f\xc2\xa0%%", 100 * site->utilisation);
            html_format(page->out, "<small>%s busy</small>", busy);
        }
        html_format(page->out, "</td>");
        return;
    }
    html_format(page->out, "<td>\xe2\x80\x93</td>");
}

static void shares_write(const struct page *page, enum study_kind kind)
{
    const struct measure *first = subject_compared(page->study, study_first(page->study, kind));
    const struct subject *subject = NULL;
    struct buffer *out = page->out;
    if (first->cluster_count == 0)
        return;
    const struct site **order = memory_alloc(first->cluster_count * sizeof(*order));
    for (size_t i = 0; i < first->cluster_count; i++)
        order[i] = &first->clusters[i];
    qsort(order, first->cluster_count, sizeof(*order), by_requests);
    html_format(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"shares\">"
                     "<table><thead><tr><th>cluster</th>");
    while ((subject = subject_next(page, kind, subject)) != NULL)
        html_format(out, "<th>%s</th>", subject->label);
    html_format(out, "</tr></thead><tbody>");
    for (size_t i = 0; i < first->cluster_count && i < CLUSTERS_SHOWN; i++) {
        html_format(out, "<tr><th>%s</th>", order[i]->name);
        while ((subject = subject_next(page, kind, subject)) != NULL)
            cell_write(page, subject, order[i]->name);
        html_format(out, "</tr>\n");
    }
    html_format(out, "</tbody></table></div>");
    if (first->cluster_count > CLUSTERS_SHOWN)
        html_format(out, "<p class=\"note\">The %d with the most requests of %zu clusters.</p>",
                    CLUSTERS_SHOWN, first->cluster_count);
    free(order);
}

/* --- the section --- */

static size_t maps_count(const struct page *page, enum study_kind kind)
{
    size_t count = 0;
    const struct subject *subject = NULL;
    while ((subject = subject_next(page, kind, subject)) != NULL)
        count += map_possible(subject_compared(page->study, subject));
    return count;
}

static bool has_clusters(const struct page *page, enum study_kind kind)
{
    const struct subject *first = study_first(page->study, kind);
    return first != NULL && subject_compared(page->study, first)->cluster_count > 0;
}

static void traffic_of(const struct page *page, enum study_kind kind)
{
    const size_t maps = maps_count(page, kind);
    size_t drawn = 0;
    char sentence[240];
    if (maps == 0)
        snprintf(sentence, sizeof sentence,
                 "The files do not say where these clusters are; --scenario does.");
    else
        snprintf(
            sentence, sizeof sentence,
            "Circles are clusters, as large as their share; rings are where clients are; lines "
            "are as wide as the traffic.%s",
            maps > MAPS_SHOWN ? " The first eight runs." : "");
    section_begin(page, "traffic", kind, "Where traffic went", sentence);
    maps_write(page, kind, &drawn, maps == 1);
    if (drawn > 0)
        html_format(page->out, "</div>\n");
    shares_write(page, kind);
    section_end(page->out);
}

void traffic_write(const struct page *page)
{
    map_define(page->out);
    for (int kind = 0; kind < STUDY_REPLAY; kind++)
        if (has_clusters(page, (enum study_kind)kind))
            traffic_of(page, (enum study_kind)kind);
}
