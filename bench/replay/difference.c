#include "replay/difference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decision.h"

#define MOVES_MOST 4096
#define PREDICTION_MOST_MS 1e9 /* what a histogram can hold, and far beyond any sense */

const char *const difference_by_names[DIFFERENCE_BYS] = {
    [BY_CLASS] = "class", [BY_TENANT] = "tenant", [BY_PLACE] = "place",
    [BY_ROUTE] = "route", [BY_MODEL] = "model",
};

void difference_init(struct difference *d)
{
    memset(d, 0, sizeof *d);
    arena_init(&d->arena);
}

void difference_finish(struct difference *d)
{
    for (int k = 0; k < DIFFERENCE_BYS; k++)
        free(d->by[k].list);
    free(d->moves);
    free(d->shares);
    arena_finish(&d->arena);
}

/* --- who asked --- */

static struct slice class_name(const struct iso_request *request)
{
    static const char *const names[] = {[ISO_PRIORITY] = "priority",
                                        [ISO_INTERACTIVE] = "interactive",
                                        [ISO_FLEX] = "flex",
                                        [ISO_BATCH] = "batch"};
    return request->service_class < COUNT_OF(names) ? slice_of(names[request->service_class])
                                                    : SLICE("?");
}

/* Country and whole degrees: "CN 31,121". */
static struct slice place_name(char *room, size_t size, const struct iso_request *request)
{
    const size_t country = strnlen(request->country, sizeof request->country);
    int len = snprintf(room, size, "%.*s", (int)country, request->country);
    if (isfinite(request->latitude) && isfinite(request->longitude))
        len += snprintf(room + len, size - (size_t)len, "%s%.0f,%.0f", country > 0 ? " " : "",
                        request->latitude, request->longitude);
    return len > 0 ? slice_make(room, (size_t)len) : SLICE("unknown");
}

static struct difference_tally *group_of(struct difference *d, enum difference_by by,
                                         struct slice name)
{
    struct difference_groups *groups = &d->by[by];
    const struct slice key = groups->count < DIFFERENCE_GROUPS_MOST ? name : SLICE("(others)");
    for (size_t i = 0; i < groups->count; i++)
        if (slice_eq(groups->list[i].name, name) || slice_eq(groups->list[i].name, key))
            return &groups->list[i].tally;
    if (groups->count == groups->room) {
        groups->room = groups->room > 0 ? 2 * groups->room : 16;
        groups->list = memory_realloc(groups->list, groups->room * sizeof *groups->list);
    }
    struct difference_group *group = &groups->list[groups->count++];
    *group = (struct difference_group){.name = arena_printf(&d->arena, "%.*s", SLICE_ARG(key))};
    return &group->tally;
}

/* --- what changed --- */

static struct difference_share *share_of(struct difference *d, const char *name)
{
    for (size_t i = 0; i < d->share_count; i++)
        if (strcmp(d->shares[i].name, name) == 0)
            return &d->shares[i];
    if (d->share_count == d->share_room) {
        d->share_room = d->share_room > 0 ? 2 * d->share_room : 16;
        d->shares = memory_realloc(d->shares, d->share_room * sizeof *d->shares);
    }
    d->shares[d->share_count] = (struct difference_share){.name = name};
    return &d->shares[d->share_count++];
}

