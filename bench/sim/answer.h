/*
 * One request to a simulated cluster: reads it, hands it to the cluster model,
 * and writes the answer as the model says that tokens come out.
 *
 *   reading -> refused | answered at once (health, metrics, models)
 *           -> submitted -> first token -> streaming -> ended
 *                        -> finished (not streaming) -> ended
 */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "sim/site.h"

/* The service's on_request. */
void answer_begin(struct caller_service *service, struct caller *caller, struct stream *stream,
                  const struct request_head *head);
/* Brings the site's model up to now and writes what came out; when it wants to be called next. */
int64_t answer_pump(struct site *site, int64_t now_ns);

#endif
