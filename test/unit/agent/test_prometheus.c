#include "agent/prometheus.h"
#include "unit.h"

static struct prometheus_sample only(const char *line)
{
    struct prometheus text = prometheus_of(slice_of(line));
    struct prometheus_sample sample;
    if (!prometheus_next(&text, &sample))
        fail_msg("no sample: %s", line);
    return sample;
}

static void samples_of_every_form(void **state)
{
    (void)state;
    assert_true(only("a 1").value == 1);
    assert_true(only("a{} 2\r\n").value == 2);
    assert_true(only("a:b_total{x=\"1\"} 1e+06").value == 1e6);
    assert_true(only("  a { x = \"1\" , y=\"2\" , } 3.5 1700000000000").value == 3.5);
    assert_true(only("a -4").value == -4);
    assert_true(only("a{x=\"}\"} 5").value == 5);
}

static void labels_are_found(void **state)
{
    (void)state;
    const struct prometheus_sample s =
        only("vllm:x{engine=\"0\",model_name=\"a \\\"b\\\", c\",le=\"+Inf\"} 3");
    assert_true(slice_eq(s.name, SLICE("vllm:x")));
    assert_true(slice_eq(prometheus_label(s.labels, SLICE("engine")), SLICE("0")));
    assert_true(slice_eq(prometheus_label(s.labels, SLICE("model_name")), SLICE("a \\\"b\\\", c")));
    assert_true(slice_eq(prometheus_label(s.labels, SLICE("le")), SLICE("+Inf")));
    assert_null(prometheus_label(s.labels, SLICE("mode")).ptr);
    assert_null(prometheus_label(only("a 1").labels, SLICE("x")).ptr);
}

static void comments_and_blank_lines_are_no_faults(void **state)
{
    (void)state;
    struct prometheus text =
        prometheus_of(SLICE("# HELP a b\n# TYPE a gauge\n\n \na 1\nb 2\n# EOF\n"));
    struct prometheus_sample sample;
    assert_true(prometheus_next(&text, &sample));
    assert_true(prometheus_next(&text, &sample));
    assert_true(slice_eq(sample.name, SLICE("b")));
    assert_false(prometheus_next(&text, &sample));
    assert_int_equal(text.malformed, 0);
}

static void nonsense_is_skipped_and_counted(void **state)
{
    (void)state;
    static const char text[] = "a\n"
                               "a{\n"
                               "a{x=\"1} 1\n"
                               "a{x=1} 1\n"
                               "a{x=\"1\"y=\"2\"} 1\n"
                               "a{x=\"\\\n"
                               "9a 1\n"
                               "a x\n"
                               "a 0x10\n"
                               "a NaN\n"
                               "a +Inf\n"
                               "a 1e999\n"
                               "<html>\n"
                               "a 7";
    struct prometheus all = prometheus_of(slice_of(text));
    struct prometheus_sample sample;
    assert_true(prometheus_next(&all, &sample));
    assert_true(sample.value == 7);
    assert_int_equal(all.malformed, 13);
    assert_false(prometheus_next(&all, &sample));
}

static void empty_text_has_no_samples(void **state)
{
    (void)state;
    struct prometheus text = prometheus_of(SLICE_NONE);
    struct prometheus_sample sample;
    assert_false(prometheus_next(&text, &sample));
    text = prometheus_of(SLICE(""));
    assert_false(prometheus_next(&text, &sample));
}

UNIT_MAIN(samples_of_every_form, labels_are_found, comments_and_blank_lines_are_no_faults,
          nonsense_is_skipped_and_counted, empty_text_has_no_samples)
