/*
 * One agent at work: each interval it scrapes all endpoints, derives what the
 * pool can do, and reports.  Ends with a report that says `closed`.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/agent_config.h"
#include "base/error.h"
#include "net/loop.h"

struct agent;

/* The config must outlive it. */
struct agent *agent_create(struct loop *loop, const struct agent_config *config,
                           struct error *error) ISO_MUST_USE;
void agent_destroy(struct agent **agent);
/* Says `closed`; stops the loop when Redis has heard it, or after a second. */
void agent_leave(struct agent *agent);

#endif
