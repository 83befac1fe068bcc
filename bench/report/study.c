#include "report/study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

void study_init(struct study *study)
{
    *study = (struct study){.count = 0};
    arena_init(&study->arena);
}

void study_finish(struct study *study)
{
    for (size_t i = 0; i < study->count; i++)
        free(study->subjects[i].measures);
    arena_finish(&study->arena);
    *study = (struct study){.count = 0};
}

/* --- merging runs of the same thing --- */

static void mean_take(double *into, unsigned runs, double from)
{
    *into = (*into * runs + from) / (runs + 1);
}

static void numbers_merge(double *into, unsigned runs, const double *from, size_t count)
{
    for (size_t i = 0; into != NULL && from != NULL && i < count; i++)
        mean_take(&into[i], runs, from[i]);
}

/* Runs of one subject have the same clusters and places in the same order, or are not added up. */
static bool sites_same(const struct site *a, size_t a_count, const struct site *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (strcmp(a[i].name, b[i].name) != 0)
            return false;
    return true;
}

static void sites_merge(struct measure *into, const struct measure *from)
{
    const bool steps_same = into->course.steps == from->course.steps;
    if (!sites_same(into->clusters, into->cluster_count, from->clusters, from->cluster_count) ||
        !sites_same(into->places, into->place_count, from->places, from->place_count))
        return;
    for (size_t i = 0; i < into->cluster_count; i++) {
        struct site *site = &into->clusters[i];
        site->requests += from->clusters[i].requests;
        mean_take(&site->utilisation, into->runs, from->clusters[i].utilisation);
        if (steps_same)
            numbers_merge(site->busy, into->runs, from->clusters[i].busy, into->course.steps);
    }
    for (size_t i = 0; i < into->place_count; i++)
        into->places[i].requests += from->places[i].requests;
    for (size_t i = 0; i < into->flow_count && into->flow_count == from->flow_count; i++)
        into->flows[i].requests += from->flows[i].requests;
    if (!steps_same)
        return;
    numbers_merge(into->course.requests, into->runs, from->course.requests, into->course.steps);
    numbers_merge(into->course.p50, into->runs, from->course.p50, into->course.steps);
    numbers_merge(into->course.p99, into->runs, from->course.p99, into->course.steps);
}

static void measure_merge(struct measure *into, const struct measure *from, struct arena *arena)
{
    into->kept = (into->kept * into->requests + from->kept * from->requests) /
                 (into->requests + from->requests);
    into->requests += from->requests;
    into->failed += from->failed;
    into->cut += from->cut;
    into->unfinished += from->unfinished;
    distribution_merge(&into->ttft, into->runs, &from->ttft, arena);
    distribution_merge(&into->itl, into->runs, &from->itl, arena);
    distribution_merge(&into->e2e, into->runs, &from->e2e, arena);
    mean_take(&into->prefix_hit, into->runs, from->prefix_hit);
    mean_take(&into->flex_price, into->runs, from->flex_price);
    sites_merge(into, from);
    into->runs++;
}

/* What says more counts; two that say the same are put together. */
static void measure_put_together(struct measure *into, const struct measure *from,
                                 struct arena *arena)
{
    if (into->bare)
        *into = *from;
    else if (!from->bare)
        measure_merge(into, from, arena);
}

/* --- adding --- */

