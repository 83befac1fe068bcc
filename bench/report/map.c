#include "report/map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/labels.h"
#include "report/world.h"

enum {
    FONT = 12,
    SITES_SHOWN = 400,
    FLOWS_SHOWN = 160,
    NAMES_WIDE = 24,
    NAMES_NARROW = 12,
};
#define FLOW_LEAST 0.003 /* of all requests */

/* One size of a map while it is drawn. */
struct canvas {
    const struct measure *measure;
    struct buffer *out;
    unsigned look;
    bool narrow;
    double width, height;
    double west, east, south, north; /* degrees */
    double total;                    /* requests */
    const struct site **sites;       /* clusters by their requests, then places */
    struct label *labels;
    size_t clusters, count;
};

static bool has_point(const struct site *site)
{
    return !isnan(site->latitude) && !isnan(site->longitude);
}

bool map_possible(const struct measure *measure)
{
    for (size_t i = 0; i < measure->cluster_count; i++)
        if (has_point(&measure->clusters[i]))
            return true;
    return false;
}

void map_define(struct buffer *out)
{
    html_format(out, "<svg class=\"defs\" aria-hidden=\"true\"><defs><g id=\"world\">");
    world_write(out);
    html_format(out, "</g></defs></svg>\n");
}

static double x_of(const struct canvas *c, double longitude)
{
    return (world_longitude(longitude) - c->west) / (c->east - c->west) * c->width;
}

static double y_of(const struct canvas *c, double latitude)
{
    return (c->north - latitude) / (c->north - c->south) * c->height;
}

/* --- what of the world is shown --- */

static void window_find(struct canvas *c)
{
    c->west = c->south = INFINITY;
    c->east = c->north = -INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        const double longitude = world_longitude(c->sites[i]->longitude);
        c->west = fmin(c->west, longitude);
        c->east = fmax(c->east, longitude);
        c->south = fmin(c->south, c->sites[i]->latitude);
        c->north = fmax(c->north, c->sites[i]->latitude);
    }
    const double wide = fmax(40, (c->east - c->west) * 1.26);
    const double high = fmax(20, (c->north - c->south) * 1.4);
    const double longitude = (c->west + c->east) / 2, latitude = (c->south + c->north) / 2;
    c->west = longitude - wide / 2;
    c->east = longitude + wide / 2;
    c->south = latitude - high / 2;
    c->north = latitude + high / 2;
}

/* Widens one of both directions until degrees are as high as they should be, and the shape is fine.
 */
static void window_shape(struct canvas *c)
{
    const double least = c->narrow ? 0.56 : 0.44, most = c->narrow ? 0.85 : 0.62;
    const double wide = fmin(WORLD_EAST - WORLD_WEST, c->east - c->west);
    const double middle = (c->south + c->north) / 2;
    const double stretch = wide < 120 ? 1 / cos(fmin(55, fabs(middle)) * M_PI / 180) : 1.15;
    double shape = (c->north - c->south) * stretch / wide;
    shape = fmin(most, fmax(least, shape));
    double high = fmin(WORLD_NORTH - WORLD_SOUTH, wide * shape / stretch);
    double need = fmin(c->north - c->south, WORLD_NORTH - WORLD_SOUTH);
    const double grow = fmax(1, need / high);
    high *= grow;
    const double across = fmin(WORLD_EAST - WORLD_WEST, wide * grow);
    const double longitude =
        fmin(WORLD_EAST - across / 2, fmax(WORLD_WEST + across / 2, (c->west + c->east) / 2));
    const double latitude = fmin(WORLD_NORTH - high / 2, fmax(WORLD_SOUTH + high / 2, middle));
    c->west = longitude - across / 2;
    c->east = longitude + across / 2;
    c->south = latitude - high / 2;
    c->north = latitude + high / 2;
    c->height = round(c->width * high * stretch / across);
}

