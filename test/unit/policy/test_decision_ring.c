/* The ring of recent decisions: what goes in comes out, or nothing does. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "policy/decision_ring.h"
#include "unit.h"

static const char *const parts[] = {"one", "two"};
static struct plugin plugin = {.policy = {.name = "made_up", .parts = parts, .part_count = 2}};

/* A decision in which every number follows from `n`, so that a mixture shows. */
static void fill(struct decision *decision, struct iso_cluster *clusters, uint32_t count,
                 uint64_t n)
{
    decision_begin(decision, count, 2);
    decision->id = decision->seed = decision->sequence = n;
    decision->route = "default";
    decision->clusters = clusters;
    decision->request.model = (struct iso_text){"qwen", 4};
    decision->policy_count = 1;
    decision->part_count = 2;
    decision->policies[0] = (struct decision_policy){.plugin = &plugin};
    decision->chosen = count - 1;
    decision->runner_up = 0;
    for (uint32_t i = 0; i < count; i++) {
        clusters[i] = (struct iso_cluster){.id = n,
                                           .name = "hohhot",
                                           .region = "cn-north",
                                           .country = "CN",
                                           .accelerator = "h100"};
        clusters[i].rtt_ms = (double)n;
        decision->estimates[i] = (struct iso_estimate){.wait_ms = (double)n};
        decision->total_ms[i] = (double)(n + i);
        decision->ms[2 * i] = (double)n;
        decision->ms[2 * i + 1] = (double)i;
    }
}

static void check(const struct decision *decision, uint64_t n)
{
    assert_int_equal(decision->id, n);
    assert_int_equal(decision->sequence, n);
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct iso_cluster *cluster = decision_cluster(decision, i);
        assert_int_equal(cluster->id, n);
        assert_true(cluster->rtt_ms == (double)n);
        assert_true(decision->estimates[i].wait_ms == (double)n);
        assert_true(decision_ms(decision, i, 0, 0) == (double)n);
    }
}

static void a_decision_comes_back_whole(void **state)
{
    struct decision_ring *ring = decision_ring_create(4);
    struct iso_cluster clusters[8];
    struct decision decision;
    struct decision_copy copy;
    (void)state;
    decision_init(&decision);
    decision_copy_init(&copy);
    fill(&decision, clusters, 8, 5);
    decision_ring_add(ring, &decision);
    assert_int_equal(decision_ring_added(ring), 1);
    assert_true(decision_ring_read(ring, 0, &copy));
    check(&copy.decision, 5);
    assert_int_equal(copy.targets, 8);
    assert_int_equal(copy.decision.chosen, 7);
    assert_int_equal(copy.decision.runner_up, 0);
    assert_true(decision_ms(&copy.decision, 3, 0, 1) == 3);
    assert_true(copy.decision.total_ms[3] == 8);
    assert_string_equal(copy.decision.route, "default");
    assert_string_equal(decision_cluster(&copy.decision, 2)->name, "hohhot");
    assert_string_equal(decision_cluster(&copy.decision, 2)->accelerator, "h100");
    assert_int_equal(copy.decision.request.model.len, 4);
    assert_memory_equal(copy.decision.request.model.ptr, "qwen", 4);
    decision_copy_finish(&copy);
    decision_finish(&decision);
    decision_ring_destroy(&ring);
}

static void the_oldest_make_room(void **state)
{
    struct decision_ring *ring = decision_ring_create(4);
    struct iso_cluster clusters[2];
    struct decision decision;
    struct decision_copy copy;
    (void)state;
    decision_init(&decision);
    decision_copy_init(&copy);
    for (uint64_t n = 0; n < 10; n++) {
        fill(&decision, clusters, 2, n);
        decision_ring_add(ring, &decision);
    }
    assert_false(decision_ring_read(ring, 5, &copy));
    assert_true(decision_ring_read(ring, 6, &copy));
    check(&copy.decision, 6);
    assert_true(decision_ring_read(ring, 9, &copy));
    check(&copy.decision, 9);
    assert_false(decision_ring_read(ring, 10, &copy));
    decision_copy_finish(&copy);
    decision_finish(&decision);
    decision_ring_destroy(&ring);
}

