/* How a request ended, as the client sees it. */
#ifndef LOAD_OUTCOME_H
#define LOAD_OUTCOME_H

enum outcome {
    OUTCOME_ANSWERED,        /* 2xx and complete; a stream with its [DONE] */
    OUTCOME_CUT,             /* reset or closed before its end, head seen or not */
    OUTCOME_CONNECT,         /* no connection, or refused before it can have started */
    OUTCOME_STATUS,          /* an answer other than 2xx */
    OUTCOME_MISSING_DONE,    /* a stream that ended cleanly without [DONE] */
    OUTCOME_ERROR_EVENT,     /* a stream with a `data: {"error":...}` event that ended cleanly */
    OUTCOME_AFTER_DONE,      /* events behind [DONE], or [DONE] twice */
    OUTCOME_LOST_EVENT,      /* --sim: a token's event did not come, the end did */
    OUTCOME_DUPLICATE_EVENT, /* --sim: a token's event came twice */
    OUTCOME_STALL,           /* nothing came for --stall; abandoned */
    OUTCOME_PROTOCOL,        /* not HTTP, or not the kind of answer that was asked for */
    OUTCOME_NOT_SENT,        /* --open requests were open already */
    OUTCOME_UNFINISHED,      /* open when the run ended; not a failure */
    OUTCOME_COUNT
};

/* "answered", "cut", "connect", ...: as in the JSON and the log. */
const char *outcome_name(enum outcome outcome);
/* Neither answered nor cut nor unfinished. */
_Bool outcome_is_failure(enum outcome outcome);

#endif
