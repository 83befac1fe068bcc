/* The reader: each mistake gives exactly this sentence, and all of them come in one run. */
#include "unit.h"

#include <math.h>

#include "config/yaml.h"

struct fixture {
    struct arena arena;
    struct config_problems problems;
    struct yaml_node *root;
};

static void open_text(struct fixture *f, const char *text)
{
    arena_init(&f->arena);
    config_problems_init(&f->problems);
    f->root = yaml_load_text("t.yaml", slice_of(text), &f->arena, &f->problems);
}

static void close_text(struct fixture *f)
{
    config_problems_finish(&f->problems);
    arena_finish(&f->arena);
}

/* The schema of these tests. */
struct thing {
    double number, wait_ms;
    int64_t whole;
    bool flag;
    uint64_t room;
    const char *name, *text;
    int choice;
};

static void read_thing(struct yaml_node *map, struct thing *out)
{
    static const char *const choices[] = {"interactive", "flex", "batch", NULL};
    if (!yaml_as_map(map))
        return;
    yaml_get_number(map, "number", &out->number, -90, 90, NAN);
    yaml_get_int(map, "whole", &out->whole, 0, 1000, 100);
    yaml_get_bool(map, "flag", &out->flag, true);
    yaml_get_duration(map, "wait", &out->wait_ms, "10ms", "1h", "2s");
    yaml_get_size(map, "room", &out->room, "1KiB", "1GiB", "32MiB");
    yaml_get_name(map, "name", &out->name, "");
    yaml_get_text(map, "text", &out->text, 20, "");
    yaml_get_choice(map, "choice", &out->choice, choices, 0);
    yaml_finish_map(map);
}

static void expect_problems(const struct fixture *f, const char *const *texts)
{
    size_t i = 0;
    for (; texts[i] != NULL && i < f->problems.count; i++)
        assert_string_equal(f->problems.items[i].text, texts[i]);
    assert_null(texts[i]);
    assert_int_equal(f->problems.count, i);
}

static void check_one(const char *text, const char *problem)
{
    struct fixture f;
    struct thing thing;
    open_text(&f, text);
    if (f.root != NULL)
        read_thing(f.root, &thing);
    expect_problems(&f, (const char *const[]){problem, NULL});
    close_text(&f);
}

static void values_are_read(void **state)
{
    (void)state;
    struct fixture f;
    struct thing t;
    open_text(&f, "number: -1.5e1\nwhole: 7\nflag: off\nwait: 1.5s\nroom: 512KiB\nname: a.b_c-1\n"
                  "text: 'hello, world'\nchoice: batch\n");
    read_thing(f.root, &t);
    assert_int_equal(f.problems.count, 0);
    assert_true(t.number == -15 && t.whole == 7 && !t.flag && t.wait_ms == 1500);
    assert_int_equal(t.room, 512 * 1024);
    assert_string_equal(t.name, "a.b_c-1");
    assert_string_equal(t.text, "hello, world");
    assert_int_equal(t.choice, 2);
    close_text(&f);
}

static void defaults_are_given(void **state)
{
    (void)state;
    struct fixture f;
    struct thing t;
    open_text(&f, "{}\n");
    read_thing(f.root, &t);
    assert_int_equal(f.problems.count, 0);
    assert_true(isnan(t.number) && t.whole == 100 && t.flag && t.wait_ms == 2000);
    assert_int_equal(t.room, 32 << 20);
    assert_string_equal(t.name, "");
    close_text(&f);
}

