/* The loader: what it takes, and for everything else the sentence it says. */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "policy/plugin.h"
#include "unit.h"

/* A private directory for copies of shared objects; its files go with it. */
struct scratch {
    char path[64];
    char file[128]; /* "<path>/mine.so" */
};

static void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->path, sizeof scratch->path, "/tmp/isochrone-plugin-XXXXXX");
    assert_non_null(mkdtemp(scratch->path));
    snprintf(scratch->file, sizeof scratch->file, "%s/mine.so", scratch->path);
}

static void scratch_remove(struct scratch *scratch)
{
    unlink(scratch->file);
    rmdir(scratch->path);
}

static size_t file_read(const char *path, char **bytes)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    *bytes = memory_alloc(size);
    assert_int_equal(fread(*bytes, 1, size, file), size);
    fclose(file);
    return size;
}

static void file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void file_copy(const char *from, const char *to)
{
    char *bytes;
    const size_t size = file_read(from, &bytes);
    file_write(to, bytes, size);
    free(bytes);
}

static void refused(const char *name, const char *part)
{
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct error error = {{0}};
    if (plugin_load(dir, name, &error))
        fail_msg("%s was loaded", name);
    if (!strstr(error.text, part))
        fail_msg("%s: expected \"%s\" in \"%s\"", name, part, error.text);
    plugin_dir_destroy(&dir);
}

