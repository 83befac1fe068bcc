/* Operator text becomes values, or a sentence that says what would be right. */
#include "policy/option.h"
#include "unit.h"

static const char *const rules[] = {"cheap", "fast", "fair", NULL};

static const struct iso_option max_age = {.name = "max_age",
                                          .help = "h",
                                          .type = ISO_TYPE_DURATION,
                                          .def = "5s",
                                          .min = "100ms",
                                          .max = "10m"};
static const struct iso_option tries = {
    .name = "tries", .help = "h", .type = ISO_TYPE_INT, .min = "-3", .def = "2"};
static const struct iso_option share = {.name = "share",
                                        .help = "h",
                                        .type = ISO_TYPE_NUMBER,
                                        .max = "1.5"};
static const struct iso_option strict = {.name = "strict",
                                         .help = "h",
                                         .type = ISO_TYPE_BOOL,
                                         .def = "off"};
static const struct iso_option rule = {
    .name = "rule", .help = "h", .type = ISO_TYPE_CHOICE, .choices = rules, .def = "fast"};
static const struct iso_option patience = {.name = "patience",
                                           .help = "h",
                                           .type = ISO_TYPE_DURATION};

static const struct iso_option region = {.name = "region",
                                         .help = "h",
                                         .type = ISO_TYPE_TEXT,
                                         .def = ""};

static union option_value taken(const struct iso_option *option, const char *text)
{
    union option_value value;
    struct error error;
    if (!option_parse(option, text, &value, &error))
        fail_msg("%s", error.text);
    return value;
}

static void refused(const struct iso_option *option, const char *text, const char *sentence)
{
    union option_value value;
    struct error error;
    assert_false(option_parse(option, text, &value, &error));
    assert_string_equal(error.text, sentence);
}

static void durations_have_units(void **state)
{
    (void)state;
    assert_true(taken(&max_age, "250ms").number == 250);
    assert_true(taken(&max_age, "1.5s").number == 1500);
    assert_true(taken(&max_age, "10m").number == 600000);
    assert_true(taken(&patience, "2h").number == 7200000);
    assert_true(taken(&patience, "0s").number == 0);
}

static void wrong_durations_say_what_is_allowed(void **state)
{
    (void)state;
    refused(&max_age, "90m", "90m is out of range; it may be 100ms to 10m, default 5s");
    refused(&max_age, "99ms", "99ms is out of range; it may be 100ms to 10m, default 5s");
    refused(&max_age, "5",
            "\"5\" is not a duration with its unit, such as 250ms, 5s, 10m or 1h; "
            "it may be 100ms to 10m, default 5s");
    refused(&patience, "-1s", "-1s is out of range; it may be 0s or more");
    refused(&patience, "1 s",
            "\"1 s\" is not a duration with its unit, such as 250ms, 5s, 10m or 1h; "
            "it may be 0s or more");
    refused(&patience, "",
            "\"\" is not a duration with its unit, such as 250ms, 5s, 10m or 1h; "
            "it may be 0s or more");
    refused(&patience, "5sec",
            "\"5sec\" is not a duration with its unit, such as 250ms, 5s, 10m or 1h; "
            "it may be 0s or more");
}

static void whole_numbers(void **state)
{
    (void)state;
    assert_int_equal(taken(&tries, "42").int_value, 42);
    assert_int_equal(taken(&tries, "-3").int_value, -3);
    refused(&tries, "-4", "-4 is out of range; it may be -3 or more, default 2");
    refused(&tries, "1.5", "\"1.5\" is not a whole number; it may be -3 or more, default 2");
    refused(&tries, "99999999999999999999",
            "\"99999999999999999999\" is not a whole number; it may be -3 or more, default 2");
}

static void numbers(void **state)
{
    (void)state;
    assert_true(taken(&share, "0.25").number == 0.25);
    refused(&share, "1.6", "1.6 is out of range; it may be at most 1.5");
    refused(&share, "nan", "\"nan\" is not a number; it may be at most 1.5");
    refused(&share, "0x10", "\"0x10\" is not a number; it may be at most 1.5");
}

static void switches(void **state)
{
    (void)state;
    assert_true(taken(&strict, "on").bool_value);
    assert_false(taken(&strict, "off").bool_value);
    refused(&strict, "true", "\"true\" is not a switch; it may be on or off, default off");
}

static void choices(void **state)
{
    (void)state;
    assert_int_equal(taken(&rule, "cheap").choice, 0);
    assert_int_equal(taken(&rule, "fair").choice, 2);
    refused(&rule, "Fair",
            "\"Fair\" is not one of its choices; it may be cheap, fast or fair, default fast");
}

static void texts(void **state)
{
    char text[ISO_TEXT_BYTES + 1];
    char allowed[320];
    (void)state;
    assert_string_equal(taken(&region, "cn-north").text, "cn-north");
    assert_string_equal(taken(&region, "").text, "");
    assert_string_equal(taken(&region, "M\xc3\xbcnchen, 1+1: a=b").text,
                        "M\xc3\xbcnchen, 1+1: a=b");
    memset(text, 'x', sizeof text);
    text[ISO_TEXT_BYTES - 1] = '\0';
    assert_string_equal(taken(&region, text).text, text);
    text[ISO_TEXT_BYTES - 1] = 'x';
    text[ISO_TEXT_BYTES] = '\0';
    refused(&region, text,
            "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" is too long; it "
            "may be a text of at most 127 bytes, default \"\"");
    refused(&region, "a\tb",
            "what is given has a control byte; it may be a text of at most 127 bytes, default "
            "\"\"");
    option_allowed(&region, allowed, sizeof allowed);
    assert_string_equal(allowed, "a text of at most 127 bytes");
}

static void long_text_is_cut_in_the_sentence(void **state)
{
    char text[1000];
    union option_value value;
    struct error error;
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_false(option_parse(&tries, text, &value, &error));
    assert_true(strlen(error.text) < 150);
    assert_non_null(strstr(error.text, "is not a whole number"));
}

UNIT_MAIN(durations_have_units, wrong_durations_say_what_is_allowed, whole_numbers, numbers,
          switches, choices, texts, long_text_is_cut_in_the_sentence)
