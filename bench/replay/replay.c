#include "replay/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "chain_text/chain_text.h"
#include "replay/tell.h"

enum { EXIT_DIFFERENT = 1, EXIT_CANNOT = 2, CHAINS_MOST = 1024 };

static const char usage[] =
    "usage: isobench replay LOG [OPTION ...]\n"
    "  makes recorded decisions again: by the policy that made them, or by another\n"
    "  --policy CHAIN    NAME[:SETTING=VALUE,...][+NAME...]; default: as recorded\n"
    "  --plugins FOLDER  where names are looked up\n"
    "  --json            one object\n"
    "exit code: 0; 1 if the policy as recorded does not decide the same; 2 if it cannot be tried\n";

struct wish {
    const char *log, *policy, *plugins;
    bool json, help;
};

struct replay {
    struct plugin_dir *dir;
    struct chain *other; /* NULL: as recorded */
    struct chain *chains[CHAINS_MOST];
    uint64_t streams[CHAINS_MOST]; /* a chain's number means something within its stream */
    size_t chain_count;
    struct decision decision;
    struct difference difference;
    uint64_t same;
};

/* --- making them again --- */

static struct chain *chain_of(struct replay *replay, const struct recorded *recorded,
                              struct error *error)
{
    const struct record_chain *record = recorded->chain;
    if (replay->other != NULL)
        return replay->other;
    for (size_t i = 0; i < replay->chain_count; i++)
        if (replay->streams[i] == record->head.stream &&
            replay->chains[i]->number == record->number)
            return replay->chains[i];
    if (replay->chain_count == CHAINS_MOST) {
        error_set(error, "more than %d chains decided in this log", CHAINS_MOST);
        return NULL;
    }
    struct chain *chain = replay_chain(record, replay->dir, error);
    if (chain != NULL) {
        replay->streams[replay->chain_count] = record->head.stream;
        replay->chains[replay->chain_count++] = chain;
    }
    return chain;
}

static bool decide_again(struct replay *replay, const struct recorded *recorded,
                         struct error *error)
{
    const struct chain *chain = chain_of(replay, recorded, error);
    if (chain == NULL)
        return false;
    replay_fill(&replay->decision, recorded, chain->part_count);
    chain_decide(chain, &replay->decision);
    replay->same += replay_same(&replay->decision, recorded);
    difference_add(&replay->difference, recorded, replay->decision.chosen);
    return true;
}

/* --- the command --- */

static bool log_map(const char *path, struct slice *out, struct error *error)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    *out = slice_make(NULL, (size_t)status.st_size);
    if (status.st_size > 0)
        out->ptr = mmap(NULL, out->len, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return out->ptr != MAP_FAILED || error_set(error, "%s: %s", path, strerror(errno));
}

/* A log that ends in the middle is told of, and what is before counts. */
static bool log_replay(struct replay *replay, struct log_reader *reader, struct error *error)
{
    struct recorded recorded;
    enum log_step step;
    while ((step = log_reader_next(reader, &recorded, error)) == LOG_DECISION)
        if (!decide_again(replay, &recorded, error))
            return false;
    if (step == LOG_DAMAGED)
        fprintf(stderr, "isobench replay: %s; what is before it counts\n", error->text);
    return replay->difference.all.decisions > 0 || error_set(error, "there is no decision in it");
}

static bool other_read(const struct wish *wish, struct replay *replay, struct error *error)
{
    struct chain_text text;
    struct problem_first problem;
    if (wish->policy == NULL)
        return true;
    if (chain_text_read(&text, wish->policy, error)) {
        problem_first_init(&problem);
        replay->other = chain_create(text.refs, text.count, replay->dir, &problem.sink);
        if (replay->other == NULL)
            *error = problem.error;
    }
    chain_text_finish(&text);
    return replay->other != NULL;
}

static int wish_grant(const struct wish *wish, struct replay *replay, struct error *error)
{
    struct slice log;
    struct log_reader reader;
    if (!other_read(wish, replay, error) || !log_map(wish->log, &log, error))
        return EXIT_CANNOT;
    log_reader_init(&reader, log);
    int code = EXIT_CANNOT;
    if (log_replay(replay, &reader, error)) {
        difference_sort(&replay->difference);
        const struct replay_found found = {.log = wish->log,
                                           .policy = wish->policy,
                                           .identical = replay->same,
                                           .without_scene = reader.orphans,
                                           .difference = &replay->difference};
        (wish->json ? tell_json : tell_text)(&found);
        const bool differs = replay->same != replay->difference.all.decisions;
        code = replay->other == NULL && differs ? EXIT_DIFFERENT : 0;
    }
    log_reader_finish(&reader);
    if (log.ptr != NULL)
        munmap((void *)(uintptr_t)log.ptr, log.len);
    return code;
}

static bool wish_read(struct wish *wish, int argc, char **argv, struct error *error)
{
    static const struct option known[] = {
        {"policy", required_argument, NULL, 'p'},
        {"plugins", required_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    *wish = (struct wish){0};
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == '?')
            return error_set(error, "isobench replay --help says what there is");
        wish->policy = option == 'p' ? optarg : wish->policy;
        wish->plugins = option == 'd' ? optarg : wish->plugins;
        wish->json |= option == 'j';
        wish->help |= option == 'h';
    }
    if (!wish->help && optind + 1 != argc)
        return error_set(error, "expected one log, found %d", argc - optind);
    wish->log = argv[optind];
    return true;
}

static int replay_run(const struct wish *wish, struct error *error)
{
    char folder[4096];
    struct replay *replay = memory_zalloc(sizeof *replay);
    replay->dir = plugin_dir_create(
        wish->plugins != NULL ? wish->plugins : chain_text_folder(folder, sizeof folder));
    decision_init(&replay->decision);
    difference_init(&replay->difference);
    const int code = wish_grant(wish, replay, error);
    decision_finish(&replay->decision);
    difference_finish(&replay->difference);
    for (size_t i = 0; i < replay->chain_count; i++)
        chain_drop(&replay->chains[i]);
    chain_drop(&replay->other);
    plugin_dir_destroy(&replay->dir);
    free(replay);
    return code;
}

int replay_main(int argc, char **argv)
{
    struct wish wish;
    struct error error;
    int code = EXIT_CANNOT;
    if (wish_read(&wish, argc, argv, &error))
        code = wish.help ? fputs(usage, stdout) < 0 : replay_run(&wish, &error);
    if (code == EXIT_CANNOT)
        fprintf(stderr, "isobench replay: %s\n", error.text);
    return code;
}
