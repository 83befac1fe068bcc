/*
 * isochrone: the edge router.  Reads the command line and hands over to the
 * control thread.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "config/config.h"
#include "control/control.h"
#include "control/healthcheck.h"
#include "policy/describe.h"

enum { EXIT_BAD_INPUT = 2 };

static const char usage[] =
    "usage: isochrone -c FILE            run with this configuration\n"
    "       isochrone -c FILE --check    print every problem of it; exit 2 if there is one\n"
    "       isochrone --describe X.so    what a policy is and what can be set\n"
    "       isochrone -c FILE --healthcheck   ask a running one for /readyz; exit 0 if it is\n"
    "       isochrone --version\n"
    "\n"
    "signals: HUP reload, TERM drain (twice: stop now), USR1 reopen the access log\n";

static int describe(const char *path)
{
    struct error error;
    if (plugin_describe(path, stdout, &error))
        return 0;
    fprintf(stderr, "isochrone: %s\n", error.text);
    return EXIT_BAD_INPUT;
}

static int tell_problems(struct config_problems *problems)
{
    config_problems_sort(problems);
    config_problems_print(problems, stderr);
    config_problems_finish(problems);
    return EXIT_BAD_INPUT;
}

static int check(const char *path)
{
    struct config_problems problems;
    config_problems_init(&problems);
    if (!control_check(path, &problems))
        return tell_problems(&problems);
    config_problems_finish(&problems);
    printf("%s: fine\n", path);
    return 0;
}

static int run(const char *path)
{
    struct config_problems problems;
    config_problems_init(&problems);
    signal(SIGPIPE, SIG_IGN);
    memory_keep();
    struct control *control = control_create(path, &problems);
    if (control == NULL)
        return tell_problems(&problems);
    config_problems_finish(&problems);
    const int code = control_run(control);
    control_destroy(&control);
    return code;
}

int main(int argc, char **argv)
{
    enum { CHECK_ONLY = 256, DESCRIBE, HEALTHCHECK, VERSION };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, CHECK_ONLY},
        {"describe", required_argument, NULL, DESCRIBE},
        {"healthcheck", no_argument, NULL, HEALTHCHECK},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *path = NULL;
    int what = 0, option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case DESCRIBE:
            return describe(optarg);
        case VERSION:
            printf("isochrone %s\n", ISOCHRONE_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case CHECK_ONLY:
        case HEALTHCHECK:
            what = option;
            break;
        default:
            fputs(usage, stderr);
            return EXIT_BAD_INPUT;
        }
    }
    if (path == NULL || optind < argc) {
        fputs(usage, stderr);
        return EXIT_BAD_INPUT;
    }
    if (what == CHECK_ONLY)
        return check(path);
    return what == HEALTHCHECK ? healthcheck(path) : run(path);
}
