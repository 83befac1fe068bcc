#include "load/outcome.h"

static const char *const names[OUTCOME_COUNT] = {
    [OUTCOME_ANSWERED] = "answered",
    [OUTCOME_CUT] = "cut",
    [OUTCOME_CONNECT] = "connect",
    [OUTCOME_STATUS] = "status",
    [OUTCOME_MISSING_DONE] = "missing_done",
    [OUTCOME_ERROR_EVENT] = "error_event",
    [OUTCOME_AFTER_DONE] = "after_done",
    [OUTCOME_LOST_EVENT] = "lost_event",
    [OUTCOME_DUPLICATE_EVENT] = "duplicate_event",
    [OUTCOME_STALL] = "stall",
    [OUTCOME_PROTOCOL] = "protocol",
    [OUTCOME_NOT_SENT] = "not_sent",
    [OUTCOME_UNFINISHED] = "unfinished",
};

const char *outcome_name(enum outcome outcome)
{
    return names[outcome];
}

_Bool outcome_is_failure(enum outcome outcome)
{
    return outcome != OUTCOME_ANSWERED && outcome != OUTCOME_CUT && outcome != OUTCOME_UNFINISHED;
}
