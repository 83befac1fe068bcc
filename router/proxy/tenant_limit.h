/*
 * What an API key may: so many requests and tokens a minute, so many models.
 * The keys of the tables say it; exchanges remember theirs by its digest, since
 * tables come and go meanwhile.
 */
#ifndef PROXY_TENANT_LIMIT_H
#define PROXY_TENANT_LIMIT_H

#include "proxy/exchange.h"

/* The exchange's key is the n-th of the tables; kept in mind if it has limits. */
void tenant_limit_of(struct exchange *exchange, size_t n);
/* May one more request begin?  Then it is counted.  FAULT_NONE or FAULT_TENANT_LIMIT. */
enum fault tenant_limit_begin(struct exchange *exchange);
/* May it have, and know of, that model? */
bool tenant_limit_allows(const struct exchange *exchange, struct slice model);
/* Its first attempt is made: counts its prompt. */
void tenant_limit_sent(const struct exchange *exchange);
/* Counts its answer. */
void tenant_limit_end(const struct exchange *exchange);

#endif
