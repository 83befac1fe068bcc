/* Where clusters and places are, for results that only name them. */
#ifndef REPORT_WHERE_H
#define REPORT_WHERE_H

#include "cluster/scenario.h"
#include "report/study.h"

/* Gives the sites of a study that have no coordinates those of the scenario's sites of that name.
 */
void where_fill(struct study *study, const struct scenario *scenario);

#endif
