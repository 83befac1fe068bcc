/*
 * How many refusals by clusters may be tried elsewhere: a tenth of the
 * requests under way, at least three at once.  What cannot have started is
 * not new load and does not pass here.  [worker]
 */
#ifndef UPSTREAM_RETRY_BUDGET_H
#define UPSTREAM_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct retry_budget {
    uint32_t active;   /* requests under way; the user counts them in and out */
    uint32_t retrying; /* ... of them on a second try after a refusal */
};

static inline bool retry_budget_take(struct retry_budget *budget)
{
    const uint32_t most = budget->active / 10 > 3 ? budget->active / 10 : 3;
    if (budget->retrying >= most)
        return false;
    budget->retrying++;
    return true;
}

static inline void retry_budget_give(struct retry_budget *budget)
{
    budget->retrying--;
}

#endif
