/*
 * Answers of the router's own: the OpenAI error object for every fault, and
 * JSON documents.  Only writes to the client's stream; the exchange decides.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "proxy/exchange.h"

void answer_fault(struct exchange *exchange, enum fault fault, const char *detail,
                  const char *param);
void answer_json(struct exchange *exchange, int status, struct slice json);
/* The fields every answer carries: request id, cluster, attempts, server-timing. */
void answer_common_fields(const struct exchange *exchange, struct fields *fields);
/* Seconds a client should wait before it tries again: 1..5, from how late the fleet is. */
uint32_t answer_retry_after_ms(const struct exchange *exchange);

#endif
