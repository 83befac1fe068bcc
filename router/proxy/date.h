/* The `date` field: formatted once a second and thread. */
#ifndef PROXY_DATE_H
#define PROXY_DATE_H

#include "base/slice.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7); valid until the thread's next call. */
struct slice date_now(void);

#endif
