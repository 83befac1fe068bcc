/*
 * The agent's configuration file, read and checked whole:
 *
 *     cluster: hohhot
 *     pool: default                              # one agent a pool
 *     engine: vllm                               # engine.c has the table
 *     endpoints: ["http://10.1.0.5:8000"]        # the engines, each of them
 *     redis: {urls: [redis://127.0.0.1:6379/0]}  # as the edges' own
 *     interval: 2s                               # between reports
 *     ttl: 6s                                    # how long a report counts as fresh; default 3 x
 * interval, at least 3s scrape_timeout: 2s state: open                                #
 * existing_only: no new sessions; closed: nothing price_per_mtok: 0.6                        # this
 * and what follows: said as it stands accelerator: 910b models: [qwen3-32b] advertise:
 * "http://10.1.0.5:8000"          # where edges reach the cluster capacity: {instances: 8, slots:
 * 512}       # where the metrics do not tell tls: {ca: ca.pem, verify: true}            # for https
 * endpoints
 */
#ifndef AGENT_AGENT_CONFIG_H
#define AGENT_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/derive.h"
#include "agent/engine.h"
#include "base/memory.h"
#include "config/problems.h"
#include "config/yaml_net.h"
#include "fleet/report.h"
#include "net/redis_client.h"

struct agent_config {
    struct arena arena; /* all texts live here */
    const char *cluster;
    const char *pool;
    const struct engine *engine;
    struct yaml_url endpoints[DERIVE_ENDPOINTS_MOST];
    size_t endpoint_count;
    struct slice redis_urls[REDIS_URLS_MOST];
    size_t redis_url_count;
    const char *redis_prefix;
    double interval_ms;
    double ttl_ms;
    double scrape_timeout_ms;
    enum report_state state;
    double price_per_mtok;   /* NAN: not said */
    const char *accelerator; /* NULL: not said, as are the next two */
    const char *models;      /* separated by blanks */
    const char *advertise;
    struct derive_settings capacity;
    const char *tls_ca; /* NULL: the system's */
    bool tls_verify;
};

/* False: the problems say why.  Release it in either case. */
bool agent_config_load(const char *path, struct agent_config *out,
                       struct config_problems *problems) ISO_MUST_USE;
void agent_config_release(struct agent_config *config);

#endif
