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

#include "base/json.h"
#include "base/memory.h"
#include "chain_text/chain_text.h"

enum { EXIT_DIFFERENT = 1, EXIT_CANNOT = 2, CHAINS_MOST = 1024, NAMES_MOST = 2048 };

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

/* How often a cluster was chosen, then and now. */
struct share {
    const char *name; /* in the log */
    uint64_t then, now;
};

struct replay {
    struct plugin_dir *dir;
    struct chain *other; /* NULL: as recorded */
    struct chain *chains[CHAINS_MOST];
    uint64_t streams[CHAINS_MOST]; /* a chain's number means something within its stream */
    size_t chain_count;
    struct decision decision;
    uint64_t decisions, same, changed, gone; /* gone: one of both chose nobody */
    double ttft_ms;       /* of what changed: predicted, now minus then, summed */
    double better, worse; /* ... of which below and above 0 */
    double recorded_ms;   /* of what changed: by the recorded policy's prices, now minus then */
    struct share shares[NAMES_MOST];
    size_t share_count;
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

static struct share *share_of(struct replay *replay, const struct recorded *recorded, uint32_t i)
{
    static struct share nobody;
    if (i >= recorded->fixed->count)
        return &nobody;
    const char *name = recorded->clusters[i].name;
    for (size_t k = 0; k < replay->share_count; k++)
        if (strcmp(replay->shares[k].name, name) == 0)
            return &replay->shares[k];
    if (replay->share_count == NAMES_MOST)
        return &nobody;
    replay->shares[replay->share_count] = (struct share){.name = name};
    return &replay->shares[replay->share_count++];
}

static void change_count(struct replay *replay, const struct recorded *recorded)
{
    const uint32_t then = recorded->fixed->chosen, now = replay->decision.chosen;
    const uint32_t count = recorded->fixed->count;
    if (then == now)
        return;
    replay->changed++;
    if (then >= count || now >= count) {
        replay->gone++;
        return;
    }
    const double ms = recorded->estimates[now].ttft_ms - recorded->estimates[then].ttft_ms;
    replay->ttft_ms += ms;
    replay->better += ms < 0;
    replay->worse += ms > 0;
    if (recorded->totals[now] < 1e300) /* not what the recorded policy refused */
        replay->recorded_ms += recorded->totals[now] - recorded->totals[then];
}

static bool decide_again(struct replay *replay, const struct recorded *recorded,
                         struct error *error)
{
    const struct chain *chain = chain_of(replay, recorded, error);
    if (chain == NULL)
        return false;
    replay_fill(&replay->decision, recorded, chain->part_count);
    chain_decide(chain, &replay->decision);
    replay->decisions++;
    replay->same += replay_same(&replay->decision, recorded);
    share_of(replay, recorded, recorded->fixed->chosen)->then++;
    share_of(replay, recorded, replay->decision.chosen)->now++;
    change_count(replay, recorded);
    return true;
}

/* --- telling --- */

static double percent(double part, uint64_t whole)
{
    return whole > 0 ? 100 * part / (double)whole : 0;
}

static double mean(double sum, uint64_t count)
{
    return count > 0 ? sum / (double)count : 0;
}

static void tell(const struct replay *replay, uint64_t orphans)
{
    const uint64_t n = replay->decisions, moved = replay->changed - replay->gone;
    printf("decisions  %llu (%llu more without their scene)\n", (unsigned long long)n,
           (unsigned long long)orphans);
    printf("identical  %llu (%.4g %%): choice and every millisecond, bit for bit\n",
           (unsigned long long)replay->same, percent((double)replay->same, n));
    printf("changed    %llu (%.4g %%) would have gone elsewhere, %llu of them to or from nobody\n",
           (unsigned long long)replay->changed, percent((double)replay->changed, n),
           (unsigned long long)replay->gone);
    if (moved > 0) {
        printf("predicted  %+.1f ms to the first token on average of what changed (%.0f sooner, "
               "%.0f later), %+.2f ms over all\n",
               mean(replay->ttft_ms, moved), replay->better, replay->worse,
               mean(replay->ttft_ms, n));
        printf("priced     %+.1f ms on average of what changed, by the policy that was obeyed\n",
               mean(replay->recorded_ms, moved));
    }
    for (size_t i = 0; i < replay->share_count; i++) {
        const struct share *share = &replay->shares[i];
        printf("  %-32s %6.2f %% -> %6.2f %%\n", share->name, percent((double)share->then, n),
               percent((double)share->now, n));
    }
}

static void tell_json(const struct replay *replay, uint64_t orphans)
{
    struct buffer out = {0};
    struct json json;
    const uint64_t moved = replay->changed - replay->gone;
    json_init(&json, &out);
    json_object_begin(&json);
    json_kv_uint(&json, "decisions", replay->decisions);
    json_kv_uint(&json, "without_scene", orphans);
    json_kv_uint(&json, "identical", replay->same);
    json_kv_uint(&json, "changed", replay->changed);
    json_kv_uint(&json, "changed_to_or_from_nobody", replay->gone);
    json_kv_fixed(&json, "changed_percent", percent((double)replay->changed, replay->decisions), 4);
    json_kv_fixed(&json, "predicted_ttft_ms_of_changed", mean(replay->ttft_ms, moved), 3);
    json_kv_fixed(&json, "predicted_ttft_ms_of_all", mean(replay->ttft_ms, replay->decisions), 3);
    json_kv_fixed(&json, "recorded_cost_ms_of_changed", mean(replay->recorded_ms, moved), 3);
    json_key(&json, "clusters");
    json_object_begin(&json);
    for (size_t i = 0; i < replay->share_count; i++) {
        json_key(&json, replay->shares[i].name);
        json_object_begin(&json);
        json_kv_uint(&json, "then", replay->shares[i].then);
        json_kv_uint(&json, "now", replay->shares[i].now);
        json_object_end(&json);
    }
    json_object_end(&json);
    json_object_end(&json);
    printf("%.*s\n", SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
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
    return replay->decisions > 0 || error_set(error, "there is no decision in it");
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
        (wish->json ? tell_json : tell)(replay, reader.orphans);
        code = replay->other == NULL && replay->same != replay->decisions ? EXIT_DIFFERENT : 0;
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
    const int code = wish_grant(wish, replay, error);
    decision_finish(&replay->decision);
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
