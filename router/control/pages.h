/*
 * The pages of the admin interface: one function a path, from the control
 * thread's state into a buffer.  No socket, no HTTP.  [control]
 */
#ifndef CONTROL_PAGES_H
#define CONTROL_PAGES_H

#include "base/buffer.h"
#include "http/head.h"

struct control;

struct page_request {
    enum http_method method;
    struct slice path;   /* without query */
    struct slice query;  /* "" none */
    struct slice accept; /* ptr NULL: none */
    struct slice body;   /* of a POST; "" none */
    bool read_only;      /* came by the metrics address */
};

struct page {
    int status;
    const char *type;  /* of the content */
    const char *allow; /* with 405: the methods there are */
    struct buffer body;
};

/* Finds the page of a path and makes it; 404 and 405 are pages too. */
void page_make(struct control *control, const struct page_request *request, struct page *page);
/* {"error":{"message":...}} */
void page_error(struct page *page, int status, const char *format, ...) ISO_PRINTF(3, 4);
/* The value of `name` in a query string, percent-decoded into `out`; false: absent, too long or
 * malformed. */
bool page_query(struct slice query, const char *name, char *out, size_t size);

#endif
