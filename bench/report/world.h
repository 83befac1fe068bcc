/*
 * Coastlines, coarse: Natural Earth's 1:110m land (public domain), thinned to
 * a thousand points and rounded to half a degree.  Antarctica is not in it.
 */
#ifndef REPORT_WORLD_H
#define REPORT_WORLD_H

#include "base/buffer.h"

/* From the Bering strait eastward, so that no coast is cut. */
enum { WORLD_WEST = -169, WORLD_EAST = 191, WORLD_SOUTH = -58, WORLD_NORTH = 84 };

/* A longitude of -180 to 180 in that range. */
double world_longitude(double longitude);
/* An SVG path in degrees: x is the longitude, y the latitude downward. */
void world_write(struct buffer *out);

#endif
