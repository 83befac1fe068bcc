#include "agent/agent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/dns.h>

#include "agent/reporter.h"
#include "agent/scrape.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/tls.h"

enum { LEAVE_MS = 1000, LEAVE_LOOK_MS = 10 };

struct endpoint_watch {
    struct scrape *scrape;
    char *authority;
    char *path;
    bool failing; /* said so in the log */
};

struct agent {
    struct loop *loop;
    const struct agent_config *config;
    struct evdns_base *dns;
    struct tls_client *tls;
    struct derive *derive;
    struct reporter *reporter;
    struct endpoint_watch endpoints[DERIVE_ENDPOINTS_MOST];
    size_t awaited; /* scrapes of this round */
    struct timer round;
    struct timer leave;
    int64_t leave_by_ns; /* 0: staying */
};

/* ---- a round -------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static struct report report_of(const struct agent *agent)
{
    const struct agent_config *config = agent->config;
    struct report report;
    report_init(&report);
    report.state = agent->leave_by_ns ? REPORT_CLOSED : config->state;
    report.interval_ms = config->interval_ms;
    report.price_per_mtok = config->price_per_mtok;
    copy_text(report.models, sizeof report.models, config->models);
    copy_text(report.accelerator, sizeof report.accelerator, config->accelerator);
    copy_text(report.endpoint, sizeof report.endpoint, config->advertise);
    copy_text(report.engine, sizeof report.engine, config->engine->name);
    derive_report(agent->derive, clock_monotonic_ns(), &report);
    return report;
}

static void say(struct agent *agent)
{
    const struct report report = report_of(agent);
    reporter_say(agent->reporter, &report);
}

static void on_failure(struct agent *agent, unsigned index, const char *why)
{
    struct endpoint_watch *endpoint = &agent->endpoints[index];
    derive_lost(agent->derive, index);
    if (!endpoint->failing)
        log_event(LOG_WARN, "scrape_failed", "%s: %s", agent->config->endpoints[index].text, why);
    endpoint->failing = true;
}

static void on_page(struct agent *agent, unsigned index, struct slice page)
{
    struct endpoint_watch *endpoint = &agent->endpoints[index];
    struct engine_sample sample;
    if (!engine_sample_read(agent->config->engine, page, &sample)) {
        char why[128];
        snprintf(why, sizeof why, "shows no metrics of %s", agent->config->engine->name);
        on_failure(agent, index, why);
        return;
    }
    derive_sample(agent->derive, index, &sample, clock_monotonic_ns());
    if (endpoint->failing)
        log_event(LOG_INFO, "scrape_works", "%s", agent->config->endpoints[index].text);
    endpoint->failing = false;
}

static void on_scraped(void *owner, unsigned index, const char *error, struct slice body)
{
    struct agent *agent = owner;
    if (error)
        on_failure(agent, index, error);
    else
        on_page(agent, index, body);
    if (--agent->awaited == 0 && !agent->leave_by_ns)
        say(agent);
}

static void on_round(struct timer *timer)
{
    struct agent *agent = CONTAINER_OF(timer, struct agent, round);
    timer_start(&agent->round, agent->loop, (int64_t)agent->config->interval_ms);
    if (agent->awaited > 0 || agent->leave_by_ns)
        return; /* an endpoint is slower than the interval: it has its own timeout */
    agent->awaited = agent->config->endpoint_count;
    for (size_t i = 0; i < agent->config->endpoint_count; i++)
        scrape_start(agent->endpoints[i].scrape);
}

/* ---- leaving -------------------------------------------------------- */

static void on_leaving(struct timer *timer)
{
    struct agent *agent = CONTAINER_OF(timer, struct agent, leave);
    if (reporter_idle(agent->reporter) || clock_monotonic_ns() >= agent->leave_by_ns)
        loop_stop(agent->loop);
    else
        timer_start(&agent->leave, agent->loop, LEAVE_LOOK_MS);
}

