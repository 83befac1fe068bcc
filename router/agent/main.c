/*
 * isochrone-agent: runs beside a cluster, scrapes its engines, reports what
 * they can do to Redis.  -c FILE; --check; --version.  SIGTERM and SIGINT:
 * report `closed` and leave.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "agent/agent.h"
#include "agent/agent_config.h"
#include "base/log.h"

enum { EXIT_USAGE = 2 };

static const char usage[] = "usage: isochrone-agent -c FILE [--check]\n"
                            "       isochrone-agent --version\n";

static void on_signal(evutil_socket_t number, short what, void *agent)
{
    (void)number;
    (void)what;
    agent_leave(agent);
}

static int run(const struct agent_config *config)
{
    struct loop *loop = loop_create();
    struct error error;
    struct agent *agent = agent_create(loop, config, &error);
    if (!agent) {
        log_event(LOG_ERROR, "agent_start_failed", "%s", error.text);
        loop_destroy(&loop);
        return EXIT_FAILURE;
    }
    struct event *signals[] = {evsignal_new(loop_base(loop), SIGTERM, on_signal, agent),
                               evsignal_new(loop_base(loop), SIGINT, on_signal, agent)};
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        event_add(signals[i], NULL);
    log_event(LOG_INFO, "agent_started", "%s:%s, %zu endpoints of %s", config->cluster,
              config->pool, config->endpoint_count, config->engine->name);
    loop_run(loop);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        event_free(signals[i]);
    agent_destroy(&agent);
    loop_destroy(&loop);
    return EXIT_SUCCESS;
}

static int load_and_run(const char *file, bool check)
{
    struct config_problems problems;
    config_problems_init(&problems);
    struct agent_config config;
    const bool good = agent_config_load(file, &config, &problems);
    if (!good) {
        config_problems_sort(&problems);
        config_problems_print(&problems, stderr);
    }
    config_problems_finish(&problems);
    int code = good ? EXIT_SUCCESS : EXIT_USAGE;
    if (good && check)
        printf("%s: good\n", file);
    else if (good)
        code = run(&config);
    agent_config_release(&config);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *file = NULL;
    bool check = false;
    int option;
    log_set_program("isochrone-agent");
    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'v':
            printf("isochrone-agent %s\n", ISOCHRONE_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (!file || optind < argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return load_and_run(file, check);
}
