/* The exposition: what Prometheus' own checker says, escaping, both formats. */
#include "unit.h"

#include <math.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/metrics_text.h"

static void write_page(struct buffer *page, enum metrics_format format)
{
    struct distribution one, two;
    distribution_init(&one, &distribution_ttft_s);
    distribution_init(&two, &distribution_ttft_s);
    distribution_add(&one, .03);
    distribution_add(&one, 3);
    distribution_add(&two, 100);
    distribution_add(&two, NAN);
    struct distribution_total total = {0};
    distribution_sum(&total, &one);
    distribution_sum(&total, &two);

    struct metrics_text metrics;
    metrics_begin(&metrics, page, format);
    metrics_family(&metrics, METRIC_COUNTER, "isochrone_requests_total", "Requests \\ answered.");
    metrics_uint(&metrics, 5, METRIC_LABELS({"cluster", "a\"b\\c\nd"}, {"code", "200"}));
    metrics_uint(&metrics, 6, METRIC_LABELS({"cluster", NULL}, {"code", "200"}));
    metrics_family(&metrics, METRIC_GAUGE, "isochrone_redis_up", "Whether Redis answers.");
    metrics_uint(&metrics, 1, METRIC_NO_LABELS);
    metrics_family(&metrics, METRIC_GAUGE, "isochrone_report_age_seconds", "Age of the report.");
    metrics_number(&metrics, 1.25, METRIC_LABELS({"cluster", "fra"}));
    metrics_number(&metrics, NAN, METRIC_LABELS({"cluster", "unknown"}));
    metrics_family(&metrics, METRIC_HISTOGRAM, "isochrone_time_to_first_token_seconds", "TTFT.");
    metrics_histogram(&metrics, &total, METRIC_LABELS({"cluster", "fra"}));
    metrics_end(&metrics);
    buffer_append_byte(page, '\0');
}

static void promtool_accepts_the_page(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null") != 0)
        skip();
    struct buffer page = {0};
    write_page(&page, METRICS_PROMETHEUS);
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    fputs(buffer_slice(&page).ptr, promtool);
    assert_int_equal(pclose(promtool), 0);
    buffer_release(&page);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    struct buffer page = {0};
    write_page(&page, METRICS_PROMETHEUS);
    const char *text = buffer_slice(&page).ptr;
    assert_non_null(
        strstr(text, "isochrone_requests_total{cluster=\"a\\\"b\\\\c\\nd\",code=\"200\"} 5\n"));
    assert_non_null(strstr(text, "{cluster=\"\",code=\"200\"} 6\n"));
    assert_null(strstr(text, "unknown"));
    assert_non_null(strstr(text, "isochrone_redis_up 1\n"));
    buffer_release(&page);
}

static void a_histogram_is_cumulative(void **state)
{
    (void)state;
    struct buffer page = {0};
    write_page(&page, METRICS_PROMETHEUS);
    const char *text = buffer_slice(&page).ptr;
    assert_non_null(strstr(text, "_bucket{cluster=\"fra\",le=\"0.02\"} 0\n"));
    assert_non_null(strstr(text, "_bucket{cluster=\"fra\",le=\"0.04\"} 1\n"));
    assert_non_null(strstr(text, "_bucket{cluster=\"fra\",le=\"10.0\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{cluster=\"fra\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "_sum{cluster=\"fra\"} 103.03\n"));
    assert_non_null(strstr(text, "_count{cluster=\"fra\"} 3\n"));
    buffer_release(&page);
}

static void openmetrics_differs_where_it_must(void **state)
{
    (void)state;
    struct buffer page = {0};
    write_page(&page, METRICS_OPENMETRICS);
    const char *text = buffer_slice(&page).ptr;
    assert_non_null(strstr(text, "# TYPE isochrone_requests counter\n"));
    assert_non_null(strstr(text, "\nisochrone_requests_total{"));
    assert_non_null(strstr(text, "\n# EOF\n"));
    buffer_release(&page);
}

static void many_series_are_all_kept(void **state)
{
    (void)state;
    struct buffer page = {0};
    struct metrics_text metrics;
    metrics_begin(&metrics, &page, METRICS_PROMETHEUS);
    metrics_family(&metrics, METRIC_GAUGE, "isochrone_x", "X.");
    for (unsigned i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%u", i);
        metrics_uint(&metrics, i, METRIC_LABELS({"cluster", name}));
    }
    assert_int_equal(metrics.seen_count, 5001);
    metrics_end(&metrics);
    buffer_release(&page);
}

static void quantiles_interpolate(void **state)
{
    (void)state;
    struct distribution distribution;
    distribution_init(&distribution, &distribution_ttft_s);
    struct distribution_total total = {0};
    distribution_sum(&total, &distribution);
    assert_true(isnan(distribution_quantile(&total, .5)));
    for (unsigned i = 0; i < 100; i++)
        distribution_add(&distribution, .3);
    total = (struct distribution_total){0};
    distribution_sum(&total, &distribution);
    assert_true(fabs(distribution_quantile(&total, .5) - .375) < 1e-9);
}

UNIT_MAIN(promtool_accepts_the_page, labels_are_escaped, a_histogram_is_cumulative,
          openmetrics_differs_where_it_must, many_series_are_all_kept, quantiles_interpolate)
