#include "replay/tell.h"

#include <stdio.h>

#include "base/json.h"

#define TEXT_ROWS_MOST 12 /* of a list; JSON has all */

static double percent(double part, uint64_t whole)
{
    return whole > 0 ? 100 * part / (double)whole : 0;
}

static double mean(double sum, uint64_t count)
{
    return count > 0 ? sum / (double)count : 0;
}

static uint64_t moved_of(const struct difference_tally *tally)
{
    return tally->changed - tally->nobody;
}

/* --- for people --- */

static void tell_all(const struct replay_found *found)
{
    const struct difference_tally *all = &found->difference->all;
    printf("decisions  %llu (%llu more without their scene)\n", (unsigned long long)all->decisions,
           (unsigned long long)found->without_scene);
    printf("identical  %llu (%.4g %%): choice and every millisecond, bit for bit\n",
           (unsigned long long)found->identical, percent((double)found->identical, all->decisions));
    printf("changed    %llu (%.4g %%) would have gone elsewhere, %llu of them to or from nobody\n",
           (unsigned long long)all->changed, percent((double)all->changed, all->decisions),
           (unsigned long long)all->nobody);
    if (moved_of(all) == 0)
        return;
    const double ms = all->now_ms - all->then_ms;
    printf("predicted  %+.1f ms to the first token on average of what changed (%llu sooner, "
           "%llu later), %+.2f ms over all\n",
           mean(ms, moved_of(all)), (unsigned long long)all->sooner, (unsigned long long)all->later,
           mean(ms, all->decisions));
    printf("priced     %+.1f ms on average of what changed, by the policy that was obeyed\n",
           mean(all->recorded_ms, moved_of(all)));
    printf("promise    %llu predicted to miss it then, %llu now\n",
           (unsigned long long)all->late_then, (unsigned long long)all->late_now);
}

static void tell_shares(const struct difference *d)
{
    for (size_t i = 0; i < d->share_count; i++)
        printf("  %-32s %6.2f %% -> %6.2f %%\n", d->shares[i].name,
               percent((double)d->shares[i].then, d->all.decisions),
               percent((double)d->shares[i].now, d->all.decisions));
}

static void tell_groups(const struct difference *d, enum difference_by by)
{
    const struct difference_groups *groups = &d->by[by];
    if (groups->count < 2)
        return; /* the line of all says it */
    printf("by %s\n", difference_by_names[by]);
    for (size_t i = 0; i < groups->count && i < TEXT_ROWS_MOST; i++) {
        const struct difference_tally *t = &groups->list[i].tally;
        printf(
            "  %-32.*s %8llu decisions %6.2f %% changed %+10.1f ms of these %+9.2f ms over all\n",
            SLICE_ARG(groups->list[i].name), (unsigned long long)t->decisions,
            percent((double)t->changed, t->decisions), mean(t->now_ms - t->then_ms, moved_of(t)),
            mean(t->now_ms - t->then_ms, t->decisions));
    }
    if (groups->count > TEXT_ROWS_MOST)
        printf("  and %zu more\n", groups->count - TEXT_ROWS_MOST);
}

static const char *name_or_nobody(const char *name)
{
    return name != NULL ? name : "nobody";
}

static void tell_moves(const struct difference *d)
{
    if (d->move_count > 0)
        printf("from -> to\n");
    for (size_t i = 0; i < d->move_count && i < TEXT_ROWS_MOST; i++) {
        const struct difference_move *move = &d->moves[i];
        printf("  %-15s -> %-15s %8llu decisions %+10.1f ms\n", name_or_nobody(move->from),
               name_or_nobody(move->to), (unsigned long long)move->decisions,
               mean(move->ms, move->decisions));
    }
    if (d->move_count > TEXT_ROWS_MOST)
        printf("  and %zu more\n", d->move_count - TEXT_ROWS_MOST);
}

void tell_text(const struct replay_found *found)
{
    tell_all(found);
    tell_shares(found->difference);
    if (found->difference->all.changed == 0)
        return;
    for (int by = 0; by < DIFFERENCE_BYS; by++)
        tell_groups(found->difference, (enum difference_by)by);
    tell_moves(found->difference);
}

