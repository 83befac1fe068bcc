/* A policy's settings struct from its defaults and the operator's lines. */
#include "policy/plugin.h"
#include "policy/settings.h"
#include "unit.h"

/* As test/abi/variant.c declares it. */
struct variant_settings {
    double max_age_ms;
    int64_t tries;
    int32_t rule;
    bool strict;
};

struct collected {
    struct problem_sink sink;
    unsigned count;
    char text[4][600];
};

static void collect(struct problem_sink *sink, const char *place, const char *sentence)
{
    struct collected *collected = CONTAINER_OF(sink, struct collected, sink);
    assert_true(collected->count < 4);
    snprintf(collected->text[collected->count++], sizeof collected->text[0], "%s: %s", place,
             sentence);
}

static struct plugin_dir *dir;
static const struct iso_policy *variant;
static struct collected collected;

static int plugin_open(void **state)
{
    struct error error;
    (void)state;
    dir = plugin_dir_create(ABI_DIR);
    const struct plugin *plugin = plugin_load(dir, "good", &error);
    if (!plugin)
        return -1;
    variant = &plugin->policy;
    return 0;
}

static int plugin_close(void **state)
{
    (void)state;
    plugin_dir_destroy(&dir);
    return 0;
}

static void *create(const struct setting_text *texts, size_t count)
{
    collected = (struct collected){.sink.tell = collect};
    return settings_create(variant, texts, count, "edge.yaml:40:5", &collected.sink);
}

static void defaults_fill_what_is_not_said(void **state)
{
    struct variant_settings *settings = create(NULL, 0);
    (void)state;
    assert_non_null(settings);
    assert_true(settings->max_age_ms == 5000);
    assert_int_equal(settings->tries, 2);
    assert_int_equal(settings->rule, 1);
    assert_false(settings->strict);
    free(settings);
}

static void texts_take_the_place_of_defaults(void **state)
{
    const struct setting_text texts[] = {{"max_age", "1m", "a:1:1"},
                                         {"tries", "7", "a:2:1"},
                                         {"rule", "cheap", "a:3:1"},
                                         {"strict", "on", "a:4:1"}};
    struct variant_settings *settings = create(texts, 4);
    (void)state;
    assert_non_null(settings);
    assert_true(settings->max_age_ms == 60000);
    assert_int_equal(settings->tries, 7);
    assert_int_equal(settings->rule, 0);
    assert_true(settings->strict);
    free(settings);
}

static void every_problem_is_told_with_its_place(void **state)
{
    const struct setting_text texts[] = {{"max_age", "90m", "edge.yaml:41:9"},
                                         {"trys", "7", "edge.yaml:42:9"},
                                         {"zzzzzzzz", "7", "edge.yaml:43:9"},
                                         {"max_age", "1m", "edge.yaml:44:9"}};
    (void)state;
    assert_null(create(texts, 4));
    assert_int_equal(collected.count, 4);
    assert_string_equal(collected.text[0],
                        "edge.yaml:41:9: policy variant: setting max_age: 90m is out of range; it "
                        "may be 100ms to 10m, default 5s");
    assert_string_equal(
        collected.text[1],
        "edge.yaml:42:9: policy variant: there is no setting trys; did you mean tries?");
    assert_string_equal(collected.text[2], "edge.yaml:43:9: policy variant: there is no setting "
                                           "zzzzzzzz; there are max_age, tries, rule, strict");
    assert_string_equal(collected.text[3],
                        "edge.yaml:44:9: policy variant: setting max_age is there twice");
}

static void the_policy_has_the_last_word(void **state)
{
    const struct setting_text texts[] = {{"strict", "on", "a:1:1"}, {"tries", "1", "a:2:1"}};
    (void)state;
    assert_null(create(texts, 2));
    assert_int_equal(collected.count, 1);
    assert_string_equal(collected.text[0], "edge.yaml:40:5: policy variant: settings are refused: "
                                           "strict needs more than one try");
}

static void a_setting_without_default_must_be_set(void **state)
{
    const struct iso_option options[] = {
        {.name = "weight", .help = "h", .type = ISO_TYPE_NUMBER, .min = "0"}};
    const struct iso_policy policy = {.name = "mine",
                                      .option_size = sizeof options[0],
                                      .options = options,
                                      .option_count = 1,
                                      .settings_size = sizeof(double)};
    const struct setting_text texts[] = {{"weight", "0.5", "a:1:1"}};
    (void)state;
    collected = (struct collected){.sink.tell = collect};
    assert_null(settings_create(&policy, NULL, 0, "a:1:1", &collected.sink));
    assert_string_equal(collected.text[0],
                        "a:1:1: policy mine: setting weight must be set; it may be 0 or more");
    double *weight = settings_create(&policy, texts, 1, "a:1:1", &collected.sink);
    assert_non_null(weight);
    assert_true(*weight == 0.5);
    free(weight);
}

/* Whatever stands behind the text is the same every time: settings are compared as bytes. */
static void a_text_stands_in_the_struct_itself(void **state)
{
    struct place {
        char region[ISO_TEXT_BYTES];
        double worth;
    };
    const struct iso_option options[] = {
        {.name = "region", .help = "h", .type = ISO_TYPE_TEXT, .def = "everywhere else"},
        {.name = "worth",
         .help = "h",
         .type = ISO_TYPE_NUMBER,
         .offset = offsetof(struct place, worth),
         .def = "1"}};
    const struct iso_policy policy = {.name = "mine",
                                      .option_size = sizeof options[0],
                                      .options = options,
                                      .option_count = 2,
                                      .settings_size = sizeof(struct place)};
    const struct setting_text texts[] = {{"region", "cn", "a:1:1"}};
    const struct place expected = {.region = "cn", .worth = 1};
    (void)state;
    collected = (struct collected){.sink.tell = collect};
    struct place *made = settings_create(&policy, texts, 1, "a:1:1", &collected.sink);
    assert_non_null(made);
    assert_memory_equal(made, &expected, sizeof expected);
    free(made);
    made = settings_create(&policy, NULL, 0, "a:1:1", &collected.sink);
    assert_non_null(made);
    assert_string_equal(made->region, "everywhere else");
    free(made);
}

static void a_policy_without_settings_says_so(void **state)
{
    const struct iso_policy policy = {.name = "mine", .option_size = sizeof(struct iso_option)};
    const struct setting_text texts[] = {{"weight", "0.5", "a:1:1"}};
    (void)state;
    collected = (struct collected){.sink.tell = collect};
    assert_null(settings_create(&policy, texts, 1, "a:1:1", &collected.sink));
    assert_string_equal(collected.text[0],
                        "a:1:1: policy mine: there is no setting weight; this policy has none");
    void *settings = settings_create(&policy, NULL, 0, "a:1:1", &collected.sink);
    assert_non_null(settings);
    free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_LIST(defaults_fill_what_is_not_said, texts_take_the_place_of_defaults,
                  every_problem_is_told_with_its_place, the_policy_has_the_last_word,
                  a_setting_without_default_must_be_set, a_text_stands_in_the_struct_itself,
                  a_policy_without_settings_says_so)};
    return cmocka_run_group_tests(tests, plugin_open, plugin_close);
}
