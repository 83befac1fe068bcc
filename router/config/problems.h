/*
 * What is wrong with a file, collected so that one run tells all of it: each
 * problem is one sentence with its place.  Filled by config/yaml.c and by the
 * readers on top of it; printed by main, isoctl and the reload log line.
 */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/check.h"

#define CONFIG_PROBLEMS_MAX 200 /* more are counted, not kept */

struct config_problem {
    unsigned line; /* 0: not about a line of the file */
    unsigned column;
    char *text; /* whole: "edge.yaml:34:5: clusters[1].regoin: unknown key; ..." */
};

struct config_problems {
    struct config_problem *items;
    size_t count;   /* kept */
    size_t dropped; /* beyond CONFIG_PROBLEMS_MAX */
};

void config_problems_init(struct config_problems *problems);
void config_problems_finish(struct config_problems *problems);

/* `text` is from malloc and becomes the list's. */
void config_problems_take(struct config_problems *problems, unsigned line, unsigned column,
                          char *text);
/* One that has no place in the file. */
void config_problems_add(struct config_problems *problems, const char *format, ...)
    ISO_PRINTF(2, 3);
/* By line and column, so that they read from top to bottom. */
void config_problems_sort(struct config_problems *problems);
/* One a line. */
void config_problems_print(const struct config_problems *problems, FILE *out);

#endif
