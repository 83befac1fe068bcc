#include "control/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proxy/identity.h"

enum { LINE_MOST = 1024, KEYS_MOST = 100000, DIGEST_BYTES = 32 };

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

static bool parse_line(struct slice line, struct arena *arena, struct tenant_key *key, bool *more,
                       struct error *error)
{
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
    *more = slice_trim(line).len > 0;
    return true;
}

static struct slice without_comment(char *line)
{
    line[strcspn(line, "#\r\n")] = '\0';
    return slice_trim(slice_of(line));
}

bool keys_load(const char *path, struct arena *arena, const struct tenant_key **keys, size_t *count,
               struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(error, "%s: %s", path, strerror(errno));
    char line[LINE_MOST];
    struct tenant_key *list = NULL;
    size_t n = 0, limited = 0;
    bool fine = true, more = false;
    for (unsigned number = 1; fine && fgets(line, sizeof line, file) != NULL; number++) {
        if (strchr(line, '\n') == NULL && strlen(line) == sizeof line - 1)
            fine = error_set(error, "%s:%u: the line is longer than %d bytes", path, number,
                             LINE_MOST - 2);
        const struct slice text = without_comment(line);
        if (!fine || text.len == 0)
            continue;
        list = memory_realloc(list, (n + 1) * sizeof *list);
        fine = n < KEYS_MOST ? parse_line(text, arena, &list[n], &more, error)
                             : error_set(error, "more than %d keys", KEYS_MOST);
        if (!fine)
            error_prefix(error, "%s:%u", path, number);
        n++;
        limited += fine && more;
    }
    fclose(file);
    if (fine && limited > 0)
        log_event(LOG_WARN, "key_limits_ignored",
                  "%s: %zu keys have limits behind their class; this version does not enforce them",
                  path, limited);
    if (fine) {
        struct tenant_key *kept = arena_alloc(arena, (n + 1) * sizeof *kept);
        if (n > 0)
            memcpy(kept, list, n * sizeof *kept);
        *keys = kept;
        *count = n;
    }
    free(list);
    return fine;
}
