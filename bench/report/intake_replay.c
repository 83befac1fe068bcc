/* A result of `isobench replay --json`. */
#include <math.h>

#include "report/intake_parts.h"

static void choices_read(struct arena *arena, struct json_value value, struct measure *out)
{
    struct json_items items = json_items_begin(value, "clusters");
    const size_t count = json_value_count(value, "clusters");
    if (items.type != JSON_OBJECT || count == 0 || count > STUDY_SITES_MOST)
        return;
    out->clusters = arena_alloc(arena, count * sizeof *out->clusters);
    out->replayed.then = arena_alloc(arena, count * sizeof *out->replayed.then);
    while (json_items_next(&items)) {
        struct site site = intake_site(intake_cut(arena, items.key));
        site.requests = intake_count(items.value, "now");
        out->replayed.then[out->cluster_count] = intake_count(items.value, "then");
        out->clusters[out->cluster_count++] = site;
    }
}

/* Members of "by_class" and the like, the largest first; no more than are shown. */
static void groups_read(struct arena *arena, struct json_value value, const char *path,
                        const char *of, struct replayed *out)
{
    struct json_items items = json_items_begin(value, path);
    for (int i = 0; i < REPLAYED_NAMES_MOST && items.type == JSON_OBJECT && json_items_next(&items);
         i++)
        out->groups[out->group_count++] = (struct replayed_group){
            .of = of,
            .name = intake_cut(arena, items.key),
            .decisions = intake_count(items.value, "decisions"),
            .changed = intake_count(items.value, "changed"),
            .then_ms = intake_number(items.value, "predicted_ttft_ms_then", 0, 1e9),
            .now_ms = intake_number(items.value, "predicted_ttft_ms_now", 0, 1e9),
            .late_then = intake_count(items.value, "late_then"),
            .late_now = intake_count(items.value, "late_now")};
}

static void moves_read(struct arena *arena, struct json_value value, struct replayed *out)
{
    struct json_items items = json_items_begin(value, "moves");
    while (out->move_count < REPLAYED_MOVES_MOST && items.type == JSON_ARRAY &&
           json_items_next(&items))
        out->moves[out->move_count++] =
            (struct replayed_move){.from = intake_name(arena, items.value, "from"),
                                   .to = intake_name(arena, items.value, "to"),
                                   .decisions = intake_count(items.value, "decisions"),
                                   .ms =
                                       intake_number(items.value, "predicted_ttft_ms", -1e9, 1e9)};
}

void intake_replay(struct arena *arena, struct json_value value, struct subject *key,
                   struct measure *out)
{
    static const struct {
        const char *path, *of;
    } groups[REPLAYED_KINDS] = {{"by_class", "class"},
                                {"by_tenant", "tenant"},
                                {"by_place", "place"},
                                {"by_route", "route"},
                                {"by_model", "model"}};
    struct replayed *replayed = &out->replayed;
    key->kind = STUDY_REPLAY;
    key->policy = intake_name(arena, value, "policy");
    out->requests = replayed->decisions = intake_count(value, "decisions");
    replayed->identical = intake_count(value, "identical");
    replayed->changed = intake_count(value, "changed");
    replayed->changed_ms = intake_number(value, "predicted_ttft_ms_of_changed", -1e9, 1e9);
    replayed->all_ms = intake_number(value, "predicted_ttft_ms_of_all", -1e9, 1e9);
    replayed->p99_then = intake_number(value, "predicted_ttft_ms.then.p99", 0, 1e9);
    replayed->p99_now = intake_number(value, "predicted_ttft_ms.now.p99", 0, 1e9);
    replayed->late_then = intake_number(value, "late_then", 0, 1e15);
    replayed->late_now = intake_number(value, "late_now", 0, 1e15);
    replayed->groups =
        arena_alloc(arena, REPLAYED_KINDS * REPLAYED_NAMES_MOST * sizeof *replayed->groups);
    replayed->moves = arena_alloc(arena, REPLAYED_MOVES_MOST * sizeof *replayed->moves);
    choices_read(arena, value, out);
    moves_read(arena, value, replayed);
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        groups_read(arena, value, groups[i].path, groups[i].of, replayed);
}
