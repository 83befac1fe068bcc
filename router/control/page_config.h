/* Pages about this router: its configuration, its peers, draining a cluster. */
#ifndef CONTROL_PAGE_CONFIG_H
#define CONTROL_PAGE_CONFIG_H

#include "control/pages.h"

/* GET /config: what holds now, without secrets. */
void page_config(struct control *control, const struct page_request *request, struct page *page);
/* GET /clusters: every target, what is known of it and how old that is. */
void page_clusters(struct control *control, const struct page_request *request, struct page *page);
/* GET /routers: the live ones over the same Redis. */
void page_routers(struct control *control, const struct page_request *request, struct page *page);
/* POST /clusters/NAME/drain and /undrain */
void page_drain(struct control *control, const struct page_request *request, struct page *page);
void page_undrain(struct control *control, const struct page_request *request, struct page *page);

#endif
