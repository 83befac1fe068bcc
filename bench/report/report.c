#include "report/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "load/duration.h"
#include "report/intake.h"
#include "report/page.h"
#include "report/where.h"
#include "simulate/scenarios.h"

enum { EXIT_CANNOT = 2 };

static const char usage[] =
    "usage: isobench report [NAME=]RUN.json... -o FILE.html [OPTION ...]\n"
    "  compares what load, simulate and replay wrote with --json, in one HTML file; every run is\n"
    "  held against the first.  Files with the same NAME are one run at several loads.\n"
    "  -o, --output FILE    -: standard output\n"
    "  --title TEXT         default: what is compared\n"
    "  --promise TIME       to first token; for runs of load, whose files have none; default 1s\n"
    "  --scenario NAME      where clusters and places are, for files that only name them: global,\n"
    "                       china, FILE or FILE:NAME\n";

struct order {
    const char *output, *title, *scenario;
    double promise_ms;
    char **files;
    int file_count;
    bool help;
};

static bool order_read(struct order *order, int argc, char **argv, struct error *error)
{
    static const struct option known[] = {
        {"output", required_argument, NULL, 'o'},   {"title", required_argument, NULL, 't'},
        {"scenario", required_argument, NULL, 's'}, {"promise", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    int option;
    bool fine = true;
    *order = (struct order){.promise_ms = 1000};
    while ((option = getopt_long(argc, argv, "o:h", known, NULL)) != -1) {
        if (option == '?')
            return error_set(error, "isobench report --help says what there is");
        order->output = option == 'o' ? optarg : order->output;
        order->title = option == 't' ? optarg : order->title;
        order->scenario = option == 's' ? optarg : order->scenario;
        if (option == 'p')
            fine = duration_parse(slice_of(optarg), &order->promise_ms) && order->promise_ms > 0;
        order->help |= option == 'h';
    }
    order->files = argv + optind;
    order->file_count = argc - optind;
    if (order->help)
        return true;
    if (!fine)
        return error_set(error, "--promise: expected a duration such as 800ms or 2s");
    if (order->file_count < 1)
        return error_set(error, "expected at least one RUN.json, found none");
    return order->output != NULL || error_set(error, "expected -o FILE.html, found no -o");
}

static bool where_read(const struct order *order, struct study *study, struct error *error)
{
    struct scenario scenario = {.name = NULL};
    if (order->scenario == NULL)
        return true;
    if (!scenarios_load(order->scenario, &study->arena, &scenario))
        return error_set(error, "scenario %s cannot be read", order->scenario);
    where_fill(study, &scenario);
    return true;
}

static bool output_write(const char *path, struct slice text, struct error *error)
{
    const bool here = strcmp(path, "-") == 0;
    FILE *file = here ? stdout : fopen(path, "we");
    bool fine = file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file != NULL)
        fine &= (here ? fflush(file) : fclose(file)) == 0;
    return fine || error_set(error, "%s: %s", path, strerror(errno));
}

static bool order_do(const struct order *order, struct error *error)
{
    struct study study;
    struct buffer html = {0};
    study_init(&study);
    bool fine = true;
    for (int i = 0; fine && i < order->file_count; i++)
        fine = intake_file(&study, order->files[i], error);
    if (fine && study.count == 0)
        fine = error_set(error, "%s: no result in it", order->files[0]);
    fine = fine && where_read(order, &study, error);
    if (fine) {
        const struct page page = {.study = &study, .title = order->title, .out = &html};
        study_close(&study, order->promise_ms);
        page_write(&page);
        fine = output_write(order->output, buffer_slice(&html), error);
    }
    buffer_release(&html);
    study_finish(&study);
    return fine;
}

int report_main(int argc, char **argv)
{
    struct order order;
    struct error error;
    bool fine = order_read(&order, argc, argv, &error);
    if (fine && order.help)
        return fputs(usage, stdout) < 0 ? EXIT_CANNOT : 0;
    fine = fine && order_do(&order, &error);
    if (!fine)
        fprintf(stderr, "isobench report: %s\n", error.text);
    return fine ? 0 : EXIT_CANNOT;
}
