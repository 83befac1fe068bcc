#include "policy_kit.h"

/* `nearest`, where 1000 km are 14 ms, and then the modifier. */
static void open_with(struct kit *kit, const struct setting_text *settings, size_t count)
{
    const struct policy_ref refs[] = {
        {.plugin = "nearest", .place = "test"},
        {.plugin = "prefer", .place = "test", .settings = settings, .setting_count = count}};
    kit_open_chain(kit, refs, 2);
    kit_begin(kit, 3);
    kit->clusters[0].region = "cn-north";
    kit->clusters[0].country = "CN";
    kit->clusters[0].accelerator = "910b";
    kit->clusters[1].region = "eu-west";
    kit->clusters[1].country = "DE";
    kit->clusters[1].accelerator = "h100";
    kit->clusters[2].region = "eu-west";
    kit->clusters[2].country = "FR";
    kit->clusters[2].accelerator = "910b";
    kit->decision.estimates[1].distance_km = 3000;
    kit->decision.estimates[2].distance_km = 4000;
}

static void preferred_is_only(struct kit *kit, uint32_t cluster, double ms)
{
    for (uint32_t i = 0; i < 3; i++)
        assert_true(decision_ms(&kit->decision, i, 1, 0) == (i == cluster ? -ms : 0));
}

static void a_region_is_worth_what_it_is_said_to_be(void **state)
{
    const struct setting_text settings[] = {{"region", "eu-west", ""}, {"worth", "80ms", ""}};
    struct kit kit;
    (void)state;
    open_with(&kit, settings, 2);
    assert_int_equal(kit_decide(&kit), 1); /* 42 - 80 */
    assert_true(kit.decision.total_ms[1] == -38);
    assert_true(kit.decision.total_ms[2] == -24);
    assert_true(kit.decision.total_ms[0] == 14);
    kit_close(&kit);
}

static void a_preference_is_no_constraint(void **state)
{
    const struct setting_text settings[] = {{"region", "eu-west", ""}, {"worth", "20ms", ""}};
    struct kit kit;
    (void)state;
    open_with(&kit, settings, 2);
    assert_int_equal(kit_decide(&kit), 0); /* 42 - 20 is still more than 14 */
    kit_close(&kit);
}

static void a_country_or_an_accelerator(void **state)
{
    const struct setting_text country[] = {{"country", "FR", ""}};
    const struct setting_text accelerator[] = {{"accelerator", "h100", ""}};
    struct kit kit;
    (void)state;
    open_with(&kit, country, 1);
    assert_int_equal(kit_decide(&kit), 2);
    preferred_is_only(&kit, 2, 50);
    kit_close(&kit);
    open_with(&kit, accelerator, 1);
    assert_int_equal(kit_decide(&kit), 1);
    preferred_is_only(&kit, 1, 50);
    kit_close(&kit);
}

static void all_that_is_set_must_be_so(void **state)
{
    const struct setting_text settings[] = {{"region", "eu-west", ""}, {"accelerator", "910b", ""}};
    struct kit kit;
    (void)state;
    open_with(&kit, settings, 2);
    kit_decide(&kit);
    preferred_is_only(&kit, 2, 50);
    kit_close(&kit);
}

static void nothing_set_is_the_clients_own_country(void **state)
{
    struct kit kit;
    (void)state;
    open_with(&kit, NULL, 0);
    kit_decide(&kit);
    preferred_is_only(&kit, UINT32_MAX, 50); /* where the client is, is not known */
    memcpy(kit.decision.request.country, "FR", 3);
    assert_int_equal(kit_decide(&kit), 2);
    preferred_is_only(&kit, 2, 50);
    kit_close(&kit);
}

static void a_country_that_is_none_is_refused(void **state)
{
    const struct setting_text settings[] = {{"country", "France", ""}};
    const struct policy_ref refs[] = {
        {.plugin = "nearest", .place = ""},
        {.plugin = "prefer", .place = "e:1:1", .settings = settings, .setting_count = 1}};
    struct plugin_dir *dir = plugin_dir_create(PLUGIN_DIR);
    struct problem_first problem;
    (void)state;
    problem_first_init(&problem);
    assert_null(chain_create(refs, 2, dir, &problem.sink));
    assert_string_equal(problem.error.text, "e:1:1: policy prefer: settings are refused: country "
                                            "is two capital letters, such as DE");
    plugin_dir_destroy(&dir);
}

UNIT_MAIN(a_region_is_worth_what_it_is_said_to_be, a_preference_is_no_constraint,
          a_country_or_an_accelerator, all_that_is_set_must_be_so,
          nothing_set_is_the_clients_own_country, a_country_that_is_none_is_refused)
