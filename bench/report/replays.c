/* What other policies would have made of the decisions that were recorded. */
#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

static void signed_ms(double ms, char out[AXIS_TEXT_BYTES + 4])
{
    char text[AXIS_TEXT_BYTES];
    axis_text(AXIS_MS, fabs(ms), text);
    snprintf(out, AXIS_TEXT_BYTES + 4, "%s%s",
             isnan(ms) || ms == 0 ? ""
             : ms < 0             ? "\xe2\x88\x92"
                                  : "+",
             text);
}

static void figure_cell(struct buffer *out, const char *what, const char *value, const char *more)
{
    html_format(out, "<div class=\"fig\"><i>%s</i><b>%s</b><small>%s</small></div>", what, value,
                more);
}

static void row_write(const struct page *page, const struct subject *subject)
{
    const struct replayed *replayed = &subject->measures[0].replayed;
    struct buffer *out = page->out;
    char count[AXIS_TEXT_BYTES], share[AXIS_TEXT_BYTES], ms[AXIS_TEXT_BYTES + 4];
    html_format(out, "<div class=\"row\"><div class=\"name\">");
    chart_key(out, subject_look(page, subject));
    html_format(out, "<span>%s</span></div>", subject->label);
    axis_text(AXIS_PLAIN, replayed->decisions, count);
    figure_cell(out, "decisions", count, "");
    axis_text(AXIS_SHARE, replayed->decisions > 0 ? replayed->changed / replayed->decisions : NAN,
              share);
    axis_text(AXIS_PLAIN, replayed->changed, count);
    figure_cell(out, "elsewhere", share, count);
    signed_ms(replayed->changed_ms, ms);
    figure_cell(out, "predicted, of these", ms, "mean, to the first token");
    signed_ms(replayed->all_ms, ms);
    figure_cell(out, "predicted, of all", ms, "mean, to the first token");
    html_format(out, "</div>\n");
}

static double sum_of(const double *list, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += list[i];
    return sum;
}

static void choices_write(const struct page *page, const struct subject *subject)
{
    enum { CLUSTERS_SHOWN = 40 };
    const struct measure *measure = &subject->measures[0];
    const double then = sum_of(measure->replayed.then, measure->cluster_count);
    double now = 0;
    struct buffer *out = page->out;
    for (size_t i = 0; i < measure->cluster_count; i++)
        now += measure->clusters[i].requests;
    if (then <= 0 || now <= 0)
        return;
    figure_begin(out, subject->label, "Share of the decisions by cluster: as recorded, and now.");
    html_format(out, "<div class=\"bars\">");
    for (size_t i = 0; i < measure->cluster_count && i < CLUSTERS_SHOWN; i++) {
        const double before = 100 * measure->replayed.then[i] / then;
        const double after = 100 * measure->clusters[i].requests / now;
        html_format(out,
                    "<div><div class=\"name\"><span>%s</span></div><div class=\"bar two s%d\">"
                    "<u style=\"width:%.1f%%\"></u><i style=\"width:%.1f%%\"></i></div>"
                    "<div class=\"value\">%.1f \xe2\x86\x92 <b>%.1f\xc2\xa0%%</b></div></div>",
                    measure->clusters[i].name, (int)subject_look(page, subject), before, after,
                    before, after);
    }
    html_format(out, "</div>");
    figure_end(out);
}

void replays_write(const struct page *page)
{
    const struct subject *subject = NULL;
    if (study_first(page->study, STUDY_REPLAY) == NULL)
        return;
    section_begin(page, "replay", STUDY_REPLAY, "Recorded decisions, made again",
                  "Every decision stands alone: that other choices would have led to other queues "
                  "is what a simulation is for.");
    html_format(page->out, "<div class=\"board\"><div class=\"row top\"><div>policy</div>"
                           "<div>decisions</div><div>elsewhere</div><div>predicted, of these</div>"
                           "<div>predicted, of all</div></div>\n");
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        row_write(page, subject);
    html_format(page->out, "</div><div class=\"grid\">");
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        choices_write(page, subject);
    html_format(page->out, "</div>");
    section_end(page->out);
}
