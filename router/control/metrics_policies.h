/* The families of GET /metrics that are about policies: time, faults, shadows, changes. [control]
 */
#ifndef CONTROL_METRICS_POLICIES_H
#define CONTROL_METRICS_POLICIES_H

#include "base/metrics_text.h"

struct control;

void metrics_write_policies(const struct control *control, struct metrics_text *metrics);

#endif
