/*
 * isosim: every cluster of a scenario in one process.  README.md is the manual.
 */
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "sim/answer.h"
#include "sim/control.h"

static const char usage[] =
    "usage: isosim -c FILE [--scenario NAME] [--quiet]\n"
    "  -c, --config FILE     the scenario file (bench/sim/README.md)\n"
    "  -s, --scenario NAME   which one, when the file holds several\n"
    "  -q, --quiet           no line per request on standard output\n"
    "When every address is bound, one JSON line with all of them is printed.\n";

struct options {
    const char *file;
    const char *scenario;
    bool quiet;
};

struct simulation {
    struct arena arena;
    struct scenario scenario;
    struct network *network;
    struct tls_pipe_context *tls;
    struct random random;
    struct loop *loop;
    struct clockwork clockwork;
    struct site *sites;
    uint32_t site_count; /* opened */
    struct control control;
};

static bool read_options(int argc, char **argv, struct options *out)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"scenario", required_argument, NULL, 's'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int letter;
    while ((letter = getopt_long(argc, argv, "c:s:qh", known, NULL)) != -1) {
        if (letter == 'c')
            out->file = optarg;
        else if (letter == 's')
            out->scenario = optarg;
        else if (letter == 'q')
            out->quiet = true;
        else
            return false;
    }
    return out->file && optind == argc;
}

static bool load(struct simulation *sim, const struct options *options)
{
    struct config_problems problems;
    config_problems_init(&problems);
    const bool loaded =
        scenario_load(options->file, options->scenario, &sim->arena, &problems, &sim->scenario);
    config_problems_sort(&problems);
    config_problems_print(&problems, stderr);
    config_problems_finish(&problems);
    return loaded;
}

static int64_t pump(void *owner, int64_t now_ns)
{
    struct simulation *sim = owner;
    int64_t next_ns = INT64_MAX;
    for (uint32_t i = 0; i < sim->site_count; i++) {
        const int64_t site_ns = answer_pump(&sim->sites[i], now_ns);
        if (site_ns < next_ns)
            next_ns = site_ns;
    }
    fflush(stdout);
    return next_ns;
}

static bool open_tls(struct simulation *sim, struct error *error)
{
    const struct scenario *s = &sim->scenario;
    if (!s->certificate_file)
        return true;
    sim->tls = tls_pipe_context_create(s->certificate_file, s->key_file, error);
    return sim->tls != NULL;
}

static bool open_all(struct simulation *sim, bool quiet, struct error *error)
{
    const struct site_setup setup = {
        .loop = sim->loop,
        .clockwork = &sim->clockwork,
        .random = &sim->random,
        .scenario = &sim->scenario,
        .network = sim->network,
        .tls = sim->tls,
        .print_log = !quiet,
    };
    while (sim->site_count < sim->scenario.cluster_count) {
        if (!site_open(&sim->sites[sim->site_count], &setup, sim->site_count, error))
            return false;
        sim->site_count++;
    }
    return control_open(&sim->control, &setup, sim->sites, sim->site_count, error);
}

static void print_ready(struct simulation *sim)
{
    struct buffer line = {0};
    struct json json;
    char text[ADDRESS_TEXT_BYTES];
    json_init(&json, &line);
    json_object_begin(&json);
    json_kv_string(&json, "scenario", sim->scenario.name);
    json_kv_string(&json, "control", address_write(&sim->control.address, text));
    json_key(&json, "clusters");
    json_array_begin(&json);
    for (uint32_t i = 0; i < sim->site_count; i++)
        site_write_state(&sim->sites[i], &json);
    json_array_end(&json);
    json_key(&json, "places");
    json_array_begin(&json);
    for (uint32_t i = 0; i < sim->scenario.region_count; i++) {
        char source[ADDRESS_TEXT_BYTES];
        snprintf(source, sizeof(source), "127.0.%u.1", i + 1);
        json_object_begin(&json);
        json_kv_string(&json, "name", sim->scenario.regions[i].point.name);
        json_kv_string(&json, "source_address", source);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_byte(&line, '\n');
    fwrite(buffer_slice(&line).ptr, 1, buffer_len(&line), stdout);
    fflush(stdout);
    buffer_release(&line);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct simulation *sim = arg;
    (void)number;
    (void)what;
    for (uint32_t i = 0; i < sim->site_count; i++)
        site_hang_up(&sim->sites[i]);
    control_hang_up(&sim->control);
    loop_stop(sim->loop);
}

static void run(struct simulation *sim)
{
    struct event *term = evsignal_new(loop_base(sim->loop), SIGTERM, on_signal, sim);
    struct event *interrupt = evsignal_new(loop_base(sim->loop), SIGINT, on_signal, sim);
    CHECK(term && interrupt);
    CHECK(event_add(term, NULL) == 0 && event_add(interrupt, NULL) == 0);
    print_ready(sim);
    loop_run(sim->loop);
    event_free(term);
    event_free(interrupt);
}

static void finish(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->site_count; i++)
        site_close(&sim->sites[i]);
    clockwork_finish(&sim->clockwork);
    loop_destroy(&sim->loop);
    tls_pipe_context_destroy(&sim->tls);
    network_destroy(&sim->network);
    free(sim->sites);
}

int main(int argc, char **argv)
{
    static struct simulation sim;
    struct options options = {0};
    struct error error = {""};
    log_set_program("isosim");
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    arena_init(&sim.arena);
    int exit_code = 2;
    if (load(&sim, &options)) {
        sim.network = scenario_network(&sim.scenario);
        sim.sites = memory_zalloc(sim.scenario.cluster_count * sizeof(*sim.sites));
        random_seed(&sim.random, sim.scenario.seed);
        sim.loop = loop_create();
        clockwork_init(&sim.clockwork, sim.loop, pump, &sim);
        if (open_tls(&sim, &error) && open_all(&sim, options.quiet, &error)) {
            run(&sim);
            exit_code = 0;
        } else {
            fprintf(stderr, "isosim: %s\n", error.text);
            exit_code = 1;
        }
        finish(&sim);
    }
    arena_finish(&sim.arena);
    return exit_code;
}
