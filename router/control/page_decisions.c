#include "control/page_decisions.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "control/control.h"
#include "proxy/decide.h"
#include "proxy/identity.h"
#include "proxy/queue.h"

enum { DECISIONS_MOST = 1000, DECISIONS_USUAL = 20, TEXT_MOST = 256 };

static bool query_number(const struct page_request *request, const char *name, double least,
                         double most, double *out, struct page *page)
{
    char text[TEXT_MOST];
    if (!page_query(request->query, name, text, sizeof text))
        return true;
    double value;
    if (slice_to_double(slice_of(text), &value) && value >= least && value <= most) {
        *out = value;
        return true;
    }
    page_error(page, 400, "%s: \"%s\" is not right; it must be a number from %g to %g.", name, text,
               least, most);
    return false;
}

/* --- recent ones --- */

/* Where the page stands in one worker's ring: the next to be shown, counted from its beginning. */
struct cursor {
    const struct decision_ring *ring;
    uint64_t left;
    struct decision_copy copy;
    bool loaded;
};

static bool load(struct cursor *cursor)
{
    while (!cursor->loaded && cursor->left > 0)
        cursor->loaded = decision_ring_read(cursor->ring, --cursor->left, &cursor->copy);
    return cursor->loaded;
}

static struct cursor *newest(struct cursor *cursors, uint32_t count)
{
    struct cursor *best = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (load(&cursors[i]) &&
            (best == NULL || cursors[i].copy.decision.now_ns > best->copy.decision.now_ns))
            best = &cursors[i];
    return best;
}

void page_decisions(struct control *control, const struct page_request *request, struct page *page)
{
    double n = DECISIONS_USUAL;
    double shadow = 0;
    if (!query_number(request, "n", 1, DECISIONS_MOST, &n, page) ||
        !query_number(request, "shadow", 0, 1, &shadow, page))
        return;
    struct cursor *cursors = memory_zalloc(control->worker_count * sizeof *cursors);
    for (uint32_t w = 0; w < control->worker_count; w++) {
        const struct proxy *proxy = worker_proxy(control->workers[w]);
        cursors[w].ring = shadow != 0 ? proxy->shadow_ring : proxy->ring;
        cursors[w].left = decision_ring_added(cursors[w].ring);
        decision_copy_init(&cursors[w].copy);
    }
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_key(&json, "decisions");
    json_array_begin(&json);
    for (size_t i = 0; i < (size_t)n; i++) {
        struct cursor *cursor = newest(cursors, control->worker_count);
        if (cursor == NULL)
            break;
        decision_write_json(&cursor->copy.decision, &json);
        cursor->loaded = false;
    }
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
    for (uint32_t w = 0; w < control->worker_count; w++)
        decision_copy_finish(&cursors[w].copy);
    free(cursors);
}

/* --- a dry run --- */

struct dry_run {
    char ip[TEXT_MOST], model[TEXT_MOST], class_text[TEXT_MOST], session[TEXT_MOST];
    char path[TEXT_MOST], tenant[TEXT_MOST];
    double prompt_tokens, output_tokens, stream;
    uint32_t service_class;
    struct geo_point place;
};

static void optional(const struct page_request *request, const char *name, char out[TEXT_MOST],
                     const char *usual)
{
    if (!page_query(request->query, name, out, TEXT_MOST))
        snprintf(out, TEXT_MOST, "%s", usual);
}

static bool read_dry_run(const struct control *control, const struct page_request *request,
                         struct dry_run *run, struct page *page)
{
    *run = (struct dry_run){.prompt_tokens = 500, .output_tokens = 256, .stream = 1};
    optional(request, "ip", run->ip, "");
    optional(request, "model", run->model, "");
    optional(request, "class", run->class_text, "interactive");
    optional(request, "session", run->session, "");
    optional(request, "path", run->path, "/v1/chat/completions");
    optional(request, "tenant", run->tenant, "");
    if (!query_number(request, "prompt_tokens", 1, 1e7, &run->prompt_tokens, page) ||
        !query_number(request, "output_tokens", 0, 1e7, &run->output_tokens, page) ||
        !query_number(request, "stream", 0, 1, &run->stream, page))
        return false;
    if (!class_parse(slice_of(run->class_text), &run->service_class)) {
        page_error(page, 400,
                   "class: \"%s\" is none; it may be priority, interactive, flex or batch.",
                   run->class_text);
        return false;
    }
    const struct proxy_tables *tables = &control->tables->face;
    run->place = tables->default_location;
    if (run->ip[0] == '\0')
        return true;
    struct address address;
    if (!address_parse_ip(slice_of(run->ip), &address)) {
        page_error(page, 400, "ip: \"%s\" is no IPv4 or IPv6 address.", run->ip);
        return false;
    }
    run->place = identity_place(tables, &address);
    return true;
}

/* Without a model in the query: the first that the fleet serves. */
static struct slice model_of(const struct control *control, const struct dry_run *run)
{
    const struct fleet_config *fleet = control->snapshot->config;
    if (run->model[0] != '\0' || fleet->model_count == 0)
        return slice_of(run->model);
    return slice_of(fleet->models[0].name);
}

void page_explain(struct control *control, const struct page_request *request, struct page *page)
{
    struct dry_run run;
    if (!read_dry_run(control, request, &run, page))
        return;
    const struct decide_input input = {
        .model = model_of(control, &run),
        .path = slice_of(run.path),
        .tenant = slice_of(run.tenant),
        .service_class = run.service_class,
        .stream = run.stream != 0,
        .place = &run.place,
        .prompt_tokens = run.prompt_tokens,
        .output_tokens = run.output_tokens,
        .session = run.session[0] != '\0'
                       ? identity_session(slice_of(run.tenant), model_of(control, &run),
                                          slice_of(run.session))
                       : 0,
        .now_ns = clock_monotonic_ns(),
    };
    struct decision decision;
    struct decide_room room = {0};
    struct decide_outcome outcome;
    decision_init(&decision);
    decide(&control->tables->face, control->snapshot, control->ledgers[0], control->affinity,
           &input, &room, &decision, &outcome);
    decision.wall_ms = clock_wall_ms();
    decision.waits = queue_would_hold(&control->tables->face, &decision);
    if (outcome.fault == FAULT_NO_MODEL) {
        page_error(page, 404, "No cluster serves the model \"%.*s\".", SLICE_ARG(input.model));
    } else {
        struct json json;
        json_init(&json, &page->body);
        decision_write_json(&decision, &json);
        buffer_append_byte(&page->body, '\n');
    }
    decide_room_finish(&room);
    decision_finish(&decision);
}