static void land_draw(struct canvas *c)
{
    const double x = c->width / (c->east - c->west), y = c->height / (c->north - c->south);
    html_format(c->out,
                "<svg x=\"0\" y=\"0\" width=\"%.0f\" height=\"%.0f\" overflow=\"hidden\">"
                "<use href=\"#world\" transform=\"matrix(%.6f 0 0 %.6f %.2f %.2f)\"/></svg>",
                c->width, c->height, x, y, -c->west * x, c->north * y);
}

/* --- sites --- */

static int by_requests(const void *a, const void *b)
{
    const struct site *const *left = a, *const *right = b;
    if ((*left)->requests != (*right)->requests)
        return (*left)->requests > (*right)->requests ? -1 : 1;
    return *left < *right ? -1 : *left > *right;
}

static size_t sites_take(const struct site **out, const struct site *sites, size_t count)
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++)
        if (has_point(&sites[i]))
            out[taken++] = &sites[i];
    qsort(out, taken, sizeof(*out), by_requests);
    return taken < SITES_SHOWN ? taken : SITES_SHOWN;
}

static void sites_find(struct canvas *c)
{
    const struct measure *measure = c->measure;
    const size_t room = measure->cluster_count + measure->place_count + 1;
    c->sites = memory_alloc(room * sizeof(*c->sites));
    c->labels = memory_zalloc(room * sizeof *c->labels);
    c->clusters = sites_take(c->sites, measure->clusters, measure->cluster_count);
    c->count =
        c->clusters + sites_take(c->sites + c->clusters, measure->places, measure->place_count);
    for (size_t i = 0; i < measure->cluster_count; i++)
        c->total += measure->clusters[i].requests;
}

static double share_of(const struct canvas *c, double requests)
{
    return c->total > 0 ? requests / c->total : 0;
}

static void share_text(const struct canvas *c, double requests, char out[AXIS_TEXT_BYTES])
{
    const double percent = 100 * share_of(c, requests);
    snprintf(out, AXIS_TEXT_BYTES,
             percent >= 0.95 || percent == 0 ? "%.0f\xc2\xa0%%" : "%.1f\xc2\xa0%%", percent);
}

/* Points, and the room that their names take. */
static void labels_fill(struct canvas *c)
{
    const double most = c->narrow ? 17 : 25;
    for (size_t i = 0; i < c->count; i++) {
        const struct site *site = c->sites[i];
        char share[AXIS_TEXT_BYTES];
        share_text(c, site->requests, share);
        const bool cluster = i < c->clusters;
        double width = html_text_width(site->name, FONT) * (cluster ? 1.12 : 1);
        if (cluster)
            width += html_text_width(share, FONT) + 5;
        c->labels[i] =
            (struct label){.x = x_of(c, site->longitude),
                           .y = y_of(c, site->latitude),
                           .radius =
                               cluster ? fmax(2.5, most * sqrt(share_of(c, site->requests))) : 3.5,
                           .width = width,
                           .height = FONT + 4,
                           .reach = cluster     ? 130
                                    : c->narrow ? 12
                                                : 34};
    }
    const size_t names = c->narrow ? NAMES_NARROW : NAMES_WIDE;
    labels_place(c->labels, c->count, names, c->width, c->height);
}

static void circles_draw(struct canvas *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct site *site = c->sites[i];
        const bool cluster = i < c->clusters;
        char share[AXIS_TEXT_BYTES], busy[AXIS_TEXT_BYTES];
        share_text(c, site->requests, share);
        axis_text(AXIS_SHARE, site->utilisation, busy);
        html_format(c->out, "<circle class=\"%s s%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>",
                    cluster ? "site" : "place", (int)c->look, c->labels[i].x, c->labels[i].y,
                    c->labels[i].radius);
        if (cluster)
            html_format(c->out, "cluster %s: %s of the requests", site->name, share);
        else
            html_format(c->out, "clients in %s: %s of the requests", site->name, share);
        if (cluster && !isnan(site->utilisation))
            html_format(c->out, ", %s busy", busy);
        html_format(c->out, "</title></circle>");
    }
}

