/* What the router answers itself, and which route and clusters a request may have. */
#include "unit.h"

#include <math.h>

#include "../net/net_kit.h"
#include "base/memory.h"
#include "edge.h"
#include "proxy/decide.h"
#include "proxy/identity.h"

static struct loop *loop;
static struct engine engine;
static struct edge edge;
static struct caller caller;
static struct call call;

static void open_with(const char *yaml)
{
    loop = loop_create();
    engine_open(&engine, loop);
    char *whole = memory_printf("%spolicies: [{plugin: nearest}]\nclusters:\n"
                                "  - {name: fra, country: DE, region: eu, accelerator: h100, "
                                "models: [m, llama-70b], endpoints: [{url: \"%s\"}]}\n"
                                "  - {name: sha, country: CN, region: cn, accelerator: 910b, "
                                "models: [m], endpoints: [{url: \"%s/sha\"}]}\n"
                                "  - {name: off, country: DE, weight: 0, models: [n, m], "
                                "endpoints: [{url: \"%s/off\"}]}\n",
                                yaml, engine.url, engine.url, engine.url);
    edge_open(&edge, loop, whole);
    free(whole);
    caller_open(&caller, loop, &edge.bound, true);
}

static void close_all(void)
{
    call_finish(&call);
    caller_close(&caller);
    edge_close(&edge);
    engine_close(&engine);
    loop_turn(loop);
    loop_destroy(&loop);
}

static const char *get(const char *method, const char *path, const char *const *fields)
{
    call_finish(&call);
    call_begin(&call, &caller, method, path, fields, NULL);
    call_wait(&call);
    return call_text(&call);
}

/* --- GET /v1/models ---------------------------------------------------- */

static void models_are_those_of_the_fleet(void **state)
{
    (void)state;
    open_with("");
    assert_string_equal(
        get("GET", "/v1/models", NULL),
        "{\"object\":\"list\",\"data\":["
        "{\"id\":\"llama-70b\",\"object\":\"model\",\"created\":0,\"owned_by\":\"isochrone\"},"
        "{\"id\":\"m\",\"object\":\"model\",\"created\":0,\"owned_by\":\"isochrone\"},"
        "{\"id\":\"n\",\"object\":\"model\",\"created\":0,\"owned_by\":\"isochrone\"}]}\n");
    assert_string_equal(call_field(&call, "content-type"), "application/json");
    assert_string_equal(
        get("GET", "/v1/models/llama-70b?x", NULL),
        "{\"id\":\"llama-70b\",\"object\":\"model\",\"created\":0,\"owned_by\":\"isochrone\"}\n");
    get("GET", "/v1/models/none", NULL);
    assert_int_equal(call.status, 404);
    assert_non_null(strstr(call_text(&call), "model_not_found"));
    assert_string_equal(get("HEAD", "/v1/models", NULL), "");
    assert_int_equal(call.status, 200);
    get("GET", "/v1/models/", NULL);
    assert_int_equal(call.status, 405);
    assert_int_equal(engine.heads, 0);
    close_all();
}

/* --- GET /edge --------------------------------------------------------- */

static void edges_come_nearest_first(void **state)
{
    (void)state;
    open_with("edge: {name: sh, url: \"https://sh.test\", latitude: 31.2, longitude: 121.5}\n"
              "edges:\n"
              "  - {name: fra, url: \"https://fra.test\", latitude: 50.1, longitude: 8.7}\n"
              "  - {name: sg, url: \"https://sg.test\", latitude: 1.35, longitude: 103.8}\n"
              "geoip: {default_location: {latitude: 48.9, longitude: 2.3}}\n");
    const char *text = get("GET", "/edge", NULL);
    assert_non_null(strstr(text, "{\"client\":{\"country\":null,\"latitude\":48.9,"
                                 "\"longitude\":2.3,\"known\":true},\"edges\":[{\"name\":\"fra\","
                                 "\"url\":\"https://fra.test\",\"distance_km\":4"));
    const char *fra = strstr(text, "\"fra\""), *sh = strstr(text, "\"sh\""),
               *sg = strstr(text, "\"sg\"");
    assert_true(fra < sh && sh < sg);
    assert_null(strstr(text, "\"distance_km\":null"));
    close_all();
    open_with("edge: {name: only}\n");
    assert_string_equal(
        get("GET", "/edge?a=b", NULL),
        "{\"client\":{\"country\":null,\"latitude\":null,\"longitude\":null,\"known\":false},"
        "\"edges\":[{\"name\":\"only\",\"url\":\"\",\"distance_km\":null,\"rtt_ms\":null}]}\n");
    close_all();
}

