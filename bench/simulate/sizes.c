#include "simulate/sizes.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PROMPT_MOST 16000.0
#define FLEX_PROMPT_MOST 12000.0
#define OUTPUT_FACTOR 2.0
#define OUTPUT_MOST 4000.0
#define ROWS_MOST 10000000u

/* exp of a normal variable. */
struct lognormal {
    double mean, deviation;
};

static const struct {
    struct lognormal prompt, output;
} fitted[REQUEST_KINDS] = {
    [KIND_CHAT] = {{6.63, 0.99}, {5.02, 0.86}},
    [KIND_CODE] = {{7.2, 0.9}, {2.6, 0.9}},
    [KIND_FLEX] = {{8.52, 0.94}, {5.34, 1.36}},
};

static const char *const kind_names[REQUEST_KINDS] = {
    [KIND_CHAT] = "chat", [KIND_CODE] = "code", [KIND_FLEX] = "flex"};

static bool azure_read(const char *line, struct size *out)
{
    const char *comma = strchr(line, ',');
    return comma != NULL && sscanf(comma, ",%u,%u", &out->prompt_tokens, &out->output_tokens) == 2;
}

static bool mooncake_read(const char *line, struct size *out)
{
    const char *input = strstr(line, "\"input_length\":");
    const char *output = strstr(line, "\"output_length\":");
    return input != NULL && output != NULL &&
           sscanf(input, "\"input_length\": %u", &out->prompt_tokens) == 1 &&
           sscanf(output, "\"output_length\": %u", &out->output_tokens) == 1;
}

/* Lines that are no row (a heading) are passed over; a file without rows is an error. */
static bool rows_load(struct sizes *sizes, enum request_kind kind, const char *path,
                      struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(error, "%s: %s", path, strerror(errno));
    char *line = NULL;
    size_t line_room = 0, room = 0;
    struct size row;
    while (getline(&line, &line_room, file) > 0 && sizes->counts[kind] < ROWS_MOST) {
        if (!(line[0] == '{' ? mooncake_read : azure_read)(line, &row) || row.prompt_tokens == 0)
            continue;
        if (sizes->counts[kind] == room) {
            room = room > 0 ? 2 * room : 1024;
            sizes->rows[kind] = memory_realloc(sizes->rows[kind], room * sizeof row);
        }
        sizes->rows[kind][sizes->counts[kind]++] = row;
    }
    free(line);
    fclose(file);
    if (sizes->counts[kind] == 0)
        return error_set(error, "%s: not one row with prompt and output tokens", path);
    return true;
}

static bool folder_load(struct sizes *sizes, const char *folder, struct error *error)
{
    char *azure = memory_printf("%s/AzureLLMInferenceTrace_conv.csv", folder);
    char *mooncake = memory_printf("%s/mooncake_conversation.jsonl", folder);
    const bool loaded =
        rows_load(sizes, KIND_CHAT, azure, error) && rows_load(sizes, KIND_FLEX, mooncake, error);
    free(azure);
    free(mooncake);
    return loaded;
}

static bool file_load(struct sizes *sizes, struct slice text, struct error *error)
{
    struct slice kind = SLICE_NONE;
    slice_split(&text, '=', &kind);
    for (unsigned k = 0; k < REQUEST_KINDS; k++) {
        if (!slice_eq(kind, slice_of(kind_names[k])))
            continue;
        if (sizes->counts[k] > 0)
            return error_set(error, "%s has two files", kind_names[k]);
        char *path = slice_dup(text);
        const bool loaded = rows_load(sizes, (enum request_kind)k, path, error);
        free(path);
        return loaded;
    }
    return error_set(error, "expected chat=FILE, code=FILE or flex=FILE, found \"%.*s\"",
                     SLICE_ARG(kind));
}

bool sizes_load(struct sizes *sizes, const char *text, struct error *error)
{
    struct slice rest = slice_of(text), part;
    if (slice_find(rest, '=') < 0)
        return folder_load(sizes, text, error);
    while (slice_split(&rest, ',', &part))
        if (!file_load(sizes, part, error))
            return false;
    return true;
}

void sizes_finish(struct sizes *sizes)
{
    for (unsigned k = 0; k < REQUEST_KINDS; k++)
        free(sizes->rows[k]);
    *sizes = (struct sizes){0};
}

static uint32_t whole(double tokens, double most)
{
    return (uint32_t)fmin(fmax(1, round(tokens)), most);
}

static double lognormal_draw(const struct lognormal *l, struct random *random)
{
    return exp(l->mean + l->deviation * random_normal(random));
}

struct size sizes_draw(const struct sizes *sizes, enum request_kind kind, struct random *random)
{
    const double scale = OUTPUT_FACTOR * (sizes->output_scale > 0 ? sizes->output_scale : 1);
    double prompt, output;
    if (sizes->counts[kind] > 0) {
        const struct size *row = &sizes->rows[kind][random_u64(random) % sizes->counts[kind]];
        prompt = row->prompt_tokens;
        output = row->output_tokens;
    } else {
        prompt = lognormal_draw(&fitted[kind].prompt, random);
        output = lognormal_draw(&fitted[kind].output, random);
    }
    return (struct size){whole(prompt, kind == KIND_FLEX ? FLEX_PROMPT_MOST : PROMPT_MOST),
                         whole(scale * output, OUTPUT_MOST)};
}
