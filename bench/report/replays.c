/* What other policies would have made of the decisions that were recorded. */
#include <math.h>
#include <stdio.h>

#include "report/axis.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/map.h"
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

static void figure_p99(struct buffer *out, const char *mean, const char *p99)
{
    html_format(out,
                "<div class=\"fig\"><i>of all</i><b>%s</b><small>mean TTFT; p99 %s</small></div>",
                mean, p99);
}

static void late_cell(struct buffer *out, const struct replayed *replayed)
{
    char now[AXIS_TEXT_BYTES], then[AXIS_TEXT_BYTES];
    axis_text(AXIS_PLAIN, replayed->late_now, now);
    axis_text(AXIS_PLAIN, replayed->late_then, then);
    html_format(out, "<div class=\"fig\"><i>late</i><b>%s</b>", now);
    if (!isnan(replayed->late_then))
        html_format(out, "<small>%s as recorded</small>", then);
    html_format(out, "</div>");
}

static void row_write(const struct page *page, const struct subject *subject)
{
    const struct replayed *replayed = &subject->measures[0].replayed;
    struct buffer *out = page->out;
    char text[AXIS_TEXT_BYTES], more[2 * AXIS_TEXT_BYTES], ms[AXIS_TEXT_BYTES + 4];
    html_format(out, "<div class=\"row r%d\"><div class=\"name\">",
                (int)subject_look(page, subject));
    chart_key(out, subject_look(page, subject));
    html_format(out, "<span>%s</span></div>", subject->label);
    axis_text(AXIS_PLAIN, replayed->decisions, text);
    snprintf(more, sizeof more, "of %s", text);
    axis_text(AXIS_SHARE, replayed->decisions > 0 ? replayed->changed / replayed->decisions : NAN,
              text);
    figure_cell(out, "elsewhere", text, more);
    signed_ms(replayed->changed_ms, ms);
    figure_cell(out, "of these", ms, "mean TTFT");
    signed_ms(replayed->all_ms, ms);
    signed_ms(replayed->p99_now - replayed->p99_then, more);
    if (isnan(replayed->p99_now - replayed->p99_then))
        figure_cell(out, "of all", ms, "mean TTFT");
    else
        figure_p99(out, ms, more);
    late_cell(out, replayed);
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

static void map_write(const struct page *page, const struct subject *subject)
{
    if (!map_possible(&subject->measures[0]))
        return;
    figure_begin(page->out, subject->label, "Where the decisions would go now.");
    map_draw(&subject->measures[0], subject->label, subject_look(page, subject), page->out);
    figure_end(page->out);
}

/* --- for whom, and from where to where --- */

static void table_begin(struct buffer *out, const char *label)
{
    html_format(out,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table>",
                label);
}

static void cell(struct buffer *out, enum axis_unit unit, double value)
{
    char text[AXIS_TEXT_BYTES];
    axis_text(unit, value, text);
    html_format(out, "<td>%s</td>", text);
}

/* Groups of a kind that has but one member say nothing new. */
static bool group_alone(const struct replayed *replayed, size_t i)
{
    const char *of = replayed->groups[i].of;
    return (i == 0 || replayed->groups[i - 1].of != of) &&
           (i + 1 == replayed->group_count || replayed->groups[i + 1].of != of);
}

static void group_write(const struct page *page, const struct subject *subject, size_t i)
{
    const struct replayed_group *group = &subject->measures[0].replayed.groups[i];
    struct buffer *out = page->out;
    char difference[AXIS_TEXT_BYTES + 4];
    signed_ms(group->now_ms - group->then_ms, difference);
    html_format(out, "<tr><th>%s</th><td>%s %s</td>", subject->label, group->of, group->name);
    cell(out, AXIS_PLAIN, group->decisions);
    cell(out, AXIS_SHARE, group->decisions > 0 ? group->changed / group->decisions : NAN);
    cell(out, AXIS_MS, group->then_ms);
    cell(out, AXIS_MS, group->now_ms);
    html_format(out, "<td>%s</td>", difference);
    cell(out, AXIS_PLAIN, group->late_then);
    cell(out, AXIS_PLAIN, group->late_now);
    html_format(out, "</tr>\n");
}

static void groups_write(const struct page *page)
{
    const struct subject *subject = NULL;
    size_t count = 0;
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        for (size_t i = 0; i < subject->measures[0].replayed.group_count; i++)
            count += !group_alone(&subject->measures[0].replayed, i);
    if (count == 0)
        return;
    html_format(page->out, "<h3 class=\"sub\">For whom</h3>");
    table_begin(page->out, "for whom");
    html_format(page->out, "<thead><tr><th>policy</th><th>whose</th><th>decisions</th>"
                           "<th>elsewhere</th><th>predicted then</th><th>now</th>"
                           "<th>difference</th><th>late then</th><th>now</th></tr></thead><tbody>");
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        for (size_t i = 0; i < subject->measures[0].replayed.group_count; i++)
            if (!group_alone(&subject->measures[0].replayed, i))
                group_write(page, subject, i);
    html_format(page->out, "</tbody></table></div>\n");
}

static void move_write(const struct page *page, const struct subject *subject,
                       const struct replayed_move *move)
{
    char difference[AXIS_TEXT_BYTES + 4];
    signed_ms(move->ms, difference);
    html_format(page->out, "<tr><th>%s</th><td>%s</td><td>%s</td>", subject->label,
                move->from != NULL ? move->from : "nobody", move->to != NULL ? move->to : "nobody");
    cell(page->out, AXIS_PLAIN, move->decisions);
    html_format(page->out, "<td>%s</td></tr>\n", difference);
}

static void moves_write(const struct page *page)
{
    const struct subject *subject = NULL;
    size_t count = 0;
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        count += subject->measures[0].replayed.move_count;
    if (count == 0)
        return;
    html_format(page->out, "<h3 class=\"sub\">From where to where</h3>");
    table_begin(page->out, "from where to where");
    html_format(page->out, "<thead><tr><th>policy</th><th>from</th><th>to</th><th>decisions</th>"
                           "<th>predicted</th></tr></thead><tbody>");
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        for (size_t i = 0; i < subject->measures[0].replayed.move_count; i++)
            move_write(page, subject, &subject->measures[0].replayed.moves[i]);
    html_format(page->out, "</tbody></table></div>\n");
}

/* --- the section --- */

void replays_write(const struct page *page)
{
    const struct subject *subject = NULL;
    if (study_first(page->study, STUDY_REPLAY) == NULL)
        return;
    section_begin(page, "decisions", STUDY_REPLAY, "Recorded decisions, made again",
                  "Every decision stands alone: that other choices would have led to other queues "
                  "is what a simulation is for.");
    html_format(page->out, "<div class=\"board\"><div class=\"row top\"><div>policy</div>"
                           "<div>elsewhere</div><div>predicted, of these</div>"
                           "<div>predicted, of all</div><div>late</div></div>\n");
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL)
        row_write(page, subject);
    html_format(page->out, "</div><div class=\"grid\">");
    while ((subject = subject_next(page, STUDY_REPLAY, subject)) != NULL) {
        choices_write(page, subject);
        map_write(page, subject);
    }
    html_format(page->out, "</div>");
    groups_write(page);
    moves_write(page);
    section_end(page->out);
}
