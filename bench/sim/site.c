#include "sim/site.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sim/answer.h"

#define NO_SEAT UINT32_MAX

static const struct site_faults no_faults = {.cut_after_tokens = -1, .slow = 1, .lie = 1};

/* ---- listening ---- */

uint32_t site_place_of(const struct scenario *scenario, const struct address *peer)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&peer->storage;
    if (peer->storage.ss_family != AF_INET)
        return 0;
    const uint32_t ip = ntohl(in->sin_addr.s_addr);
    const uint32_t place = ip >> 8 & 0xff;
    return ip >> 16 == (127u << 8) && place <= scenario->region_count ? place : 0;
}

double site_rtt_ms(const struct site *site, uint32_t place)
{
    if (place == 0 || !site->scenario->delay)
        return 0;
    return network_rtt_ms(site->network, place - 1, site->index);
}

struct address site_address(const struct address *configured)
{
    struct address address = *configured;
    if (!address.len)
        CHECK(address_parse(SLICE("127.0.0.1:0"), &address, &(struct error){""}));
    return address;
}

static void on_accept(void *owner, int fd, const struct address *peer)
{
    struct site *site = owner;
    const uint32_t place = site_place_of(site->scenario, peer);
    caller_accept(&site->service, fd, place, site_rtt_ms(site, place));
}

static const struct listener_events listening = {.on_accept = on_accept};

static bool listen_begin(struct site *site, struct error *error)
{
    struct address wanted = site->address;
    const int fd = listener_socket(&wanted, &site->address, error);
    if (fd < 0)
        return error_prefix(error, "cluster %s", site->cluster->point.name);
    site->listener = listener_create(site->loop, fd, &listening, site);
    return true;
}

/* ---- life ---- */

bool site_open(struct site *site, const struct site_setup *setup, uint32_t index,
               struct error *error)
{
    const struct scenario_cluster *cluster = &setup->scenario->clusters[index];
    *site = (struct site){
        .cluster = cluster,
        .scenario = setup->scenario,
        .network = setup->network,
        .index = index,
        .loop = setup->loop,
        .faults = no_faults,
        .free_seat = NO_SEAT,
    };
    caller_service_init(&site->service, setup->clockwork, setup->random, cluster->protocol,
                        setup->tls);
    site->service.on_request = answer_begin;
    list_init(&site->streaming);
    request_log_init(&site->log, cluster->point.name, setup->print_log);
    site->model = cluster_model_create(&cluster->setup, clock_monotonic_ns());
    site->address = site_address(&cluster->listen);
    return listen_begin(site, error);
}

void site_hang_up(struct site *site)
{
    listener_destroy(&site->listener);
    caller_service_reset_all(&site->service);
}

void site_close(struct site *site)
{
    cluster_model_destroy(&site->model);
    request_log_finish(&site->log);
    free(site->seats);
}

/* ---- seats ---- */

static void seats_grow(struct site *site)
{
    const uint32_t count = site->seat_count ? site->seat_count * 2 : 64;
    site->seats = memory_realloc(site->seats, count * sizeof(*site->seats));
    for (uint32_t i = count; i-- > site->seat_count;) {
        site->seats[i] = (struct site_seat){.next_free = site->free_seat};
        site->free_seat = i;
    }
    site->seat_count = count;
}

uint64_t site_seat_take(struct site *site, struct answer *answer)
{
    if (site->free_seat == NO_SEAT)
        seats_grow(site);
    const uint32_t at = site->free_seat;
    struct site_seat *seat = &site->seats[at];
    site->free_seat = seat->next_free;
    seat->answer = answer;
    return (uint64_t)seat->generation << 32 | at;
}

struct answer *site_seat_find(const struct site *site, uint64_t number)
{
    const struct site_seat *seat = &site->seats[(uint32_t)number];
    return seat->generation == number >> 32 ? seat->answer : NULL;
}

void site_seat_leave(struct site *site, uint64_t number)
{
    struct site_seat *seat = &site->seats[(uint32_t)number];
    CHECK_EQ(seat->generation, number >> 32);
    seat->generation++;
    seat->answer = NULL;
    seat->next_free = site->free_seat;
    site->free_seat = (uint32_t)number;
}

/* ---- faults ---- */

void site_refuse(struct site *site)
{
    site->faults.refusing = true;
    listener_destroy(&site->listener);
}

