/* Signals as loop events: SIGHUP, SIGTERM, SIGINT, SIGUSR1.  [control] */
#ifndef CONTROL_SIGNALS_H
#define CONTROL_SIGNALS_H

#include "net/loop.h"

struct signals;

struct signals *signals_create(struct loop *loop, void (*on_signal)(void *owner, int number),
                               void *owner);
void signals_destroy(struct signals **signals);

#endif
