/*
 * Any bytes as an engine's metrics page, by every row of the table: what comes
 * out is a number or unknown, and the flows between two such pages are too.
 */
#include <math.h>

#include "agent/derive.h"
#include "agent/engine.h"
#include "base/clock.h"

#include "fuzz.h"

static void read_halves(const struct engine *engine, struct slice page)
{
    const struct derive_settings settings = {.instances = NAN, .slots = NAN};
    struct derive *derive = derive_create(&settings);
    const struct slice parts[] = {slice_make(page.ptr, page.len / 2), page};
    for (int i = 0; i < 2; i++) {
        struct engine_sample sample;
        if (!engine_sample_read(engine, parts[i], &sample))
            continue;
        must(sample.engines >= 1);
        derive_sample(derive, 0, &sample, (1 + i) * NS_PER_S);
    }
    struct report report;
    report_init(&report);
    derive_report(derive, 3 * NS_PER_S, &report);
    must(!(report.utilisation < 0) && !(report.utilisation > 1)); /* may be unknown */
    derive_destroy(&derive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; engine_at(i); i++)
        read_halves(engine_at(i), slice_make(data, size));
    return 0;
}
