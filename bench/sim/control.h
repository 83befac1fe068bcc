/*
 * The control address of isosim: the state of all clusters, their logs, and
 * faults on command.  README.md has the table.
 *
 *     GET  /sim                    all
 *     GET  /sim/<cluster>          one
 *     GET  /sim/<cluster>/log      JSON lines; ?since=SEQ: only later ones
 *     POST /sim/<cluster>/fault    {"fault": "slow", "value": 5}
 */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim/site.h"

struct control {
    struct caller_service service;
    const struct scenario *scenario;
    struct site *sites;
    uint32_t site_count;
    struct listener *listener;
    struct address address; /* bound */
};

bool control_open(struct control *control, const struct site_setup *setup, struct site *sites,
                  uint32_t site_count, struct error *error) ISO_MUST_USE;
void control_hang_up(struct control *control);

#endif
