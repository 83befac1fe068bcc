/*
 * Hash and comparison of names and values for the encoder, made for strings of
 * 4 to 40 bytes: a few loads and two multiplications, no loop over bytes.  Who
 * wants collisions can make some; what the searches do then is bounded.
 */
#ifndef HTTP_HPACK_HASH_H
#define HTTP_HPACK_HASH_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

/* Odd, and such that no two of the static table's names, or of its fields with a value, have the
 * same first 8 bits of hash: hpack_search.c checks it. */
#define HPACK_HASH_NAME UINT64_C(0x095af16505bac65b)
#define HPACK_HASH_VALUE UINT64_C(0xc2b2ae3d27d4eb4f)

static inline uint64_t hpack_load64(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

static inline uint32_t hpack_load32(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return le32toh(word);
}

/* Up to 16 bytes, all of them; beyond, 24 of them. */
static inline uint64_t hpack_fold(struct slice s)
{
    uint64_t first, last;
    if (s.len >= 8) {
        first = hpack_load64(s.ptr);
        last = hpack_load64(s.ptr + s.len - 8);
        if (s.len > 16)
            last += hpack_load64(s.ptr + s.len / 2 - 4) * HPACK_HASH_VALUE;
    } else if (s.len >= 4) {
        first = hpack_load32(s.ptr);
        last = hpack_load32(s.ptr + s.len - 4);
    } else if (s.len > 0) {
        first = (uint8_t)s.ptr[0];
        last = (uint64_t)(uint8_t)s.ptr[s.len / 2] << 8 | (uint8_t)s.ptr[s.len - 1];
    } else {
        return 0;
    }
    return (first + s.len) ^ (last << 29 | last >> 35);
}

static inline uint64_t hpack_hash_name(struct slice name)
{
    return hpack_fold(name) * HPACK_HASH_NAME;
}

static inline uint64_t hpack_hash_field(uint64_t name_hash, struct slice value)
{
    return name_hash + hpack_fold(value) * HPACK_HASH_VALUE;
}

/* The high half is the good one: each of its bits depends on all below. */
static inline uint32_t hpack_hash_note(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* Without a call: most is short. */
static inline bool hpack_same(const char *a, const char *b, size_t len)
{
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            if (hpack_load64(a + i) != hpack_load64(b + i))
                return false;
        }
        return hpack_load64(a + len - 8) == hpack_load64(b + len - 8);
    }
    if (len >= 4)
        return hpack_load32(a) == hpack_load32(b) &&
               hpack_load32(a + len - 4) == hpack_load32(b + len - 4);
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

#endif
