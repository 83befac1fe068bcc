/*
 * More types for config/yaml.h: the ones that name something on the network.
 * Nothing is resolved or opened here.
 */
#ifndef CONFIG_YAML_NET_H
#define CONFIG_YAML_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/yaml.h"

struct yaml_address {
    const char *text;              /* as written; NULL: not given */
    struct sockaddr_storage store; /* AF_INET, AF_INET6 or AF_UNIX */
    socklen_t len;                 /* 0: not given */
};

struct yaml_cidr {
    int family; /* AF_INET or AF_INET6 */
    uint8_t address[16];
    unsigned bits; /* 0..32 or 0..128 */
};

struct yaml_url {
    const char *text;   /* as written; NULL: not given */
    const char *scheme; /* lower case */
    const char *user;   /* "" when absent, as are the next two */
    const char *password;
    const char *host; /* without [ ]; a name, or an IP address */
    uint16_t port;    /* the scheme's when not written */
    bool port_written;
    const char *path; /* from the '/', "" when absent; with unix: the socket's path */
};

/* "IP:port", "[IPv6]:port" or "unix:/path". */
bool yaml_as_address(const struct yaml_node *node, struct yaml_address *out);
bool yaml_get_address(struct yaml_node *map, const char *key, struct yaml_address *out);
bool yaml_need_address(struct yaml_node *map, const char *key, struct yaml_address *out);

/* An IP address without a port; len 0 when absent. */
bool yaml_get_ip(struct yaml_node *map, const char *key, struct yaml_address *out);

/* "10.0.0.0/8"; an address alone is itself.  Bits beyond the mask must be 0. */
bool yaml_as_cidr(const struct yaml_node *node, struct yaml_cidr *out);

/* `schemes` ends with NULL: "http", "https", "redis", "rediss", "unix". */
bool yaml_as_url(const struct yaml_node *node, struct yaml_url *out, const char *const *schemes);
bool yaml_get_url(struct yaml_node *map, const char *key, struct yaml_url *out,
                  const char *const *schemes);
bool yaml_need_url(struct yaml_node *map, const char *key, struct yaml_url *out,
                   const char *const *schemes);

#endif
