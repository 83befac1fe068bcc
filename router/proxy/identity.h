/*
 * Who asks, from where, for what: read off the head when it comes and off the
 * body when it is complete.
 */
#ifndef PROXY_IDENTITY_H
#define PROXY_IDENTITY_H

#include "proxy/exchange.h"

/* Address, place, request id, trace, class by header. */
void identity_read_head(struct exchange *exchange);
/* FAULT_NONE, or FAULT_MISDIRECTED: the host is neither the one the TLS connection was made for nor
 * another of the certificate it was shown (RFC 9110 7.4). */
enum fault identity_check_host(const struct exchange *exchange);
/* FAULT_NONE, or FAULT_UNAUTHORIZED.  Sets the tenant. */
enum fault identity_authorise(struct exchange *exchange);
/* Model, stream, class by body, prompt size, session, prefixes.  `param`: the key at fault. */
enum fault identity_read_body(struct exchange *exchange, const char **param);

/* The place of an address: by GeoIP, else the default location. */
struct geo_point identity_place(const struct proxy_tables *tables, const struct address *address);
/* The hash of a tenant's conversation key with a model, which shares no cache with others; never 0.
 */
uint64_t identity_session(struct slice tenant, struct slice model, struct slice key);

/* Of two classes, which may claim more: priority 3, interactive 2, flex 1, batch 0. */
uint32_t class_rank(uint32_t service_class);
const char *class_name(uint32_t service_class);
/* False: no such class. */
bool class_parse(struct slice name, uint32_t *service_class);

#endif
