/* Candidate, shadows, promotions and the way back, without a router around them. */
#include "base/clock.h"
#include "control/policy_life.h"
#include "unit.h"

/* --- chains of made-up policies --- */

enum { POLICIES = 12 };

static struct plugin plugins[POLICIES];
static struct policy_life life;

/* A file whose `policies:` is one of them. */
struct file {
    struct config config;
    struct chain *chains[1];
    struct tables_ground ground;
    struct tables tables;
};

static struct file files[2];

static struct chain *chain_of(uint32_t policy)
{
    struct chain *chain = memory_zalloc(sizeof *chain);
    chain->holders = chain->count = 1;
    chain->links[0].plugin = &plugins[policy];
    chain->links[0].settings = memory_zalloc(1);
    return chain;
}

static void file_make(struct file *file, uint32_t policy)
{
    *file = (struct file){0};
    file->chains[0] = chain_of(policy);
    file->ground = (struct tables_ground){.config = &file->config, .chains = file->chains};
    file->tables = (struct tables){.ground = &file->ground,
                                   .config = &file->config,
                                   .usual_chain = file->chains[0]};
}

static int setup(void **state)
{
    static char names[POLICIES][4];
    (void)state;
    for (uint32_t i = 0; i < POLICIES; i++) {
        snprintf(names[i], sizeof names[i], "p%u", i);
        plugins[i] = (struct plugin){.number = i, .policy = {.name = names[i]}};
    }
    file_make(&files[0], 0);
    file_make(&files[1], 1);
    policy_life_init(&life, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    policy_life_finish(&life);
    for (int i = 0; i < 2; i++) {
        chain_drop(&files[i].chains[0]);
        chain_drop(&files[i].ground.shadow_chain);
    }
    return 0;
}

static void in_force_is(uint32_t policy)
{
    assert_ptr_equal(policy_life_in_force(&life, &files[0].tables)->links[0].plugin,
                     &plugins[policy]);
}

static void promote(uint32_t policy)
{
    struct error error;
    policy_life_load(&life, chain_of(policy));
    char name[8];
    assert_true(policy_life_promote(&life, chain_name(life.candidate, name, sizeof name), &error));
}

static void told(bool fine, const struct error *error, const char *sentence)
{
    assert_false(fine);
    if (strstr(error->text, sentence) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", sentence, error->text);
}

/* --- */

static void promotions_and_the_way_back(void **state)
{
    struct error error;
    (void)state;
    in_force_is(0);
    told(policy_life_promote(&life, NULL, &error), &error, "neither a shadow nor a candidate");
    told(policy_life_rollback(&life, &error), &error, "the file's policies are in force");
    promote(1);
    in_force_is(1);
    promote(2);
    in_force_is(2);
    assert_null(life.candidate);
    assert_true(policy_life_rollback(&life, &error));
    in_force_is(1);
    assert_ptr_equal(life.candidate->links[0].plugin, &plugins[2]);
    assert_true(policy_life_rollback(&life, &error));
    in_force_is(0);
}

static void only_the_latest_promotions_are_kept(void **state)
{
    struct error error;
    (void)state;
    for (uint32_t i = 1; i <= PROMOTIONS_MOST + 2; i++)
        promote(i);
    assert_int_equal(life.promoted_count, PROMOTIONS_MOST);
    in_force_is(PROMOTIONS_MOST + 2);
    for (uint32_t i = 0; i < PROMOTIONS_MOST; i++)
        assert_true(policy_life_rollback(&life, &error));
    in_force_is(0);
}

static void shadows_come_and_go(void **state)
{
    struct error error;
    (void)state;
    told(policy_life_shadow(&life, &error), &error, "no candidate");
    for (uint32_t i = 1; i <= OPERATOR_SHADOWS_MOST; i++) {
        policy_life_load(&life, chain_of(i));
        assert_true(policy_life_shadow(&life, &error));
        assert_null(life.candidate);
    }
    policy_life_load(&life, chain_of(4));
    told(policy_life_shadow(&life, &error), &error, "3 shadows already");
    told(policy_life_promote(&life, NULL, &error), &error, "several shadows");
    told(policy_life_promote(&life, "p9", &error), &error, "no shadow and no candidate \"p9\"");
    policy_life_load(&life, chain_of(2));
    assert_true(policy_life_shadow(&life, &error)); /* in place of its namesake */
    assert_int_equal(life.shadow_count, OPERATOR_SHADOWS_MOST);
    assert_true(policy_life_promote(&life, "p2", &error));
    assert_int_equal(life.shadow_count, OPERATOR_SHADOWS_MOST - 1);
    in_force_is(2);
    assert_true(policy_life_unshadow(&life, "p1", &error));
    told(policy_life_unshadow(&life, "p1", &error), &error, "no shadow \"p1\"");
    assert_true(policy_life_promote(&life, NULL, &error)); /* the only one left */
    in_force_is(3);
}

static void what_shadows_counted_is_forgotten_when_the_live_chain_changes(void **state)
{
    struct error error;
    struct shadow_sum sum;
    (void)state;
    policy_life_load(&life, chain_of(1));
    assert_true(policy_life_shadow(&life, &error));
    counter_add(&life.shadows[0]->cells[0]->differed, 1);
    policy_life_load(&life, chain_of(2)); /* changes nothing yet */
    shadow_sum(life.shadows[0], &sum);
    assert_int_equal(sum.differed, 1);
    assert_true(policy_life_promote(&life, "p2", &error));
    shadow_sum(life.shadows[0], &sum);
    assert_int_equal(sum.differed, 0);
    assert_string_equal(life.shadows[0]->name, "p1");
}

static void tables_show_what_is_in_force_and_what_is_beside(void **state)
{
    struct error error;
    (void)state;
    files[0].ground.holders = 1;
    arena_init(&files[0].ground.arena);
    policy_life_load(&life, chain_of(1));
    assert_true(policy_life_shadow(&life, &error));
    policy_life_load(&life, chain_of(0)); /* what is in force agrees with itself */
    assert_true(policy_life_shadow(&life, &error));
    struct tables *tables = policy_life_tables(&life, &files[0].tables);
    assert_int_equal(tables->face.shadow_count, 1);
    assert_string_equal(tables->face.shadows[0]->name, "p1");
    assert_int_equal(tables->face.route_count, 1);
    assert_ptr_equal(tables->face.routes[0].chain, files[0].chains[0]);
    assert_true(tables->face.routes[0].shadowed);
    assert_true(policy_life_promote(&life, "p1", &error));
    struct tables *after = policy_life_tables(&life, tables);
    assert_int_equal(after->face.shadow_count, 1);
    assert_string_equal(after->face.shadows[0]->name, "p0");
    assert_ptr_equal(after->face.routes[0].chain->links[0].plugin, &plugins[1]);
    tables_destroy(&tables);
    tables_destroy(&after);
    assert_int_equal(files[0].ground.holders, 1);
    arena_finish(&files[0].ground.arena);
}

static void a_reload_that_leaves_policies_alone_changes_nothing(void **state)
{
    struct file again;
    (void)state;
    promote(3);
    files[0].ground.shadow_chain = chain_of(5);
    policy_life_reload(&life, NULL, &files[0].tables);
    const struct shadow *shadow = life.file_shadow;
    assert_non_null(shadow);
    file_make(&again, 0);
    again.ground.shadow_chain = chain_of(5);
    policy_life_reload(&life, &files[0].tables, &again.tables);
    in_force_is(3);
    assert_ptr_equal(life.file_shadow, shadow);
    assert_null(life.before);
    chain_drop(&again.chains[0]);
    chain_drop(&again.ground.shadow_chain);
}

static void a_reload_with_other_policies_has_the_last_word(void **state)
{
    (void)state;
    files[0].ground.shadow_chain = chain_of(5);
    policy_life_reload(&life, NULL, &files[0].tables);
    promote(3);
    files[0].tables.usual_chain = life.promoted[0]; /* as its tables would have it */
    policy_life_reload(&life, &files[0].tables, &files[1].tables);
    assert_int_equal(life.promoted_count, 0);
    assert_ptr_equal(life.before->links[0].plugin, &plugins[3]);
    assert_null(life.file_shadow);
}

static void three_strikes_within_a_minute(void **state)
{
    const int64_t second = NS_PER_S;
    (void)state;
    assert_false(policy_life_strike(&life, &plugins[1], 0, 1 * second));
    assert_false(policy_life_strike(&life, &plugins[1], 2, 2 * second));
    assert_false(policy_life_strike(&life, &plugins[1], 2, 10 * second));
    assert_false(policy_life_strike(&life, &plugins[1], 3, 63 * second)); /* 61 s after the first */
    assert_true(policy_life_strike(&life, &plugins[1], 5, 64 * second));
    assert_false(policy_life_strike(&life, &plugins[1], 7, 65 * second)); /* counted anew */
    assert_true(policy_life_strike(&life, &plugins[1], 8, 66 * second));
    assert_true(policy_life_strike(&life, &plugins[2], 3, 66 * second)); /* each its own */
}

static void the_slow_are_taken_out_wherever_they_are(void **state)
{
    struct error error;
    (void)state;
    promote(1);
    promote(2);
    promote(2);
    policy_life_load(&life, chain_of(2));
    assert_true(policy_life_shadow(&life, &error));
    policy_life_load(&life, chain_of(3));
    assert_true(policy_life_shadow(&life, &error));
    assert_true(policy_life_take_out(&life, &plugins[2], &files[0].tables));
    in_force_is(1);
    assert_int_equal(life.shadow_count, 1);
    assert_string_equal(life.shadows[0]->name, "p3");
    assert_false(policy_life_take_out(&life, &plugins[7], &files[0].tables));
    assert_int_equal(life.taken_out, 1);
}

static void the_file_s_own_gives_way_to_what_was_before(void **state)
{
    (void)state;
    assert_false(policy_life_take_out(&life, &plugins[0], &files[0].tables));
    in_force_is(0); /* there was nothing before it */
    life.before = chain_of(4);
    assert_true(policy_life_take_out(&life, &plugins[0], &files[0].tables));
    in_force_is(4);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(promotions_and_the_way_back),
        CASE(only_the_latest_promotions_are_kept),
        CASE(shadows_come_and_go),
        CASE(what_shadows_counted_is_forgotten_when_the_live_chain_changes),
        CASE(tables_show_what_is_in_force_and_what_is_beside),
        CASE(a_reload_that_leaves_policies_alone_changes_nothing),
        CASE(a_reload_with_other_policies_has_the_last_word),
        CASE(three_strikes_within_a_minute),
        CASE(the_slow_are_taken_out_wherever_they_are),
        CASE(the_file_s_own_gives_way_to_what_was_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
