/*
 * What a report compares.  A subject is a line in every plot: a policy that
 * was simulated, load runs under one name, a replay.  It was measured at one
 * load or at several.  intake.c fills a study from files; pages read it.
 *
 * Milliseconds; NAN is unknown, INFINITY is never.
 */
#ifndef REPORT_STUDY_H
#define REPORT_STUDY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "report/distribution.h"

enum {
    STUDY_SUBJECTS_MOST = 24,
    STUDY_MEASURES_MOST = 256, /* of a subject */
    STUDY_SITES_MOST = 4096,   /* clusters or places of a measure */
    STUDY_STEPS_MOST = 14400,  /* of a course: four hours of seconds */
    STUDY_NAME_BYTES = 96,     /* of a name in a file; the rest is cut off */
};

enum study_kind { STUDY_LOAD, STUDY_SIMULATE, STUDY_REPLAY, STUDY_KINDS };

/* A cluster or a place. */
struct site {
    const char *name;
    double latitude, longitude;
    double requests;    /* sent there, or from there */
    double utilisation; /* 0 to 1, mean */
    double *busy;       /* utilisation, [course.steps]; NULL */
};

struct flow {
    size_t place, cluster; /* indices */
    double requests;
};

/* Over time, in equal steps. */
struct course {
    double step_s;
    size_t steps;                 /* 0: not recorded */
    double *requests, *p50, *p99; /* [steps], NULL when not recorded */
};

enum { REPLAYED_KINDS = 5, REPLAYED_NAMES_MOST = 12, REPLAYED_MOVES_MOST = 16 };

/* Decisions for somebody. */
struct replayed_group {
    const char *of, *name; /* "class", "flex" */
    double decisions, changed;
    double then_ms, now_ms; /* predicted to the first token, means */
    double late_then, late_now;
};

/* Decisions that would have gone elsewhere. */
struct replayed_move {
    const char *from, *to; /* NULL: nobody */
    double decisions, ms;  /* ms: now less then */
};

/* What a replay said. */
struct replayed {
    double decisions, identical, changed, changed_ms, all_ms;
    double p99_then, p99_now, late_then, late_now;
    double *then; /* by cluster: how often it was chosen; `requests` of the site is now */
    struct replayed_group *groups;
    size_t group_count;
    struct replayed_move *moves;
    size_t move_count;
};

/* How much slower than the direct run beside it. */
struct added {
    double ttft_p50, ttft_p99, gap_p99, e2e_p50; /* NAN: there was none */
};

struct measure {
    bool bare;     /* nothing but the share in time is known */
    double load;   /* simulate: 1 is what the fleet can do; load: requests a second */
    unsigned runs; /* seeds that it is the mean of */
    double requests, failed, cut, unfinished;
    struct distribution ttft, itl, e2e;
    double promise_ms, kept; /* share of the requests whose first token came in time */
    double prefix_hit, flex_price, own_cpu, slip_p99;
    struct site *clusters, *places;
    size_t cluster_count, place_count;
    struct flow *flows;
    size_t flow_count;
    struct course course;
    struct replayed replayed;
    struct added added;
};

struct subject {
    enum study_kind kind;
    const char *file;  /* name of the first file, without its folders */
    const char *given; /* NAME=, NULL: not given */
    const char *policy, *scenario;
    bool independent; /* requests that belong to no conversation */
    double routers, report_interval_ms, started_ms;
    const char *label;
    double goodput; /* highest load with 95 % in time, as the file says; NAN: it does not */
    struct measure *measures; /* by load */
    size_t count;
};

struct study {
    struct arena arena;
    struct subject subjects[STUDY_SUBJECTS_MOST];
    size_t count;
    double
        compared[STUDY_KINDS]; /* the load at which they are compared; NAN: none that all share */
};

void study_init(struct study *study);
void study_finish(struct study *study);

/* Adds what was measured to the subject that `key` describes; false when there are too many. */
bool study_add(struct study *study, const struct subject *key,
               const struct measure *measure) ISO_MUST_USE;
/*
 * When everything is in: labels, order, and the loads at which subjects are
 * compared.  `promise_ms`: to the requests of files that say nothing of one.
 */
void study_close(struct study *study, double promise_ms);

/* The measure at which it is compared with others. */
const struct measure *subject_compared(const struct study *study, const struct subject *subject);
/* The first of its kind, which the others are held against. */
const struct subject *study_first(const struct study *study, enum study_kind kind);
size_t study_count(const struct study *study, enum study_kind kind);
#define STUDY_SHARE_KEPT 0.95
/*
 * The highest load at which STUDY_SHARE_KEPT of the requests were in time: as
 * the file says, else of those measured; NAN: none of these.
 */
double subject_goodput(const struct subject *subject);

#endif
