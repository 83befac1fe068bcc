/*
 * What is measured, added up: a cell for every way, place, class and cluster,
 * and sums of cells for reports.  A request goes into its cell when it ends, the
 * gaps between its events as they happen.  Single-writer, no clock.
 *
 * Only answered requests are in the latencies; all gaps are.
 */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/slice.h"
#include "load/ask.h"
#include "load/outcome.h"

enum {
    TALLY_CLUSTERS_MOST = 64, /* a name beyond counts as "(other)" */
    TALLY_NAME_BYTES = 64,
    TALLY_STATUSES = 16,
    TALLY_TIMINGS = 8,
    SAMPLE_ID_BYTES = 64,
    SAMPLE_CODE_BYTES = 48
};

enum promise_state { PROMISE_NONE, PROMISE_BROKEN, PROMISE_KEPT };

/* One request.  Times are nanoseconds since the start of the run; 0 or less: it did not happen. */
struct sample {
    uint64_t number; /* from 1 */
    uint32_t place;
    enum traffic_class traffic_class;
    enum way way;
    uint32_t tenant;  /* 0 when there are none */
    uint32_t cluster; /* of the tally; 0: not known */
    uint64_t conversation;
    uint32_t turn;
    int64_t intended_ns;
    int64_t issued_ns; /* when the schedule got to it */
    int64_t head_ns;
    int64_t first_ns; /* first data event */
    int64_t last_ns;  /* last data event */
    int64_t end_ns;
    uint64_t events;
    uint32_t asked_prompt_tokens;
    uint32_t asked_output_tokens;
    int64_t prompt_tokens, cached_tokens, output_tokens; /* reported by usage; -1 not */
    int status;                                          /* 0: none */
    unsigned resent; /* times it was refused before it can have started, and sent again */
    enum outcome outcome;
    enum promise_state promise;
    bool error_event;                 /* an error event came, however the stream ended */
    char request_id[SAMPLE_ID_BYTES]; /* x-request-id of the answer; "" none */
    char code[SAMPLE_CODE_BYTES];     /* of the error object; "" none */
};

/* server-timing, one name */
struct tally_timing {
    char name[16];
    double sum_ms;
    uint64_t count;
};

struct tally {
    uint64_t requests;
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t promised, kept; /* --promise */
    uint64_t resent;
    uint64_t events;
    uint64_t prompt_tokens, cached_tokens, output_tokens; /* as reported */
    struct {
        int status;
        uint64_t count;
    } statuses[TALLY_STATUSES];
    struct tally_timing timings[TALLY_TIMINGS];
    struct histogram ttft;        /* ns from the intended start */
    struct histogram itl;         /* ns, every gap between two events */
    struct histogram itl_request; /* ns, the mean gap of one stream */
    struct histogram e2e;         /* ns from the intended start */
    struct histogram head;        /* ns from the intended start */
};

uint64_t tally_failed(const struct tally *tally);
void tally_merge(struct tally *into, const struct tally *from);

struct tallies;

struct tallies *tallies_create(uint32_t places, uint32_t tenants);
void tallies_destroy(struct tallies **tallies);
/* The number of a cluster, from 1; a new name is taken in. */
uint32_t tallies_cluster(struct tallies *tallies, struct slice name);
uint32_t tallies_cluster_count(const struct tallies *tallies); /* the unknown one, 0, included */
const char *tallies_cluster_name(const struct tallies *tallies, uint32_t cluster); /* 0: "-" */

/* A gap between two events of it. */
void tallies_gap(struct tallies *tallies, const struct sample *sample, int64_t gap_ns);
/* The value of a server-timing field. */
void tallies_timing(struct tallies *tallies, const struct sample *sample, struct slice value);
void tallies_add(struct tallies *tallies, const struct sample *sample);
/* How late the schedule got to a request. */
void tallies_slip(struct tallies *tallies, int64_t slip_ns);

/* Some of the cells: of one each, or TALLY_ALL; always of one way. */
#define TALLY_ALL UINT32_MAX
struct tally_group {
    uint32_t place, traffic_class, cluster;
    enum way way;
};
#define TALLY_EVERYTHING ((struct tally_group){TALLY_ALL, TALLY_ALL, TALLY_ALL, WAY_ROUTED})
#define TALLY_DIRECT ((struct tally_group){TALLY_ALL, TALLY_ALL, TALLY_ALL, WAY_DIRECT})
/* Adds them up; false when nothing ended there. */
bool tallies_sum(const struct tallies *tallies, struct tally_group group, struct tally *out);
/* What was routed of one tenant. */
const struct tally *tallies_tenant(const struct tallies *tallies, uint32_t tenant);
const struct histogram *tallies_slips(const struct tallies *tallies);

#endif
