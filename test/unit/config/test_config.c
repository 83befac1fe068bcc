/* The full example is read as written, and nothing secret leaves it. */
#include "unit.h"

#include <math.h>

#include "config/config.h"
#include "folder.h"

static void copy_example(void)
{
    struct buffer text = {0};
    FILE *file = fopen(SOURCE_ROOT "/test/data/configs/good.yaml", "r");
    assert_non_null(file);
    const size_t got = fread(buffer_reserve(&text, 65536), 1, 65535, file);
    buffer_commit(&text, got);
    fclose(file);
    buffer_append_byte(&text, '\0');
    folder_write("good.yaml", buffer_slice(&text).ptr);
    buffer_release(&text);
}

static int open_example(void **state)
{
    folder_enter();
    copy_example();
    struct config_problems problems;
    struct config *config;
    config_problems_init(&problems);
    const bool good = config_load("good.yaml", &config, &problems);
    config_problems_print(&problems, stderr);
    config_problems_finish(&problems);
    *state = config;
    return good ? 0 : -1;
}

static int close_example(void **state)
{
    struct config *config = *state;
    config_drop(&config);
    folder_leave();
    return 0;
}

static void the_front_is_read(void **state)
{
    const struct config *config = *state;
    assert_int_equal(config->listen_count, 2);
    assert_int_equal(config->listens[0].certificate_count, 1);
    assert_int_equal(address_port(&config->listens[1].address.address), 8080);
    assert_string_equal(config->listens[1].place, "good.yaml:5:5");
    assert_int_equal(config->workers, 0);
    assert_int_equal(config->trusted_count, 2);
    assert_string_equal(config->admin.text, "127.0.0.1:9901");
    assert_string_equal(config->metrics.text, "0.0.0.0:9902");
    assert_true(config->source_address.len > 0);
    assert_int_equal(config->edge_count, 1);
    assert_string_equal(config->edges[0].name, "edge-fra-1");
}

static void the_parts_are_read(void **state)
{
    const struct config *config = *state;
    assert_int_equal(config->redis.url_count, 1);
    assert_string_equal(config->redis.prefix, "iso");
    assert_true(config->redis.timeout_ms == 500 && config->redis.connect_timeout_ms == 2000);
    assert_int_equal(config->geoip.database_count, 2);
    assert_true(config->geoip.default_latitude == 31.2);
    assert_true(config->classes[ISO_INTERACTIVE].slo_ms == 1500);
    assert_true(config->classes[ISO_PRIORITY].slo_ms == 1000);
    assert_true(config->classes[ISO_FLEX].queue_ms == 600e3);
    assert_true(config->classes[ISO_BATCH].slo_ms == 300e3);
    assert_int_equal(config->limits.body_bytes, 16 << 20);
    assert_int_equal(config->limits.streams, 100);
    assert_true(config->timeouts.connect_ms == 1000 && config->timeouts.drain_ms == 600e3);
    assert_int_equal(config->access_log, CONFIG_ACCESS_LOG_FILE);
    assert_int_equal(config->log_level, LOG_WARN);
    assert_non_null(strstr(config->keys_file, "/keys.txt"));
}

static void the_routes_are_read(void **state)
{
    const struct config *config = *state;
    assert_int_equal(config->policies.count, 1);
    assert_string_equal(config->shadow.refs[0].plugin, "nearest");
    assert_int_equal(config->route_count, 2);
    const struct config_route *flex = &config->routes[0];
    assert_int_equal(flex->match.classes, 1 << ISO_FLEX);
    assert_string_equal(flex->match.models.items[1], "llama*");
    assert_true(flex->retry_refused);
    assert_string_equal(flex->policies.refs[0].settings[0].name, "slack");
    assert_string_equal(flex->policies.refs[0].settings[0].text, "100ms");
    assert_string_equal(flex->policies.refs[0].settings[0].place, "good.yaml:25:58");
    const struct config_route *europe = &config->routes[1];
    assert_int_equal(europe->policies.count, 0);
    assert_int_equal(europe->require.countries.count, 4);
    assert_string_equal(europe->match.continents.items[0], "EU");
    assert_string_equal(europe->require.clusters.items[0], "hohhot");
}

