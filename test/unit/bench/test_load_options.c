/* The command line of `isobench load`: what it means, and what is refused with which sentence. */
#include "unit.h"

#include <math.h>

#include "base/check.h"
#include "load/options.h"

enum { WORDS_MOST = 24 };

static struct options options;
static struct arena arena;
static struct error error;

/* Reads a command line given as words with one blank between; '_' stands for a blank inside. */
static bool read_line(const char *line)
{
    static char text[512];
    char *words[WORDS_MOST + 1] = {text};
    int count = 0;
    snprintf(text, sizeof(text), "load %s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(count < WORDS_MOST);
        words[count++] = word;
        for (; *word != '\0'; word++)
            if (*word == '_')
                *word = ' ';
    }
    words[count] = NULL;
    error.text[0] = '\0';
    return options_read(count, words, &arena, &options, &error);
}

static void the_defaults(void **state)
{
    (void)state;
    assert_true(read_line("--url http://127.0.0.1:8080 --rate 10"));
    assert_true(options.h2);
    assert_true(options.duration_ms == 30e3);
    assert_int_equal(options.place_count, 1);
    assert_int_equal(options.connections, 8);
    assert_int_equal(options.streams, 100);
    assert_true(options.prompt.stream);
    assert_int_equal(address_port(&options.targets[0].addresses[0]), 8080);
    assert_true(slice_eq(options.targets[0].authority, SLICE("127.0.0.1:8080")));
    assert_true(slice_eq(options.prompt.model, SLICE("\"qwen3-32b\"")));
}

static void everything_said(void **state)
{
    (void)state;
    assert_true(read_line("--place sh=127.0.1.1@https://127.0.0.1:8443/base/ --place fra=127.0.2.1 "
                          "--url http://[::1]:80 --closed 20 --requests 500 --protocol h1 "
                          "--header X-Thing:_a_b --prompt lognormal:6.2,0.8 --output 0"));
    assert_string_equal(options.places[0].name, "sh");
    assert_true(options.places[0].target.secure);
    assert_true(slice_eq(options.places[0].target.prefix, SLICE("/base")));
    assert_false(options.places[1].has_target);
    assert_true(isinf(options.duration_ms));
    assert_int_equal(options.requests, 500);
    assert_int_equal(options.streams, 1);
    assert_int_equal(options.connections, 1000);
    assert_true(slice_eq(options.headers[0].name, SLICE("x-thing")));
    assert_true(slice_eq(options.headers[0].value, SLICE("a b")));
    assert_true(options.prompt_size.lognormal);
    assert_int_equal(options.output_size.tokens, 0);
}

