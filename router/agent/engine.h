/*
 * What inference engines call their metrics: a table, one row an engine, and
 * the reading of one scrape by such a row.  A new engine is a new row.
 */
#ifndef AGENT_ENGINE_H
#define AGENT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/slice.h"

enum { ENGINE_NAMES_MOST = 2 };

/* name, kind.  Series of several engines behind one endpoint are added up (SUM) or averaged. */
#define ENGINE_METRICS(X)                                                                  \
    X(running, SUM)             /* requests holding a slot */                              \
    X(waiting, SUM)             /* requests not yet started */                             \
    X(kv_used, MEAN)            /* 0..1 */                                                 \
    X(cache_age_s, MEAN)        /* idle time of the prefix evicted last */                 \
    X(finished, COUNTER)        /* requests */                                             \
    X(prompt_tokens, COUNTER)   /* of prompts, cached ones included */                     \
    X(cached_tokens, COUNTER)   /* of prompts, taken from the prefix cache */              \
    X(computed_tokens, COUNTER) /* of prompts, cached ones excluded; with prefill_count */ \
    X(ttft_sum, COUNTER)        /* seconds, as are the other sums */                       \
    X(ttft_count, COUNTER)                                                                 \
    X(itl_sum, COUNTER)                                                                    \
    X(itl_count, COUNTER)                                                                  \
    X(e2e_sum, COUNTER)                                                                    \
    X(e2e_count, COUNTER)                                                                  \
    X(queue_sum, COUNTER)                                                                  \
    X(queue_count, COUNTER)                                                                \
    X(prefill_sum, COUNTER)                                                                \
    X(prefill_count, COUNTER)

enum engine_metric {
#define ENGINE_METRIC_ENUM(name, kind) ENGINE_##name,
    ENGINE_METRICS(ENGINE_METRIC_ENUM)
#undef ENGINE_METRIC_ENUM
        ENGINE_METRIC_COUNT
};

enum engine_kind { ENGINE_SUM, ENGINE_MEAN, ENGINE_COUNTER };

struct engine {
    const char *name;
    const char *prefix; /* of all its metrics */
    const char *path;   /* where it shows them */
    /* Without prefix and without _total, the preferred one first; NULL: it has none. */
    const char *names[ENGINE_METRIC_COUNT][ENGINE_NAMES_MOST];
};

/* What one endpoint said at one moment. */
struct engine_sample {
    double values[ENGINE_METRIC_COUNT]; /* NAN: absent, which is not 0 */
    unsigned engines;                   /* behind the endpoint; at least 1 */
    size_t malformed;                   /* lines skipped */
};

/* NULL when there is no such engine. */
const struct engine *engine_find(struct slice name);
/* NULL behind the last. */
const struct engine *engine_at(size_t index);
enum engine_kind engine_metric_kind(enum engine_metric metric);

/* False when not one of the engine's metrics is in the text. */
bool engine_sample_read(const struct engine *engine, struct slice text,
                        struct engine_sample *out) ISO_MUST_USE;

#endif
