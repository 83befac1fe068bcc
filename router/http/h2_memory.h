/*
 * Memory for nghttp2, which asks for and gives back several small pieces per
 * stream: free lists by size, one set a thread, without locks.
 */
#ifndef HTTP_H2_MEMORY_H
#define HTTP_H2_MEMORY_H

#include <nghttp2/nghttp2.h>

/* Static; the sessions of every thread may share it, each piece stays in its thread. */
nghttp2_mem *h2_memory(void);

#endif
