/*
 * The report as one HTML file: style inside, plots as inline SVG, no script,
 * nothing that would be fetched.  The order of sections is page.c's; each is a
 * function here, in a file of its own.  A part that the files say nothing
 * about is left out, with a sentence where somebody would miss it.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "base/buffer.h"
#include "report/axis.h"
#include "report/study.h"

struct page {
    const struct study *study;
    const char *title; /* NULL: made from what is compared */
    struct buffer *out;
};

void page_write(const struct page *page);

/* --- sections; some say whether there was anything to show --- */

void finding_write(const struct page *page);     /* the first screen's words */
void board_write(const struct page *page);       /* the first screen's figures */
bool sweep_write(const struct page *page);       /* over load */
bool percentiles_write(const struct page *page); /* distributions */
void added_write(const struct page *page);       /* against a direct run */
bool course_write(const struct page *page);      /* over time */
void traffic_write(const struct page *page);     /* maps, and each cluster's share */
void replays_write(const struct page *page);     /* what would have changed */
void table_write(const struct page *page);       /* every figure */

/* --- what sections share --- */

/*
 * Opens a section about the subjects of a kind, with its heading and a
 * sentence, which may be NULL.  Where load and simulate are both compared, the
 * heading says which it is about.
 */
void section_begin(const struct page *page, const char *id, enum study_kind kind,
                   const char *heading, const char *sentence);
void section_end(struct buffer *out);
void figure_begin(struct buffer *out, const char *title, const char *sentence);
void figure_end(struct buffer *out);
/* Signs and names of all subjects of a kind. */
void legend_write(const struct page *page, enum study_kind kind);
/* The number of a subject: how its lines look. */
unsigned subject_look(const struct page *page, const struct subject *subject);
/*
 * What is held against each other: times to the first token, or, where nobody
 * streamed, to the end.
 */
bool has_first_tokens(const struct page *page, enum study_kind kind);
/* Percentiles of that, [PERCENTILES]. */
const double *times_of(const struct page *page, const struct subject *subject);
/* How many times something is another: "1.8", "15", "1,000+". */
void times_text(double times, char out[AXIS_TEXT_BYTES]);
/* "load 0.8" or "120 requests/s" */
void load_text(enum study_kind kind, double load, char out[64]);
/* For loops over the subjects of a kind: the next one behind `subject` (NULL: the first), or NULL.
 */
const struct subject *subject_next(const struct page *page, enum study_kind kind,
                                   const struct subject *subject);
#endif