/* --- routes ------------------------------------------------------------ */

static const char routes[] = "routes:\n"
                             "  - match: {class: flex}\n"
                             "  - match: {model: [\"llama*\"], path: \"/v1/chat/*\"}\n"
                             "  - match: {tenant: acme}\n"
                             "  - match: {country: [DE, FR]}\n"
                             "    require: {country: [DE]}\n"
                             "  - match: {continent: AS}\n"
                             "    require: {region: [cn], accelerator: 910b, clusters: [sha]}\n"
                             "  - match: {model: m, tenant: nobody}\n"
                             "    require: {accelerator: tpu}\n";

static const struct geo_point nowhere = {.latitude = NAN, .longitude = NAN};

static const char *route_of(struct decide_input input)
{
    if (input.place == NULL)
        input.place = &nowhere;
    return route_find(&edge.tables->face, &input)->name;
}

static void the_first_route_that_fits(void **state)
{
    (void)state;
    open_with(routes);
    const struct slice chat = SLICE("/v1/chat/completions"), llama = SLICE("llama-70b");
    const struct geo_point fr = {.country = "FR", .continent = "EU"},
                           in = {.country = "IN", .continent = "AS"};
    assert_string_equal(route_of((struct decide_input){.service_class = ISO_FLEX}), "route-1");
    assert_string_equal(route_of((struct decide_input){.model = llama, .path = chat}), "route-2");
    assert_string_equal(route_of((struct decide_input){.model = llama, .path = SLICE("/v1/x")}),
                        "default");
    assert_string_equal(route_of((struct decide_input){.tenant = SLICE("acme")}), "route-3");
    assert_string_equal(route_of((struct decide_input){.tenant = SLICE("acme2")}), "default");
    assert_string_equal(route_of((struct decide_input){.place = &fr}), "route-4");
    assert_string_equal(route_of((struct decide_input){.place = &in}), "route-5");
    assert_string_equal(route_of((struct decide_input){.model = SLICE("m")}), "default");
    close_all();
}

/* The cluster chosen, or the word of the fault. */
static const char *chosen(struct decide_input input)
{
    static struct decide_room room;
    static char name[64];
    struct decision decision;
    struct decide_outcome outcome;
    if (input.place == NULL)
        input.place = &nowhere;
    input.prompt_tokens = input.output_tokens = 100;
    decision_init(&decision);
    decide(&edge.tables->face, edge.snapshot, edge.proxy->ledger, edge.affinity, &input, &room,
           &decision, &outcome);
    snprintf(name, sizeof name, "%s",
             outcome.fault == FAULT_NONE
                 ? edge.snapshot->targets[decision.chosen].config->cluster->name
                 : fault_row(outcome.fault)->word);
    decision_finish(&decision);
    decide_room_finish(&room);
    return name;
}

/* Residency is a hard constraint and fails closed. */
static void what_a_route_requires(void **state)
{
    (void)state;
    open_with(routes);
    const struct slice m = SLICE("m");
    const struct geo_point fr = {.country = "FR", .continent = "EU"},
                           in = {.country = "IN", .continent = "AS"};
    assert_string_equal(chosen((struct decide_input){.model = m, .place = &fr}), "fra");
    assert_string_equal(chosen((struct decide_input){.model = m, .place = &in}), "sha");
    assert_string_equal(chosen((struct decide_input){.model = SLICE("llama-70b"), .place = &in}),
                        "constraint");
    assert_string_equal(chosen((struct decide_input){.model = m, .tenant = SLICE("nobody")}),
                        "constraint");
    assert_string_equal(chosen((struct decide_input){.model = SLICE("x")}), "no_model");
    assert_string_equal(chosen((struct decide_input){.model = SLICE("n")}), "constraint");
    struct slot_set tried = {0};
    slot_set_add(&tried, fleet_slot_find(edge.fleet, SLICE("fra"), SLICE("default")));
    assert_string_equal(chosen((struct decide_input){.model = m, .place = &fr, .tried = &tried}),
                        "no_cluster");
    assert_true(fleet_drain(edge.fleet, SLICE("fra"), true));
    edge_tick(&edge);
    assert_string_equal(chosen((struct decide_input){.model = m, .place = &fr}), "no_cluster");
    assert_string_equal(chosen((struct decide_input){.model = m}), "sha");
    close_all();
}

UNIT_MAIN(models_are_those_of_the_fleet, edges_come_nearest_first, the_first_route_that_fits,
          what_a_route_requires)
