/* Pages about policies: what is loaded and in force, and their life at run time. */
#ifndef CONTROL_PAGE_POLICIES_H
#define CONTROL_PAGE_POLICIES_H

#include "control/pages.h"

/* GET /policies: what is loaded, which route uses it, what was promoted, what is asked beside. */
void page_policies(struct control *control, const struct page_request *request, struct page *page);
/* POST /policies/load {plugin, settings} or {policies: [...]}: checked, and the candidate. */
void page_policy_load(struct control *control, const struct page_request *request,
                      struct page *page);
/* POST /policies/shadow: the candidate, or what the body describes; {"stop": name} ends one. */
void page_policy_shadow(struct control *control, const struct page_request *request,
                        struct page *page);
/* POST /policies/promote: the only shadow or else the candidate, or {"policy": name}. */
void page_policy_promote(struct control *control, const struct page_request *request,
                         struct page *page);
/* POST /policies/rollback */
void page_policy_rollback(struct control *control, const struct page_request *request,
                          struct page *page);

#endif
