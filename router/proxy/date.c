#include "proxy/date.h"

#include <time.h>

struct slice date_now(void)
{
    static _Thread_local time_t last;
    static _Thread_local char text[32];
    static _Thread_local size_t len;
    const time_t now = time(NULL);
    if (now != last || len == 0) {
        struct tm tm;
        gmtime_r(&now, &tm);
        len = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        last = now;
    }
    return slice_make(text, len);
}
