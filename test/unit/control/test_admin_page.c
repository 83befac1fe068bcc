/* The admin pages from a fleet of two clusters: one has reported, one is silent. */
#include "unit.h"

#include <math.h>

#include "../fleet/declare.h"
#include "base/clock.h"
#include "control/admin_page.h"
#include "fleet/fleet.h"

#define START_NS (INT64_C(1000) * NS_PER_S)

struct scene {
    struct fleet *fleet;
    struct ledger *ledger;
    struct snapshot *snapshot;
};

static void declare(struct fleet_config *config)
{
    struct cluster *clusters = fleet_config_alloc(config, 2 * sizeof *clusters);
    for (unsigned i = 0; i < 2; i++) {
        struct endpoint endpoint;
        endpoint_init(&endpoint);
        endpoint.url = i == 0 ? "http://10.0.0.1:8000" : "http://10.0.0.2:8000";
        endpoint.host = "10.0.0.1";
        endpoint.port = 8000;
        declare_cluster(config, &clusters[i], i == 0 ? "hohhot" : "frankfurt", &endpoint, 1);
        clusters[i].latitude = 40 + i;
        clusters[i].longitude = 100;
    }
    config->clusters = clusters;
    config->cluster_count = 2;
}

static int make_scene(void **state)
{
    struct scene *scene = memory_zalloc(sizeof *scene);
    struct error error;
    struct fleet_config *config = fleet_config_create();
    declare(config);
    assert_true(fleet_config_finish(config, &error));
    scene->fleet = fleet_create(1);
    scene->ledger = ledger_create(0);
    assert_true(fleet_configure(scene->fleet, config, START_NS, &error));
    fleet_config_drop(&config);
    struct report report;
    report_init(&report);
    report.epoch = report.seq = 1;
    report.running = 12;
    report.waiting = 3;
    report.slots = 64;
    report.prefill_tps = 40000;
    assert_int_equal(fleet_apply_report(scene->fleet, SLICE("hohhot"), SLICE("default"), &report,
                                        500, START_NS),
                     REPORT_TAKEN);
    scene->snapshot = fleet_tick(scene->fleet, &scene->ledger, 1, START_NS);
    *state = scene;
    return 0;
}

static int drop_scene(void **state)
{
    struct scene *scene = *state;
    snapshot_destroy(&scene->snapshot);
    ledger_destroy(&scene->ledger);
    fleet_destroy(&scene->fleet);
    free(scene);
    return 0;
}

static const char *end_page(struct buffer *page)
{
    buffer_append_byte(page, '\0');
    return buffer_slice(page).ptr;
}

static void expect_part(const char *page, const char *part)
{
    if (strstr(page, part) == NULL)
        fail_msg("no %s in %s", part, page);
}

static void clusters_show_inputs_with_ages(void **state)
{
    const struct scene *scene = *state;
    struct buffer out = {0};
    admin_write_clusters(&out, scene->snapshot, scene->ledger, START_NS + 250 * NS_PER_MS);
    const char *page = end_page(&out);
    expect_part(page, "\"name\":\"hohhot:default\",\"cluster\":\"hohhot\",\"pool\":\"default\"");
    expect_part(page, "\"models\":[\"*\"],\"usable\":true,\"gate\":\"usable\"");
    expect_part(page, "\"slots\":{\"value\":64,\"known\":true,\"age_ms\":750.0}");
    expect_part(page, "\"hold_ms\":{\"value\":5000,\"known\":false,\"age_ms\":null}");
    expect_part(page, "\"report\":{\"age_ms\":750.0,\"epoch\":1,\"seq\":1,\"state\":\"open\"");
    expect_part(page, "\"running\":12,\"waiting\":3,\"waiting_tokens\":null");
    expect_part(page, "\"reported_requests\":15");
    expect_part(page, "\"estimate\":{\"prompt_tokens\":800,\"ttft_ms\":");
    expect_part(page, "\"report\":null");
    expect_part(page, "\"exchange_age_ms\":null");
    buffer_release(&out);
}

static void metrics_pass_promtool(void **state)
{
    const struct scene *scene = *state;
    struct buffer out = {0};
    struct metrics_text metrics;
    metrics_begin(&metrics, &out, METRICS_PROMETHEUS);
    admin_write_fleet_metrics(&metrics, scene->snapshot, START_NS);
    metrics_end(&metrics);
    const char *page = end_page(&out);
    expect_part(page,
                "isochrone_cluster_running_requests{cluster=\"hohhot\",pool=\"default\"} 12\n");
    expect_part(page,
                "isochrone_cluster_report_age_seconds{cluster=\"hohhot\",pool=\"default\"} 0.5\n");
    expect_part(page, "isochrone_cluster_outcomes_total{cluster=\"frankfurt\",pool=\"default\","
                      "outcome=\"timeout\"} 0\n");
    assert_null(
        strstr(page, "isochrone_cluster_running_requests{cluster=\"frankfurt\",pool=\"default\"}"));
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    fputs(page, promtool);
    assert_int_equal(pclose(promtool), 0);
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clusters_show_inputs_with_ages),
                                       cmocka_unit_test(metrics_pass_promtool)};
    return cmocka_run_group_tests(tests, make_scene, drop_scene);
}
