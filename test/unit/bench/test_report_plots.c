/* What plots are made of: axes, distributions, labels that keep apart. */
#include "unit.h"

#include <math.h>

#include "report/axis.h"
#include "report/distribution.h"
#include "report/labels.h"
#include "report/spread.h"

static void values_as_people_read_them(void **state)
{
    (void)state;
    static const struct {
        enum axis_unit unit;
        double value;
        const char *text;
    } rows[] = {
        {AXIS_MS, 84.04, "84\xc2\xa0ms"},
        {AXIS_MS, 1284, "1.28\xc2\xa0s"},
        {AXIS_MS, 0.25, "250\xc2\xa0\xc2\xb5s"},
        {AXIS_MS, INFINITY, "never"},
        {AXIS_MS, NAN, "\xe2\x80\x93"},
        {AXIS_MS, 2.5e6, "2,500\xc2\xa0s"},
        {AXIS_SHARE, 0.9996, "99.96\xc2\xa0%"},
        {AXIS_SHARE, 0.99996, "99.996\xc2\xa0%"},
        {AXIS_SHARE, 0.994, "99.4\xc2\xa0%"},
        {AXIS_SHARE, 1, "100\xc2\xa0%"},
        {AXIS_SHARE, 0.5, "50\xc2\xa0%"},
        {AXIS_PLAIN, 1234567, "1,234,567"},
        {AXIS_PLAIN, 0.8, "0.8"},
        {AXIS_PERCENT, 99.9, "p99.9"},
        {AXIS_SECONDS, 180, "3\xc2\xa0min"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[AXIS_TEXT_BYTES];
        axis_text(rows[i].unit, rows[i].value, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void places_on_axes(void **state)
{
    (void)state;
    const struct axis log = {AXIS_LOG, AXIS_MS, 10, 1000, 0, 100};
    assert_true(fabs(axis_at(&log, 100) - 50) < 1e-9);
    assert_true(axis_at(&log, INFINITY) == 100 && axis_at(&log, 0) == 0);
    const struct axis nines = {AXIS_PERCENTILE, AXIS_PERCENT, 90, 99.9, 0, 100};
    assert_true(fabs(axis_at(&nines, 99) - 50) < 1e-6);
    const struct axis down = {AXIS_LINEAR, AXIS_PLAIN, 0, 10, 200, 0};
    assert_true(fabs(axis_at(&down, 2.5) - 150) < 1e-9);
}

static void round_ends_and_ticks(void **state)
{
    (void)state;
    struct axis_tick ticks[AXIS_TICKS_MOST];
    struct axis log = {.kind = AXIS_LOG, .unit = AXIS_MS};
    axis_round(&log, 130, 4100);
    assert_true(log.low == 100 && log.high == 5000);
    size_t count = axis_ticks(&log, 8, ticks);
    assert_int_equal(count, 6); /* 100 200 500 1000 2000 5000 */
    assert_string_equal(ticks[3].text, "1\xc2\xa0s");
    count = axis_ticks(&log, 3, ticks);
    assert_string_equal(ticks[1].text, ""); /* a line, no room for its label */
    struct axis plain = {.kind = AXIS_LINEAR};
    axis_round(&plain, 0, 87);
    assert_true(plain.low == 0 && plain.high == 100);
    struct axis time = {AXIS_LINEAR, AXIS_SECONDS, 0, 600, 0, 100};
    count = axis_ticks(&time, 6, ticks);
    assert_int_equal(count, 6);
    assert_string_equal(ticks[1].text, "2\xc2\xa0min");
    struct axis nines = {AXIS_PERCENTILE, AXIS_PERCENT, 50, 99.95, 0, 100};
    assert_int_equal(axis_ticks(&nines, 5, ticks), 4); /* p50 p90 p99 p99.9 */
}

static void curves_of_buckets(void **state)
{
    (void)state;
    static struct distribution_point curve[CURVE_MOST];
    struct bucket buckets[] = {{50, 100, 5000}, {100, 1000, 4900}, {1000, INFINITY, 100}};
    struct distribution d;
    distribution_init(&d);
    d.buckets = buckets;
    d.bucket_count = 3;
    const size_t count = distribution_curve(&d, curve);
    assert_int_equal(count, 4);
    assert_true(curve[0].percent == 50 && curve[0].ms == 100);
    assert_true(curve[1].percent == 50 && curve[1].ms == 100);
    assert_true(fabs(curve[2].percent - 99) < 1e-9 && curve[2].ms == 1000);
    assert_true(isinf(curve[3].ms));
    assert_true(fabs(distribution_share_below(&d, 550) - 0.745) < 1e-9);
    assert_true(fabs(distribution_share_below(&d, 1e9) - 0.99) < 1e-9);
}

static void figures_alone_are_a_curve_too(void **state)
{
    (void)state;
    static struct distribution_point curve[CURVE_MOST];
    struct distribution d;
    distribution_init(&d);
    d.at[P99] = 30;
    d.at[P50] = 10;
    assert_int_equal(distribution_curve(&d, curve), 2);
    assert_true(curve[1].percent == 99 && curve[1].ms == 30);
    assert_true(isnan(distribution_share_below(&d, 20)));
}

static void no_tail_beyond_a_few_requests(void **state)
{
    (void)state;
    static struct distribution_point curve[CURVE_MOST];
    struct bucket buckets[] = {{8, 10, 90}, {15, 20, 7}, {4000, 5000, 3}};
    struct distribution d;
    distribution_init(&d);
    d.buckets = buckets;
    d.bucket_count = 3;
    d.at[P999] = 5000; /* of a hundred requests: one of them */
    const size_t count = distribution_curve(&d, curve);
    assert_int_equal(count, 3);
    assert_true(curve[1].ms == 15); /* a jump, where there was nobody between */
    assert_true(curve[2].ms == 20);
}

static void labels_keep_apart(void **state)
{
    (void)state;
    struct spread labels[] = {{50, 10, 0}, {52, 10, 0}, {51, 10, 0}, {98, 10, 0}};
    assert_true(spread_apart(labels, 4, 0, 100));
    assert_true(fabs(labels[0].at - 41) < 1e-9);
    assert_true(fabs(labels[2].at - 51) < 1e-9);
    assert_true(fabs(labels[1].at - 61) < 1e-9);
    assert_true(fabs(labels[3].at - 95) < 1e-9); /* within the end */
    assert_false(spread_apart(labels, 4, 0, 30));
}

static void names_on_maps_keep_apart(void **state)
{
    (void)state;
    struct label labels[12];
    for (int i = 0; i < 12; i++)
        labels[i] = (struct label){.x = 150 + i % 4 * 6,
                                   .y = 100 + i / 4 * 6,
                                   .radius = 4,
                                   .width = 50,
                                   .height = 14,
                                   .reach = 130};
    labels_place(labels, 12, 12, 356, 220);
    for (int i = 0; i < 12; i++) {
        assert_true(labels[i].placed);
        assert_true(labels[i].left >= 0 && labels[i].left + 50 <= 356);
        for (int k = 0; k < i; k++)
            assert_true(labels[i].left + 50 <= labels[k].left ||
                        labels[k].left + 50 <= labels[i].left ||
                        labels[i].top + 14 <= labels[k].top || labels[k].top + 14 <= labels[i].top);
    }
    labels[0].reach = 1; /* and where there is no room near, there is no name */
    labels_place(labels, 12, 1, 356, 220);
    assert_false(labels[0].placed);
}

UNIT_MAIN(values_as_people_read_them, places_on_axes, round_ends_and_ticks, curves_of_buckets,
          figures_alone_are_a_curve_too, no_tail_beyond_a_few_requests, labels_keep_apart,
          names_on_maps_keep_apart)
