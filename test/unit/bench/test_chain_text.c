#include "chain_text/chain_text.h"
#include "unit.h"

static void read_text(struct chain_text *chain, const char *text)
{
    struct error error;
    if (!chain_text_read(chain, text, &error))
        fail_msg("%s: %s", text, error.text);
}

static void setting_is(const struct policy_ref *ref, size_t at, const char *name, const char *text)
{
    assert_true(at < ref->setting_count);
    assert_string_equal(ref->settings[at].name, name);
    assert_string_equal(ref->settings[at].text, text);
}

static void a_name_with_or_without_its_ending(void **state)
{
    struct chain_text chain;
    (void)state;
    read_text(&chain, "nearest");
    assert_int_equal(chain.count, 1);
    assert_string_equal(chain.refs[0].plugin, "nearest");
    assert_int_equal(chain.refs[0].setting_count, 0);
    chain_text_finish(&chain);
    read_text(&chain, "nearest.so");
    assert_string_equal(chain.refs[0].plugin, "nearest");
    chain_text_finish(&chain);
}

static void a_path_is_made_absolute(void **state)
{
    struct chain_text chain;
    (void)state;
    read_text(&chain, "/usr/../tmp:x=1");
    assert_string_equal(chain.refs[0].plugin, "/tmp");
    chain_text_finish(&chain);
    read_text(&chain, "./not/there.so");
    assert_string_equal(chain.refs[0].plugin, "./not/there.so");
    chain_text_finish(&chain);
}

static void settings_and_modifiers(void **state)
{
    struct chain_text chain;
    (void)state;
    read_text(&chain, "least_latency.so:flex_rule=off+prefer:region=eu-west,worth=80ms+prefer.so:"
                      "country=DE:worth=1s");
    assert_int_equal(chain.count, 3);
    assert_int_equal(chain.refs[0].setting_count, 1);
    setting_is(&chain.refs[0], 0, "flex_rule", "off");
    assert_string_equal(chain.refs[1].plugin, "prefer");
    setting_is(&chain.refs[1], 0, "region", "eu-west");
    setting_is(&chain.refs[1], 1, "worth", "80ms");
    setting_is(&chain.refs[2], 0, "country", "DE");
    setting_is(&chain.refs[2], 1, "worth", "1s");
    chain_text_finish(&chain);
}

static void a_backslash_takes_the_meaning_away(void **state)
{
    struct chain_text chain;
    (void)state;
    read_text(&chain, "prefer:region=a\\,b\\+c\\:d\\\\e=f,accelerator=,country=DE");
    assert_int_equal(chain.count, 1);
    assert_int_equal(chain.refs[0].setting_count, 3);
    setting_is(&chain.refs[0], 0, "region", "a,b+c:d\\e=f");
    setting_is(&chain.refs[0], 1, "accelerator", "");
    setting_is(&chain.refs[0], 2, "country", "DE");
    chain_text_finish(&chain);
}

static void a_list_keeps_settings_with_their_chain(void **state)
{
    static const char *const parts[] = {"clairvoyant", "a.so:x=1,y=2", "b",
                                        "c+prefer:region=d\\,e,z=3", "./f.so:w=4"};
    struct slice rest = slice_of("clairvoyant,a.so:x=1,y=2,b,c+prefer:region=d\\,e,z=3,./f.so:w=4");
    struct slice one;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_true(chain_text_split(&rest, &one));
        if (!slice_eq(one, slice_of(parts[i])))
            fail_msg("found %.*s, expected %s", SLICE_ARG(one), parts[i]);
    }
    assert_false(chain_text_split(&rest, &one));
}

static void refused(const char *text, const char *sentence)
{
    struct chain_text chain;
    struct error error;
    assert_false(chain_text_read(&chain, text, &error));
    assert_string_equal(error.text, sentence);
    chain_text_finish(&chain);
}

static void what_is_no_chain(void **state)
{
    (void)state;
    refused("", "\"\" does not begin with the name of a policy");
    refused("a+", "\"a+\" does not begin with the name of a policy");
    refused(":x=1", "\":x=1\" does not begin with the name of a policy");
    refused("a:", "\"\" is not SETTING=VALUE");
    refused("a:x", "\"x\" is not SETTING=VALUE");
    refused("a:x=1,=2", "\"=2\" is not SETTING=VALUE");
    refused("a:x\\=1", "\"x\\=1\" is not SETTING=VALUE");
    refused("a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a", "a chain has at most 8 policies");
}

UNIT_MAIN(a_name_with_or_without_its_ending, a_path_is_made_absolute, settings_and_modifiers,
          a_backslash_takes_the_meaning_away, a_list_keeps_settings_with_their_chain,
          what_is_no_chain)
