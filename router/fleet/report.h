/*
 * What a cluster's agent said of itself, once: the fields of {iso}:report:*.
 * control/ reads them from Redis as text, report_parse turns them into
 * numbers, fleet_apply_report keeps the good ones.  Values from Redis are
 * never believed before they are finite and in range.
 */
#ifndef FLEET_REPORT_H
#define FLEET_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

#define REPORT_VALUE_MAX 64  /* bytes of a number; a longer one is refused */
#define REPORT_FIELDS_MAX 64 /* pairs looked at in one report */

enum report_state { REPORT_OPEN, REPORT_EXISTING_ONLY, REPORT_CLOSED };

/* name, least, most; the unit is in DESIGN.md's table of Redis keys.  NAN: not said. */
#define REPORT_NUMBERS(X)      \
    X(ttl_ms, 1, 1e8)          \
    X(interval_ms, 1, 1e7)     \
    X(instances, 1, 1e5)       \
    X(running, 0, 1e6)         \
    X(waiting, 0, 1e6)         \
    X(waiting_tokens, 0, 1e10) \
    X(slots, 1, 1e6)           \
    X(prefill_tps, 1, 1e9)     \
    X(prefill_tps_one, 1, 1e8) \
    X(utilisation, 0, 1)       \
    X(mean_tokens, 1, 1e7)     \
    X(hold_ms, 1, 1e8)         \
    X(itl_ms, 0.01, 1e6)       \
    X(itl_idle_ms, 0.01, 1e6)  \
    X(done_per_s, 0, 1e6)      \
    X(kv_used, 0, 1)           \
    X(cache_age_ms, 0, 1e9)    \
    X(ttft_ms, 0, 1e8)         \
    X(price_per_mtok, 0, 1e6)

/* name, bytes with the NUL; printable ASCII only */
#define REPORT_TEXTS(X) \
    X(models, 512)      \
    X(accelerator, 32)  \
    X(engine, 32)       \
    X(endpoint, 256)

enum report_field {
#define REPORT_FIELD_ENUM(name, ...) REPORT_FIELD_##name,
    REPORT_NUMBERS(REPORT_FIELD_ENUM) REPORT_TEXTS(REPORT_FIELD_ENUM)
#undef REPORT_FIELD_ENUM
        REPORT_FIELD_epoch,
    REPORT_FIELD_seq,
    REPORT_FIELD_ts_ms,
    REPORT_FIELD_state,
    REPORT_FIELD_COUNT
};

struct report {
    uint64_t epoch, seq; /* order of one target's reports: the larger pair wins */
    uint64_t ts_ms;      /* the server's clock when stored; 0 not said */
    enum report_state state;
    uint64_t refused; /* bit per enum report_field: was there, was not acceptable */
    uint64_t present; /* bit per enum report_field: was there and accepted */
#define REPORT_FIELD_NUMBER(name, ...) double name;
    REPORT_NUMBERS(REPORT_FIELD_NUMBER)
#undef REPORT_FIELD_NUMBER
#define REPORT_FIELD_TEXT(name, size) char name[size];
    REPORT_TEXTS(REPORT_FIELD_TEXT)
#undef REPORT_FIELD_TEXT
};

/* What was refused, for metrics.  Single writer: the control thread. */
struct report_refusals {
    uint64_t fields[REPORT_FIELD_COUNT]; /* by field */
    uint64_t unknown;                    /* fields of no known name: ignored */
    uint64_t whole;                      /* reports not taken at all */
};

/* Everything unknown, state open. */
void report_init(struct report *report);
const char *report_field_name(enum report_field field);
const char *report_state_name(enum report_state state);

/*
 * Reads name, value, name, value ... (`count` slices).  False when the report
 * as a whole is of no use: no epoch or seq, an odd count, too many fields, or
 * more than half of what it says refused.  Refused fields are NAN, marked in
 * `refused` and counted; unknown names are ignored.  A value is decimal, without blanks,
 * sign or hex, at most REPORT_VALUE_MAX bytes, and within its range.  [control]
 */
bool report_parse(const struct slice *pairs, size_t count, struct report *report,
                  struct report_refusals *refusals) ISO_MUST_USE;

#endif
