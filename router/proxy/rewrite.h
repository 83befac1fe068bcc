/*
 * The one place where heads are rewritten: what of a client's head a cluster
 * sees, and what of a cluster's head a client sees.
 */
#ifndef PROXY_REWRITE_H
#define PROXY_REWRITE_H

#include "fleet/cluster.h"
#include "proxy/exchange.h"

/* Everything is copied into the exchange's arena: it outlives the snapshot. */
void rewrite_request(struct exchange *exchange, const struct cluster *cluster,
                     const struct endpoint *endpoint, bool hide_client_key,
                     struct request_head *out);
/* The body with the cluster's own name of the model; parts point into the exchange's body. */
size_t rewrite_body(struct exchange *exchange, struct slice model, struct slice parts[3]);
/* Good until the cluster's stream closes. */
void rewrite_response(const struct exchange *exchange, const struct response_head *in,
                      struct response_head *out);
/* The same in the exchange's arena, texts and all. */
struct response_head *rewrite_kept(const struct exchange *exchange,
                                   const struct response_head *head);

#endif
