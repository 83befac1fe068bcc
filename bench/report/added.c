/* What the way through the router costs, where load also sent requests past it. */
#include <math.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

static void cell_write(struct buffer *out, const char *what, double ms)
{
    char text[AXIS_TEXT_BYTES];
    axis_text(AXIS_MS, fabs(ms), text);
    html_format(out, "<div class=\"fig\"><i>%s</i><b>%s%s</b></div>", what,
                isnan(ms) || ms == 0 ? ""
                : ms < 0             ? "\xe2\x88\x92"
                                     : "+",
                text);
}

static bool has_added(const struct page *page, const struct subject *subject)
{
    return !isnan(subject_compared(page->study, subject)->added.ttft_p50);
}

static void row_write(const struct page *page, const struct subject *subject)
{
    const struct added *added = &subject_compared(page->study, subject)->added;
    struct buffer *out = page->out;
    const unsigned look = subject_look(page, subject);
    html_format(out, "<div class=\"row r%d\"><div class=\"name\">", (int)look);
    chart_key(out, look);
    html_format(out, "<span>%s</span></div>", subject->label);
    cell_write(out, "TTFT p50", added->ttft_p50);
    cell_write(out, "TTFT p99", added->ttft_p99);
    cell_write(out, "gaps p99", added->gap_p99);
    cell_write(out, "end p50", added->e2e_p50);
    html_format(out, "</div>\n");
}

void added_write(const struct page *page)
{
    const struct subject *subject = NULL;
    bool any = false;
    while ((subject = subject_next(page, STUDY_LOAD, subject)) != NULL)
        any |= has_added(page, subject);
    if (!any)
        return;
    section_begin(page, "added", STUDY_LOAD, "Added latency",
                  "Percentiles less those of the requests that the same run sent past the router.");
    html_format(page->out, "<div class=\"board\"><div class=\"row top\"><div>run</div>"
                           "<div>TTFT p50</div><div>TTFT p99</div><div>gaps p99</div>"
                           "<div>end p50</div></div>\n");
    while ((subject = subject_next(page, STUDY_LOAD, subject)) != NULL)
        if (has_added(page, subject))
            row_write(page, subject);
    html_format(page->out, "</div>");
    section_end(page->out);
}
