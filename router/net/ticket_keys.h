/*
 * The keys that TLS session tickets are sealed with: a new one twice a day, and
 * the two before it still open what they sealed.  A key that is found in a core
 * or a backup so opens a day of recorded sessions at most, not all since the
 * start.  They never leave the process.
 *
 * For tls.c, whose callbacks come from every worker at once; the caller says
 * what time it is.
 */
#ifndef NET_TICKET_KEYS_H
#define NET_TICKET_KEYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define TICKET_KEY_LASTS_NS (INT64_C(12) * 3600 * NS_PER_S)

enum { TICKET_KEYS_KEPT = 3 };

struct ticket_key {
    unsigned char name[16];
    unsigned char cipher[32];
    unsigned char mac[32];
};

struct ticket_keys {
    pthread_mutex_t lock;
    struct ticket_key keys[TICKET_KEYS_KEPT]; /* the newest first */
    unsigned count;
    int64_t made_ns; /* the newest */
};

void ticket_keys_init(struct ticket_keys *keys, int64_t now_ns);
void ticket_keys_finish(struct ticket_keys *keys); /* and wipes them */

/* The one to seal with.  [worker] */
void ticket_keys_newest(struct ticket_keys *keys, int64_t now_ns, struct ticket_key *out);
/* The one of that name; false when there is none any more.  `newest`: no need to seal anew.
 * [worker] */
bool ticket_keys_find(struct ticket_keys *keys, int64_t now_ns, const unsigned char name[16],
                      struct ticket_key *out, bool *newest);

#endif