static void of_a_large_fleet_the_chosen_is_never_left_out(void **state)
{
    enum { MANY = 300 };
    struct decision_ring *ring = decision_ring_create(2);
    struct iso_cluster *clusters = memory_zalloc(MANY * sizeof *clusters);
    struct decision decision;
    struct decision_copy copy;
    (void)state;
    decision_init(&decision);
    decision_copy_init(&copy);
    fill(&decision, clusters, MANY, 1);
    decision.chosen = 200;
    decision.runner_up = 299;
    decision_ring_add(ring, &decision);
    assert_true(decision_ring_read(ring, 0, &copy));
    assert_int_equal(copy.targets, MANY);
    assert_int_equal(copy.decision.count, DECISION_RING_TARGETS);
    assert_true(copy.decision.total_ms[copy.decision.chosen] == 201);
    assert_true(copy.decision.total_ms[copy.decision.runner_up] == 300);
    decision_copy_finish(&copy);
    decision_finish(&decision);
    decision_ring_destroy(&ring);
    free(clusters);
}

static void a_shadow_knows_what_was_obeyed(void **state)
{
    enum { MANY = 200 };
    struct decision_ring *ring = decision_ring_create(2);
    static struct iso_cluster clusters[MANY];
    struct decision decision;
    struct decision_copy copy;
    (void)state;
    decision_init(&decision);
    decision_copy_init(&copy);
    fill(&decision, clusters, MANY, 7);
    clusters[150].name = "obeyed";
    decision.is_shadow = true;
    decision.obeyed = 150;
    decision_ring_add(ring, &decision);
    assert_true(decision_ring_read(ring, 0, &copy));
    assert_true(copy.decision.is_shadow);
    assert_string_equal(decision_cluster(&copy.decision, copy.decision.obeyed)->name, "obeyed");
    struct buffer out = {0};
    struct json json;
    json_init(&json, &out);
    decision_write_json(&copy.decision, &json);
    buffer_append_byte(&out, '\0');
    assert_non_null(strstr(out.memory, "\"shadow\":true,\"obeyed\":\"obeyed\",\"agrees\":false,"
                                       "\"gain_ms\":-49"));
    buffer_release(&out);
    decision_copy_finish(&copy);
    decision_finish(&decision);
    decision_ring_destroy(&ring);
}

static void long_texts_are_cut(void **state)
{
    struct decision_ring *ring = decision_ring_create(1);
    struct iso_cluster cluster = {.name = "n", .region = "", .country = "", .accelerator = ""};
    char name[200];
    struct decision decision;
    struct decision_copy copy;
    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    decision_init(&decision);
    decision_copy_init(&copy);
    fill(&decision, &cluster, 1, 1);
    cluster.name = name;
    decision.route = name;
    decision.request.model = (struct iso_text){name, 199};
    decision_ring_add(ring, &decision);
    assert_true(decision_ring_read(ring, 0, &copy));
    assert_int_equal(strlen(decision_cluster(&copy.decision, 0)->name), 63);
    assert_int_equal(strlen(copy.decision.route), 63);
    assert_int_equal(copy.decision.request.model.len, 64);
    decision_copy_finish(&copy);
    decision_finish(&decision);
    decision_ring_destroy(&ring);
}

static void *add_many(void *opaque)
{
    struct decision_ring *ring = opaque;
    struct iso_cluster clusters[8];
    struct decision decision;
    decision_init(&decision);
    for (uint64_t n = 0; n < 20000; n++) {
        fill(&decision, clusters, 1 + (uint32_t)(n % 8), n);
        decision_ring_add(ring, &decision);
    }
    decision_finish(&decision);
    return NULL;
}

static void a_reader_beside_the_writer_sees_whole_ones_only(void **state)
{
    struct decision_ring *ring = decision_ring_create(8);
    struct decision_copy copy;
    pthread_t writer;
    uint64_t seen = 0, added = 0;
    (void)state;
    decision_copy_init(&copy);
    assert_int_equal(pthread_create(&writer, NULL, add_many, ring), 0);
    while (added < 20000) {
        added = decision_ring_added(ring);
        for (uint64_t n = added > 8 ? added - 8 : 0; n < added; n++) {
            if (decision_ring_read(ring, n, &copy)) {
                check(&copy.decision, n);
                seen++;
            }
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_true(seen >= 8);
    decision_copy_finish(&copy);
    decision_ring_destroy(&ring);
}

UNIT_MAIN(a_decision_comes_back_whole, the_oldest_make_room,
          of_a_large_fleet_the_chosen_is_never_left_out, a_shadow_knows_what_was_obeyed,
          long_texts_are_cut, a_reader_beside_the_writer_sees_whole_ones_only)
