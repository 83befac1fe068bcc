/*
 * isobench: the measuring tool.  One subcommand a folder; this only finds it.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/suggest.h"
#include "conform/conform.h"
#include "decision/decision.h"
#include "load/load.h"
#include "replay/replay.h"
#include "report/report.h"
#include "simulate/simulate.h"

static const char usage[] =
    "usage: isobench COMMAND [OPTION ...]\n"
    "  load       sends OpenAI requests at a given rate and measures the answers\n"
    "  simulate   compares policies in virtual time\n"
    "  conform    asks a policy about thousands of made-up fleets, and judges the answers\n"
    "  decide     measures the CPU time of a decision\n"
    "  replay     makes recorded decisions again, by the same policy or another\n"
    "  report     compares runs of load, simulate and replay in one HTML file\n"
    "isobench COMMAND --help says more.\n";

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"load", load_main},     {"simulate", simulate_main}, {"conform", conform_main},
    {"decide", decide_main}, {"replay", replay_main},     {"report", report_main},
};

static int unknown(const char *word)
{
    const char *names[COUNT_OF(commands)];
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        names[i] = commands[i].name;
    const char *near = suggest_word(word, names, COUNT_OF(names));
    fprintf(stderr, "isobench: unknown command %s%s%s%s\n", word,
            near != NULL ? ", did you mean " : "", near != NULL ? near : "",
            near != NULL ? "?" : "");
    return 2;
}

int main(int argc, char **argv)
{
    log_set_program("isobench");
    if (argc < 2) {
        fputs(usage, stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);
    return unknown(argv[1]);
}