static bool text_same(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool subject_same(const struct subject *a, const struct subject *b)
{
    return a->kind == b->kind && text_same(a->given, b->given) && text_same(a->policy, b->policy) &&
           text_same(a->scenario, b->scenario) && a->independent == b->independent &&
           (a->given != NULL || text_same(a->file, b->file));
}

static struct subject *subject_of(struct study *study, const struct subject *key)
{
    for (size_t i = 0; i < study->count; i++)
        if (subject_same(&study->subjects[i], key))
            return &study->subjects[i];
    if (study->count == STUDY_SUBJECTS_MOST)
        return NULL;
    struct subject *subject = &study->subjects[study->count++];
    *subject = *key;
    subject->measures = NULL;
    subject->count = 0;
    return subject;
}

bool study_add(struct study *study, const struct subject *key, const struct measure *measure)
{
    struct subject *subject = subject_of(study, key);
    if (subject == NULL)
        return false;
    if (!isnan(key->goodput))
        subject->goodput = key->goodput;
    for (size_t i = 0; i < subject->count; i++)
        if (subject->measures[i].load == measure->load) {
            measure_put_together(&subject->measures[i], measure, &study->arena);
            return true;
        }
    if (subject->count == STUDY_MEASURES_MOST)
        return false;
    subject->measures =
        memory_realloc(subject->measures, (subject->count + 1) * sizeof *subject->measures);
    subject->measures[subject->count++] = *measure;
    return true;
}

/* --- labels --- */

/* "least_latency.so:flex_rule=off" without what says nothing. */
static const char *policy_short(struct arena *arena, const char *policy)
{
    struct buffer text = {0};
    while (*policy != '\0') {
        const char behind = strncmp(policy, ".so", 3) == 0 ? policy[3] : 'x';
        if (behind == '\0' || behind == ':' || behind == '+')
            policy += 3;
        else
            buffer_append_byte(&text, *policy++);
    }
    const char *out = arena_printf(arena, "%.*s", SLICE_ARG(buffer_slice(&text))).ptr;
    buffer_release(&text);
    return out;
}

struct differences {
    bool policy, scenario, independent, given; /* somebody else of this kind has another one */
    bool twice;                                /* somebody else has the same of all these */
};

static struct differences differences_find(const struct study *study, const struct subject *subject)
{
    struct differences found = {false, false, false, false, false};
    for (size_t i = 0; i < study->count; i++) {
        const struct subject *other = &study->subjects[i];
        if (other == subject || other->kind != subject->kind)
            continue;
        if (!text_same(other->policy, subject->policy)) {
            found.policy = true;
            continue;
        }
        const bool scenario = !text_same(other->scenario, subject->scenario);
        const bool independent = other->independent != subject->independent;
        const bool given = !text_same(other->given, subject->given);
        found.scenario |= scenario;
        found.independent |= independent;
        found.given |= given;
        found.twice |= !scenario && !independent && !given;
    }
    return found;
}

static const char *label_make(struct study *study, const struct subject *subject)
{
    struct arena *arena = &study->arena;
    const struct differences other = differences_find(study, subject);
    if (subject->policy == NULL)
        return subject->given != NULL ? subject->given : subject->file;
    const char *policy = policy_short(arena, subject->policy);
    if (subject->given != NULL)
        return other.policy ? arena_printf(arena, "%s: %s", subject->given, policy).ptr
                            : subject->given;
    const char *scenario = other.scenario && subject->scenario != NULL ? subject->scenario : NULL;
    return arena_printf(arena, "%s%s%s%s%s%s%s", policy, scenario != NULL ? ", " : "",
                        scenario != NULL ? scenario : "",
                        !other.independent     ? ""
                        : subject->independent ? ", independent"
                                               : ", sessions",
                        other.twice ? " (" : "", other.twice ? subject->file : "",
                        other.twice ? ")" : "")
        .ptr;
}

/* --- at which load subjects are compared --- */

static const struct measure *measure_at(const struct subject *subject, double load)
{
    for (size_t i = 0; i < subject->count; i++)
        if (subject->measures[i].load == load)
            return &subject->measures[i];
    return NULL;
}

static bool load_shared(const struct study *study, enum study_kind kind, double load)
{
    for (size_t i = 0; i < study->count; i++)
        if (study->subjects[i].kind == kind && measure_at(&study->subjects[i], load) == NULL)
            return false;
    return true;
}

/* The highest that all have and at which the first keeps its promise; else the lowest. */
static double load_compared(const struct study *study, enum study_kind kind)
{
    const struct subject *first = study_first(study, kind);
    double lowest = NAN, best = NAN;
    for (size_t i = 0; first != NULL && i < first->count; i++) {
        const struct measure *measure = &first->measures[i];
        if (!load_shared(study, kind, measure->load))
            continue;
        lowest = isnan(lowest) ? measure->load : lowest;
        best = isnan(measure->kept) || measure->kept >= STUDY_SHARE_KEPT ? measure->load : best;
    }
    return isnan(best) ? lowest : best;
}

static int by_load(const void *a, const void *b)
{
    const double left = ((const struct measure *)a)->load,
                 right = ((const struct measure *)b)->load;
    return left < right ? -1 : left > right;
}

/* Stable, and there are few. */
static void subjects_sort(struct study *study)
{
    for (size_t i = 1; i < study->count; i++)
        for (size_t k = i; k > 0 && study->subjects[k - 1].kind > study->subjects[k].kind; k--) {
            const struct subject swap = study->subjects[k];
            study->subjects[k] = study->subjects[k - 1];
            study->subjects[k - 1] = swap;
        }
}

/* Requests that were not answered have not kept it either. */
static void promise_judge(struct measure *measure, double promise_ms)
{
    if (!isnan(measure->kept) || measure->requests <= 0)
        return;
    double answered = 0;
    for (size_t i = 0; i < measure->ttft.bucket_count; i++)
        answered += measure->ttft.buckets[i].count;
    measure->promise_ms = promise_ms;
    measure->kept = fmin(1, distribution_share_below(&measure->ttft, promise_ms) * answered /
                                measure->requests);
}

void study_close(struct study *study, double promise_ms)
{
    subjects_sort(study);
    for (size_t i = 0; i < study->count; i++) {
        struct subject *subject = &study->subjects[i];
        qsort(subject->measures, subject->count, sizeof *subject->measures, by_load);
        for (size_t m = 0; m < subject->count; m++)
            promise_judge(&subject->measures[m], promise_ms);
        subject->label = label_make(study, subject);
    }
    for (int kind = 0; kind < STUDY_KINDS; kind++)
        study->compared[kind] = load_compared(study, (enum study_kind)kind);
}

/* --- asking --- */

const struct measure *subject_compared(const struct study *study, const struct subject *subject)
{
    const struct measure *shared = measure_at(subject, study->compared[subject->kind]);
    return shared != NULL ? shared : &subject->measures[subject->count - 1];
}

const struct subject *study_first(const struct study *study, enum study_kind kind)
{
    for (size_t i = 0; i < study->count; i++)
        if (study->subjects[i].kind == kind)
            return &study->subjects[i];
    return NULL;
}

size_t study_count(const struct study *study, enum study_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < study->count; i++)
        count += study->subjects[i].kind == kind;
    return count;
}

double subject_goodput(const struct subject *subject)
{
    double best = NAN;
    if (!isnan(subject->goodput))
        return subject->goodput > 0 ? subject->goodput : NAN;
    for (size_t i = 0; i < subject->count && subject->measures[i].kept >= STUDY_SHARE_KEPT; i++)
        best = subject->measures[i].load;
    return best;
}
