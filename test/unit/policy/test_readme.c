/*
 * plugins/README.md is the manual for authors: its file is compiled with its
 * line, as it stands there, and loaded.
 */
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "policy/chain.h"
#include "unit.h"

static char work[64]; /* a directory; the tree's include/ is linked into it */

static void in_work(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", work, name);
}

static int work_make(void **state)
{
    char link[128];
    (void)state;
    snprintf(work, sizeof work, "/tmp/isochrone-readme-XXXXXX");
    if (!mkdtemp(work))
        return -1;
    in_work(link, sizeof link, "include");
    return symlink(SOURCE_DIR "/include", link);
}

static int work_remove(void **state)
{
    static const char *const names[] = {"include", "mine.c", "mine.so"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        in_work(path, sizeof path, names[i]);
        unlink(path);
    }
    return rmdir(work);
}

/* The first code block of README.md of that language, from malloc. */
static char *block_read(const char *language)
{
    char text[32768], fence[32];
    FILE *file = fopen(SOURCE_DIR "/plugins/README.md", "r");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    snprintf(fence, sizeof fence, "\n```%s\n", language);
    char *begin = strstr(text, fence);
    assert_non_null(begin);
    begin += strlen(fence);
    char *end = strstr(begin, "\n```");
    assert_non_null(end);
    end[1] = '\0';
    return memory_strdup(begin);
}

/* Writes mine.c with `from` replaced by `to` (NULL: as it is), compiles it with
 * README's line where mine.c is, and gives the path of mine.so. */
static void compile(const char *from, const char *to, char *path, size_t size)
{
    char *code = block_read("c"), *line = block_read("sh"), source[128], command[512];
    in_work(source, sizeof source, "mine.c");
    FILE *file = fopen(source, "w");
    assert_non_null(file);
    char *at = from ? strstr(code, from) : NULL;
    if (at) {
        fprintf(file, "%.*s%s%s", (int)(at - code), code, to, at + strlen(from));
    } else {
        assert_null(from);
        fputs(code, file);
    }
    fclose(file);
    snprintf(command, sizeof command, "cd %s && %s", work, line);
    assert_int_equal(system(command), 0);
    in_work(path, size, "mine.so");
    assert_int_equal(chmod(path, 0644), 0);
    free(code);
    free(line);
}

static void the_file_compiles_loads_and_decides(void **state)
{
    const struct setting_text settings[] = {{"abroad", "80ms", "edge.yaml:12:48"}};
    const struct iso_cluster clusters[] = {
        {.name = "near", .region = "", .country = "FR", .accelerator = "", .rtt_ms = 10},
        {.name = "home", .region = "", .country = "DE", .accelerator = "", .rtt_ms = 60}};
    struct plugin_dir *dir = plugin_dir_create(NULL);
    struct problem_first problem;
    struct decision decision;
    char path[128];
    (void)state;
    compile(NULL, NULL, path, sizeof path);
    const struct policy_ref ref = {.plugin = path,
                                   .place = "edge.yaml:12:5",
                                   .settings = settings,
                                   .setting_count = 1};
    problem_first_init(&problem);
    struct chain *chain = chain_create(&ref, 1, dir, &problem.sink);
    if (!chain)
        fail_msg("%s", problem.error.text);
    decision_init(&decision);
    decision_begin(&decision, 2, chain->part_count);
    memcpy(decision.request.country, "DE", 3);
    memset(decision.estimates, 0, 2 * sizeof *decision.estimates);
    decision.clusters = clusters;
    chain_decide(chain, &decision);
    assert_int_equal(decision.chosen, 1);
    assert_true(decision_ms(&decision, 0, 0, 3) == 80);
    decision_finish(&decision);
    chain_drop(&chain);
    plugin_dir_destroy(&dir);
}

static void a_broken_one_is_refused_by_the_name_of_the_field(void **state)
{
    static const struct {
        const char *from, *to, *sentence;
    } breaks[] = {
        {".part_count = PARTS", ".part_count = 0", "part_count is 0; with cost it may be 1 to 8"},
        {".def = \"50ms\"", ".def = \"50\"",
         "options[0] (abroad): def: \"50\" is not a duration with its unit"},
        {"ISO_POLICY_HEAD", "ISO_MAGIC, ISO_ABI_MAJOR, ISO_ABI_MINOR, 64",
         "struct_size is 64 for ABI 1.1; this router, of ABI 1.1, has 120"},
        {"ISO_POLICY_HEAD", "ISO_MAGIC, 2",
         "abi_major is 2; this router speaks 1: compile the policy with this router's policy.h"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(breaks); i++) {
        struct plugin_dir *dir = plugin_dir_create(NULL);
        struct error error = {{0}};
        char path[128];
        compile(breaks[i].from, breaks[i].to, path, sizeof path);
        assert_null(plugin_load(dir, path, &error));
        if (!strstr(error.text, breaks[i].sentence))
            fail_msg("expected \"%s\" in \"%s\"", breaks[i].sentence, error.text);
        plugin_dir_destroy(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT_LIST(the_file_compiles_loads_and_decides,
                                                 a_broken_one_is_refused_by_the_name_of_the_field)};
    return cmocka_run_group_tests(tests, work_make, work_remove);
}