static void arrivals_have_kinds(void **state)
{
    (void)state;
    const struct schedule_settings *schedule = &options.schedule;
    assert_true(read_line("--url http://127.0.0.1:1 --rate 50 --arrivals ramp:5 --duration 20s"));
    assert_int_equal(schedule->arrivals, ARRIVALS_RAMP);
    assert_true(schedule->from_rate == 5 && schedule->rate == 50 && schedule->ramp_s == 20);
    assert_true(read_line("--url http://127.0.0.1:1 --rate 50 --arrivals burst:3,500ms,4s"));
    assert_int_equal(schedule->arrivals, ARRIVALS_BURST);
    assert_true(schedule->burst_factor == 3 && schedule->burst_s == 0.5 && schedule->period_s == 4);
    assert_true(read_line("--url http://127.0.0.1:1 --rate 5 --class interactive=9,flex"));
    assert_int_equal(options.class_count, 2);
    assert_int_equal(options.classes[1].traffic_class, CLASS_FLEX);
    assert_true(options.class_weight == 10);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "give --rate R or --closed N"},
        {"--rate 5", "give --url URL, --place NAME=IP@URL or --steer URL"},
        {"--url http://127.0.0.1:1 --rate 0", "--rate: expected requests a second, 0.001 to"},
        {"--url http://127.0.0.1:1 --rate 5 --closed 5", "--rate and --closed exclude each other"},
        {"--url ftp://127.0.0.1 --rate 5", "--url: ftp://127.0.0.1: expected http://HOST:PORT"},
        {"--url http://127.0.0.1:99999 --rate 5", "port 1 to 65535"},
        {"--url http://u@127.0.0.1 --rate 5", "without user, query or fragment"},
        {"--url http://127.0.0.1/?a --rate 5", "without user, query or fragment"},
        {"--url http://127.0.0.1:1 --rate 5 --durtion 3s", "did you mean --duration?"},
        {"--url http://127.0.0.1:1 --rate", "--rate needs a value"},
        {"--url http://127.0.0.1:1 --rate 5 --duration 30", "such as 500ms, 30s or 5m"},
        {"--url http://127.0.0.1:1 --rate 5 --protocol h3", "expected one of h2, h1, found h3"},
        {"--url http://127.0.0.1:1 --rate 5 --path talk",
         "--path: expected one of chat, completions, embeddings, found talk"},
        {"--url http://127.0.0.1:1 --rate 5 --place sh", "expected NAME=IP or NAME=IP@URL"},
        {"--url http://127.0.0.1:1 --rate 5 --place sh=here", "here is no IP address"},
        {"--url http://127.0.0.1:1 --rate 5 --place a=127.0.0.1 --place a=127.0.0.2",
         "two places named a"},
        {"--rate 5 --place a=127.0.0.1", "place a has no URL: give --url, --steer or a=IP@URL"},
        {"--rate 5 --place a=127.0.0.1 --place b=127.0.0.1@http://127.0.0.1:1",
         "place a has no URL"},
        {"--steer http://127.0.0.1:1 --rate 5 --place a=127.0.0.1@http://127.0.0.1:1",
         "--steer cannot choose one"},
        {"--url http://127.0.0.1:1 --rate 5 --prompt many", "expected a number of tokens"},
        {"--url http://127.0.0.1:1 --rate 5 --prompt lognormal:99,1", "MU 0 to 12"},
        {"--url http://127.0.0.1:1 --rate 5 --class slow", "names of priority, interactive"},
        {"--url http://127.0.0.1:1 --rate 5 --class flex=0", "weights above 0"},
        {"--url http://127.0.0.1:1 --rate 5 --arrivals often", "or a file, found often"},
        {"--url http://127.0.0.1:1 --rate 5 --arrivals burst:2,9s,3s", "LASTS less than EVERY"},
        {"--url http://127.0.0.1:1 --rate 5 --arrivals ramp:x", "expected ramp or ramp:FROM"},
        {"--url http://127.0.0.1:1 --rate 5 --arrivals ramp --requests 9",
         "ramp needs a --duration"},
        {"--url http://127.0.0.1:1 --rate 5 --arrivals /dev/null",
         "--rate and --closed exclude it"},
        {"--url http://127.0.0.1:1 --arrivals /dev/null", "/dev/null: there is no request in it"},
        {"--url http://127.0.0.1:1 --rate 5 --time-scale 2", "--time-scale is for --arrivals FILE"},
        {"--url http://127.0.0.1:1 --rate 5 --promise ttft", "--promise: expected [CLASS:]ttft="},
        {"--url http://127.0.0.1:1 --rate 5 --identify so",
         "expected one of bind, forwarded, proxy"},
        {"--url http://127.0.0.1:1 --rate 5 --tenants /nowhere",
         "--tenants: /nowhere: No such file"},
        {"--url http://127.0.0.1:1 --rate 5 --tenants /dev/null", "there is no tenant in it"},
        {"--url http://127.0.0.1:1 --rate 5 --direct x", "--direct: x: expected http://HOST:PORT"},
        {"--url http://127.0.0.1:1 --rate 5 --turns 3", "--turns is for --conversations N"},
        {"--url http://127.0.0.1:1 --rate 5 --header nonsense", "expected 'NAME: VALUE'"},
        {"--url http://127.0.0.1:1 --closed 10 --open 5", "--closed 10 is more than --open 5"},
        {"--url http://127.0.0.1:1 --rate 5 --assert ttft<5ms", "no such count"},
        {"--url http://127.0.0.1:1 --rate 5 word", "word: expected an option"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(read_line(rows[i].line));
        if (strstr(error.text, rows[i].says) == NULL)
            fail_msg("%s: said \"%s\", not \"%s\"", rows[i].line, error.text, rows[i].says);
    }
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    assert_true(read_line("--help"));
    assert_true(options.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults),
        cmocka_unit_test(everything_said),
        cmocka_unit_test(arrivals_have_kinds),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(help_needs_nothing_else),
    };
    arena_init(&arena);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_finish(&arena);
    return failed;
}
