#include "load/run.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "load/call.h"
#include "load/feed.h"
#include "load/progress.h"
#include "load/request_lines.h"

enum run_phase { RUN_STEERING, RUN_CONNECTING, RUN_SENDING, RUN_DRAINING, RUN_OVER };

/* Begun in one turn at most, so that answers are read between them. */
enum { BATCH_MOST = 256 };

struct run {
    const struct options *options;
    enum run_phase phase;
    struct arena arena;
    struct loop *loop;
    struct tls_client *tls;
    struct place_setup setup;
    struct place *places;
    uint32_t steering; /* places still asking */
    struct tallies *tallies;
    struct series series;
    struct calls calls;
    struct feed feed;
    struct request_lines lines;
    struct progress progress;
    int due_fd;
    struct event *due_event;
    struct event *signals[2];
    struct timer drain;
    bool interrupted;
    struct error error; /* why it could not begin */
    int64_t sending_ended_ns;
    int64_t start_wall_ms;
};

/* ---- phases ---- */

static double own_cpu_s(void)
{
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void stop(struct run *run)
{
    run->phase = RUN_OVER;
    loop_stop(run->loop);
}

static void arm(struct run *run, int64_t due_ns)
{
    const struct itimerspec spec = {
        .it_value = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S}};
    CHECK_EQ(timerfd_settime(run->due_fd, TFD_TIMER_ABSTIME, &spec, NULL), 0);
}

static void stop_if_empty(struct run *run)
{
    if (run->phase == RUN_DRAINING && run->calls.open_count == 0)
        stop(run);
}

static void end_sending(struct run *run)
{
    if (run->phase != RUN_SENDING)
        return;
    run->phase = RUN_DRAINING;
    run->sending_ended_ns = clock_monotonic_ns();
    timer_start(&run->drain, run->loop, (int64_t)run->options->drain_ms);
    stop_if_empty(run);
}

static void on_drain(struct timer *timer)
{
    struct run *run = CONTAINER_OF(timer, struct run, drain);
    calls_abandon(&run->calls);
    stop_if_empty(run);
}

/* ---- sending ---- */

static void begin_one(struct run *run, int64_t intended_ns)
{
    struct ask ask;
    feed_take(&run->feed, &ask);
    struct place *place = &run->places[ask.place];
    calls_begin(&run->calls, place_lane(place, ask.way), &ask, place->told, intended_ns);
}

static bool all_begun(const struct run *run, int64_t at_ns)
{
    return run->calls.begun >= run->options->requests ||
           ns_to_ms(at_ns - run->calls.start_ns) >= run->options->duration_ms;
}

static void send_due(struct run *run)
{
    const int64_t now_ns = clock_monotonic_ns();
    for (int i = 0; run->phase == RUN_SENDING; i++) {
        const int64_t after_ns = feed_next_ns(&run->feed);
        const bool over = after_ns == INT64_MAX;
        const int64_t next_ns = over ? now_ns : run->calls.start_ns + after_ns;
        if (over || all_begun(run, next_ns)) {
            end_sending(run);
        } else if (next_ns > now_ns || i == BATCH_MOST) {
            arm(run, next_ns);
            return;
        } else {
            begin_one(run, next_ns);
        }
    }
}

/* A request that another one made room for starts in its place, before the next answer is read. */
static void refill(struct run *run)
{
    while (run->phase == RUN_SENDING && run->calls.open_count < run->options->closed) {
        const int64_t now_ns = clock_monotonic_ns();
        if (all_begun(run, now_ns))
            end_sending(run);
        else
            begin_one(run, now_ns);
    }
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    struct run *run = arg;
    uint64_t expirations;
    (void)what;
    if (read(fd, &expirations, sizeof(expirations)) < 0)
        return; /* armed anew meanwhile */
    if (run->options->closed > 0)
        end_sending(run); /* the only thing it is armed for */
    else
        send_due(run);
}

static void on_call_ended(void *owner, const struct call *call)
{
    struct run *run = owner;
    const struct sample *sample = &call->sample;
    if (sample->way == WAY_ROUTED)
        series_add(&run->series, sample);
    request_lines_add(&run->lines, call, run->options->places[sample->place].name,
                      tallies_cluster_name(run->tallies, sample->cluster));
    if (run->options->closed > 0 && run->phase == RUN_SENDING)
        refill(run);
    stop_if_empty(run);
}

static void begin_sending(struct run *run)
{
    run->phase = RUN_SENDING;
    run->calls.start_ns = clock_monotonic_ns();
    run->start_wall_ms = run->lines.start_wall_ms = clock_wall_ms();
    progress_begin(&run->progress, run->loop, run->options, run->tallies, &run->calls);
    loop_wake(run->loop); /* this turn has not begun; its end must not wait for an event */
    if (run->options->closed == 0) {
        send_due(run);
        return;
    }
    if (isfinite(run->options->duration_ms))
        arm(run, run->calls.start_ns + ms_to_ns(run->options->duration_ms) + 1);
    refill(run);
}

/* ---- before it ---- */

static void open_places(struct run *run)
{
    run->phase = RUN_CONNECTING;
    for (uint32_t i = 0; i < run->options->place_count; i++)
        place_open(&run->places[i]);
}

/* At the top of every turn. */
static void on_turn(void *arg)
{
    struct run *run = arg;
    if (run->phase != RUN_CONNECTING)
        return;
    for (uint32_t i = 0; i < run->options->place_count; i++)
        if (place_is_dialling(&run->places[i]))
            return;
    begin_sending(run);
}

