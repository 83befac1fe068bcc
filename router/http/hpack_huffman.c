/*
 * The code is canonical: codes of one length follow each other in the order of
 * their symbols, and shorter ones come first.  So the lengths say it all.
 */
#include "http/hpack_huffman.h"

#include <endian.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

enum {
    SYMBOL_COUNT = 256, /* without EOS, which is the last code of all: 30 ones */
    SHORTEST = 5,
    LONGEST = 30,
    LOOKUP_BITS = 12, /* two letters or digits */
    LOOKUP_COUNT = 1 << LOOKUP_BITS,
};

static const uint8_t code_lengths[SYMBOL_COUNT] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
};

/* What the next LOOKUP_BITS bits begin with: byte 0 the bits of one symbol or two, 1 how many these
 * are, 2 the first, 3 the second.  Zero: the code is longer. */
static uint32_t lookup[LOOKUP_COUNT];

static uint8_t symbols[SYMBOL_COUNT]; /* in the order of their codes */
/* Of each length: its first code, the one behind its last, both left-aligned in 32 bits, and the
 * place of its first symbol. */
static uint32_t length_first[LONGEST + 1];
static uint64_t length_end[LONGEST + 1];
static uint8_t length_symbol[LONGEST + 1];

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static uint32_t entry_make(uint8_t first, uint8_t second, unsigned bits, unsigned count)
{
    return bits | count << 8 | (uint32_t)first << 16 | (uint32_t)second << 24;
}

static inline unsigned entry_bits(uint32_t entry)
{
    return (uint8_t)entry;
}

static inline size_t entry_count(uint32_t entry)
{
    return (uint8_t)(entry >> 8);
}

static inline uint8_t entry_first(uint32_t entry)
{
    return (uint8_t)(entry >> 16);
}

/* Writes two symbols, even if only one counts. */
static inline char *entry_put(char *out, uint32_t entry)
{
    uint16_t pair = htole16((uint16_t)(entry >> 16));
    memcpy(out, &pair, sizeof pair);
    return out + entry_count(entry);
}

static void lengths_fill(void)
{
    uint64_t code = 0; /* left-aligned in 32 bits */
    unsigned place = 0;
    for (unsigned bits = SHORTEST; bits <= LONGEST; bits++) {
        length_first[bits] = (uint32_t)code;
        length_symbol[bits] = (uint8_t)place;
        for (unsigned symbol = 0; symbol < SYMBOL_COUNT; symbol++) {
            if (code_lengths[symbol] == bits) {
                symbols[place++] = (uint8_t)symbol;
                code += UINT64_C(1) << (32 - bits);
            }
        }
        length_end[bits] = code;
    }
    CHECK_EQ(place, SYMBOL_COUNT);
    CHECK_EQ(code, (UINT64_C(1) << 32) - 4); /* all but EOS */
}

static void lookup_fill_single(void)
{
    for (unsigned bits = SHORTEST; bits <= LOOKUP_BITS; bits++) {
        unsigned end = (unsigned)(length_end[bits] >> (32 - LOOKUP_BITS));
        unsigned first = length_first[bits] >> (32 - LOOKUP_BITS);
        for (unsigned i = first; i < end; i++) {
            uint8_t symbol = symbols[length_symbol[bits] + ((i - first) >> (LOOKUP_BITS - bits))];
            lookup[i] = entry_make(symbol, 0, bits, 1);
        }
    }
}

static void lookup_fill_pairs(void)
{
    uint32_t single[LOOKUP_COUNT];
    memcpy(single, lookup, sizeof single);
    for (unsigned i = 0; i < LOOKUP_COUNT; i++) {
        if (single[i] == 0)
            continue;
        unsigned bits = entry_bits(single[i]);
        uint32_t next = single[(i << bits) & (LOOKUP_COUNT - 1)];
        if (next != 0 && bits + entry_bits(next) <= LOOKUP_BITS)
            lookup[i] =
                entry_make(entry_first(single[i]), entry_first(next), bits + entry_bits(next), 2);
    }
}

static void tables_fill(void)
{
    lengths_fill();
    lookup_fill_single();
    lookup_fill_pairs();
}

