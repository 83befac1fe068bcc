/*
 * For the tests of upstream, proxy and control: an engine that serves on
 * loopback in the test's own loop and does what the test tells it, and a
 * caller that speaks to any server as a client of HTTP/1.1 or HTTP/2.
 */
#ifndef TEST_ENGINE_H
#define TEST_ENGINE_H

#include "base/buffer.h"
#include "net/listener.h"
#include "proxy/connection.h"
#include "upstream/connection.h"

struct engine;

/* One request as the engine saw it; lives until engine_close. */
struct engine_request {
    struct list link;
    struct engine *engine;
    struct stream *stream; /* NULL once closed */
    char method[16];
    char path[256];
    char *fields; /* "name=value\n" each */
    struct buffer body;
    bool complete;
    bool closed;
    enum stream_close why;
};

struct engine {
    struct loop *loop;
    struct connection_host host;
    struct listener *listener;
    struct address bound;
    char url[64];
    struct tls_server *tls;
    struct list requests;
    size_t heads;     /* requests that began */
    size_t completes; /* ... whose body is there */
    size_t closes;    /* ... that ended, however */
    bool refuses;     /* resets each head with REFUSED_STREAM */
    /* Called when a request is complete; NULL: "ok" as JSON. */
    void (*on_complete)(struct engine_request *request);
    void *user;
};

void engine_open(struct engine *engine, struct loop *loop);
void engine_open_tls(struct engine *engine, struct loop *loop, struct tls_server *tls);
/* Its address again, after engine_stop_listening. */
void engine_stop_listening(struct engine *engine);
void engine_close(struct engine *engine);

void engine_begin(struct engine_request *request, int status, const char *type);
void engine_say(struct engine_request *request, const char *text);
void engine_end(struct engine_request *request);
void engine_cut(struct engine_request *request);
/* Head, body and end. */
void engine_answer(struct engine_request *request, int status, const char *type, const char *text);
struct engine_request *engine_last(struct engine *engine);

/* --- the other side ---------------------------------------------------- */

struct caller {
    struct loop *loop;
    struct upstream_connection *connection; /* NULL: ended */
    bool open;
};

struct call {
    struct caller *caller;
    struct stream *stream; /* NULL: not begun, or closed */
    struct arena arena;
    struct request_head head;
    struct slice part;
    int status;   /* 0: no head yet */
    char *fields; /* "name=value\n" each; "" before the head */
    struct buffer body;
    char *trailers;
    bool hold; /* nothing is given back to the window */
    size_t held;
    bool ended; /* cleanly */
    bool closed;
    enum stream_close why;
};

/* Connects and turns the loop until that is done. */
void caller_open(struct caller *caller, struct loop *loop, const struct address *address, bool h2);
void caller_close(struct caller *caller);
/* `fields`: name, value, ..., NULL; may be NULL.  `body` NULL: none. */
void call_begin(struct call *call, struct caller *caller, const char *method, const char *path,
                const char *const *fields, const char *body);
/* Turns the loop until it closed. */
void call_wait(struct call *call);
/* ... until it has a head, or closed. */
void call_wait_head(struct call *call);
/* ... until `text` was in its body, or it closed. */
void call_wait_text(struct call *call, const char *text);
/* Nothing, if it is zeroed; it is afterwards. */
void call_finish(struct call *call);
/* The value of a field of the answer; NULL: absent. */
const char *call_field(const struct call *call, const char *name);
const char *call_text(struct call *call);

/* "name=value\n" lists: the value, in static storage; NULL: absent. */
const char *field_of(const char *fields, const char *name);
size_t field_count(const char *fields, const char *name);

#endif
