/* Decisions go into a log and come out the same; what is missing or damaged is told. */
#include <math.h>

#include "policy_kit.h"
#include "replay/replay.h"

static struct kit kit;
static struct buffer written;
static struct decision_recorder recorder;

static int open_kit(void **state)
{
    (void)state;
    kit_open(&kit, "least_latency", NULL, 0);
    decision_recorder_init(&recorder);
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    buffer_release(&written);
    kit_close(&kit);
    return 0;
}

static void decide(uint64_t seed, uint64_t snapshot)
{
    kit_begin(&kit, 5);
    kit.decision.seed = seed;
    kit.decision.route = "default";
    kit.decision.request.model = (struct iso_text){"qwen3-32b", 9};
    kit.decision.request.session = seed;
    kit.clusters[1].rtt_ms = 9 + 0.1 * (double)seed;
    kit.clusters[3].kv_used = NAN;
    kit.decision.estimates[2].distance_km = NAN;
    kit.decision.estimates[2].wait_ms = 1.0 / 3;
    kit.decision.verdicts[4].reason = DECISION_DOWN;
    kit_decide(&kit);
    decision_record(&recorder, snapshot, kit.chain, &kit.decision, &written);
}

static void read_on(struct log_reader *reader, struct recorded *recorded, enum log_step expected)
{
    struct error error = {""};
    const enum log_step step = log_reader_next(reader, recorded, &error);
    if (step != expected)
        fail_msg("step %d instead of %d: %s", step, expected, error.text);
}

static void the_same_comes_out_and_is_decided_the_same(void **state)
{
    struct log_reader reader;
    struct recorded recorded;
    struct decision again;
    struct error error;
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        decide(seed, seed); /* the clusters change every time, so the snapshot does */
    decision_init(&again);
    log_reader_init(&reader, buffer_slice(&written));
    for (uint64_t seed = 1; seed <= 40; seed++) {
        read_on(&reader, &recorded, LOG_DECISION);
        assert_int_equal(recorded.fixed->seed, seed);
        assert_true(slice_eq(recorded.route, SLICE("default")));
        assert_true(slice_eq(recorded.model, SLICE("qwen3-32b")));
        assert_string_equal(recorded.clusters[1].name, "b");
        assert_int_equal(recorded.verdicts[4], DECISION_DOWN);
        struct chain *chain = replay_chain(recorded.chain, kit.dir, &error);
        assert_non_null(chain);
        replay_fill(&again, &recorded, chain->part_count);
        chain_decide(chain, &again);
        assert_true(replay_same(&again, &recorded));
        again.ms[0] = nextafter(again.ms[0], INFINITY); /* the last bit counts */
        assert_false(replay_same(&again, &recorded));
        chain_drop(&chain);
    }
    read_on(&reader, &recorded, LOG_END);
    assert_int_equal(reader.orphans, 0);
    log_reader_finish(&reader);
    decision_finish(&again);
}

static void what_many_share_is_written_once_a_snapshot(void **state)
{
    (void)state;
    decide(1, 7);
    const size_t first = buffer_len(&written);
    decide(2, 7);
    const size_t second = buffer_len(&written) - first;
    decide(3, 8);
    assert_true(second < first - 5 * sizeof(struct iso_cluster));
    assert_int_equal(buffer_len(&written) - first - second, first);
}

static void decisions_without_their_scene_are_left_out(void **state)
{
    struct log_reader reader;
    struct recorded recorded;
    (void)state;
    decide(1, 7);
    const size_t first = buffer_len(&written);
    decide(2, 7);
    decide(3, 8);
    log_reader_init(&reader, slice_make(written.memory + first, buffer_len(&written) - first));
    read_on(&reader, &recorded, LOG_DECISION);
    assert_int_equal(recorded.fixed->seed, 3);
    assert_int_equal(reader.orphans, 1);
    log_reader_finish(&reader);
}

/* Every place cut, every word disturbed: it is told, or it is a decision that can be made. */
static void a_damaged_log_is_told(void **state)
{
    struct log_reader reader;
    struct recorded recorded;
    struct error error;
    (void)state;
    decide(1, 7);
    const size_t size = buffer_len(&written);
    uint64_t *copy = malloc(size);
    assert_non_null(copy);
    for (size_t cut = 8; cut < size; cut += 8) {
        memcpy(copy, written.memory, size);
        log_reader_init(&reader, slice_make(copy, cut));
        assert_int_not_equal(log_reader_next(&reader, &recorded, &error), LOG_DECISION);
        log_reader_finish(&reader);
        copy[cut / 8] ^= UINT64_C(0x8001000080010001);
        log_reader_init(&reader, slice_make(copy, size));
        while (log_reader_next(&reader, &recorded, &error) == LOG_DECISION)
            assert_non_null(recorded.chain);
        log_reader_finish(&reader);
    }
    free(copy);
}

static void another_file_under_the_same_path_is_refused(void **state)
{
    struct log_reader reader;
    struct recorded recorded;
    struct error error;
    (void)state;
    snprintf(kit.chain->links[0].plugin->hash, sizeof kit.chain->links[0].plugin->hash, "%s",
             "00112233445566778899aabbccddeeff");
    decide(1, 7);
    log_reader_init(&reader, buffer_slice(&written));
    read_on(&reader, &recorded, LOG_DECISION);
    struct plugin_dir *dir = plugin_dir_create(PLUGIN_DIR);
    assert_null(replay_chain(recorded.chain, dir, &error));
    assert_non_null(strstr(error.text, "is not what decided: recorded least_latency 1."));
    plugin_dir_destroy(&dir);
    log_reader_finish(&reader);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_comes_out_and_is_decided_the_same),
        CASE(what_many_share_is_written_once_a_snapshot),
        CASE(decisions_without_their_scene_are_left_out),
        CASE(a_damaged_log_is_told),
        CASE(another_file_under_the_same_path_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
