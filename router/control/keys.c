#include "control/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/identity.h"

enum { LINE_MOST = 1024, KEYS_MOST = 100000, DIGEST_BYTES = 32 };

#define RATE_MOST UINT64_C(1000000000)

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_digest(struct slice text, uint8_t digest[DIGEST_BYTES])
{
    if (text.len != 2 * DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        const int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* Words are separated by blanks and tabs. */
static struct slice next_word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        len++;
    const struct slice word = slice_make(rest->ptr, len);
    *rest = slice_make(rest->ptr + len, rest->len - len);
    return word;
}

/* A number a minute; `-` or nothing: no limit. */
static bool parse_rate(struct slice text, const char *of_what, uint64_t *rate, struct error *error)
{
    *rate = 0;
    if (text.len == 0 || slice_eq(text, SLICE("-")))
        return true;
    if (slice_to_u64(text, rate) && *rate >= 1 && *rate <= RATE_MOST)
        return true;
    return error_set(error,
                     "\"%.*s\" is no number of %s a minute; it may be 1 to %llu, or - for any",
                     text.len > 80 ? 80 : SLICE_ARG(text), of_what, (unsigned long long)RATE_MOST);
}

/* Parted by commas; `-` or nothing: all. */
static bool parse_models(struct slice text, struct arena *arena, struct word_list *models,
                         struct error *error)
{
    if (text.len == 0 || slice_eq(text, SLICE("-")))
        return true;
    const char **words = arena_alloc(arena, (text.len / 2 + 1) * sizeof *words);
    models->words = words;
    for (struct slice rest = text;;) {
        const ptrdiff_t comma = slice_find(rest, ',');
        const size_t len = comma < 0 ? rest.len : (size_t)comma;
        if (len == 0)
            return error_set(error,
                             "\"%.*s\" is no list of models; it must be names with commas between "
                             "them, or - for all",
                             text.len > 80 ? 80 : SLICE_ARG(text));
        words[models->count++] = arena_copy(arena, slice_make(rest.ptr, len)).ptr;
        if (comma < 0)
            return true;
        rest = slice_make(rest.ptr + len + 1, rest.len - len - 1);
    }
}

static bool parse_limits(struct slice *line, struct arena *arena, struct tenant_key *key,
                         struct error *error)
{
    if (!parse_rate(next_word(line), "requests", &key->requests_per_min, error) ||
        !parse_rate(next_word(line), "tokens", &key->tokens_per_min, error) ||
        !parse_models(next_word(line), arena, &key->models, error))
        return false;
    const struct slice more = slice_trim(*line);
    return more.len == 0 ||
           error_set(error,
                     "there is \"%.*s\" behind the models; a line is  tenant sha256-of-key "
                     "max_class [requests/min [tokens/min [models]]]",
                     more.len > 80 ? 80 : SLICE_ARG(more));
}

static bool parse_line(struct slice line, struct arena *arena, struct tenant_key *key,
                       struct error *error)
{
    *key = (struct tenant_key){0};
    const struct slice tenant = next_word(&line);
    const struct slice digest = next_word(&line);
    const struct slice most_class = next_word(&line);
    if (!parse_digest(digest, key->digest))
        return error_set(error, "\"%.*s\" is not the SHA-256 of a key; it must be 64 hex digits",
                         digest.len > 80 ? 80 : SLICE_ARG(digest));
    if (!class_parse(most_class, &key->most_class))
        return error_set(error,
                         "\"%.*s\" is no class; it may be priority, interactive, flex or batch",
                         most_class.len > 80 ? 80 : SLICE_ARG(most_class));
    key->tenant = arena_copy(arena, tenant).ptr;
    return parse_limits(&line, arena, key, error);
}

static struct slice without_comment(char *line)
{
    line[strcspn(line, "#\r\n")] = '\0';
    return slice_trim(slice_of(line));
}

static struct tenant_key *keep(const struct tenant_key *list, size_t count, struct arena *arena,
                               uint32_t workers)
{
    struct tenant_key *kept = arena_alloc(arena, (count + 1) * sizeof *kept);
    for (size_t i = 0; i < count; i++) {
        kept[i] = list[i];
        if (list[i].requests_per_min > 0 || list[i].tokens_per_min > 0)
            kept[i].meter = meter_create(workers);
    }
    return kept;
}

bool keys_load(const char *path, struct arena *arena, uint32_t workers, struct tenant_key **keys,
               size_t *count, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(error, "%s: %s", path, strerror(errno));
    char line[LINE_MOST];
    struct tenant_key *list = NULL;
    size_t n = 0;
    bool fine = true;
    for (unsigned number = 1; fine && fgets(line, sizeof line, file) != NULL; number++) {
        if (strchr(line, '\n') == NULL && strlen(line) == sizeof line - 1)
            fine = error_set(error, "%s:%u: the line is longer than %d bytes", path, number,
                             LINE_MOST - 2);
        const struct slice text = without_comment(line);
        if (!fine || text.len == 0)
            continue;
        list = memory_realloc(list, (n + 1) * sizeof *list);
        fine = n < KEYS_MOST ? parse_line(text, arena, &list[n], error)
                             : error_set(error, "more than %d keys", KEYS_MOST);
        if (!fine)
            error_prefix(error, "%s:%u", path, number);
        n++;
    }
    fclose(file);
    if (fine) {
        *keys = keep(list, n, arena, workers);
        *count = n;
    }
    free(list);
    return fine;
}

void keys_release(struct tenant_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        meter_drop(&keys[i].meter);
}

static int by_digest(const void *left, const void *right)
{
    const struct tenant_key *const *a = left, *const *b = right;
    return memcmp((*a)->digest, (*b)->digest, DIGEST_BYTES);
}

void keys_carry_over(const struct tenant_key *old, size_t old_count, struct tenant_key *fresh,
                     size_t fresh_count)
{
    const struct tenant_key **index = memory_alloc((old_count + 1) * sizeof *index);
    for (size_t i = 0; i < old_count; i++)
        index[i] = &old[i];
    qsort(index, old_count, sizeof(struct tenant_key *), by_digest);
    for (size_t i = 0; i < fresh_count; i++) {
        const struct tenant_key *key = &fresh[i];
        const struct tenant_key **same =
            bsearch(&key, index, old_count, sizeof(struct tenant_key *), by_digest);
        if (key->meter == NULL || same == NULL || (*same)->meter == NULL)
            continue;
        meter_drop(&fresh[i].meter);
        fresh[i].meter = meter_hold((*same)->meter);
    }
    free(index);
}
