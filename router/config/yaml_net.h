/*
 * More types for config/yaml.h: the ones that name something on the network.
 * Nothing is resolved or opened here.
 */
#ifndef CONFIG_YAML_NET_H
#define CONFIG_YAML_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "config/yaml.h"
#include "net/address.h"

struct yaml_address {
    const char *text; /* as written; NULL: not given */
    struct address address;
};

struct yaml_url {
    const char *text;   /* as written; NULL: not given */
    const char *scheme; /* "http" or "https" */
    const char *host;   /* without [ ]: a name or an IP address */
    const char *path;   /* from the '/'; "" when absent */
    uint16_t port;      /* the scheme's when not written */
};

/* "IP:port", "[IPv6]:port" or "unix:/path". */
bool yaml_as_address(const struct yaml_node *node, struct yaml_address *out);
bool yaml_get_address(struct yaml_node *map, const char *key, struct yaml_address *out);
bool yaml_need_address(struct yaml_node *map, const char *key, struct yaml_address *out);

/* An IP address without a port. */
bool yaml_get_ip(struct yaml_node *map, const char *key, struct yaml_address *out);

/* "10.0.0.0/8"; an address alone is itself. */
bool yaml_as_cidr(const struct yaml_node *node, struct cidr *out);

/* `schemes` ends with NULL: http, https or both.  No user, no query, no fragment. */
bool yaml_as_url(const struct yaml_node *node, struct yaml_url *out, const char *const *schemes);
bool yaml_get_url(struct yaml_node *map, const char *key, struct yaml_url *out,
                  const char *const *schemes);
bool yaml_need_url(struct yaml_node *map, const char *key, struct yaml_url *out,
                   const char *const *schemes);

#endif
