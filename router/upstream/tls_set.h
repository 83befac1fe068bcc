/*
 * The TLS client contexts that a configuration's endpoints need, one for each
 * way to verify and to speak.  Made by the control thread, read by workers.
 */
#ifndef UPSTREAM_TLS_SET_H
#define UPSTREAM_TLS_SET_H

#include "base/error.h"
#include "fleet/cluster.h"
#include "net/tls.h"

struct tls_set;

/* NULL with a sentence when a CA file cannot be used.  [control] */
struct tls_set *tls_set_create(const struct fleet_config *config, struct error *error) ISO_MUST_USE;
void tls_set_destroy(struct tls_set **set);
/* NULL for an endpoint without TLS.  Any thread. */
struct tls_client *tls_set_find(const struct tls_set *set, const struct endpoint *endpoint);

#endif
