/*
 * A chart of several runs: lines are filled one by one, then it is drawn as a
 * figure.  Shared by the sections with plots.
 */
#ifndef REPORT_PLOTS_H
#define REPORT_PLOTS_H

#include "report/chart.h"
#include "report/page.h"

struct plot {
    struct chart chart;
    struct chart_line lines[STUDY_SUBJECTS_MOST];
};

/* Room for the points of the next line. */
struct chart_point *plot_line(struct plot *plot, const char *name, unsigned look, size_t most);
/* The line that was begun last has so many points; one without any is taken back. */
void plot_line_end(struct plot *plot, size_t count);
/* As a figure with its heading; nothing when it has no line. */
void plot_write(struct plot *plot, struct buffer *out, const char *sentence);
void plot_finish(struct plot *plot);

#endif
