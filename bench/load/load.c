#include "load/load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "load/report.h"

enum { EXIT_ASSERT = 1, EXIT_CANNOT = 2 };

static bool write_json(const struct run_result *result, const char *file)
{
    struct buffer text = {0};
    report_json(result, &text);
    const bool to_stdout = strcmp(file, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(file, "we");
    bool good = out != NULL && fwrite(text.memory, 1, buffer_len(&text), out) == buffer_len(&text);
    if (out != NULL)
        good &= to_stdout ? fflush(out) == 0 : fclose(out) == 0;
    if (!good)
        fprintf(stderr, "isobench load: --json %s: %s\n", file, strerror(errno));
    buffer_release(&text);
    return good;
}

static int check_assertions(const struct run_result *result)
{
    const struct options *options = result->options;
    struct tally *total = memory_alloc(sizeof *total), *direct = memory_alloc(sizeof *direct);
    const struct assertion_facts facts = {total, direct, tallies_slips(result->tallies)};
    int exit_code = 0;
    tallies_sum(result->tallies, TALLY_EVERYTHING, total);
    tallies_sum(result->tallies, TALLY_DIRECT, direct);
    for (uint32_t i = 0; i < options->assertion_count; i++) {
        const struct assertion *assertion = &options->assertions[i];
        double found;
        if (assertion_holds(assertion, &facts, &found))
            continue;
        fprintf(stderr, "isobench load: not so: %.*s; found %.6g%s\n", SLICE_ARG(assertion->text),
                found, assertion->metric < METRIC_LATENCIES ? " ms" : "");
        exit_code = EXIT_ASSERT;
    }
    free(total);
    free(direct);
    return exit_code;
}

static int tell(const struct run_result *result)
{
    const struct options *options = result->options;
    const bool json_only = options->json_file != NULL && strcmp(options->json_file, "-") == 0;
    if (!options->quiet && !json_only)
        report_table(result, stdout);
    if (options->json_file != NULL && !write_json(result, options->json_file))
        return EXIT_CANNOT;
    return check_assertions(result);
}

static int perform(const struct options *options, struct error *error)
{
    struct run_result result;
    struct run *run = run_create(options, error);
    int exit_code = EXIT_CANNOT;
    if (run != NULL && run_perform(run, &result, error))
        exit_code = tell(&result);
    run_destroy(&run);
    return exit_code;
}

int load_main(int argc, char **argv)
{
    struct options *options = memory_zalloc(sizeof *options);
    struct error error = {""};
    struct arena arena;
    int exit_code = EXIT_CANNOT;
    signal(SIGPIPE, SIG_IGN);
    arena_init(&arena);
    if (options_read(argc, argv, &arena, options, &error)) {
        exit_code = 0;
        if (options->help)
            fputs(options_usage, stdout);
        else
            exit_code = perform(options, &error);
    }
    if (error.text[0] != '\0')
        fprintf(stderr, "isobench load: %s\n", error.text);
    options_finish(options);
    arena_finish(&arena);
    free(options);
    return exit_code;
}
