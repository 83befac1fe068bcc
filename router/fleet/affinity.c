#include "fleet/affinity.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fleet/cluster.h"

#define STAY_LEAST_MS 1000.0
#define STAY_MOST_MS 86400000.0
#define STAY_SETTLE_MS 5000.0 /* a miss so soon: the other request was still being prefilled */

/* The words of a slot.  A place is slot + 1 in the upper and tokens in the lower half; 0 none. */
enum word {
    WORD_SEQUENCE,
    WORD_HASH,
    WORD_PLACE_0,
    WORD_WHEN_0,
    WORD_PLACE_1,
    WORD_WHEN_1,
    WORDS = 8
};

struct line {
    _Atomic uint64_t words[WORDS];
} __attribute__((aligned(64)));

/* A line's content, out of the shared memory. */
struct copy {
    uint64_t words[WORDS];
};

struct affinity {
    size_t mask;
    struct line *lines;
    /* Learned stay per target, ms; 0 not yet.  A lost update is no loss. */
    _Atomic double stay_ms[FLEET_SLOTS_MAX];
};

struct affinity *affinity_create(size_t entries)
{
    size_t count = 2;
    while (count < entries)
        count *= 2;
    struct affinity *affinity = memory_zalloc(sizeof *affinity);
    affinity->mask = count - 1;
    affinity->lines = aligned_alloc(64, count * sizeof *affinity->lines);
    CHECK(affinity->lines != NULL);
    for (size_t i = 0; i < count; i++)
        for (unsigned w = 0; w < WORDS; w++)
            atomic_init(&affinity->lines[i].words[w], 0);
    return affinity;
}

void affinity_destroy(struct affinity **affinity)
{
    if (*affinity == NULL)
        return;
    free((*affinity)->lines);
    free(*affinity);
    *affinity = NULL;
}

/*
 * The seqlock without fences.  The writer's stores are release stores, so a
 * reader that sees one of them also sees the odd sequence when it looks again;
 * the reader's loads are acquire loads, so that second look cannot move up.
 */
static bool line_read(const struct line *line, struct copy *copy)
{
    const uint64_t before = atomic_load_explicit(&line->words[WORD_SEQUENCE], memory_order_acquire);
    for (unsigned w = WORD_HASH; w < WORDS; w++)
        copy->words[w] = atomic_load_explicit(&line->words[w], memory_order_acquire);
    const uint64_t after = atomic_load_explicit(&line->words[WORD_SEQUENCE], memory_order_relaxed);
    copy->words[WORD_SEQUENCE] = before;
    return before == after && before % 2 == 0;
}