void agent_leave(struct agent *agent)
{
    if (agent->leave_by_ns)
        return;
    log_event(LOG_INFO, "agent_leaves", "reporting closed");
    agent->leave_by_ns = clock_monotonic_ns() + LEAVE_MS * NS_PER_MS;
    say(agent);
    timer_start(&agent->leave, agent->loop, 0);
}

/* ---- life ----------------------------------------------------------- */

static bool wants_tls(const struct agent_config *config)
{
    for (size_t i = 0; i < config->endpoint_count; i++)
        if (strcmp(config->endpoints[i].scheme, "https") == 0)
            return true;
    return false;
}

static bool tls_begin(struct agent *agent, struct error *error)
{
    if (!wants_tls(agent->config))
        return true;
    const struct tls_client_settings settings = {
        .verify = agent->config->tls_verify,
        .ca_file = agent->config->tls_ca,
        .offer_h1 = true,
    };
    agent->tls = tls_client_create(&settings, error);
    return agent->tls != NULL;
}

static void endpoint_begin(struct agent *agent, unsigned index)
{
    const struct yaml_url *url = &agent->config->endpoints[index];
    struct endpoint_watch *endpoint = &agent->endpoints[index];
    endpoint->authority = strchr(url->host, ':') ? memory_printf("[%s]:%u", url->host, url->port)
                                                 : memory_printf("%s:%u", url->host, url->port);
    endpoint->path = memory_printf("%s%s", strcmp(url->path, "/") == 0 ? "" : url->path,
                                   agent->config->engine->path);
    const struct scrape_settings settings = {
        .host = url->host,
        .authority = endpoint->authority,
        .path = endpoint->path,
        .port = url->port,
        .tls = strcmp(url->scheme, "https") == 0 ? agent->tls : NULL,
        .timeout_ms = (unsigned)agent->config->scrape_timeout_ms,
    };
    endpoint->scrape = scrape_create(agent->loop, agent->dns, &settings, on_scraped, agent, index);
}

static bool reporter_begin(struct agent *agent, struct error *error)
{
    const struct agent_config *config = agent->config;
    const struct reporter_settings settings = {
        .urls = config->redis_urls,
        .url_count = config->redis_url_count,
        .prefix = slice_of(config->redis_prefix),
        .cluster = slice_of(config->cluster),
        .pool = slice_of(config->pool),
        .ttl_ms = config->ttl_ms,
    };
    agent->reporter = reporter_create(loop_base(agent->loop), &settings, error);
    return agent->reporter != NULL;
}

struct agent *agent_create(struct loop *loop, const struct agent_config *config,
                           struct error *error)
{
    struct agent *agent = memory_zalloc(sizeof *agent);
    agent->loop = loop;
    agent->config = config;
    timer_init(&agent->round, on_round);
    timer_init(&agent->leave, on_leaving);
    agent->derive = derive_create(&config->capacity);
    agent->dns = evdns_base_new(loop_base(loop), EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                     EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!agent->dns) /* no resolv.conf: addresses and /etc/hosts are enough for most */
        agent->dns = evdns_base_new(loop_base(loop), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    CHECK(agent->dns != NULL);
    if (!tls_begin(agent, error) || !reporter_begin(agent, error)) {
        agent_destroy(&agent);
        return NULL;
    }
    for (unsigned i = 0; i < config->endpoint_count; i++)
        endpoint_begin(agent, i);
    /* Many agents start at once; they need not report at once for ever. */
    struct random random;
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(&random, seed);
    timer_start(&agent->round, loop, (int64_t)(random_unit(&random) * config->interval_ms / 2));
    return agent;
}

void agent_destroy(struct agent **handle)
{
    struct agent *agent = *handle;
    if (!agent)
        return;
    *handle = NULL;
    timer_stop(&agent->round);
    timer_stop(&agent->leave);
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++) {
        scrape_destroy(&agent->endpoints[i].scrape);
        free(agent->endpoints[i].authority);
        free(agent->endpoints[i].path);
    }
    reporter_destroy(&agent->reporter);
    derive_destroy(&agent->derive);
    tls_client_drop(&agent->tls);
    evdns_base_free(agent->dns, 0);
    free(agent);
}
