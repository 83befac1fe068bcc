#include "report/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/html.h"
#include "report/spread.h"

enum {
    FONT = 12,
    NAME_HEIGHT = 15,
    HEIGHT = 300,
    TOP = 30,    /* the title of y, and air */
    BOTTOM = 44, /* ticks and title of x */
    BOTTOM_BARE = 26,
    NAMES_WIDE = 150,
    NAMES_NARROW = 92,
    HITS_MOST = 80, /* points of a line that tell their value */
    HITS_THIN = 30,
};

/* One size of a chart while it is drawn. */
struct drawing {
    const struct chart *chart;
    struct axis x, y;
    struct buffer *out;
    double width, height;
    double names_width; /* 0: no names */
    struct spread *names;
};

/* --- markers --- */

void chart_marker(struct buffer *out, unsigned look, double x, double y)
{
    static const char *const shapes[] = {
        "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0Z",
        "M-3.3 -3.3H3.3V3.3H-3.3Z",
        "M0 -4.6L4.6 0L0 4.6L-4.6 0Z",
        "M0 -4.4L4.4 3.4H-4.4Z",
        "M0 4.4L4.4 -3.4H-4.4Z",
        "M-1.5 -4.2H1.5V-1.5H4.2V1.5H1.5V4.2H-1.5V1.5H-4.2V-1.5H-1.5Z",
        "M-4.6 -2.3H4.6V2.3H-4.6Z",
    };
    html_format(out, "<path class=\"m s%d\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>",
                (int)look, x, y, shapes[look % COUNT_OF(shapes)]);
}

void chart_key(struct buffer *out, unsigned look)
{
    html_format(out,
                "<svg class=\"key\" viewBox=\"0 0 26 12\" aria-hidden=\"true\">"
                "<path class=\"l s%d\" d=\"M1 6H25\"/>",
                (int)look);
    chart_marker(out, look, 13, 6);
    html_format(out, "</svg>");
}

/* --- what the axes hold --- */

struct bounds {
    double low, high, least; /* least: the least above 0 */
};

static void bounds_take(struct bounds *bounds, double value)
{
    if (!isfinite(value))
        return;
    bounds->low = fmin(bounds->low, value);
    bounds->high = fmax(bounds->high, value);
    if (value > 0)
        bounds->least = fmin(bounds->least, value);
}

static void fit(struct axis *axis, const struct bounds *bounds, bool tight)
{
    if (axis->high > axis->low)
        return;
    const bool found = bounds->low <= bounds->high;
    if (tight && found && bounds->high > bounds->low) {
        axis->low = bounds->low;
        axis->high = bounds->high;
    } else if (axis->kind == AXIS_LOG) {
        const bool above = isfinite(bounds->least);
        axis_round(axis, above ? bounds->least : 1, above ? bounds->high : 10);
    } else {
        axis_round(axis, found ? fmin(0, bounds->low) : 0, found ? bounds->high : 1);
    }
}

void chart_fit(struct chart *chart)
{
    struct bounds x = {INFINITY, -INFINITY, INFINITY}, y = x;
    for (size_t i = 0; i < chart->count; i++)
        for (size_t k = 0; k < chart->lines[i].count; k++) {
            bounds_take(&x, chart->lines[i].points[k].x);
            bounds_take(&y, chart->lines[i].points[k].y);
        }
    if (chart->rule != NULL)
        bounds_take(&y, chart->rule->y);
    fit(&chart->x, &x, true);
    fit(&chart->y, &y, false);
}

/* --- axes --- */

static void y_axis_draw(struct drawing *d, const struct axis_tick *ticks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double at = axis_at(&d->y, ticks[i].value);
        html_format(d->out, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>",
                    ticks[i].text[0] != '\0' ? "g" : "g f", d->x.from, at, d->x.to);
        if (ticks[i].text[0] == '\0')
            continue;
        html_format(d->out, "<text class=\"t\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                    d->x.from - 7, at + 4, ticks[i].text);
    }
    html_format(d->out, "<text class=\"a\" x=\"0\" y=\"13\">%s</text>", d->chart->y_title);
}

