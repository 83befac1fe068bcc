/*
 * A slice is a view of bytes that somebody else owns; not NUL-terminated.
 * Comparison without case is ASCII only, as HTTP wants it.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})
/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_make(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Written at `out`; returns where it ended.  Most texts are short: those without a call. */
static inline char *slice_put(char *out, struct slice s)
{
    char *end = out + s.len;
    char first[16], last[16]; /* they may overlap */
    if (s.len > 32) {
        memcpy(out, s.ptr, s.len);
    } else if (s.len >= 16) {
        memcpy(first, s.ptr, 16);
        memcpy(last, s.ptr + s.len - 16, 16);
        memcpy(out, first, 16);
        memcpy(end - 16, last, 16);
    } else if (s.len >= 8) {
        memcpy(first, s.ptr, 8);
        memcpy(last, s.ptr + s.len - 8, 8);
        memcpy(out, first, 8);
        memcpy(end - 8, last, 8);
    } else if (s.len >= 4) {
        memcpy(first, s.ptr, 4);
        memcpy(last, s.ptr + s.len - 4, 4);
        memcpy(out, first, 4);
        memcpy(end - 4, last, 4);
    } else if (s.len > 0) {
        const char middle = s.ptr[s.len / 2], final = s.ptr[s.len - 1];
        out[0] = s.ptr[0];
        out[s.len / 2] = middle;
        end[-1] = final;
    }
    return end;
}

bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* Without blanks and tabs at both ends. */
struct slice slice_trim(struct slice s);
/* Takes the part before `separator` off the front of `rest`; false when `rest` is used up. */
bool slice_split(struct slice *rest, char separator, struct slice *part);
/* -1 when absent. */
ptrdiff_t slice_find(struct slice s, char byte);

/* Whole-string numbers: every byte must belong to the number.  False otherwise. */
bool slice_to_u64(struct slice s, uint64_t *out);
bool slice_to_i64(struct slice s, int64_t *out);
/* Decimal, finite, no hex, no blanks. */
bool slice_to_double(struct slice s, double *out);

/* A copy with a NUL behind it, from malloc. */
char *slice_dup(struct slice s);

#endif
