#include "control/signals.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "base/memory.h"

static const int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGUSR1};

struct signals {
    void (*on_signal)(void *owner, int number);
    void *owner;
    struct event *events[COUNT_OF(numbers)];
};

static void came(evutil_socket_t number, short what, void *arg)
{
    struct signals *signals = arg;
    (void)what;
    signals->on_signal(signals->owner, (int)number);
}

struct signals *signals_create(struct loop *loop, void (*on_signal)(void *owner, int number),
                               void *owner)
{
    struct signals *signals = memory_zalloc(sizeof *signals);
    signals->on_signal = on_signal;
    signals->owner = owner;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        signals->events[i] = evsignal_new(loop_base(loop), numbers[i], came, signals);
        CHECK(signals->events[i] != NULL);
        CHECK_EQ(event_add(signals->events[i], NULL), 0);
    }
    return signals;
}

void signals_destroy(struct signals **signals)
{
    if (*signals == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        event_free((*signals)->events[i]);
    free(*signals);
    *signals = NULL;
}
