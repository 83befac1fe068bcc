/* Round-trip times between places and clusters. */
#include "unit.h"

#include "cluster/network.h"

static const struct network_point places[] = {{"Shanghai", 31.2, 121.5}, {"Frankfurt", 50.1, 8.7}};
static const struct network_point clusters[] = {{"sha", 31.2, 121.5},
                                                {"fra", 50.1, 8.7},
                                                {"iad", 39.0, -77.5}};

static void follows_distance(void **state)
{
    (void)state;
    struct network *n = network_create(places, 2, clusters, 3, 1);
    /* At home: 2 ms, inflated by 1 to 1 + 0.2 x |normal|. */
    assert_true(network_rtt_ms(n, 0, 0) >= 2 && network_rtt_ms(n, 0, 0) < 4);
    /* Shanghai - Frankfurt is 8,800 km. */
    assert_true(network_rtt_ms(n, 0, 1) >= 89 && network_rtt_ms(n, 0, 1) < 180);
    assert_true(network_rtt_ms(n, 1, 2) < network_rtt_ms(n, 0, 2));
    network_destroy(&n);
    assert_null(n);
}

static void keeps_a_pair_when_others_come(void **state)
{
    (void)state;
    struct network *all = network_create(places, 2, clusters, 3, 9);
    struct network *one = network_create(&places[1], 1, &clusters[2], 1, 9);
    struct network *other = network_create(&places[1], 1, &clusters[2], 1, 10);
    assert_true(network_rtt_ms(all, 1, 2) == network_rtt_ms(one, 0, 0));
    assert_true(network_rtt_ms(other, 0, 0) != network_rtt_ms(one, 0, 0));
    network_destroy(&all);
    network_destroy(&one);
    network_destroy(&other);
}

static void draws_around_the_base_with_rare_spikes(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3);
    double sum = 0;
    int spikes = 0;
    for (int i = 0; i < 20000; i++) {
        const double ms = network_draw_ms(40, &random);
        assert_true(ms >= 20);
        sum += ms;
        spikes += ms > 52;
    }
    assert_true(sum / 20000 > 39.5 && sum / 20000 < 40.5);
    assert_in_range(spikes, 10, 90);
}

UNIT_MAIN(follows_distance, keeps_a_pair_when_others_come, draws_around_the_base_with_rare_spikes)