void hpack_huffman_prepare(void)
{
    CHECK_EQ(pthread_once(&prepared, tables_fill), 0);
}

/* An entry for the symbol that `next` begins with, which is longer than a lookup; 0 for EOS. */
static uint32_t long_decode(uint64_t next)
{
    uint32_t code = (uint32_t)(next >> 32);
    for (unsigned bits = LOOKUP_BITS + 1; bits <= LONGEST; bits++) {
        if (code < length_end[bits]) {
            uint32_t place = length_symbol[bits] + ((code - length_first[bits]) >> (32 - bits));
            return entry_make(symbols[place], 0, bits, 1);
        }
    }
    return 0;
}

struct bits {
    uint64_t next; /* left-aligned; behind those we have: zeros, or what `in` begins with */
    unsigned have;
    const uint8_t *in, *end; /* the rest of the string */
};

/* While 8 bytes are left to load at once. */
static char *decode_body(char *out, struct bits *bits)
{
    uint64_t next = 0;
    unsigned have = 0;
    const uint8_t *in = bits->in;
    while (bits->end - in >= 8) {
        uint64_t word;
        memcpy(&word, in, sizeof word);
        next |= be64toh(word) >> have;
        in += (63 - have) >> 3;
        have |= 56;
        do {
            uint32_t entry = lookup[next >> (64 - LOOKUP_BITS)];
            if (ISO_UNLIKELY(entry == 0)) {
                if (have < LONGEST)
                    break;
                entry = long_decode(next);
                if (entry == 0)
                    return NULL;
            }
            out = entry_put(out, entry);
            next <<= entry_bits(entry);
            have -= entry_bits(entry);
        } while (have >= LOOKUP_BITS);
    }
    bits->next = next;
    bits->have = have;
    bits->in = in;
    return out;
}

/* The string's last bytes, fewer than 8, left-aligned. */
static uint64_t last_bytes(const struct bits *bits, size_t len)
{
    size_t bytes = (size_t)(bits->end - bits->in);
    uint64_t word = 0;
    if (bytes > 0 && len >= 8) {
        memcpy(&word, bits->end - 8, sizeof word);
        return be64toh(word) << (64 - 8 * bytes);
    }
    for (size_t i = 0; i < bytes; i++)
        word |= (uint64_t)bits->in[i] << (56 - 8 * i);
    return word;
}

static char *decode_tail(char *out, const struct bits *bits, size_t len)
{
    uint64_t next = bits->next, word = last_bytes(bits, len);
    unsigned have = bits->have, bytes = (unsigned)(bits->end - bits->in);
    for (;;) {
        if (bytes > 0 && have <= 56) {
            unsigned taken = (64 - have) / 8 < bytes ? (64 - have) / 8 : bytes;
            next |= word >> have;
            word = taken < 8 ? word << 8 * taken : 0;
            have += 8 * taken;
            bytes -= taken;
        }
        uint32_t entry;
        while ((entry = lookup[next >> (64 - LOOKUP_BITS)]) != 0 && entry_bits(entry) <= have) {
            out = entry_put(out, entry);
            next <<= entry_bits(entry);
            have -= entry_bits(entry);
        }
        /* Padding: the first bits of EOS, less than a byte of them. */
        if (have < 8 && bytes == 0 && (next | UINT64_MAX >> have) == UINT64_MAX)
            return out;
        /* One symbol, where two do not fit or its code is long. */
        uint8_t first = entry_first(entry);
        entry = entry != 0 ? entry_make(first, 0, code_lengths[first], 1) : long_decode(next);
        if (entry != 0 && entry_bits(entry) <= have) {
            out = entry_put(out, entry);
            next <<= entry_bits(entry);
            have -= entry_bits(entry);
        } else if (bytes == 0 || have >= LONGEST) {
            return NULL;
        }
    }
}

ssize_t hpack_huffman_decode(char *out, const uint8_t *in, size_t len)
{
    struct bits bits = {.in = in, .end = in + len};
    char *end = decode_body(out, &bits);
    if (end != NULL)
        end = decode_tail(end, &bits, len);
    return end != NULL ? end - out : -1;
}