static void x_axis_draw(struct drawing *d)
{
    struct axis_tick ticks[AXIS_TICKS_MOST];
    const double width = d->x.to - d->x.from;
    const size_t count = axis_ticks(&d->x, (size_t)fmax(2, width / 54), ticks);
    const double base = d->y.from;
    html_format(d->out, "<path class=\"b\" d=\"M%.1f %.1fH%.1f\"/>", d->x.from, base, d->x.to);
    double free_from = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const double at = axis_at(&d->x, ticks[i].value);
        const double half = html_text_width(ticks[i].text, FONT) / 2;
        if (at - half < free_from)
            continue;
        free_from = at + half + 6;
        html_format(d->out, "<path class=\"b\" d=\"M%.1f %.1fv4\"/>", at, base);
        html_format(d->out,
                    "<text class=\"t\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", at,
                    base + 18, ticks[i].text);
    }
    if (d->chart->x_title != NULL)
        html_format(d->out, "<text class=\"a\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                    d->x.to, base + 37, d->chart->x_title);
}

static void rule_draw(struct drawing *d)
{
    const struct chart_rule *rule = d->chart->rule;
    const double at = axis_at(&d->y, rule->y);
    html_format(d->out, "<path class=\"r\" d=\"M%.1f %.1fH%.1f\"/>", d->x.from, at, d->x.to);
    html_format(d->out, "<text class=\"rt\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                d->x.to - 6, at < d->y.to + 20 ? at + 14 : at - 5, rule->text);
}

/* --- lines --- */

static void hover_write(struct drawing *d, const struct chart_line *line,
                        const struct chart_point *point)
{
    char x[AXIS_TEXT_BYTES], y[AXIS_TEXT_BYTES];
    axis_text(d->x.unit, point->x, x);
    axis_text(d->y.unit, point->y, y);
    html_format(d->out, "<title>%s: %s (%s)</title>", line->name, y, x);
}

static void line_path(struct drawing *d, const struct chart_line *line)
{
    bool open = false;
    html_format(d->out, "<path class=\"l s%d%s\" d=\"", (int)line->look, line->thin ? " n" : "");
    for (size_t i = 0; i < line->count; i++) {
        const struct chart_point *point = &line->points[i];
        if (isnan(point->y)) {
            open = false;
            continue;
        }
        html_format(d->out, open ? "L%.1f %.1f" : "M%.1f %.1f", axis_at(&d->x, point->x),
                    axis_at(&d->y, point->y));
        open = !isinf(point->y);
    }
    html_format(d->out, "\"/>");
}

/* Marks, and what a pointer over a point is told. */
static void line_points(struct drawing *d, const struct chart_line *line)
{
    const size_t step = line->count / (line->thin ? HITS_THIN : HITS_MOST) + 1;
    for (size_t i = 0; i < line->count; i += step) {
        const struct chart_point *point = &line->points[i];
        const double x = axis_at(&d->x, point->x), y = axis_at(&d->y, point->y);
        if (isnan(point->y))
            continue;
        html_format(d->out, "<g class=\"p\">");
        if (isinf(point->y))
            html_format(d->out, "<path class=\"m s%d\" d=\"M%.1f %.1fl4.5 8h-9Z\"/>",
                        (int)line->look, x, y - 9);
        else if (line->markers)
            chart_marker(d->out, line->look, x, y);
        html_format(d->out, "<circle class=\"h\" cx=\"%.1f\" cy=\"%.1f\" r=\"9\">", x, y);
        hover_write(d, line, point);
        html_format(d->out, "</circle></g>");
    }
}

static void lines_draw(struct drawing *d)
{
    /* The first last, so that it lies on top. */
    for (size_t i = d->chart->count; i-- > 0;) {
        const struct chart_line *line = &d->chart->lines[i];
        html_format(d->out, "<g class=\"run r%d\">", (int)line->look);
        line_path(d, line);
        line_points(d, line);
        html_format(d->out, "</g>");
    }
}

/* --- names at the ends of lines --- */

static const struct chart_point *line_end(const struct chart_line *line)
{
    for (size_t i = line->count; i-- > 0;)
        if (!isnan(line->points[i].y))
            return &line->points[i];
    return NULL;
}

/* False when there is no room for them. */
static bool names_place(struct drawing *d)
{
    for (size_t i = 0; i < d->chart->count; i++) {
        const struct chart_point *end = line_end(&d->chart->lines[i]);
        d->names[i].size = end != NULL ? NAME_HEIGHT : 0;
        d->names[i].want = end != NULL ? axis_at(&d->y, end->y) : d->y.to;
    }
    return spread_apart(d->names, d->chart->count, d->y.to - NAME_HEIGHT / 2.0,
                        d->y.from + NAME_HEIGHT / 2.0);
}

static void names_draw(struct drawing *d)
{
    for (size_t i = 0; i < d->chart->count; i++) {
        const struct chart_line *line = &d->chart->lines[i];
        const struct chart_point *end = line_end(line);
        if (end == NULL)
            continue;
        const double x = axis_at(&d->x, end->x), y = axis_at(&d->y, end->y);
        html_format(d->out, "<g class=\"run r%d\">", (int)line->look);
        html_format(d->out, "<path class=\"c s%d\" d=\"M%.1f %.1fL%.1f %.1f\"/>", (int)line->look,
                    x + 5, y, d->x.to + 16, d->names[i].at);
        html_format(d->out, "<text class=\"d\" x=\"%.1f\" y=\"%.1f\">", d->x.to + 20,
                    d->names[i].at + 4);
        html_text_capped(d->out, line->name,
                         html_text_fit(line->name, FONT, d->names_width - FONT));
        html_format(d->out, "</text></g>");
    }
}

/* --- the whole --- */

static double widest_name(const struct chart *chart)
{
    double width = 0;
    for (size_t i = 0; i < chart->count; i++)
        width = fmax(width, html_text_width(chart->lines[i].name, FONT));
    return width;
}

static void layout(struct drawing *d, const struct axis_tick *ticks, size_t count, bool narrow)
{
    double left = 0;
    for (size_t i = 0; i < count; i++)
        left = fmax(left, html_text_width(ticks[i].text, FONT));
    d->x.from = left + 10;
    d->y.to = TOP;
    d->y.from = d->height - (d->chart->x_title != NULL ? BOTTOM : BOTTOM_BARE);
    d->x.to = d->width - 22;
    d->names_width = 0;
    if (!d->chart->names || !names_place(d))
        return;
    d->names_width = fmin(widest_name(d->chart) + FONT, narrow ? NAMES_NARROW : NAMES_WIDE);
    d->x.to = d->width - 20 - d->names_width;
}

static void draw(const struct chart *chart, const char *css_class, struct buffer *out)
{
    struct drawing d = {.chart = chart, .x = chart->x, .y = chart->y, .out = out};
    struct axis_tick ticks[AXIS_TICKS_MOST];
    const bool narrow = chart->small || strcmp(css_class, "narrow") == 0;
    d.width = narrow ? CHART_NARROW : CHART_WIDE;
    d.height = chart->height > 0 ? chart->height : HEIGHT;
    d.names = memory_zalloc((chart->count + 1) * sizeof *d.names);
    const size_t count = axis_ticks(&d.y, (size_t)((d.height - TOP - BOTTOM) / 31), ticks);
    layout(&d, ticks, count, narrow);
    html_format(out, "<svg class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">",
                css_class, d.width, d.height, chart->title);
    y_axis_draw(&d, ticks, count);
    x_axis_draw(&d);
    if (chart->rule != NULL)
        rule_draw(&d);
    lines_draw(&d);
    if (d.names_width > 0)
        names_draw(&d);
    html_format(out, "</svg>");
    free(d.names);
}

void chart_draw(const struct chart *chart, struct buffer *out)
{
    if (chart->small) {
        draw(chart, "small", out);
        return;
    }
    draw(chart, "wide", out);
    draw(chart, "narrow", out);
}
