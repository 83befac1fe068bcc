/* GET /metrics: what the proxies counted, what the fleet knows, the process itself. */
#ifndef CONTROL_PAGE_METRICS_H
#define CONTROL_PAGE_METRICS_H

#include "control/pages.h"

void page_metrics(struct control *control, const struct page_request *request, struct page *page);

#endif
