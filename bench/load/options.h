/* The command line of `isobench load`, read and checked. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/fields.h"
#include "load/assertion.h"
#include "load/promise.h"
#include "load/prompt.h"
#include "load/schedule.h"
#include "load/size.h"
#include "load/target.h"
#include "load/tenant.h"
#include "load/trace.h"

enum {
    OPTIONS_TARGETS_MOST = 16,
    OPTIONS_PLACES_MOST = 32,
    OPTIONS_HEADERS_MOST = 16,
    OPTIONS_ASSERTIONS_MOST = 16,
    OPTIONS_CONNECTIONS_MOST = 20000,
    OPTIONS_STREAMS_MOST = 100,
    OPTIONS_CLASSES_MOST = 8,
    OPTIONS_PROMISES_MOST = 8,
    OPTIONS_TURNS_MOST = 1000,
};

/* How it is known where a client is. */
enum identify {
    IDENTIFY_BIND,      /* its connections come from there */
    IDENTIFY_FORWARDED, /* each request says so: x-forwarded-for */
    IDENTIFY_PROXY      /* each connection begins with a line that says so */
};

/* Where some of the clients are. */
struct options_place {
    const char *name;
    struct address source; /* len 0: the kernel chooses */
    bool has_target;
    struct target target; /* its own URL */
};

struct options_class {
    enum traffic_class traffic_class;
    double weight;
};

struct options {
    bool help;
    struct target targets[OPTIONS_TARGETS_MOST];
    uint32_t target_count;
    struct options_place places[OPTIONS_PLACES_MOST]; /* at least one */
    uint32_t place_count;
    enum identify identify;
    bool steer;
    struct target steer_target;
    bool has_direct;
    struct target direct_target;

    struct schedule_settings schedule; /* rates are of all places together */
    const char *arrivals_text;         /* as given: a kind or a file */
    double time_scale;
    struct trace *trace;                      /* NULL: drawn by chance */
    uint32_t trace_places[TRACE_PLACES_MOST]; /* which of `places` is each of the trace's */
    uint32_t closed;                          /* > 0: so many at a time instead of a rate */
    double duration_ms;                       /* INFINITY when only --requests is given */
    uint64_t requests;                        /* UINT64_MAX when only --duration is given */
    double stall_ms;
    double drain_ms; /* how long the last ones may take after the schedule's end */
    uint32_t open_most;
    uint64_t seed;

    bool h2;
    bool insecure;
    const char *ca_file;  /* NULL: the system's */
    uint32_t connections; /* at most, of each place to each URL */
    uint32_t streams;     /* at most, on one connection */

    struct prompt_settings prompt;
    struct size prompt_size, output_size;
    struct trace *sizes;    /* both are those of any of its rows; NULL: as drawn */
    uint32_t conversations; /* 0: every request is a stranger */
    double turns;           /* of a conversation, in the mean; 0: endless, and none grows */
    const char *model;
    struct options_class classes[OPTIONS_CLASSES_MOST]; /* none: none is asked for */
    uint32_t class_count;
    double class_weight;    /* of all */
    struct tenants tenants; /* none: no key is sent */
    struct promise promises[OPTIONS_PROMISES_MOST];
    uint32_t promise_count;
    bool sim;
    struct field headers[OPTIONS_HEADERS_MOST];
    uint32_t header_count;

    const char *json_file; /* NULL: none; "-": standard output */
    const char *log_file;
    bool quiet;
    struct assertion assertions[OPTIONS_ASSERTIONS_MOST];
    uint32_t assertion_count;
};

/* argv[0] is not looked at.  What it points at lives in the arena and in argv; options_finish also
 * when it says false. */
bool options_read(int argc, char **argv, struct arena *arena, struct options *out,
                  struct error *error) ISO_MUST_USE;
void options_finish(struct options *options);
extern const char options_usage[];

#endif