static void wrong_values(void **state)
{
    (void)state;
    check_one("number: north",
              "t.yaml:1:9: number: expected a number from -90 to 90, found \"north\"");
    check_one("number: 38.95N",
              "t.yaml:1:9: number: expected a number from -90 to 90, found \"38.95N\"");
    check_one("number: nan", "t.yaml:1:9: number: expected a number from -90 to 90, found \"nan\"");
    check_one("number: 91", "t.yaml:1:9: number: expected a number from -90 to 90, found \"91\"");
    check_one("number: 0x10",
              "t.yaml:1:9: number: expected a number from -90 to 90, found \"0x10\"");
    check_one("number: {a: 1}",
              "t.yaml:1:9: number: expected a number from -90 to 90, found a map");
    check_one(
        "whole: 1.5",
        "t.yaml:1:8: whole: expected a whole number from 0 to 1000 (default 100), found \"1.5\"");
    check_one(
        "whole: -1",
        "t.yaml:1:8: whole: expected a whole number from 0 to 1000 (default 100), found \"-1\"");
    check_one("whole: 99999999999999999999",
              "t.yaml:1:8: whole: expected a whole number from 0 to 1000 (default 100), found "
              "\"99999999999999999999\"");
    check_one("whole:", "t.yaml:1:7: whole: expected a whole number from 0 to 1000 (default 100), "
                        "found nothing");
    check_one("flag: yes",
              "t.yaml:1:7: flag: expected true or false (default true), found \"yes\"");
    check_one("wait: 5",
              "t.yaml:1:7: wait: expected a duration from 10ms to 1h (default 2s), found \"5\"");
    check_one("wait: 90m",
              "t.yaml:1:7: wait: expected a duration from 10ms to 1h (default 2s), found \"90m\"");
    check_one("wait: 5 s",
              "t.yaml:1:7: wait: expected a duration from 10ms to 1h (default 2s), found \"5 s\"");
    check_one(
        "room: 1.5B",
        "t.yaml:1:7: room: expected a size from 1KiB to 1GiB (default 32MiB), found \"1.5B\"");
    check_one(
        "room: 2GiB",
        "t.yaml:1:7: room: expected a size from 1KiB to 1GiB (default 32MiB), found \"2GiB\"");
    check_one(
        "room: 32MB",
        "t.yaml:1:7: room: expected a size from 1KiB to 1GiB (default 32MiB), found \"32MB\"");
}

static void wrong_texts(void **state)
{
    (void)state;
    check_one("name: Hohhot",
              "t.yaml:1:7: name: expected a name of 1 to 64 of a-z 0-9 . _ -, found \"Hohhot\"");
    check_one("name: ''",
              "t.yaml:1:7: name: expected a name of 1 to 64 of a-z 0-9 . _ -, found an empty text");
    check_one("text: [a]", "t.yaml:1:7: text: expected text of 1 to 20 bytes, found a list");
    check_one("text: aaaaaaaaaaaaaaaaaaaaa",
              "t.yaml:1:7: text: expected text of 1 to 20 bytes, found \"aaaaaaaaaaaaaaaaaaaaa\"");
    check_one("text: \"a\\nb\"",
              "t.yaml:1:7: text: contains a control byte; only printable text is allowed");
    check_one("choice: felx", "t.yaml:1:9: choice: expected interactive, flex or batch (default "
                              "interactive), found \"felx\"; did you mean \"flex\"?");
    check_one("choice: x", "t.yaml:1:9: choice: expected interactive, flex or batch (default "
                           "interactive), found \"x\"");
    check_one("[1]", "t.yaml:1:1: expected a map, found a list");
}

static void wrong_keys(void **state)
{
    (void)state;
    check_one("naem: x", "t.yaml:1:1: naem: unknown key; did you mean \"name\"?");
    check_one("zzzz: x", "t.yaml:1:1: zzzz: unknown key; allowed here: number, whole, flag, wait, "
                         "room, name, text, choice");
    check_one("name: x\nname: y", "t.yaml:2:1: name: key given twice (first at line 1)");
    check_one("\"na\\0me\": y", "t.yaml:1:1: a key must be plain text");
    check_one("{[1]: y}", "t.yaml:1:2: a key must be plain text");
}