static void every_wrong_field_has_its_sentence(void **state)
{
    static const struct {
        const char *name, *part;
    } table[] = {
        {"undefined", "undefined symbol: not_defined_anywhere"},
        {"no_symbol", "does not export iso_policy"},
        {"function", "iso_policy is not data"},
        {"magic", "magic is 0x00000007; it must be ISO_MAGIC, 0x49534f43"},
        {"major", "abi_major is 2; this router speaks 1"},
        {"struct_small", "struct_size is 64 for ABI 1.1; this router, of ABI 1.1, has 120"},
        {"struct_large", "struct_size is 256 for ABI 1.1"},
        {"struct_symbol", "struct_size is 256, but the symbol iso_policy has 120 bytes"},
        {"option_size", "option_size is 24 for ABI 1.1; this router, of ABI 1.1, has 56"},
        {"reserved", "reserved is 1; it must be 0"},
        {"name_null", "name is NULL"},
        {"name_case", "name is \"BestOfAll\"; lower_snake_case is needed"},
        {"version_null", "version is NULL"},
        {"summary_lines", "summary has the control byte 0x0a"},
        {"kind", "kind is 3; it may be 1 (ISO_COMPLETE) or 2 (ISO_MODIFIER)"},
        {"cost_null", "cost is NULL; a complete policy must have it"},
        {"modifier_empty", "filter, cost and pick are all NULL"},
        {"modifier_parts", "part_count is 1; without cost it may be 0 to 0"},
        {"reasons_many", "reason_count is 128; it may be 0 to 127"},
        {"reasons_null", "reasons is NULL, but reason_count is 2"},
        {"reason_null", "reasons[1] is NULL"},
        {"reasons_none", "filter is set, but reason_count is 0"},
        {"parts_many", "part_count is 9; with cost it may be 1 to 8"},
        {"parts_none", "part_count is 0; with cost it may be 1 to 8"},
        {"parts_null", "parts is NULL, but part_count is 1"},
        {"parts_twice", "parts[1] is \"wait\", as parts[0]"},
        {"options_many", "option_count is 1000; it may be 0 to 128"},
        {"options_null", "options is NULL, but option_count is 4"},
        {"settings_large", "settings_size is 1000000; it may be 0 to 65536"},
        {"settings_small", "options[0] (max_age): offset is 0 and the value takes 8 bytes, but "
                           "settings_size is 4"},
        {"newer_tail", "it is of ABI 1.2 and sets byte 120 of iso_policy"},
        {"newer_option", "options[1] (second): byte 56 is set"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        refused(table[i].name, table[i].part);
}

static void every_wrong_option_has_its_sentence(void **state)
{
    static const struct {
        const char *name, *part;
    } table[] = {
        {"option_name", "options[0].name is \"max-age\"; a lower_snake_case name"},
        {"option_twice", "options[1] (tries): name is there twice"},
        {"option_help", "options[0] (max_age): help is NULL; one line"},
        {"option_type", "options[0] (max_age): type is 17; it may be 1 to 6"},
        {"option_offset", "offset is 3; a duration stands at a multiple of 8: use offsetof()"},
        {"option_overlap", "offset is 8, inside the value of option max_age at 8"},
        {"option_default", "def: 90m is out of range; it may be 100ms to 10m, default 90m"},
        {"option_text", "def: \"soon\" is not a duration with its unit"},
        {"option_bound", "min: \"5\" is not a duration with its unit"},
        {"option_bounds", "min is 11m and max is 10m; min may not be larger"},
        {"option_text_long", "offset is 8 and the value takes 128 bytes, but settings_size is 24"},
        {"option_text_bound", "min is set, but a text has no range; leave it NULL"},
        {"option_choices", "choices is set, but the type is duration"},
        {"option_no_choices", "choices is empty; a choice needs at least one"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        refused(table[i].name, table[i].part);
}

static void the_right_ones_load(void **state)
{
    static const char *const names[] = {"good", "older", "newer", "in_cpp"};
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct error error = {{0}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!plugin_load(dir, names[i], &error))
            fail_msg("%s", error.text);
    plugin_dir_destroy(&dir);
}

static void names_are_looked_up_in_the_directory(void **state)
{
    (void)state;
    refused("newr", "there is no newr.so in " ABI_DIR "; did you mean newer?");
    refused("quite_another_thing", "there is no quite_another_thing.so in " ABI_DIR);
    refused("./good.so", "neither an absolute path nor the lower_snake_case name");
    refused("good.so", "neither an absolute path nor the lower_snake_case name");
    refused(ABI_DIR "/absent.so", "opening it: No such file or directory");
}

static void without_a_directory_only_paths_will_do(void **state)
{
    struct plugin_dir *dir = plugin_dir_create(NULL);
    struct error error = {{0}};
    (void)state;
    assert_null(plugin_load(dir, "good", &error));
    assert_non_null(strstr(error.text, "there is no plugin directory; give an absolute path"));
    assert_non_null(plugin_load(dir, ABI_DIR "/good.so", &error));
    plugin_dir_destroy(&dir);
}

static void the_same_content_is_loaded_once(void **state)
{
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct scratch scratch;
    struct error error = {{0}};
    (void)state;
    scratch_make(&scratch);
    file_copy(ABI_DIR "/good.so", scratch.file);
    struct plugin *first = plugin_load(dir, "good", &error);
    assert_non_null(first);
    assert_ptr_equal(plugin_load(dir, scratch.file, &error), first);
    assert_ptr_equal(plugin_dir_list(dir)->next, &first->node);
    assert_ptr_equal(plugin_dir_list(dir)->prev, &first->node);
    scratch_remove(&scratch);
    plugin_dir_destroy(&dir);
}

static void a_file_replaced_at_the_same_path_is_new_code(void **state)
{
    struct plugin_dir *dir = plugin_dir_create(NULL);
    struct scratch scratch;
    struct error error = {{0}};
    (void)state;
    scratch_make(&scratch);
    file_copy(PLUGIN_DIR "/nearest.so", scratch.file);
    const struct plugin *before = plugin_load(dir, scratch.file, &error);
    assert_non_null(before);
    file_copy(PLUGIN_DIR "/round_robin.so", scratch.file); /* in place: the same inode */
    const struct plugin *after = plugin_load(dir, scratch.file, &error);
    assert_non_null(after);
    assert_string_equal(before->policy.name, "nearest");
    assert_string_equal(after->policy.name, "round_robin");
    assert_string_not_equal(before->hash, after->hash);
    scratch_remove(&scratch);
    plugin_dir_destroy(&dir);
}

static void a_refused_object_does_not_stand_in_for_the_next(void **state)
{
    struct plugin_dir *dir = plugin_dir_create(ABI_DIR);
    struct error error = {{0}};
    (void)state;
    assert_null(plugin_load(dir, "magic", &error));
    const struct plugin *good = plugin_load(dir, "good", &error);
    assert_non_null(good);
    assert_string_equal(good->policy.name, "variant");
    plugin_dir_destroy(&dir);
}

static void a_file_that_all_may_write_is_refused(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    file_copy(ABI_DIR "/good.so", scratch.file);
    assert_int_equal(chmod(scratch.file, 0666), 0);
    refused(scratch.file, "its mode is 0666, writable by everybody; 0644 would be right");
    scratch_remove(&scratch);
}

static void a_file_of_another_owner_is_refused(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_make(&scratch);
    file_copy(ABI_DIR "/good.so", scratch.file);
    if (chown(scratch.file, 12345, (gid_t)-1) == 0) /* only root may give files away */
        refused(scratch.file, "its owner is user 12345; it must belong to root or to user 0");
    scratch_remove(&scratch);
}

static void what_is_not_a_shared_object_is_refused(void **state)
{
    struct scratch scratch;
    char *bytes;
    (void)state;
    scratch_make(&scratch);
    refused(scratch.path, "it is not a regular file");
    file_write(scratch.file, "#!/bin/sh\n", 10);
    refused(scratch.file, "it is not an ELF file: it has 10 bytes");
    const size_t size = file_read(ABI_DIR "/good.so", &bytes);
    bytes[18] = 1; /* e_machine */
    file_write(scratch.file, bytes, size);
    refused(scratch.file, "it is for another machine");
    free(bytes);
    assert_int_equal(unlink(scratch.file), 0);
    assert_int_equal(mkfifo(scratch.file, 0600), 0);
    refused(scratch.file, "it is not a regular file");
    scratch_remove(&scratch);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct scratch scratch;
    char *bytes;
    (void)state;
    scratch_make(&scratch);
    const size_t size = file_read(ABI_DIR "/good.so", &bytes);
    for (size_t kept = 70; kept < 4096; kept += 500) {
        file_write(scratch.file, bytes, kept);
        refused(scratch.file, "it is cut short");
    }
    assert_true(size > 4096);
    free(bytes);
    scratch_remove(&scratch);
}

UNIT_MAIN(every_wrong_field_has_its_sentence, every_wrong_option_has_its_sentence,
          the_right_ones_load, names_are_looked_up_in_the_directory,
          without_a_directory_only_paths_will_do, the_same_content_is_loaded_once,
          a_file_replaced_at_the_same_path_is_new_code,
          a_refused_object_does_not_stand_in_for_the_next, a_file_that_all_may_write_is_refused,
          a_file_of_another_owner_is_refused, what_is_not_a_shared_object_is_refused,
          a_file_cut_anywhere_is_refused)
