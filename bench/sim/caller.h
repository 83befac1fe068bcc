/*
 * One connection to a simulated cluster, as seen from the cluster: the socket,
 * a delay line each way with the round-trip time of the caller's place, TLS if
 * the cluster speaks it, and the codec.
 *
 *   socket -> delay line -> [tls pipe] -> codec -> service (site or control)
 *   socket <- delay line <- [tls pipe] <- codec <-
 *
 * The TCP handshake itself cannot be delayed: the first bytes are late by a
 * full round trip more, as they would be had the caller waited for it.
 * Slow start and loss are not simulated.
 */
#ifndef SIM_CALLER_H
#define SIM_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/random.h"
#include "cluster/scenario.h"
#include "http/codec.h"
#include "net/address.h"
#include "sim/clockwork.h"
#include "sim/delay_line.h"
#include "sim/tls_pipe.h"

struct caller;

/* Who answers.  One per listening socket. */
struct caller_service {
    struct clockwork *clockwork;
    struct random *random;
    enum scenario_protocol protocol;
    struct tls_pipe_context *tls; /* SCENARIO_H2 only */
    struct list callers;          /* all that are open */
    size_t caller_count;
    bool frozen; /* no byte moves either way */
    /* As codec_events.on_request, with the caller. */
    void (*on_request)(struct caller_service *service, struct caller *caller, struct stream *stream,
                       const struct request_head *head);
};

struct caller {
    struct list link;
    struct caller_service *service;
    uint32_t place; /* 0: none, else the region's number from 1 */
    double rtt_ms;  /* 0: nothing is delayed */
    int64_t accepted_ns;
    int fd;
    struct event *read_event;
    struct event *write_event;
    bool reading; /* read_event is added */
    bool over;    /* the codec is done or failed: what is on its way out is the last */
    bool cut;     /* and after it comes RST */
    bool gone;
    struct delay_line in;
    struct delay_line out;
    struct clockwork_entry in_due;
    struct clockwork_entry out_due;
    struct clockwork_work produce;
    struct loop_task destroy;
    struct tls_pipe *tls;
    struct codec *codec; /* NULL until it is known what the caller speaks */
    struct buffer first; /* bytes before that */
};

void caller_service_init(struct caller_service *service, struct clockwork *clockwork,
                         struct random *random, enum scenario_protocol protocol,
                         struct tls_pipe_context *tls);
/* Takes an accepted socket; it destroys itself when the connection ends. */
void caller_accept(struct caller_service *service, int fd, uint32_t place, double rtt_ms);
/* All connections end with RST, now. */
void caller_service_reset_all(struct caller_service *service);
/* Bytes may move again after `frozen`. */
void caller_service_thaw(struct caller_service *service);

#endif