/* --- JSON --- */

static void percentiles_write(struct json *json, const char *key, const struct histogram *predicted)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}};
    json_key(json, key);
    json_object_begin(json);
    json_kv_fixed(json, "mean", histogram_mean(predicted) / 1e6, 3);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        json_kv_fixed(json, rows[i].name, histogram_percentile(predicted, rows[i].percent) / 1e6,
                      3);
    json_object_end(json);
}

static void tally_write(struct json *json, const struct difference_tally *t)
{
    const double ms = t->now_ms - t->then_ms;
    json_kv_uint(json, "decisions", t->decisions);
    json_kv_uint(json, "changed", t->changed);
    json_kv_uint(json, "changed_to_or_from_nobody", t->nobody);
    json_kv_fixed(json, "changed_percent", percent((double)t->changed, t->decisions), 4);
    json_kv_uint(json, "sooner", t->sooner);
    json_kv_uint(json, "later", t->later);
    json_kv_fixed(json, "predicted_ttft_ms_then", mean(t->then_ms, t->both), 3);
    json_kv_fixed(json, "predicted_ttft_ms_now", mean(t->now_ms, t->both), 3);
    json_kv_fixed(json, "predicted_ttft_ms_of_changed", mean(ms, moved_of(t)), 3);
    json_kv_fixed(json, "predicted_ttft_ms_of_all", mean(ms, t->decisions), 3);
    json_kv_fixed(json, "recorded_cost_ms_of_changed", mean(t->recorded_ms, moved_of(t)), 3);
    json_kv_uint(json, "late_then", t->late_then);
    json_kv_uint(json, "late_now", t->late_now);
}

static void groups_write(struct json *json, const struct difference *d)
{
    for (int by = 0; by < DIFFERENCE_BYS; by++) {
        char key[16];
        snprintf(key, sizeof key, "by_%s", difference_by_names[by]);
        json_key(json, key);
        json_object_begin(json);
        for (size_t i = 0; i < d->by[by].count; i++) {
            json_key(json, d->by[by].list[i].name.ptr); /* NUL-terminated in the arena */
            json_object_begin(json);
            tally_write(json, &d->by[by].list[i].tally);
            json_object_end(json);
        }
        json_object_end(json);
    }
}

static void clusters_write(struct json *json, const struct difference *d)
{
    json_key(json, "clusters");
    json_object_begin(json);
    for (size_t i = 0; i < d->share_count; i++) {
        json_key(json, d->shares[i].name);
        json_object_begin(json);
        json_kv_uint(json, "then", d->shares[i].then);
        json_kv_uint(json, "now", d->shares[i].now);
        json_object_end(json);
    }
    json_object_end(json);
    json_key(json, "moves");
    json_array_begin(json);
    for (size_t i = 0; i < d->move_count; i++) {
        json_object_begin(json);
        json_kv_string(json, "from", d->moves[i].from);
        json_kv_string(json, "to", d->moves[i].to);
        json_kv_uint(json, "decisions", d->moves[i].decisions);
        json_kv_fixed(json, "predicted_ttft_ms", mean(d->moves[i].ms, d->moves[i].decisions), 3);
        json_object_end(json);
    }
    json_array_end(json);
}

void tell_json(const struct replay_found *found)
{
    const struct difference *d = found->difference;
    struct buffer out = {0};
    struct json json;
    json_init(&json, &out);
    json_object_begin(&json);
    json_kv_string(&json, "log", found->log);
    json_kv_string(&json, "policy", found->policy);
    json_kv_int(&json, "first_ms", d->first_ms);
    json_kv_int(&json, "last_ms", d->last_ms);
    json_kv_uint(&json, "without_scene", found->without_scene);
    json_kv_uint(&json, "identical", found->identical);
    tally_write(&json, &d->all);
    json_key(&json, "predicted_ttft_ms");
    json_object_begin(&json);
    percentiles_write(&json, "then", &d->then_ns);
    percentiles_write(&json, "now", &d->now_ns);
    json_object_end(&json);
    clusters_write(&json, d);
    groups_write(&json, d);
    json_object_end(&json);
    printf("%.*s\n", SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
}
