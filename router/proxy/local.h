/* What the router answers itself: GET /v1/models over the fleet, GET /edge. */
#ifndef PROXY_LOCAL_H
#define PROXY_LOCAL_H

#include "proxy/exchange.h"

/* Asked without a key too: who steers clients (DNS, a health page) has none. */
bool local_is_open(const struct exchange *exchange);
/* True: the request was for one of these and has its answer. */
bool local_answer(struct exchange *exchange);

#endif
