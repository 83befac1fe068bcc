/* Pages about decisions: the recent ones, and a dry run. */
#ifndef CONTROL_PAGE_DECISIONS_H
#define CONTROL_PAGE_DECISIONS_H

#include "control/pages.h"

/* GET /decisions?n=20: newest first, of all workers; &shadow=1: those of the shadows. */
void page_decisions(struct control *control, const struct page_request *request, struct page *page);
/* GET /explain?ip=&model=&class=&prompt_tokens=&session=: what would be decided now. */
void page_explain(struct control *control, const struct page_request *request, struct page *page);

#endif
