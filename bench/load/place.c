#include "load/place.h"

static struct address source_of(const struct place *place)
{
    const bool bound = place->setup->options->identify == IDENTIFY_BIND;
    return bound ? place->options->source : (struct address){0};
}

static void lane_open(struct place *place, struct lane *lane, const struct target *target,
                      uint32_t connections)
{
    const struct place_setup *setup = place->setup;
    lane_init(lane, &(struct lane_settings){
                        .loop = setup->loop,
                        .target = target,
                        .source = source_of(place),
                        .preface = place->preface,
                        .tls = target->secure ? setup->tls : NULL,
                        .h2 = setup->options->h2,
                        .eager = setup->options->closed > 0 && setup->options->h2,
                        .connections = connections,
                        .streams = setup->options->streams,
                    });
}

void place_init(struct place *place, const struct place_setup *setup,
                const struct options_place *options)
{
    *place = (struct place){.setup = setup, .options = options};
    if (options->source.len == 0 || setup->options->identify == IDENTIFY_BIND)
        return;
    char ip[ADDRESS_TEXT_BYTES];
    address_write_ip(&options->source, ip);
    place->told = arena_copy(setup->arena, slice_of(ip));
    /* Where it goes to is not looked at by who is told; PROXY protocol, version 1. */
    if (setup->options->identify == IDENTIFY_PROXY)
        place->preface =
            options->source.storage.ss_family == AF_INET6
                ? arena_printf(setup->arena, "PROXY TCP6 %s ::1 40000 443\r\n", ip)
                : arena_printf(setup->arena, "PROXY TCP4 %s 127.0.0.1 40000 443\r\n", ip);
}

void place_finish(struct place *place)
{
    steer_finish(&place->steer);
    if (place->steer_lane.settings.loop != NULL)
        lane_finish(&place->steer_lane);
    for (uint32_t i = 0; i < place->lane_count; i++)
        lane_finish(&place->lanes[i]);
    if (place->has_direct)
        lane_finish(&place->direct);
}

static void on_answer(void *owner, struct steer *steer)
{
    struct place *place = owner;
    struct slice url;
    place->error = steer->error;
    struct arena *arena = place->setup->arena;
    const bool answered = place->error.text[0] == '\0';
    if (answered &&
        steer_parse(buffer_slice(&steer->body), arena, &place->edge, &url, &place->error) &&
        !target_read(url, arena, &place->steered, &place->error))
        error_prefix(&place->error, "the URL of edge %.*s", SLICE_ARG(place->edge));
    place->on_steered(place->owner, place);
}

void place_steer(struct place *place, void (*on_steered)(void *owner, struct place *place),
                 void *owner)
{
    place->on_steered = on_steered;
    place->owner = owner;
    lane_open(place, &place->steer_lane, &place->setup->options->steer_target, 1);
    steer_begin(&place->steer, &place->steer_lane, on_answer, place);
}

void place_open(struct place *place)
{
    const struct options *options = place->setup->options;
    const struct target *targets = options->targets;
    place->lane_count = options->target_count;
    if (options->steer || place->options->has_target) {
        targets = options->steer ? &place->steered : &place->options->target;
        place->lane_count = 1;
    }
    for (uint32_t i = 0; i < place->lane_count; i++) {
        lane_open(place, &place->lanes[i], &targets[i], options->connections);
        if (options->h2)
            lane_warm(&place->lanes[i]);
    }
    if (!options->has_direct)
        return;
    place->has_direct = true;
    lane_open(place, &place->direct, &options->direct_target, options->connections);
    if (options->h2)
        lane_warm(&place->direct);
}

bool place_is_dialling(const struct place *place)
{
    for (uint32_t i = 0; i < place->lane_count; i++)
        if (lane_is_dialling(&place->lanes[i]))
            return true;
    return place->has_direct && lane_is_dialling(&place->direct);
}

struct lane *place_lane(struct place *place, enum way way)
{
    if (way == WAY_DIRECT)
        return &place->direct;
    place->next_lane = (place->next_lane + 1) % place->lane_count;
    return &place->lanes[place->next_lane];
}