void site_kill(struct site *site)
{
    site->faults.killed = true;
    site_hang_up(site);
    cluster_model_forget_prefixes(site->model);
}

void site_stall_engine(struct site *site)
{
    site->faults.engine_stalled = true;
    cluster_model_stall(site->model, true, clock_monotonic_ns());
}

void site_stall_wire(struct site *site)
{
    site->service.frozen = true;
}

void site_slow(struct site *site, double factor)
{
    site->faults.slow = factor;
    cluster_model_slow(site->model, factor, clock_monotonic_ns());
}

void site_lie(struct site *site, double factor)
{
    site->faults.lie = factor;
    cluster_model_lie(site->model, factor);
}

bool site_clear(struct site *site, struct error *error)
{
    const int64_t now_ns = clock_monotonic_ns();
    site->faults = no_faults;
    cluster_model_slow(site->model, 1, now_ns);
    cluster_model_stall(site->model, false, now_ns);
    cluster_model_lie(site->model, 1);
    if (site->service.frozen)
        caller_service_thaw(&site->service);
    clockwork_wake(site->service.clockwork);
    return site->listener || listen_begin(site, error);
}

/* ---- state ---- */

static void write_faults(const struct site *site, struct json *json)
{
    const struct site_faults *f = &site->faults;
    json_object_begin(json);
    if (f->killed)
        json_kv_bool(json, "kill", true);
    if (f->refusing)
        json_kv_bool(json, "refuse", true);
    if (f->engine_stalled)
        json_kv_string(json, "stall", "engine");
    if (site->service.frozen)
        json_kv_string(json, "stall", "wire");
    if (f->cut_after_tokens >= 0)
        json_kv_int(json, "cut_after_tokens", f->cut_after_tokens);
    if (f->status)
        json_kv_int(json, "status", f->status);
    if (fabs(f->slow - 1) > 0)
        json_kv_number(json, "slow", f->slow);
    if (fabs(f->lie - 1) > 0)
        json_kv_number(json, "lie", f->lie);
    json_object_end(json);
}

static void write_load(const struct site *site, struct json *json)
{
    struct cluster_state state;
    cluster_model_state(site->model, &state);
    json_kv_uint(json, "waiting", state.waiting);
    json_kv_uint(json, "prefilling", state.prefilling);
    json_kv_uint(json, "decoding", state.decoding);
    json_kv_uint(json, "slots", state.slots);
    json_kv_number(json, "itl_ms", state.itl_s * 1000);
    json_kv_fixed(json, "kv_used", state.kv_used, 4);
    json_kv_uint(json, "prefix_tokens", state.cached_now);
    json_kv_uint(json, "connections", site->service.caller_count);
    json_kv_uint(json, "started", site->log.counts[REQUEST_STARTED]);
    json_kv_uint(json, "finished", site->log.counts[REQUEST_FINISHED]);
    json_kv_uint(json, "aborted", site->log.counts[REQUEST_ABORTED]);
    json_kv_uint(json, "refused", site->log.counts[REQUEST_REFUSED]);
}

struct slice site_url(const struct site *site, char out[ADDRESS_TEXT_BYTES + 16])
{
    char text[ADDRESS_TEXT_BYTES];
    const char *scheme = site->cluster->protocol == SCENARIO_H2 ? "https" : "http";
    snprintf(out, ADDRESS_TEXT_BYTES + 16, "%s://%s", scheme, address_write(&site->address, text));
    return slice_of(out);
}

void site_write_state(struct site *site, struct json *json)
{
    static const char *const protocols[] = {"h1", "h2c", "h2"};
    char text[ADDRESS_TEXT_BYTES + 16];
    cluster_model_advance(site->model, clock_monotonic_ns());
    json_object_begin(json);
    json_kv_string(json, "name", site->cluster->point.name);
    json_kv_string(json, "address", address_write(&site->address, text));
    json_kv_slice(json, "url", site_url(site, text));
    json_kv_string(json, "protocol", protocols[site->cluster->protocol]);
    json_key(json, "faults");
    write_faults(site, json);
    write_load(site, json);
    json_key(json, "rtt_ms");
    json_object_begin(json);
    for (uint32_t i = 0; i < site->scenario->region_count; i++)
        json_kv_fixed(json, site->scenario->regions[i].point.name, site_rtt_ms(site, i + 1), 2);
    json_object_end(json);
    json_object_end(json);
}
