#include "ways.h"

struct loop *loop;
struct engine near, far;
struct edge edge;
struct caller caller;
struct call call;

const char plain[] = "{\"model\":\"m\",\"messages\":[]}";
const char streamed[] = "{\"model\":\"m\",\"messages\":[],\"stream\":true}";
const char *const json[] = {"content-type", "application/json", NULL};

void open_all(const char *options, const char *more, bool client_h2)
{
    loop = loop_create();
    engine_open(&near, loop);
    engine_open(&far, loop);
    char *yaml = edge_two_clusters(&near, &far, options, more);
    edge_open(&edge, loop, yaml);
    free(yaml);
    caller_open(&caller, loop, &edge.bound, client_h2);
}

void close_all(void)
{
    call_finish(&call);
    caller_close(&caller);
    edge_close(&edge);
    engine_close(&near);
    engine_close(&far);
    loop_turn(loop);
    loop_destroy(&loop);
}

void post(const char *body)
{
    call_finish(&call);
    call_begin(&call, &caller, "POST", "/v1/chat/completions", json, body);
}

int ask(const char *method, const char *path, const char *const *fields, const char *body)
{
    call_finish(&call);
    call_begin(&call, &caller, method, path, fields, body);
    call_wait(&call);
    return call.status;
}

uint64_t faults(enum fault fault)
{
    return counter_get(&edge.proxy->metrics.faults[fault]);
}

void wait_for_ever(struct engine_request *request)
{
    (void)request;
}

const struct way ways[WAYS] = {{false, ""},
                               {true, ""},
                               {false, ", protocol: h2"},
                               {true, ", protocol: h2"}};

void open_way(size_t w, const char *more)
{
    open_all(ways[w].options, more, ways[w].client_h2);
}
