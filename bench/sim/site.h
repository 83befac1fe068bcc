/*
 * One cluster of the scenario, standing at an address: its model, its
 * listener, its connections, the requests under way, the faults it was given.
 */
#ifndef SIM_SITE_H
#define SIM_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "cluster/scenario.h"
#include "net/listener.h"
#include "sim/caller.h"
#include "sim/request_log.h"

struct answer;

struct site_faults {
    bool killed;
    bool refusing;
    bool engine_stalled;
    int64_t cut_after_tokens; /* -1: not */
    int status;               /* 0: not */
    double slow;              /* 1: not */
    double lie;               /* 1: not */
};

/* A request the model knows by its number. */
struct site_seat {
    struct answer *answer;
    uint32_t generation;
    uint32_t next_free;
};

struct site {
    struct caller_service service;
    const struct scenario_cluster *cluster;
    const struct scenario *scenario;
    const struct network *network;
    uint32_t index; /* in the scenario */
    struct loop *loop;
    struct listener *listener; /* NULL while it refuses */
    struct address address;    /* bound */
    struct cluster_model *model;
    struct site_faults faults;
    struct list streaming; /* answers that have a first token and not yet their end */
    int64_t tokens_due_ns; /* when these are looked at next */
    struct site_seat *seats;
    uint32_t seat_count;
    uint32_t free_seat;
    struct request_log log;
};

struct site_setup {
    struct loop *loop;
    struct clockwork *clockwork;
    struct random *random;
    const struct scenario *scenario;
    const struct network *network;
    struct tls_pipe_context *tls;
    bool print_log;
};

bool site_open(struct site *site, const struct site_setup *setup, uint32_t index,
               struct error *error) ISO_MUST_USE;
/* Every connection ends, no new one is taken; then the loop may run out. */
void site_hang_up(struct site *site);
void site_close(struct site *site);

/* As configured; any loopback port when it is not. */
struct address site_address(const struct address *configured);

/* The caller's place: 127.0.x.y is the region number x, from 1; 0 for every other address. */
uint32_t site_place_of(const struct scenario *scenario, const struct address *peer);
/* RTT from a place in milliseconds; 0 for place 0 and without delay. */
double site_rtt_ms(const struct site *site, uint32_t place);

/* The number by which the model will speak of the answer. */
uint64_t site_seat_take(struct site *site, struct answer *answer);
void site_seat_leave(struct site *site, uint64_t number);
/* NULL: it has left. */
struct answer *site_seat_find(const struct site *site, uint64_t number);

/* Faults.  All last until site_clear. */
void site_kill(struct site *site);
void site_refuse(struct site *site);
void site_stall_engine(struct site *site);
void site_stall_wire(struct site *site);
void site_slow(struct site *site, double factor);
void site_lie(struct site *site, double factor);
bool site_clear(struct site *site, struct error *error); /* false: the address is taken */

/* One object: address, faults, load, counts, RTTs. */
void site_write_state(struct site *site, struct json *json);
/* "http://127.0.0.1:9001" */
struct slice site_url(const struct site *site, char out[ADDRESS_TEXT_BYTES + 16]);

#endif