static bool same_name(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void move_add(struct difference *d, const char *from, const char *to, double ms)
{
    size_t i = 0;
    while (i < d->move_count &&
           !(same_name(d->moves[i].from, from) && same_name(d->moves[i].to, to)))
        i++;
    if (i == d->move_count) {
        if (d->move_count == MOVES_MOST)
            return;
        if (d->move_count == d->move_room) {
            d->move_room = d->move_room > 0 ? 2 * d->move_room : 64;
            d->moves = memory_realloc(d->moves, d->move_room * sizeof *d->moves);
        }
        d->moves[d->move_count++] = (struct difference_move){.from = from, .to = to};
    }
    d->moves[i].decisions++;
    d->moves[i].ms += ms;
}

/* One decision, as every tally takes it. */
struct step {
    bool changed, nobody, late_then, late_now;
    double then_ms, now_ms, recorded_ms;
};

static double predicted(const struct recorded *recorded, uint32_t chosen)
{
    return fmin(fmax(0, recorded->estimates[chosen].ttft_ms), PREDICTION_MOST_MS);
}

static struct step step_of(const struct recorded *recorded, uint32_t now)
{
    const struct record_decision *fixed = recorded->fixed;
    const uint32_t then = fixed->chosen;
    struct step step = {.changed = then != now,
                        .nobody = then >= fixed->count || now >= fixed->count};
    if (step.nobody)
        return step;
    step.then_ms = predicted(recorded, then);
    step.now_ms = predicted(recorded, now);
    step.late_then = step.then_ms > fixed->request.slo_ms;
    step.late_now = step.now_ms > fixed->request.slo_ms;
    if (recorded->totals[now] < 1e300) /* not what the recorded policy refused */
        step.recorded_ms = recorded->totals[now] - recorded->totals[then];
    return step;
}

static void tally_add(struct difference_tally *tally, const struct step *step)
{
    tally->decisions++;
    tally->changed += step->changed;
    tally->nobody += step->changed && step->nobody;
    if (step->nobody)
        return;
    tally->both++;
    tally->sooner += step->now_ms < step->then_ms;
    tally->later += step->now_ms > step->then_ms;
    tally->then_ms += step->then_ms;
    tally->now_ms += step->now_ms;
    tally->recorded_ms += step->recorded_ms;
    tally->late_then += step->late_then;
    tally->late_now += step->late_now;
}

static const char *chosen_name(const struct recorded *recorded, uint32_t chosen)
{
    return chosen < recorded->fixed->count ? recorded->clusters[chosen].name : NULL;
}

static void groups_add(struct difference *d, const struct recorded *recorded,
                       const struct step *step)
{
    const struct iso_request *request = &recorded->fixed->request;
    char room[64];
    const struct slice tenant = recorded->tenant.len > 0 ? recorded->tenant : SLICE("-");
    tally_add(group_of(d, BY_CLASS, class_name(request)), step);
    tally_add(group_of(d, BY_TENANT, tenant), step);
    tally_add(group_of(d, BY_PLACE, place_name(room, sizeof room, request)), step);
    tally_add(group_of(d, BY_ROUTE, recorded->route), step);
    tally_add(group_of(d, BY_MODEL, recorded->model), step);
}

void difference_add(struct difference *d, const struct recorded *recorded, uint32_t now)
{
    const struct step step = step_of(recorded, now);
    const char *from = chosen_name(recorded, recorded->fixed->chosen);
    const char *to = chosen_name(recorded, now);
    const int64_t at_ms = recorded->fixed->wall_ms;
    d->first_ms = d->all.decisions == 0 || at_ms < d->first_ms ? at_ms : d->first_ms;
    d->last_ms = d->all.decisions == 0 || at_ms > d->last_ms ? at_ms : d->last_ms;
    tally_add(&d->all, &step);
    groups_add(d, recorded, &step);
    if (from != NULL)
        share_of(d, from)->then++;
    if (to != NULL)
        share_of(d, to)->now++;
    if (step.changed)
        move_add(d, from, to, step.now_ms - step.then_ms);
    if (!step.nobody) {
        histogram_add(&d->then_ns, (uint64_t)(step.then_ms * 1e6));
        histogram_add(&d->now_ns, (uint64_t)(step.now_ms * 1e6));
    }
}

/* --- in the end --- */

static int more_first(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static int by_decisions(const void *a, const void *b)
{
    const struct difference_group *x = a, *y = b;
    const int order = more_first(x->tally.decisions, y->tally.decisions);
    return order != 0 ? order : strcmp(x->name.ptr, y->name.ptr);
}

static int by_moved(const void *a, const void *b)
{
    const struct difference_move *x = a, *y = b;
    return more_first(x->decisions, y->decisions);
}

void difference_sort(struct difference *d)
{
    for (int k = 0; k < DIFFERENCE_BYS; k++)
        if (d->by[k].count > 0)
            qsort(d->by[k].list, d->by[k].count, sizeof *d->by[k].list, by_decisions);
    if (d->move_count > 0)
        qsort(d->moves, d->move_count, sizeof *d->moves, by_moved);
}
