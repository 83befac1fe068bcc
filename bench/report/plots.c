#include "report/plots.h"

#include <math.h>
#include <stdlib.h>

struct chart_point *plot_line(struct plot *plot, const char *name, unsigned look, size_t most)
{
    struct chart_point *points = memory_alloc((most + 1) * sizeof *points);
    CHECK_LT(plot->chart.count, STUDY_SUBJECTS_MOST);
    plot->chart.lines = plot->lines;
    plot->lines[plot->chart.count++] =
        (struct chart_line){.name = name, .look = look, .points = points};
    return points;
}

void plot_line_end(struct plot *plot, size_t count)
{
    struct chart_line *line = &plot->lines[plot->chart.count - 1];
    line->count = count;
    for (size_t i = 0; i < count; i++)
        if (!isnan(line->points[i].y))
            return;
    free((void *)(uintptr_t)line->points);
    plot->chart.count--;
}

void plot_write(struct plot *plot, struct buffer *out, const char *sentence)
{
    if (plot->chart.count == 0)
        return;
    chart_fit(&plot->chart);
    figure_begin(out, plot->chart.title, sentence);
    chart_draw(&plot->chart, out);
    figure_end(out);
}

void plot_finish(struct plot *plot)
{
    for (size_t i = 0; i < plot->chart.count; i++)
        free((void *)(uintptr_t)plot->lines[i].points);
    plot->chart.count = 0;
}