static void names_draw(struct canvas *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct label *label = &c->labels[i];
        if (label->placed && label->far)
            html_format(c->out, "<path class=\"lead-line\" d=\"M%.1f %.1fL%.1f %.1f\"/>", label->x,
                        label->y, label->line_x, label->line_y);
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct label *label = &c->labels[i];
        char share[AXIS_TEXT_BYTES];
        if (!label->placed)
            continue;
        share_text(c, c->sites[i]->requests, share);
        if (i < c->clusters)
            html_format(c->out,
                        "<text class=\"halo\" x=\"%.1f\" y=\"%.1f\"><tspan class=\"dn\">%s</tspan> "
                        "%s</text>",
                        label->left, label->top + FONT, c->sites[i]->name, share);
        else
            html_format(c->out, "<text class=\"halo\" x=\"%.1f\" y=\"%.1f\">%s</text>", label->left,
                        label->top + FONT, c->sites[i]->name);
    }
}

/* --- flows --- */

static int flow_by_requests(const void *a, const void *b)
{
    const struct flow *left = a, *right = b;
    if (left->requests != right->requests)
        return left->requests > right->requests ? -1 : 1;
    return left->place != right->place ? (left->place < right->place ? -1 : 1)
                                       : (left->cluster < right->cluster ? -1 : 1);
}

/* A bow from a place to a cluster. */
static void flow_draw(struct canvas *c, const struct flow *flow)
{
    const struct site *place = &c->measure->places[flow->place];
    const struct site *cluster = &c->measure->clusters[flow->cluster];
    if (!has_point(place) || !has_point(cluster))
        return;
    const double x = x_of(c, place->longitude), y = y_of(c, place->latitude);
    const double dx = x_of(c, cluster->longitude) - x, dy = y_of(c, cluster->latitude) - y;
    char share[AXIS_TEXT_BYTES];
    if (hypot(dx, dy) < 3)
        return;
    share_text(c, flow->requests, share);
    /* Upward, whichever way it goes. */
    const double bend = dx > 0 ? 0.18 : -0.18;
    html_format(
        c->out,
        "<path class=\"flow s%d\" stroke-width=\"%.1f\" d=\"M%.1f %.1fq%.1f %.1f %.1f %.1f\">"
        "<title>%s to %s: %s of the requests</title></path>",
        (int)c->look, 0.5 + (c->narrow ? 18 : 26) * share_of(c, flow->requests), x, y,
        dx / 2 + dy * bend, fmax(dy / 2 - dx * bend, -y), dx, dy, place->name, cluster->name,
        share);
}

static void flows_draw(struct canvas *c)
{
    const struct measure *measure = c->measure;
    if (measure->flow_count == 0)
        return;
    struct flow *flows = memory_alloc(measure->flow_count * sizeof *flows);
    memcpy(flows, measure->flows, measure->flow_count * sizeof *flows);
    qsort(flows, measure->flow_count, sizeof *flows, flow_by_requests);
    for (size_t i = 0; i < measure->flow_count && i < FLOWS_SHOWN; i++)
        if (share_of(c, flows[i].requests) >= FLOW_LEAST)
            flow_draw(c, &flows[i]);
    free(flows);
}

/* --- the whole --- */

static void draw(const struct measure *measure, const char *title, unsigned look, bool narrow,
                 struct buffer *out)
{
    struct canvas c = {.measure = measure, .out = out, .look = look, .narrow = narrow};
    c.width = narrow ? CHART_NARROW : CHART_WIDE;
    sites_find(&c);
    window_find(&c);
    window_shape(&c);
    labels_fill(&c);
    html_format(out,
                "<svg class=\"%s map\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">",
                narrow ? "narrow" : "wide", c.width, c.height, title);
    land_draw(&c);
    flows_draw(&c);
    circles_draw(&c);
    names_draw(&c);
    html_format(out, "</svg>");
    free(c.sites);
    free(c.labels);
}

void map_draw(const struct measure *measure, const char *title, unsigned look, struct buffer *out)
{
    draw(measure, title, look, false, out);
    draw(measure, title, look, true, out);
}
