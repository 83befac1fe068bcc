/*
 * Inside the config layer only: the parts of config_load, one function a
 * section of the file.  Each writes its part of the config, whose arena the
 * node tree lives in as well, and reports through the nodes.
 */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/yaml.h"

struct reader {
    struct config *config;
    struct config_problems *problems;
    const char *folder; /* of the file, absolute: where relative paths begin */
};

/* read_front.c: where clients come in, and who we are */
void read_front(struct reader *reader, struct yaml_node *root);
/* read_part.c: Redis, GeoIP, classes, limits, timeouts, upstream, logs */
void read_parts(struct reader *reader, struct yaml_node *root);
/* read_cluster.c */
void read_clusters(struct reader *reader, struct yaml_node *root);
/* read_route.c: policies, shadow, routes; after the clusters */
void read_routes(struct reader *reader, struct yaml_node *root);

/* read_value.c: what several sections need */
void *reader_alloc(const struct reader *reader, size_t count, size_t size);
bool read_country(const struct yaml_node *node, const char **out);
bool read_continent(const struct yaml_node *node, const char **out);
/* One item or a list of them; `what` is what an item is. */
typedef bool read_item(const struct yaml_node *node, const char **out);
void read_texts(const struct reader *reader, struct yaml_node *map, const char *key,
                read_item *item, const char *what, struct config_texts *out);
/* latitude and longitude: both or none, then NAN. */
void read_coordinates(struct yaml_node *map, double *latitude, double *longitude);
/* A file that can be opened; relative paths begin at the config file.  NULL when absent or bad. */
const char *read_path(const struct reader *reader, const struct yaml_node *node);
const char *read_readable(const struct reader *reader, const struct yaml_node *node);
/* The key "ca_file": a PEM file of certificates; NULL when absent or bad. */
const char *read_ca_file(const struct reader *reader, struct yaml_node *map);
/* The file's content, blanks and line ends around it cut off: bounded, one line.  NULL when bad;
 * else from malloc, to be wiped by secret_release. */
char *read_secret(const struct reader *reader, const struct yaml_node *node);
void secret_release(char **secret);

#endif
