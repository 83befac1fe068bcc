#include "load/promise.h"

#include <math.h>

#include "base/clock.h"
#include "load/duration.h"

static bool read_part(struct slice part, struct promise *out)
{
    struct slice name;
    double *const bounds[] = {&out->ttft_ms, &out->itl_request_ms, &out->e2e_ms};
    static const char *const names[] = {"ttft", "itl", "e2e"};
    if (!slice_split(&part, '=', &name) || part.ptr == NULL)
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq(slice_trim(name), slice_of(names[i])))
            return duration_parse(slice_trim(part), bounds[i]);
    return false;
}

bool promise_parse(struct slice text, struct promise *out, struct error *error)
{
    struct slice rest = text, part;
    bool good = text.len > 0;
    *out = (struct promise){CLASS_NONE, INFINITY, INFINITY, INFINITY};
    if (slice_find(text, ':') >= 0) {
        (void)slice_split(&rest, ':', &part);
        out->traffic_class = traffic_class_find(part);
        good = out->traffic_class != CLASS_COUNT && rest.len > 0;
    }
    while (good && slice_split(&rest, ',', &part))
        good = read_part(part, out);
    return good || error_set(error,
                             "expected [CLASS:]ttft=DURATION,itl=DURATION,e2e=DURATION or some of "
                             "these, such as ttft=1s,itl=100ms, found %.*s",
                             SLICE_ARG(text));
}

/* The one of its class before the one for all. */
static const struct promise *find(const struct promise *promises, uint32_t count,
                                  enum traffic_class traffic_class)
{
    const struct promise *general = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (promises[i].traffic_class == CLASS_NONE)
            general = &promises[i];
        else if (promises[i].traffic_class == traffic_class)
            return &promises[i];
    }
    return general;
}

enum promise_state promise_judge(const struct promise *promises, uint32_t count,
                                 const struct sample *sample)
{
    const struct promise *promise = find(promises, count, sample->traffic_class);
    if (promise == NULL || sample->outcome == OUTCOME_UNFINISHED)
        return PROMISE_NONE;
    const double ttft_ms =
        sample->events > 0 ? ns_to_ms(sample->first_ns - sample->intended_ns) : 0;
    const double itl_ms = sample->events > 1 ? ns_to_ms(sample->last_ns - sample->first_ns) /
                                                   (double)(sample->events - 1)
                                             : 0;
    const bool kept = sample->outcome == OUTCOME_ANSWERED && ttft_ms <= promise->ttft_ms &&
                      itl_ms <= promise->itl_request_ms &&
                      ns_to_ms(sample->end_ns - sample->intended_ns) <= promise->e2e_ms;
    return kept ? PROMISE_KEPT : PROMISE_BROKEN;
}
