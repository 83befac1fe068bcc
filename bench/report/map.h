/*
 * A map of one run: clusters as circles as large as their share, places where
 * clients are, and lines from place to cluster as wide as the traffic.
 */
#ifndef REPORT_MAP_H
#define REPORT_MAP_H

#include <stdbool.h>

#include "base/buffer.h"
#include "report/study.h"

/* Do the files say where at least one cluster is? */
bool map_possible(const struct measure *measure);
/* Once a page, before its maps: the coastlines they share. */
void map_define(struct buffer *out);
/* For a wide and for a narrow screen. */
void map_draw(const struct measure *measure, const char *title, unsigned look, struct buffer *out);

#endif
