#include "load/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PERIOD_MS = 1000, PAST = 10 };

/* Of the last ten seconds; what is there now goes into the past. */
static void take_present(struct progress *progress, const struct histogram *now,
                         struct histogram *out)
{
    struct histogram *past = &progress->past[progress->at++ % PAST];
    *out = *now;
    out->least = 0;
    out->count -= past->count;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        out->buckets[i] -= past->buckets[i];
    *past = *now;
}

static void show(struct timer *timer)
{
    struct progress *progress = CONTAINER_OF(timer, struct progress, timer);
    struct tally *sum = progress->sum;
    const double elapsed_s =
        (double)(clock_monotonic_ns() - progress->calls->start_ns) / (double)NS_PER_S;
    tallies_sum(progress->tallies, TALLY_EVERYTHING, sum);
    struct histogram present;
    take_present(progress, progress->options->prompt.stream ? &sum->ttft : &sum->e2e, &present);
    fprintf(stderr,
            "\r\033[K%.0f s  begun %" PRIu64 "  open %u  answered %" PRIu64 "  cut %" PRIu64
            "  failed %" PRIu64 "  last 10 s: %s p50 %.0f ms  p99 %.0f ms",
            elapsed_s, progress->calls->begun, progress->calls->open_count,
            sum->outcomes[OUTCOME_ANSWERED], sum->outcomes[OUTCOME_CUT], tally_failed(sum),
            progress->options->prompt.stream ? "ttft" : "e2e",
            histogram_percentile(&present, 50) / 1e6, histogram_percentile(&present, 99) / 1e6);
    timer_start(timer, progress->loop, PERIOD_MS);
}

void progress_init(struct progress *progress)
{
    *progress = (struct progress){0};
    timer_init(&progress->timer, show);
}

void progress_begin(struct progress *progress, struct loop *loop, const struct options *options,
                    const struct tallies *tallies, const struct calls *calls)
{
    if (!isatty(STDERR_FILENO))
        return;
    progress->loop = loop;
    progress->options = options;
    progress->tallies = tallies;
    progress->calls = calls;
    progress->sum = memory_alloc(sizeof(*progress->sum));
    progress->past = memory_zalloc(PAST * sizeof *progress->past);
    timer_start(&progress->timer, loop, PERIOD_MS);
}

void progress_finish(struct progress *progress)
{
    if (progress->loop == NULL)
        return;
    timer_stop(&progress->timer);
    free(progress->sum);
    free(progress->past);
    progress->loop = NULL;
    fputs("\r\033[K", stderr);
}