static void on_steered(void *owner, struct place *place)
{
    struct run *run = owner;
    if (run->phase != RUN_STEERING)
        return;
    if (place->error.text[0] != '\0') {
        error_set(&run->error, "place %s: %s", place->options->name, place->error.text);
        stop(run);
        return;
    }
    if (--run->steering == 0)
        open_places(run);
}

static void begin(struct run *run)
{
    if (!run->options->steer) {
        open_places(run);
        return;
    }
    run->steering = run->options->place_count;
    for (uint32_t i = 0; i < run->options->place_count; i++)
        place_steer(&run->places[i], on_steered, run);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct run *run = arg;
    (void)number;
    (void)what;
    if (run->phase < RUN_SENDING)
        error_set(&run->error, "interrupted before it began");
    run->interrupted = true;
    end_sending(run);
    calls_abandon(&run->calls);
    stop(run);
}

/* ---- the whole ---- */

static bool needs_tls(const struct options *options)
{
    /* Where steering leads is not known yet: an edge's URL is usually https. */
    bool secure = options->steer || (options->has_direct && options->direct_target.secure);
    for (uint32_t i = 0; i < options->target_count; i++)
        secure |= options->targets[i].secure;
    for (uint32_t i = 0; i < options->place_count; i++)
        secure |= options->places[i].has_target && options->places[i].target.secure;
    return secure;
}

static bool create_tls(struct run *run, struct error *error)
{
    const struct options *options = run->options;
    const struct tls_client_settings settings = {.verify = !options->insecure,
                                                 .ca_file = options->ca_file,
                                                 .offer_h2 = options->h2,
                                                 .offer_h1 = !options->h2};
    if (!needs_tls(options))
        return true;
    run->tls = tls_client_create(&settings, error);
    return run->tls != NULL;
}

static void create_events(struct run *run)
{
    struct event_base *base = loop_base(run->loop);
    run->due_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(run->due_fd >= 0);
    run->due_event = event_new(base, run->due_fd, EV_READ | EV_PERSIST, on_due, run);
    run->signals[0] = evsignal_new(base, SIGINT, on_signal, run);
    run->signals[1] = evsignal_new(base, SIGTERM, on_signal, run);
    CHECK(run->due_event != NULL && run->signals[0] != NULL && run->signals[1] != NULL);
    CHECK_EQ(event_add(run->due_event, NULL), 0);
    CHECK_EQ(event_add(run->signals[0], NULL), 0);
    CHECK_EQ(event_add(run->signals[1], NULL), 0);
    timer_init(&run->drain, on_drain);
    loop_set_turn_hook(run->loop, on_turn, run);
}

struct run *run_create(const struct options *options, struct error *error)
{
    struct run *run = memory_zalloc(sizeof *run);
    run->options = options;
    arena_init(&run->arena);
    run->loop = loop_create();
    run->tallies = tallies_create(options->place_count, options->tenants.count);
    const struct calls_settings settings = {.loop = run->loop,
                                            .options = options,
                                            .tallies = run->tallies,
                                            .on_ended = on_call_ended,
                                            .owner = run};
    calls_init(&run->calls, &settings);
    feed_init(&run->feed, options);
    run->places = memory_zalloc(options->place_count * sizeof(*run->places));
    create_events(run);
    progress_init(&run->progress);
    if (!request_lines_open(&run->lines, options->log_file, error) || !create_tls(run, error)) {
        run_destroy(&run);
        return NULL;
    }
    run->setup = (struct place_setup){.loop = run->loop,
                                      .options = options,
                                      .tls = run->tls,
                                      .arena = &run->arena};
    for (uint32_t i = 0; i < options->place_count; i++)
        place_init(&run->places[i], &run->setup, &options->places[i]);
    return run;
}

void run_destroy(struct run **run_at)
{
    struct run *run = *run_at;
    struct error ignored;
    *run_at = NULL;
    if (run == NULL)
        return;
    if (run->setup.loop != NULL)
        for (uint32_t i = 0; i < run->options->place_count; i++)
            place_finish(&run->places[i]);
    timer_stop(&run->drain);
    event_free(run->due_event);
    event_free(run->signals[0]);
    event_free(run->signals[1]);
    close(run->due_fd);
    loop_destroy(&run->loop);
    calls_finish(&run->calls);
    feed_finish(&run->feed);
    tallies_destroy(&run->tallies);
    series_finish(&run->series);
    tls_client_drop(&run->tls);
    if (!request_lines_close(&run->lines, &ignored))
        ignored.text[0] = '\0'; /* run_perform has told; here it never began */
    progress_finish(&run->progress);
    arena_finish(&run->arena);
    free(run->places);
    free(run);
}

bool run_perform(struct run *run, struct run_result *out, struct error *error)
{
    const double cpu_before_s = own_cpu_s();
    begin(run);
    loop_wake(run->loop); /* what is to be done at a turn's end must not wait for an event */
    loop_run(run->loop);
    progress_finish(&run->progress);
    const int64_t now_ns = clock_monotonic_ns();
    if (!request_lines_close(&run->lines, error))
        return false;
    if (run->error.text[0] != '\0') {
        *error = run->error;
        return false;
    }
    *out = (struct run_result){
        .options = run->options,
        .tallies = run->tallies,
        .series = &run->series,
        .places = run->places,
        .start_wall_ms = run->start_wall_ms,
        .sending_s = (double)(run->sending_ended_ns - run->calls.start_ns) / 1e9,
        .elapsed_s = (double)(now_ns - run->calls.start_ns) / 1e9,
        .cpu_s = own_cpu_s() - cpu_before_s,
        .interrupted = run->interrupted,
    };
    return true;
}
