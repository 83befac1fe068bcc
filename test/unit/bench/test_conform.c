/* The conformance kit finds each wrong deed, and nothing where nothing is wrong. */
#include "conform/conform.h"
#include "policy/plugin.h"
#include "unit.h"

enum { FLEETS = 200 };

static struct findings *run(const char *name, uint64_t seed, uint64_t fleets)
{
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct error error;
    struct plugin *plugin = plugin_load(dir, name, &error);
    if (plugin == NULL)
        fail_msg("%s", error.text);
    const uint64_t none = 0;
    struct findings *findings = conform_run(&plugin->policy, &none, seed, fleets);
    plugin_dir_destroy(&dir);
    return findings;
}

static void found(const char *name, enum finding_kind kind, const char *sentence)
{
    struct findings *findings = run(name, 1, FLEETS);
    const struct finding finding = findings->found[kind];
    if (finding.count == 0 || strstr(finding.text, sentence) == NULL)
        fail_msg("%s: expected \"%s\" in \"%s\"", name, sentence, finding.text);
    conform_release(&findings);
    assert_null(findings);
    findings = run(name, finding.seed, kind == FINDING_STATE ? 16 : 1); /* the seed reproduces it */
    assert_int_equal(findings->found[kind].seed, finding.seed);
    assert_string_equal(findings->found[kind].text, finding.text);
    conform_release(&findings);
}

static void a_right_policy_conforms(void **state)
{
    (void)state;
    struct findings *findings = run("wrong_nothing", 1, FLEETS);
    for (int kind = 0; kind < FINDING_KINDS; kind++)
        assert_string_equal(findings->found[kind].text, "");
    assert_true(findings->finished);
    assert_int_equal(findings->decisions, FLEETS);
    assert_true(findings->p50_ns > 0 && findings->p50_ns <= findings->p99_ns);
    conform_release(&findings);
}

static void wrong_answers_are_found(void **state)
{
    (void)state;
    found("wrong_opens", FINDING_OPENED, "filter opens cluster");
    found("wrong_meaningless", FINDING_VERDICT,
          "filter says 0x82 of cluster 0; it may be ISO_KEEP, "
          "or the index of a reason");
    found("wrong_infinite", FINDING_COST, "cost says inf ms for the part \"one\" of cluster");
    found("wrong_picks_closed", FINDING_PICK, "which is not among those kept");
    found("wrong_picks_nobody", FINDING_PICK, "pick says");
}

static void what_is_kept_between_calls_is_found(void **state)
{
    (void)state;
    found("wrong_counts", FINDING_TWICE, "cost answers the same call differently");
    found("wrong_remembers", FINDING_STATE,
          "cost answers the same call differently after others: it keeps something");
}

static void memory_is_counted(void **state)
{
    (void)state;
    found("wrong_allocates", FINDING_ALLOCATED, "a decision asks for memory 2 times");
}

static void what_must_not_be_touched_is_told(void **state)
{
    (void)state;
    found("wrong_writes", FINDING_DIED, "cost writes to the clusters");
    found("wrong_reads_on", FINDING_DIED, "cost reaches beyond the end of the clusters");
    found("wrong_writes_on", FINDING_DIED, "cost reaches beyond the end of the milliseconds");
    found("wrong_crashes", FINDING_DIED, "filter ends the process (Aborted)");
}

UNIT_MAIN(a_right_policy_conforms, wrong_answers_are_found, what_is_kept_between_calls_is_found,
          memory_is_counted, what_must_not_be_touched_is_told)
