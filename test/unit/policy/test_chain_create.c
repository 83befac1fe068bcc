/* Chains from names and settings, as the configuration has them. */
#include "base/check.h"
#include "policy/chain.h"
#include "unit.h"

static struct chain *create(const struct policy_ref *refs, size_t count, struct plugin_dir *dir,
                            struct problem_first *problem)
{
    problem_first_init(problem);
    return chain_create(refs, count, dir, &problem->sink);
}

static void refused(const struct policy_ref *refs, size_t count, const char *sentence)
{
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct problem_first problem;
    assert_null(create(refs, count, dir, &problem));
    if (!strstr(problem.error.text, sentence))
        fail_msg("expected \"%s\" in \"%s\"", sentence, problem.error.text);
    plugin_dir_destroy(&dir);
}

static void one_complete_policy_then_modifiers(void **state)
{
    const struct setting_text settings[] = {{"tries", "3", "e:2:1"}};
    const struct policy_ref refs[] = {
        {.plugin = "good", .place = "e:1:1", .settings = settings, .setting_count = 1},
        {.plugin = "odd", .place = "e:3:1"}};
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct problem_first problem;
    (void)state;
    struct chain *chain = create(refs, 2, dir, &problem);
    assert_non_null(chain);
    assert_int_equal(chain->count, 2);
    assert_int_equal(chain->part_count, 2);
    assert_int_equal(chain->pick, 1);
    struct chain *again = chain_hold(chain);
    chain_drop(&chain);
    assert_null(chain);
    assert_int_equal(again->holders, 1);
    chain_drop(&again);
    chain_drop(&again); /* NULL is fine */
    plugin_dir_destroy(&dir);
}

static void a_chain_from_the_wrong_parts(void **state)
{
    const struct policy_ref two[] = {{.plugin = "good", .place = "e:1:1"},
                                     {.plugin = PLUGIN_DIR "/nearest.so", .place = "e:2:1"}};
    const struct policy_ref lone[] = {{.plugin = "odd", .place = "e:1:1"}};
    const struct policy_ref picks[] = {{.plugin = "good", .place = "e:1:1"},
                                       {.plugin = "odd", .place = "e:2:1"},
                                       {.plugin = "odd_too", .place = "e:3:1"}};
    (void)state;
    refused(two, 2, "e:2:1: policy nearest is complete, and so is variant before it");
    refused(lone, 1, "e:1:1: policy odd is a modifier; a chain begins with a complete policy");
    refused(picks, 3, "e:3:1: policies odd and odd_too both pick; a chain may have one that does");
    refused(NULL, 0, "there are 0 policies; a chain has 1 to 8");
}

static void every_link_is_looked_at(void **state)
{
    const struct setting_text settings[] = {{"tries", "x", "e:2:1"}};
    const struct policy_ref refs[] = {
        {.plugin = "good", .place = "e:1:1", .settings = settings, .setting_count = 1},
        {.plugin = "magic", .place = "e:3:1"},
        {.plugin = "absent", .place = "e:4:1"}};
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct problem_first problem;
    (void)state;
    assert_null(create(refs, 3, dir, &problem));
    assert_int_equal(problem.count, 3);
    assert_string_equal(problem.error.text, "e:2:1: policy variant: setting tries: \"x\" is not a "
                                            "whole number; it may be 1 or more, default 2");
    plugin_dir_destroy(&dir);
}

static void too_many_links(void **state)
{
    struct policy_ref refs[CHAIN_POLICIES_MAX + 1];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refs); i++)
        refs[i] = (struct policy_ref){.plugin = "good", .place = "e:1:1"};
    refused(refs, COUNT_OF(refs), "e:1:1: there are 9 policies; a chain has 1 to 8");
}

static void chains_are_told_apart(void **state)
{
    const struct setting_text three[] = {{"tries", "3", "e:2:1"}};
    const struct setting_text two[] = {{"tries", "2", "e:2:1"}}; /* the default */
    const struct policy_ref rows[][2] = {
        {{.plugin = "good", .place = ""}, {.plugin = "odd", .place = ""}},
        {{.plugin = "good", .place = "", .settings = two, .setting_count = 1},
         {.plugin = "odd", .place = "elsewhere"}},
        {{.plugin = "good", .place = "", .settings = three, .setting_count = 1},
         {.plugin = "odd", .place = ""}},
        {{.plugin = "good", .place = ""}, {.plugin = "odd_too", .place = ""}},
    };
    static const bool equal[] = {true, true, false, false};
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct problem_first problem;
    (void)state;
    struct chain *first = create(rows[0], 2, dir, &problem);
    char name[64], narrow[6];
    assert_string_equal(chain_name(first, name, sizeof name), "variant+odd");
    assert_string_equal(chain_name(first, narrow, sizeof narrow), "varia");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain *other = create(rows[i], 2, dir, &problem);
        assert_non_null(other);
        assert_int_equal(chain_equal(first, other), equal[i]);
        chain_drop(&other);
    }
    struct chain *shorter = create(rows[0], 1, dir, &problem);
    assert_false(chain_equal(first, shorter));
    chain_drop(&shorter);
    chain_drop(&first);
    plugin_dir_destroy(&dir);
}

UNIT_MAIN(one_complete_policy_then_modifiers, a_chain_from_the_wrong_parts, every_link_is_looked_at,
          too_many_links, chains_are_told_apart)