static void refused_features(void **state)
{
    (void)state;
    check_one("name: &a x",
              "t.yaml:1:7: anchor \"&a\" is not allowed; write the value out where it "
              "is needed");
    check_one("name: *a",
              "t.yaml:1:7: alias \"*a\" is not allowed; write the value out where it is "
              "needed");
    check_one("name: !!str x",
              "t.yaml:1:7: tag \"tag:yaml.org,2002:str\" is not allowed; the key decides the type");
    check_one("name: x\n---\nname: y\n",
              "t.yaml:2:1: a second document begins here; one file is one document");
    check_one("", "t.yaml:1:1: the file is empty");
    check_one("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
              "t.yaml:1:33: nested deeper than 32 levels, which nothing here needs");
}

static void broken_syntax(void **state)
{
    (void)state;
    check_one("a:\n  - b\n c",
              "t.yaml:3:2: did not find expected key while parsing a block mapping");
    check_one("name: x\n\ttext: y", "t.yaml:2:1: found a tab character that violates indentation "
                                    "while scanning a plain scalar");
    check_one("name: \"x", "t.yaml:1:9: found unexpected end of stream while scanning a quoted "
                           "scalar");
    check_one("name: a\xff",
              "t.yaml:1:1: invalid leading UTF-8 octet at byte 7; the file must be UTF-8 text");
}

static void all_in_one_run(void **state)
{
    (void)state;
    struct fixture f;
    struct thing t;
    open_text(&f, "things:\n- {regoin: x, number: 1}\n- {number: 91, flag: perhaps}\n");
    YAML_EACH(item, yaml_need_list(f.root, "things"))
    read_thing(item, &t);
    yaml_need(f.root, "other");
    yaml_finish_map(f.root);
    config_problems_sort(&f.problems);
    expect_problems(
        &f, (const char *const[]){
                "t.yaml:1:1: missing required key \"other\"",
                "t.yaml:2:4: things[0].regoin: unknown key; allowed here: number, whole, flag, "
                "wait, room, name, text, choice",
                "t.yaml:3:12: things[1].number: expected a number from -90 to 90, found \"91\"",
                "t.yaml:3:22: things[1].flag: expected true or false (default true), found "
                "\"perhaps\"",
                NULL});
    close_text(&f);
}

static void needed_keys(void **state)
{
    (void)state;
    struct fixture f;
    struct thing t;
    open_text(&f, "a: []\n");
    assert_false(yaml_need_number(f.root, "number", &t.number, 0, 1));
    assert_false(yaml_need_text(f.root, "text", &t.text, 9));
    assert_int_equal(yaml_need_list(f.root, "a")->count, 0);
    expect_problems(
        &f, (const char *const[]){"t.yaml:1:1: missing required key \"number\"",
                                  "t.yaml:1:1: missing required key \"text\"",
                                  "t.yaml:1:4: a: expected at least one entry, found an empty list",
                                  NULL});
    close_text(&f);
}

static void a_terminal_is_safe(void **state)
{
    (void)state;
    check_one("choice: \"\\e[31m\"", "t.yaml:1:9: choice: expected interactive, flex or batch "
                                     "(default interactive), found \"?[31m\"");
}

static void files_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, "{}");
    assert_null(yaml_load_file("/nonexistent/x.yaml", 100, &f.arena, &f.problems));
    assert_null(yaml_load_file("/dev/zero", 100, &f.arena, &f.problems));
    expect_problems(&f, (const char *const[]){
                            "/nonexistent/x.yaml: cannot be read: No such file or directory",
                            "/dev/zero: is larger than 100 bytes, the most that is read", NULL});
    close_text(&f);
}

static void problems_are_bounded(void **state)
{
    (void)state;
    struct config_problems problems;
    config_problems_init(&problems);
    for (unsigned i = 0; i < CONFIG_PROBLEMS_MAX + 3; i++)
        config_problems_add(&problems, "problem %u", i);
    assert_int_equal(problems.count, CONFIG_PROBLEMS_MAX);
    assert_int_equal(problems.dropped, 3);
    config_problems_finish(&problems);
}

UNIT_MAIN(values_are_read, defaults_are_given, wrong_values, wrong_texts, wrong_keys,
          refused_features, broken_syntax, all_in_one_run, needed_keys, a_terminal_is_safe,
          files_are_bounded, problems_are_bounded)
