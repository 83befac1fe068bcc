#include "proxy/local.h"

#include <math.h>
#include <stdlib.h>

#include "proxy/tenant_limit.h"

enum { EDGES_SHOWN_MOST = 64 };

static void finish_json(struct exchange *exchange, struct buffer *out)
{
    buffer_append_byte(out, '\n');
    exchange_answer_json(exchange, 200, buffer_slice(out));
}

/* --- models --- */

static void write_model(struct json *json, const struct model *model)
{
    json_object_begin(json);
    json_kv_string(json, "id", model->name);
    json_kv_string(json, "object", "model");
    json_kv_int(json, "created", 0);
    json_kv_string(json, "owned_by", "isochrone");
    json_object_end(json);
}

static void answer_models(struct exchange *exchange)
{
    const struct fleet_config *config = proxy_snapshot(exchange->proxy)->config;
    struct buffer *out = &exchange->proxy->scratch;
    buffer_clear(out);
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_kv_string(&json, "object", "list");
    json_key(&json, "data");
    json_array_begin(&json);
    for (uint32_t i = 0; i < config->model_count; i++)
        if (tenant_limit_allows(exchange, slice_of(config->models[i].name)))
            write_model(&json, &config->models[i]);
    json_array_end(&json);
    json_object_end(&json);
    finish_json(exchange, out);
}

static void answer_model(struct exchange *exchange, struct slice name)
{
    const struct fleet_config *config = proxy_snapshot(exchange->proxy)->config;
    const struct model *model = fleet_config_model(config, name);
    if (model == NULL || model == config->any_model || !tenant_limit_allows(exchange, name)) {
        exchange_refuse(exchange, FAULT_NO_MODEL, NULL, "model");
        return;
    }
    struct buffer *out = &exchange->proxy->scratch;
    buffer_clear(out);
    struct json json;
    json_init(&json, out);
    write_model(&json, model);
    finish_json(exchange, out);
}

/* --- edges --- */

struct ranked_edge {
    const struct edge_place *edge;
    double km; /* NAN: the caller's place or the edge's is unknown */
};

static int nearer(const void *left, const void *right)
{
    const struct ranked_edge *a = left, *b = right;
    const double x = isnan(a->km) ? INFINITY : a->km, y = isnan(b->km) ? INFINITY : b->km;
    if (x != y)
        return x < y ? -1 : 1;
    return a->edge < b->edge ? -1 : a->edge > b->edge; /* own first */
}

static void write_client(struct json *json, const struct geo_point *place)
{
    json_object_begin(json);
    json_kv_string(json, "country", place->country[0] ? place->country : NULL);
    json_kv_number(json, "latitude", place->known ? place->latitude : NAN);
    json_kv_number(json, "longitude", place->known ? place->longitude : NAN);
    json_kv_bool(json, "known", place->known);
    json_object_end(json);
}

static void write_edges(struct json *json, const struct ranked_edge *edges, size_t count)
{
    json_array_begin(json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(json);
        json_kv_string(json, "name", edges[i].edge->name);
        json_kv_string(json, "url", edges[i].edge->url);
        json_kv_fixed(json, "distance_km", edges[i].km, 0);
        json_kv_fixed(json, "rtt_ms", geo_rtt_prior_ms(edges[i].km), 1);
        json_object_end(json);
    }
    json_array_end(json);
}

static void answer_edges(struct exchange *exchange)
{
    const struct proxy_tables *tables = proxy_tables(exchange->proxy);
    const struct geo_point *place = &exchange->ask->place;
    struct ranked_edge ranked[EDGES_SHOWN_MOST];
    size_t count = 0;
    for (; count < tables->edge_count && count < EDGES_SHOWN_MOST; count++) {
        const struct edge_place *edge = &tables->edges[count];
        const double km = place->known ? geo_distance_km(place->latitude, place->longitude,
                                                         edge->latitude, edge->longitude)
                                       : NAN;
        ranked[count] = (struct ranked_edge){edge, km};
    }
    qsort(ranked, count, sizeof ranked[0], nearer);
    struct buffer *out = &exchange->proxy->scratch;
    buffer_clear(out);
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_key(&json, "client");
    write_client(&json, place);
    json_key(&json, "edges");
    write_edges(&json, ranked, count);
    json_object_end(&json);
    finish_json(exchange, out);
}

bool local_is_open(const struct exchange *exchange)
{
    return slice_eq(exchange->path, SLICE("/edge"));
}

bool local_answer(struct exchange *exchange)
{
    const struct request_head *head = exchange->head;
    const struct slice path = exchange->path;
    const bool models = slice_eq(path, SLICE("/v1/models"));
    const bool model = slice_starts(path, SLICE("/v1/models/")) && path.len > 11;
    const bool edge = slice_eq(path, SLICE("/edge"));
    if (!models && !model && !edge)
        return false;
    if (head->method != METHOD_GET && head->method != METHOD_HEAD) {
        exchange->allow = "GET, HEAD";
        exchange_refuse(exchange, FAULT_BAD_METHOD, NULL, NULL);
    } else if (models)
        answer_models(exchange);
    else if (model)
        answer_model(exchange, slice_make(path.ptr + 11, path.len - 11));
    else
        answer_edges(exchange);
    return true;
}
