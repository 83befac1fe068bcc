/* The page: foreign text stays text, what is missing is left out, everything is closed. */
#include "unit.h"

#include "report/html.h"
#include "report/intake.h"
#include "report/page.h"

/* The page of one file; for free(). */
static char *page_of(const char *text)
{
    struct study study;
    struct error error;
    struct buffer html = {0};
    study_init(&study);
    if (!intake_text(&study, "run", NULL, slice_of(text), &error))
        fail_msg("%s", error.text);
    study_close(&study, 1000);
    const struct page page = {.study = &study, .out = &html};
    page_write(&page);
    char *out = slice_dup(buffer_slice(&html));
    buffer_release(&html);
    study_finish(&study);
    return out;
}

static void has(const char *html, const char *part)
{
    if (strstr(html, part) == NULL)
        fail_msg("the page has no '%s'", part);
}

static void lacks(const char *html, const char *part)
{
    if (strstr(html, part) != NULL)
        fail_msg("the page has '%s'", part);
}

static size_t times(const char *html, const char *part)
{
    size_t count = 0;
    for (const char *at = html; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void written(const char *text, const char *expected)
{
    struct buffer out = {0};
    html_text(&out, text);
    buffer_append_byte(&out, '\0');
    assert_string_equal(buffer_slice(&out).ptr, expected);
    buffer_release(&out);
}

static void text_is_escaped(void **state)
{
    (void)state;
    written("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;");
    written("Z\xc3\xbcrich \xe4\xb8\x8a\xe6\xb5\xb7 \xf0\x9f\x8c\x8d",
            "Z\xc3\xbcrich \xe4\xb8\x8a\xe6\xb5\xb7 \xf0\x9f\x8c\x8d");
    written("a\x01z\x7f", "a\xef\xbf\xbdz\xef\xbf\xbd");
    written("\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong < */
    written("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    written("cut \xe4\xb8", "cut \xef\xbf\xbd\xef\xbf\xbd");
    written("a\xe2\x80\xae"
            "b",
            "a\xef\xbf\xbd"
            "b"); /* writes backwards */
}

static void formats_escape_their_strings(void **state)
{
    (void)state;
    struct buffer out = {0};
    html_format(&out, "<a title=\"%s\">%d %zu %.1f %%</a>", "\">", -1, (size_t)2, 3.25);
    buffer_append_byte(&out, '\0');
    assert_string_equal(buffer_slice(&out).ptr, "<a title=\"&quot;&gt;\">-1 2 3.2 %</a>");
    buffer_release(&out);
}

static void what_fits(void **state)
{
    (void)state;
    assert_true(html_text_fit("short", 12, 100) == SIZE_MAX);
    const size_t fit = html_text_fit("a name that is much too long", 12, 60);
    assert_true(fit > 4 && fit < 12);
    assert_true(html_text_width("MMMM", 12) > html_text_width("iiii", 12));
}

#define NAMED(policy, cluster)                                                             \
    "{\"policy\":\"" policy "\",\"load\":0.8,\"requests\":10,\"scenario\":\"</title>\","   \
    "\"ttft_ms\":{\"p50\":1,\"p95\":2,\"p99\":3},\"share\":{\"" cluster "\":1},"           \
    "\"clusters\":[{\"name\":\"" cluster "\",\"latitude\":1,\"longitude\":2}],\"places\":" \
    "[{\"name\":\"" cluster "\",\"latitude\":1,\"longitude\":40,\"sent\":{\"" cluster      \
    "\":10}}]}\n"

static void names_are_never_markup(void **state)
{
    (void)state;
    char *html = page_of(NAMED("<script>alert(1)</script>", "</text><script>"));
    lacks(html, "<script");
    has(html, "&lt;script&gt;alert(1)&lt;/script&gt;");
    has(html, "&lt;/text&gt;&lt;script&gt;");
    assert_int_equal(times(html, "</title></head>"), 0);
    free(html);
}

static void nothing_is_fetched(void **state)
{
    (void)state;
    char *html = page_of(NAMED("a", "b"));
    has(html, "default-src 'none'");
    lacks(html, "http://");
    lacks(html, "https://");
    lacks(html, "url(");
    lacks(html, "@import");
    lacks(html, "<script");
    free(html);
}

static void every_tag_is_closed(void **state)
{
    (void)state;
    static const char *const tags[] = {"section", "figure", "div", "svg",  "g",  "text",
                                       "table",   "tr",     "p",   "span", "ul", "title"};
    char *html = page_of(NAMED("a", "b") NAMED("c", "d"));
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        char open[16], open_more[16], close[16];
        snprintf(open, sizeof open, "<%s>", tags[i]);
        snprintf(open_more, sizeof open_more, "<%s ", tags[i]);
        snprintf(close, sizeof close, "</%s>", tags[i]);
        if (times(html, open) + times(html, open_more) != times(html, close))
            fail_msg("<%s> is opened and closed unequally", tags[i]);
    }
    free(html);
}

static void missing_parts_are_said(void **state)
{
    (void)state;
    char *html = page_of("{\"total\":{\"requests\":5,\"ttft_ms\":{\"p50\":10,\"p99\":20}},"
                         "\"by_cluster\":{\"a\":{\"requests\":5}}}");
    has(html, "for every run was measured at one load.");
    has(html, "the course over time, for the files have none.");
    has(html, "--scenario does.");
    lacks(html, "class=\"wide map\"");
    free(html);
}

static void a_curve_of_goodput_alone(void **state)
{
    (void)state;
    char *html = page_of("{\"policy\":\"a\",\"slo_ms\":1000,\"goodput\":0.83,\"curve\":[[0.8,0.97],"
                         "[0.9,0.9]]}\n{\"policy\":\"b\",\"goodput\":0,\"curve\":[[0.1,0.2]]}");
    has(html, "<b>a</b> keeps 95 % of its requests in time up to <b>load 0.83</b>.");
    has(html, "Requests in time over load");
    has(html, "below 0.1");
    lacks(html, "class=\"board\"");
    free(html);
}

static void what_the_router_adds(void **state)
{
    (void)state;
    char *html =
        page_of("{\"total\":{\"requests\":5,\"ttft_ms\":{\"p50\":10,\"p99\":20}},\"direct\":"
                "{\"requests\":4,\"ttft_ms\":{\"p50\":8,\"p99\":18}},"
                "\"added_ms\":{\"ttft\":{\"p50\":2,\"p99\":-2}}}");
    has(html, "run, direct");
    has(html, "<b>+2\xc2\xa0ms</b>");
    has(html, "<b>\xe2\x88\x92"
              "2\xc2\xa0ms</b>");
    free(html);
}

static void without_streams_the_end_counts(void **state)
{
    (void)state;
    char *html = page_of("{\"total\":{\"requests\":5,\"e2e_ms\":{\"p50\":10,\"p99\":20}}}");
    has(html, "<b>run</b> answers in <b>10\xc2\xa0ms</b> at the median");
    has(html, "<div>end p99</div>");
    free(html);
}

static void never_is_said(void **state)
{
    (void)state;
    char *html = page_of(
        "{\"policy\":\"a\",\"load\":1,\"requests\":9,\"ttft_ms\":{\"p50\":5,\"p99\":7}}\n"
        "{\"policy\":\"b\",\"load\":1,\"requests\":9,\"ttft_ms\":{\"p50\":10,\"p99\":null}}");
    has(html, "<b>b</b> never reaches a p99");
    has(html, "<b>never</b>");
    has(html, "\xc3\x97"
              "2.0");
    free(html);
}

static void a_replay_alone(void **state)
{
    (void)state;
    char *html = page_of("{\"decisions\":100,\"changed\":25,\"predicted_ttft_ms_of_all\":-12,"
                         "\"clusters\":{\"a\":{\"then\":1,\"now\":3}}}");
    has(html, "would have sent <b>25\xc2\xa0%</b> elsewhere");
    has(html, "<b>12\xc2\xa0ms</b> sooner");
    free(html);
}

UNIT_MAIN(text_is_escaped, formats_escape_their_strings, what_fits, names_are_never_markup,
          nothing_is_fetched, every_tag_is_closed, missing_parts_are_said, a_curve_of_goodput_alone,
          what_the_router_adds, without_streams_the_end_counts, never_is_said, a_replay_alone)
