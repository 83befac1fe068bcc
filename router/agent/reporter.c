#include "agent/reporter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/redis_reader.h"
#include "net/redis_schema.h"

#define COMPLAIN_NS (30 * NS_PER_S)

struct reporter {
    struct redis_client *client;
    struct redis_schema schema;
    char cluster[REDIS_NAME_BYTES + 1];
    char pool[REDIS_NAME_BYTES + 1];
    uint64_t ttl_ms;
    int64_t started_ns;
    uint64_t epoch; /* server's clock when we started; 0 not known yet */
    uint64_t seq;
    struct report last;
    bool said;
    unsigned unanswered;
    int64_t complained_ns;
    struct arena scratch;
};

static void send_last(struct reporter *reporter);

static void complain(struct reporter *reporter, const char *event, const char *what)
{
    const int64_t now = clock_monotonic_ns();
    if (reporter->complained_ns && now - reporter->complained_ns < COMPLAIN_NS)
        return;
    reporter->complained_ns = now;
    log_event(LOG_WARN, event, "%s", what);
}

static void on_loaded(void *user, const struct redisReply *reply)
{
    struct reporter *reporter = user;
    reporter->unanswered--;
    if (redis_library_loaded(reply))
        send_last(reporter);
    else if (reply)
        complain(reporter, "redis_library_refused", "redis did not take the function library");
}

static void on_reported(void *user, const struct redisReply *reply)
{
    struct reporter *reporter = user;
    reporter->unanswered--;
    if (!reply)
        return;
    if (redis_library_missing(reply)) {
        reporter->unanswered += redis_library_load(reporter->client, on_loaded, reporter);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        complain(reporter, "report_refused", reply->str);
    } else if (redis_reply_count(reply) < 3 || reply->element[0]->type != REDIS_REPLY_INTEGER) {
        complain(reporter, "report_refused", "the reply to iso1_report has another shape");
    } else if (reply->element[0]->integer != 1) {
        complain(reporter, "report_refused",
                 "another agent that started later reports for this cluster and pool");
    }
}

/* Text without an exponent, at most 3 decimals, none that say nothing. */
static struct slice number_text(struct arena *arena, double value)
{
    struct slice text = arena_printf(arena, "%.3f", value);
    while (text.ptr[text.len - 1] == '0')
        text.len--;
    if (text.ptr[text.len - 1] == '.')
        text.len--;
    return text;
}

static void add_number(struct redis_command *command, const char *name, double value, double least,
                       double most)
{
    if (!isfinite(value) || value < least || value > most)
        return; /* unknown, or nothing that a reader would take */
    redis_command_add(command, slice_of(name));
    redis_command_add(command, number_text(command->arena, value));
}

static void add_text(struct redis_command *command, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    redis_command_add(command, slice_of(name));
    redis_command_add(command, slice_of(value));
}

static void add_fields(struct redis_command *command, const struct report *report)
{
    add_text(command, "state", report_state_name(report->state));
#define ADD_NUMBER(name, least, most) add_number(command, #name, report->name, least, most);
    REPORT_NUMBERS(ADD_NUMBER)
#undef ADD_NUMBER
#define ADD_TEXT(name, size) add_text(command, #name, report->name);
    REPORT_TEXTS(ADD_TEXT)
#undef ADD_TEXT
}

static void send_last(struct reporter *reporter)
{
    if (!reporter->said || reporter->epoch == 0)
        return;
    arena_reset(&reporter->scratch);
    const struct redis_report_key key = {
        .cluster = slice_of(reporter->cluster),
        .pool = slice_of(reporter->pool),
        .epoch = reporter->epoch,
        .seq = ++reporter->seq,
        .ttl_ms = reporter->ttl_ms,
    };
    struct redis_command command =
        redis_command_report(&reporter->scratch, &reporter->schema, &key);
    add_fields(&command, &reporter->last);
    reporter->unanswered += redis_command_send(&command, reporter->client, on_reported, reporter);
}

/* TIME: [seconds, microseconds].  Our epoch is the moment we started, by the server's clock. */
static void on_time(void *user, const struct redisReply *reply)
{
    struct reporter *reporter = user;
    reporter->unanswered--;
    uint64_t seconds, microseconds;
    if (!reply)
        return;
    if (redis_reply_count(reply) != 2 ||
        !slice_to_u64(redis_reply_text(reply->element[0]), &seconds) ||
        !slice_to_u64(redis_reply_text(reply->element[1]), &microseconds) ||
        seconds > UINT64_C(1000000000000) || microseconds > 1000000) {
        complain(reporter, "redis_clock_unknown", "redis did not tell the time");
        return;
    }
    const uint64_t up_ms = (uint64_t)((clock_monotonic_ns() - reporter->started_ns) / NS_PER_MS);
    const uint64_t now_ms = seconds * 1000 + microseconds / 1000;
    reporter->epoch = now_ms > up_ms ? now_ms - up_ms : 1;
    send_last(reporter);
}

static void on_ready(void *owner)
{
    struct reporter *reporter = owner;
    struct redis_status status;
    redis_client_status(reporter->client, &status);
    log_event(LOG_INFO, "redis_connected", "%s", status.server);
    if (reporter->epoch) {
        send_last(reporter);
        return;
    }
    const struct slice words[] = {SLICE("TIME")};
    reporter->unanswered +=
        redis_client_call(reporter->client, words, COUNT_OF(words), on_time, reporter);
}

static void on_lost(void *owner)
{
    struct reporter *reporter = owner;
    struct redis_status status;
    redis_client_status(reporter->client, &status);
    log_event(LOG_WARN, "redis_lost", "%s", status.error);
}

static const struct redis_events events = {on_ready, on_lost, NULL};

struct reporter *reporter_create(struct event_base *base, const struct reporter_settings *settings,
                                 struct error *error)
{
    struct reporter *reporter = memory_zalloc(sizeof *reporter);
    redis_schema_init(&reporter->schema, settings->prefix);
    CHECK(redis_name_valid(settings->cluster) && redis_name_valid(settings->pool));
    memcpy(reporter->cluster, settings->cluster.ptr, settings->cluster.len);
    memcpy(reporter->pool, settings->pool.ptr, settings->pool.len);
    reporter->ttl_ms = (uint64_t)settings->ttl_ms;
    reporter->started_ns = clock_monotonic_ns();
    arena_init(&reporter->scratch);
    const struct redis_settings client = {.urls = settings->urls,
                                          .url_count = settings->url_count,
                                          .name = "isochrone-agent"};
    reporter->client = redis_client_create(base, &client, &events, reporter, error);
    if (!reporter->client)
        reporter_destroy(&reporter);
    return reporter;
}

void reporter_destroy(struct reporter **handle)
{
    struct reporter *reporter = *handle;
    if (!reporter)
        return;
    *handle = NULL;
    redis_client_destroy(&reporter->client);
    arena_finish(&reporter->scratch);
    free(reporter);
}

void reporter_say(struct reporter *reporter, const struct report *report)
{
    reporter->last = *report;
    reporter->said = true;
    send_last(reporter);
}

bool reporter_idle(const struct reporter *reporter)
{
    return reporter->unanswered == 0;
}
