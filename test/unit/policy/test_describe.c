#include "policy/describe.h"
#include "unit.h"

static bool described(const char *path, char *text, size_t size, struct error *error)
{
    FILE *out = fmemopen(text, size, "w");
    assert_non_null(out);
    const bool good = plugin_describe(path, out, error);
    fclose(out);
    return good;
}

static void all_of_it_for_people(void **state)
{
    char text[4096] = "";
    struct error error;
    (void)state;
    assert_true(described(ABI_DIR "/good.so", text, sizeof text, &error));
    assert_non_null(strstr(text, "variant 1.0\nFor the loader's tests\n"));
    assert_non_null(strstr(text, "kind      complete\n"));
    assert_non_null(strstr(text, "abi       1.1 (this router: 1.1)\n"));
    assert_non_null(strstr(text, "answers   filter, cost\n"));
    assert_non_null(strstr(text, "parts     wait\n"));
    assert_non_null(strstr(text, "reasons   too far\n"));
    assert_non_null(strstr(text,
                           "  max_age              duration 100ms to 10m, default 5s\n"
                           "                       Reports older than this are not believed\n"));
    assert_non_null(strstr(text, "  rule                 choice   cheap or fast, default fast\n"));
}

static void texts_and_what_they_are_without_being_set(void **state)
{
    char text[4096] = "";
    struct error error;
    (void)state;
    assert_true(described(PLUGIN_DIR "/prefer.so", text, sizeof text, &error));
    assert_non_null(strstr(text, "kind      modifier\n"));
    assert_non_null(
        strstr(text,
               "  region               text     a text of at most 127 bytes, default \"\"\n"));
}

static void a_policy_without_settings_or_reasons(void **state)
{
    char text[4096] = "";
    struct error error;
    (void)state;
    assert_true(described(PLUGIN_DIR "/round_robin.so", text, sizeof text, &error));
    assert_non_null(strstr(text, "reasons   none\nsettings  none\n"));
}

static void what_cannot_be_loaded(void **state)
{
    char text[4096] = "";
    struct error error;
    (void)state;
    assert_false(described(ABI_DIR "/magic.so", text, sizeof text, &error));
    assert_non_null(strstr(error.text, "magic is 0x00000007"));
    assert_false(described(ABI_DIR "/absent.so", text, sizeof text, &error));
    assert_string_equal(error.text,
                        "plugin " ABI_DIR "/absent.so: opening it: No such file or directory");
}

UNIT_MAIN(all_of_it_for_people, texts_and_what_they_are_without_being_set,
          a_policy_without_settings_or_reasons, what_cannot_be_loaded)