/* Writes back what was read and changed; nothing when another writer was faster. */
static void line_write(struct line *line, const struct copy *copy)
{
    uint64_t sequence = copy->words[WORD_SEQUENCE];
    if (!atomic_compare_exchange_strong_explicit(&line->words[WORD_SEQUENCE], &sequence,
                                                 sequence + 1, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return;
    for (unsigned w = WORD_HASH; w < WORDS; w++)
        atomic_store_explicit(&line->words[w], copy->words[w], memory_order_release);
    atomic_store_explicit(&line->words[WORD_SEQUENCE], sequence + 2, memory_order_release);
}

static uint64_t place_pack(uint32_t slot, double tokens)
{
    const double most = tokens < 4e9 ? tokens : 4e9;
    return ((uint64_t)slot + 1) << 32 | (uint32_t)(most > 0 ? most : 0);
}

/* The line of the hash, or where it may go: the older of its two. */
static struct line *line_for(struct affinity *affinity, uint64_t hash, struct copy *copy)
{
    struct line *first = &affinity->lines[hash & affinity->mask];
    struct line *second = &affinity->lines[(hash & affinity->mask) ^ 1];
    struct copy other;
    const bool first_sound = line_read(first, copy);
    if (first_sound && copy->words[WORD_HASH] == hash)
        return first;
    const bool second_sound = line_read(second, &other);
    const bool take_second =
        second_sound && (other.words[WORD_HASH] == hash || !first_sound ||
                         (int64_t)other.words[WORD_WHEN_0] < (int64_t)copy->words[WORD_WHEN_0]);
    if (take_second) {
        *copy = other;
        return second;
    }
    return first_sound ? first : NULL;
}

void affinity_note(struct affinity *affinity, uint64_t hash, uint32_t slot, double tokens,
                   int64_t now_ns)
{
    if (hash == 0)
        return;
    struct copy copy;
    struct line *line = line_for(affinity, hash, &copy);
    if (line == NULL)
        return;
    if (copy.words[WORD_HASH] != hash) {
        copy.words[WORD_HASH] = hash;
        copy.words[WORD_PLACE_1] = copy.words[WORD_WHEN_1] = 0;
    } else if (copy.words[WORD_PLACE_0] >> 32 != (uint64_t)slot + 1) {
        copy.words[WORD_PLACE_1] = copy.words[WORD_PLACE_0];
        copy.words[WORD_WHEN_1] = copy.words[WORD_WHEN_0];
    }
    copy.words[WORD_PLACE_0] = place_pack(slot, tokens);
    copy.words[WORD_WHEN_0] = (uint64_t)now_ns;
    line_write(line, &copy);
}

void affinity_note_request(struct affinity *affinity, uint64_t session, double tokens,
                           const struct affinity_prefix *prefixes, uint32_t prefix_count,
                           uint32_t slot, int64_t now_ns)
{
    affinity_note(affinity, session, slot, tokens, now_ns);
    for (uint32_t i = 0; i < prefix_count && i < AFFINITY_PREFIXES_MAX; i++)
        affinity_note(affinity, prefixes[i].hash, slot, prefixes[i].tokens, now_ns);
}

/* Looks at the hash alone first: most look-ups end there. */
static bool line_holds(const struct line *line, uint64_t hash, struct copy *copy)
{
    return atomic_load_explicit(&line->words[WORD_HASH], memory_order_relaxed) == hash &&
           line_read(line, copy) && copy->words[WORD_HASH] == hash;
}

unsigned affinity_find(const struct affinity *affinity, uint64_t hash, int64_t now_ns,
                       struct affinity_place places[AFFINITY_PLACES])
{
    struct copy copy;
    if (hash == 0)
        return 0;
    const size_t at = hash & affinity->mask;
    if (!line_holds(&affinity->lines[at], hash, &copy) &&
        !line_holds(&affinity->lines[at ^ 1], hash, &copy))
        return 0;
    unsigned count = 0;
    for (unsigned w = WORD_PLACE_0; w <= WORD_PLACE_1; w += 2) {
        const uint64_t place = copy.words[w];
        const int64_t age_ns = now_ns - (int64_t)copy.words[w + 1];
        if (place == 0)
            continue;
        places[count++] =
            (struct affinity_place){(uint32_t)(place >> 32) - 1, (double)(uint32_t)place,
                                    age_ns > 0 ? ns_to_ms(age_ns) : 0};
    }
    return count;
}

static void expectation_improve(struct affinity_expectation *best, const struct affinity *affinity,
                                uint64_t hash, double most, uint32_t slot, int64_t now_ns)
{
    struct affinity_place places[AFFINITY_PLACES];
    const unsigned count = affinity_find(affinity, hash, now_ns, places);
    for (unsigned i = 0; i < count; i++) {
        const double tokens = places[i].tokens < most ? places[i].tokens : most;
        if (places[i].slot == slot && tokens > best->tokens)
            *best = (struct affinity_expectation){tokens, places[i].age_ms};
    }
}

struct affinity_expectation affinity_expect(const struct affinity *affinity, uint64_t session,
                                            const struct affinity_prefix *prefixes,
                                            uint32_t prefix_count, double prompt_tokens,
                                            uint32_t slot, int64_t now_ns)
{
    struct affinity_expectation best = {0, NAN};
    expectation_improve(&best, affinity, session, prompt_tokens, slot, now_ns);
    for (uint32_t i = 0; i < prefix_count && i < AFFINITY_PREFIXES_MAX; i++)
        expectation_improve(&best, affinity, prefixes[i].hash, prompt_tokens, slot, now_ns);
    return best;
}

/*
 * A hit at an age shows that prefixes stay at least that long; a miss before
 * the stay shows that they do not, and pulls it a fifth of the way down.
 */
void affinity_learn(struct affinity *affinity, uint32_t slot,
                    struct affinity_expectation expectation, double cached_tokens,
                    double reported_ms)
{
    if (slot >= FLEET_SLOTS_MAX || !(cached_tokens >= 0) || !(expectation.tokens > 0) ||
        !(expectation.age_ms >= 0))
        return;
    double old = atomic_load_explicit(&affinity->stay_ms[slot], memory_order_relaxed);
    const double stay = affinity_stay_ms(affinity, slot, reported_ms);
    const double age = expectation.age_ms;
    double learned = stay;
    if (cached_tokens >= expectation.tokens / 2)
        learned = fmax(stay, age / 0.75);
    else if (age < stay && age > STAY_SETTLE_MS)
        learned = 0.8 * stay + 0.2 * age;
    if (learned == stay)
        return;
    learned = fmin(fmax(learned, STAY_LEAST_MS), STAY_MOST_MS);
    atomic_compare_exchange_strong_explicit(&affinity->stay_ms[slot], &old, learned,
                                            memory_order_relaxed, memory_order_relaxed);
}

double affinity_stay_ms(const struct affinity *affinity, uint32_t slot, double reported_ms)
{
    const double learned = atomic_load_explicit(&affinity->stay_ms[slot], memory_order_relaxed);
    if (learned > 0)
        return learned;
    return reported_ms > 0 ? reported_ms : AFFINITY_STAY_PRIOR_MS;
}

double affinity_survival(double age_ms, double stay_ms)
{
    const double left = (1.25 * stay_ms - age_ms) / (0.5 * stay_ms);
    return left >= 1 ? 1 : left > 0 ? left : 0;
}
