/*
 * libevent with the layout of struct event, for those who embed one.  Its
 * header borrows the name LIST_ENTRY, which base/list.h has too.
 */
#ifndef NET_EVENT_STRUCT_H
#define NET_EVENT_STRUCT_H

#pragma push_macro("LIST_ENTRY")
#undef LIST_ENTRY
#include <event2/event.h>
#include <event2/event_struct.h>
#pragma pop_macro("LIST_ENTRY")

#endif