static void the_clusters_are_read(void **state)
{
    const struct fleet_config *fleet = ((const struct config *)*state)->fleet;
    assert_int_equal(fleet->cluster_count, 2);
    assert_int_equal(fleet->target_count, 3);
    const struct cluster *hohhot = &fleet->clusters[0];
    assert_string_equal(hohhot->country, "CN");
    assert_string_equal(hohhot->credential_header, "authorization");
    assert_string_equal(hohhot->credential_value, "Bearer canary-secret");
    assert_string_equal(hohhot->pools[0].models[0].theirs, "Qwen/Qwen3-32B");
    assert_true(hohhot->pools[0].capacity.hold_ms == 5000);
    assert_true(isnan(hohhot->pools[0].capacity.itl_ms));
    const struct endpoint *second = &hohhot->pools[0].endpoints[1];
    assert_true(second->tls && second->verify && second->protocol == ENDPOINT_H2);
    assert_string_equal(second->host, "fd00::5");
    assert_string_equal(second->path, "/engine");
    assert_int_equal(second->port, 443);
    const struct cluster *frankfurt = &fleet->clusters[1];
    assert_int_equal(frankfurt->pool_count, 2);
    assert_string_equal(frankfurt->pools[1].name, "small");
    assert_int_equal(frankfurt->pools[1].model_count, 0);
    assert_int_equal(frankfurt->weight, 100);
}

static void the_page_hides_secrets(void **state)
{
    struct buffer page = {0};
    struct json json;
    json_init(&json, &page);
    config_write_json(*state, &json);
    buffer_append_byte(&page, '\0');
    const char *text = buffer_slice(&page).ptr;
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, "\"credential\":\"(hidden)\""));
    assert_non_null(strstr(text, "\"urls\":[\"redis://127.0.0.1:6379\"]"));
    assert_non_null(strstr(text, "\"trust_forwarded_from\":[\"10.0.0.0/8\",\"fd00::/8\"]"));
    assert_non_null(strstr(text, "\"flex\":{\"slo_ms\":30000,\"queue_ms\":600000}"));
    buffer_release(&page);
}

static void it_is_counted(void **state)
{
    struct config *config = *state, *second = config_hold(config);
    assert_ptr_equal(second, config);
    config_drop(&second);
    assert_null(second);
    config_drop(&second);
    assert_int_equal(config->listen_count, 2);
}

static void the_least_is_enough(void **state)
{
    (void)state;
    struct config_problems problems;
    struct config *config;
    config_problems_init(&problems);
    folder_write("least.yaml",
                 "listen: [{address: 127.0.0.1:8080}]\n"
                 "clusters:\n"
                 "  - {name: fra, endpoints: [{url: \"http://10.1.0.5:8000\"}], models: \"*\"}\n");
    assert_true(config_load("least.yaml", &config, &problems));
    assert_string_equal(config->policies.refs[0].plugin, "least_latency");
    assert_string_equal(config->edge.name, "edge");
    assert_string_equal(config->admin.text, "127.0.0.1:9901");
    assert_int_equal(config->access_log, CONFIG_ACCESS_LOG_STDOUT);
    assert_int_equal(config->redis.url_count, 0);
    assert_true(isnan(config->geoip.default_latitude));
    config_drop(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_front_is_read),
                                       cmocka_unit_test(the_parts_are_read),
                                       cmocka_unit_test(the_routes_are_read),
                                       cmocka_unit_test(the_clusters_are_read),
                                       cmocka_unit_test(the_page_hides_secrets),
                                       cmocka_unit_test(it_is_counted),
                                       cmocka_unit_test(the_least_is_enough)};
    return cmocka_run_group_tests(tests, open_example, close_example);
}
