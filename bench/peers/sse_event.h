/*
 * The event that the backend of bench/peers sends and its client reads: as an
 * engine's chunk looks, of fixed length, with the time of its sending inside.
 */
#ifndef PEERS_SSE_EVENT_H
#define PEERS_SSE_EVENT_H

#include <stdint.h>

enum {
    SSE_EVENT_BYTES = 120,
    SSE_TIME_AT = 90, /* where the digits begin */
    SSE_TIME_DIGITS = 16
};

#define SSE_EVENT_TEXT                                                                           \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":" \
    "{\"content\":\"0000000000000000       \"}}]}\n\n"

_Static_assert(sizeof SSE_EVENT_TEXT == SSE_EVENT_BYTES + 1, "the event has another length");

/* clock_monotonic_ns() as digits. */
static inline void sse_write_time(char *digits, int64_t now_ns)
{
    for (int i = SSE_TIME_DIGITS - 1; i >= 0; i--, now_ns /= 10)
        digits[i] = (char)('0' + now_ns % 10);
}

#endif
