/*
 * Where some of the clients are: a source address, and a lane to each URL they
 * use, in turn.  With --steer the URL is what GET /edge says there.
 */
#ifndef LOAD_PLACE_H
#define LOAD_PLACE_H

#include "load/lane.h"
#include "load/options.h"
#include "load/steer.h"

struct place_setup {
    struct loop *loop;
    const struct options *options;
    struct tls_client *tls; /* for https targets */
    struct arena *arena;
};

struct place {
    const struct place_setup *setup;
    const struct options_place *options;
    struct lane lanes[OPTIONS_TARGETS_MOST];
    uint32_t lane_count;
    uint32_t next_lane;
    struct lane direct;
    bool has_direct;
    struct slice told;    /* its address, where requests or connections say it; ptr NULL not */
    struct slice preface; /* of each connection */
    struct lane steer_lane;
    struct steer steer;
    struct target steered; /* the edge's URL */
    struct slice edge;     /* its name; ptr NULL: not steered */
    struct error error;    /* "": steered, or no need to be */
    void (*on_steered)(void *owner, struct place *place);
    void *owner;
};

void place_init(struct place *place, const struct place_setup *setup,
                const struct options_place *options);
void place_finish(struct place *place);
/* on_steered is called once, later. */
void place_steer(struct place *place, void (*on_steered)(void *owner, struct place *place),
                 void *owner);
/* Opens its lanes, all HTTP/2 connections at once. */
void place_open(struct place *place);
bool place_is_dialling(const struct place *place);
struct lane *place_lane(struct place *place, enum way way); /* the next one */

#endif
