/*
 * Where conversations and prompt prefixes were served last: a table of fixed
 * size shared by all workers.  A slot is one cache line of atomic words under
 * a sequence number: a writer makes it odd by compare-and-swap and drops its
 * update if it loses; a reader that sees a change takes it as a miss.
 * Nothing here is exact, and nothing has to be: it predicts cached tokens.
 */
#ifndef FLEET_AFFINITY_H
#define FLEET_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

#define AFFINITY_PLACES 2        /* targets remembered per hash */
#define AFFINITY_PREFIXES_MAX 16 /* looked at per request */
#define AFFINITY_STAY_PRIOR_MS 600000.0

struct affinity;

/* A prompt prefix: chained hash of its blocks and how many tokens it covers. */
struct affinity_prefix {
    uint64_t hash; /* never 0 */
    double tokens;
};

/* One target that served a hash. */
struct affinity_place {
    uint32_t slot;
    double tokens; /* prompt tokens left in its cache then */
    double age_ms;
};

/* What the prefix cache of one target should hold of a request. */
struct affinity_expectation {
    double tokens; /* left there, as if nothing were ever evicted; 0 none */
    double age_ms; /* since then; NAN none */
};

/* `entries` is rounded up to a power of two (64 bytes each).  [control] */
struct affinity *affinity_create(size_t entries) ISO_MUST_USE;
void affinity_destroy(struct affinity **affinity);

/* The target served `hash` and holds `tokens` of it.  Hash 0 is ignored.  [worker] */
void affinity_note(struct affinity *affinity, uint64_t hash, uint32_t slot, double tokens,
                   int64_t now_ns);
/* The same for a whole request: its session with `tokens` (prompt, and what was generated), each
 * prefix with its own.  Call when it is sent (so that its next of kin follow) and when it ends.
 * [worker] */
void affinity_note_request(struct affinity *affinity, uint64_t session, double tokens,
                           const struct affinity_prefix *prefixes, uint32_t prefix_count,
                           uint32_t slot, int64_t now_ns);
/* Number of places written to `places`, newest first.  [worker] */
unsigned affinity_find(const struct affinity *affinity, uint64_t hash, int64_t now_ns,
                       struct affinity_place places[AFFINITY_PLACES]);
/* The best of session and prefixes at one target.  Ask before affinity_note_request; pass the
 * answer to affinity_learn when usage comes.  [worker] */
struct affinity_expectation affinity_expect(const struct affinity *affinity, uint64_t session,
                                            const struct affinity_prefix *prefixes,
                                            uint32_t prefix_count, double prompt_tokens,
                                            uint32_t slot, int64_t now_ns);
/* usage.prompt_tokens_details.cached_tokens of a request: how long do prefixes stay at that target?
 * NAN or a negative figure teaches nothing.  `reported_ms`: the target's cache_age_ms, where
 * learning begins; NAN unknown.  [worker] */
void affinity_learn(struct affinity *affinity, uint32_t slot,
                    struct affinity_expectation expectation, double cached_tokens,
                    double reported_ms);
/* How long a prefix stays at a target: learned, else `reported_ms` (NAN unknown), else the prior.
 */
double affinity_stay_ms(const struct affinity *affinity, uint32_t slot, double reported_ms);
/* Share of a prefix of that age that is still there, 0..1: whole until 3/4 of the stay, none from
 * 5/4. */
double affinity_survival(double age_ms, double stay_ms);

#endif
