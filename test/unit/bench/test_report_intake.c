/* Files of results, read into a study; runs put together, and what stands at which load. */
#include "unit.h"

#include <math.h>

#include "report/intake.h"
#include "report/where.h"

static struct study study;

static int begin(void **state)
{
    (void)state;
    study_init(&study);
    return 0;
}

static int end(void **state)
{
    (void)state;
    study_finish(&study);
    return 0;
}

static void take_as(const char *name, const char *given, const char *text)
{
    struct error error;
    if (!intake_text(&study, name, given, slice_of(text), &error))
        fail_msg("%s", error.text);
}

static void refuse(const char *text, const char *part)
{
    struct error error;
    assert_false(intake_text(&study, "run", NULL, slice_of(text), &error));
    if (strstr(error.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, part);
}

#define SIMULATED(policy, load, seed, p99, kept)                                                \
    "{\"policy\":\"" policy "\",\"load\":" load ",\"seed\":" seed                               \
    ",\"scenario\":\"global\",\"slo_ms\":1000,\"requests\":100,\"failed\":1,\"unfinished\":2,"  \
    "\"ttft_ms\":{\"mean\":200,\"p50\":100,\"p99\":" p99 "},\"under_slo\":" kept                \
    ",\"ttft_histogram_ms\":[[100,50],[1000,49],[null,1]],\"share\":{\"a\":0.25,\"b\":0.75},"   \
    "\"utilisation\":{\"b\":0.5,\"a\":0.1},\"clusters\":[{\"name\":\"a\",\"latitude\":31.2,"    \
    "\"longitude\":121.5},{\"name\":\"b\",\"latitude\":50.1,\"longitude\":8.7}],\"places\":["   \
    "{\"name\":\"P\",\"latitude\":30,\"longitude\":100,\"sent\":{\"a\":30,\"b\":70}}],"         \
    "\"series\":{\"step_s\":5,\"requests\":[10,0],\"ttft_ms\":{\"p50\":[1,null],\"p99\":[null," \
    "null]},\"utilisation\":{\"a\":[0.1,0.2],\"b\":[1,1]}}}\n"

static void lines_of_simulate(void **state)
{
    (void)state;
    take_as("run", NULL,
            SIMULATED("best.so", "0.8", "1", "400", "0.99")
                SIMULATED("best.so", "0.8", "2", "600", "0.97")
                    SIMULATED("best.so", "0.5", "1", "300", "1")
                        SIMULATED("bad.so", "0.8", "1", "null", "0.2"));
    study_close(&study, 500);
    assert_int_equal(study.count, 2);
    const struct subject *best = &study.subjects[0];
    assert_string_equal(best->label, "best");
    assert_int_equal(best->count, 2);
    assert_true(best->measures[0].load == 0.5);
    const struct measure *both = &best->measures[1];
    assert_int_equal(both->runs, 2);
    assert_true(both->requests == 200 && both->failed == 2 && both->unfinished == 4);
    assert_true(fabs(both->ttft.at[P99] - 500) < 1e-9);
    assert_true(fabs(both->kept - 0.98) < 1e-9);
    assert_true(both->promise_ms == 1000); /* the file's own */
    assert_true(isnan(both->ttft.at[P90]));
    assert_int_equal(both->ttft.bucket_count, 3);
    assert_true(both->ttft.buckets[1].count == 98);
    assert_true(fabs(both->clusters[0].requests - 50) < 1e-9);
    assert_true(fabs(both->clusters[1].utilisation - 0.5) < 1e-9);
    assert_true(both->flow_count == 2 && both->flows[1].requests == 140);
    assert_true(isinf(study.subjects[1].measures[0].ttft.at[P99]));
    assert_true(both->course.steps == 2 && isinf(both->course.p99[0]) &&
                isnan(both->course.p99[1]));
    assert_true(both->clusters[1].busy[1] == 1);
}

static void a_result_of_load(void **state)
{
    (void)state;
    take_as("r50", NULL,
            "{\"settings\":{\"rate\":50},\"sending_s\":2,\"slip_ms\":{\"p99\":0.1},\"total\":{"
            "\"requests\":100,\"failed\":3,\"cut\":2,\"ttft_ms\":{\"p50\":100,\"p99\":null,"
            "\"buckets\":[[100000000,90],[2000000000,5]]}},\"by_place\":{\"P\":{\"requests\":100}},"
            "\"by_cluster\":{\"a\":{\"requests\":40},\"b\":{\"requests\":60}},"
            "\"by_place_cluster\":{\"P\":{\"b\":{\"requests\":60},\"a\":{\"requests\":40}},"
            "\"Q\":{\"a\":{\"requests\":1}}},\"series\":[{\"requests\":40,\"ttft_ms\":{\"p99\":5}},"
            "{\"requests\":60,\"ttft_ms\":{\"p99\":null}}]}");
    study_close(&study, 1000);
    const struct measure *m = &study.subjects[0].measures[0];
    assert_string_equal(study.subjects[0].label, "r50");
    assert_true(m->load == 50 && m->cut == 2 && isnan(m->ttft.at[P99]));
    assert_true(fabs(m->ttft.buckets[0].to_ms - 101.048576) < 1e-6); /* 64 to a power of two */
    assert_true(fabs(m->kept - 0.9) < 1e-9); /* of all, not of the answered */
    assert_true(m->flow_count == 2 && m->flows[0].cluster == 1 && m->flows[0].requests == 60);
    assert_true(m->course.steps == 2 && m->course.p99[0] == 5 && isnan(m->course.p99[1]));
}

static void a_result_of_replay(void **state)
{
    (void)state;
    take_as("replay", "nearest",
            "{\n \"decisions\": 10, \"identical\": 2, \"changed\": 4, "
            "\"predicted_ttft_ms_of_changed\": -5, \"predicted_ttft_ms_of_all\": -2, "
            "\"clusters\": {\"a\": {\"then\": 6, \"now\": 4}, \"b\": {\"then\": 4, \"now\": 6}}}");
    study_close(&study, 1000);
    const struct measure *m = &study.subjects[0].measures[0];
    assert_int_equal(study.subjects[0].kind, STUDY_REPLAY);
    assert_string_equal(study.subjects[0].label, "nearest");
    assert_true(m->replayed.changed == 4 && m->replayed.changed_ms == -5);
    assert_true(m->replayed.then[0] == 6 && m->clusters[0].requests == 4);
}

static void names_make_curves(void **state)
{
    (void)state;
    take_as("a", "ours", "{\"settings\":{\"rate\":10},\"total\":{\"requests\":5}}");
    take_as("b", "ours", "{\"settings\":{\"rate\":20},\"total\":{\"requests\":5}}");
    take_as("c", "theirs", "{\"settings\":{\"rate\":10},\"total\":{\"requests\":5}}");
    take_as("d", NULL, "{\"sending_s\":2,\"total\":{\"requests\":5}}");
    study_close(&study, 1000);
    assert_int_equal(study.count, 3);
    assert_int_equal(study.subjects[0].count, 2);
    assert_true(study.subjects[2].measures[0].load == 2.5); /* no rate: as it came out */
    assert_true(isnan(study.compared[STUDY_LOAD]));
}

static void the_same_policy_twice(void **state)
{
    (void)state;
    take_as("a", NULL, "{\"policy\":\"p.so:x=1+q.so\",\"load\":1,\"independent\":true}");
    take_as("a", NULL, "{\"policy\":\"p.so:x=1+q.so\",\"load\":1}");
    take_as("b", NULL, "{\"policy\":\"r.so\",\"load\":1}");
    take_as("c", NULL, "{\"policy\":\"r.so\",\"load\":1}");
    take_as("d", "mine", "{\"policy\":\"p.so\",\"load\":1}");
    study_close(&study, 1000);
    assert_string_equal(study.subjects[0].label, "p:x=1+q, independent");
    assert_string_equal(study.subjects[1].label, "p:x=1+q, sessions");
    assert_string_equal(study.subjects[2].label, "r (b)");
    assert_string_equal(study.subjects[3].label, "r (c)");
    assert_string_equal(study.subjects[4].label, "mine: p");
}

static void compared_where_the_first_still_keeps_its_promise(void **state)
{
    (void)state;
    take_as("run", NULL,
            SIMULATED("a", "0.5", "1", "1", "1") SIMULATED("a", "0.8", "1", "1", "0.96")
                SIMULATED("a", "0.9", "1", "1", "0.5") SIMULATED("b", "0.8", "1", "1", "0.3")
                    SIMULATED("b", "0.5", "1", "1", "0.94") SIMULATED("b", "0.9", "1", "1", "0"));
    study_close(&study, 1000);
    assert_true(study.compared[STUDY_SIMULATE] == 0.8);
    assert_true(subject_compared(&study, &study.subjects[1])->kept == 0.3);
    assert_true(subject_goodput(&study.subjects[0]) == 0.8);
    assert_true(isnan(subject_goodput(&study.subjects[1])));
}

static void bad_files_are_told_of(void **state)
{
    (void)state;
    refuse("", "run: ");
    refuse("{\"a\":1}", "no result of isobench load, simulate or replay");
    refuse("{\"policy\":\"p\"}\n{\"policy\":\n", "run: line 2: ");
    refuse("[1]", "no result");
}

static void numbers_out_of_range_are_unknown(void **state)
{
    (void)state;
    take_as("run", NULL,
            "{\"policy\":\"p\",\"load\":-1,\"requests\":-5,\"under_slo\":2,\"share\":{\"a\":7},"
            "\"clusters\":[{\"name\":\"a\",\"latitude\":91,\"longitude\":1}],"
            "\"ttft_ms\":{\"p50\":-1,\"p99\":1e300},\"ttft_histogram_ms\":[[-1,1],[5,-1],7]}");
    study_close(&study, 1000);
    const struct measure *m = &study.subjects[0].measures[0];
    assert_true(m->load == 0 && m->requests == 0 && isnan(m->kept));
    assert_true(isnan(m->clusters[0].latitude) && m->clusters[0].requests == 0);
    assert_true(isnan(m->ttft.at[P50]) && isnan(m->ttft.at[P99]));
    assert_int_equal(m->ttft.bucket_count, 0);
}

static void at_most_so_many(void **state)
{
    (void)state;
    char text[64];
    struct error error;
    bool fine = true;
    for (int i = 0; i <= STUDY_SUBJECTS_MOST && fine; i++) {
        snprintf(text, sizeof text, "{\"policy\":\"p%d\",\"load\":1}", i);
        fine = intake_text(&study, "run", NULL, slice_of(text), &error);
    }
    assert_false(fine);
    assert_non_null(strstr(error.text, "at most 24 runs"));
}

static void a_scenario_says_where(void **state)
{
    (void)state;
    struct scenario_region region = {
        .point = {.name = "Shanghai", .latitude = 31.2, .longitude = 121.5}};
    const struct scenario scenario = {.regions = &region, .region_count = 1};
    take_as("run", NULL, "{\"total\":{\"requests\":1},\"by_place\":{\"shanghai\":{}}}");
    where_fill(&study, &scenario);
    assert_true(study.subjects[0].measures[0].places[0].latitude == 31.2);
}

#define WITH_STUDY(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(lines_of_simulate),
        WITH_STUDY(a_result_of_load),
        WITH_STUDY(a_result_of_replay),
        WITH_STUDY(names_make_curves),
        WITH_STUDY(the_same_policy_twice),
        WITH_STUDY(compared_where_the_first_still_keeps_its_promise),
        WITH_STUDY(bad_files_are_told_of),
        WITH_STUDY(numbers_out_of_range_are_unknown),
        WITH_STUDY(at_most_so_many),
        WITH_STUDY(a_scenario_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
