#include "load/place.h"

static void lane_open(struct place *place, struct lane *lane, const struct target *target,
                      uint32_t connections)
{
    const struct place_setup *setup = place->setup;
    lane_init(lane, &(struct lane_settings){
                        .loop = setup->loop,
                        .target = target,
                        .source = place->options->source,
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
}

void place_finish(struct place *place)
{
    steer_finish(&place->steer);
    if (place->steer_lane.settings.loop != NULL)
        lane_finish(&place->steer_lane);
    for (uint32_t i = 0; i < place->lane_count; i++)
        lane_finish(&place->lanes[i]);
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
}

bool place_is_dialling(const struct place *place)
{
    for (uint32_t i = 0; i < place->lane_count; i++)
        if (lane_is_dialling(&place->lanes[i]))
            return true;
    return false;
}

struct lane *place_lane(struct place *place)
{
    place->next_lane = (place->next_lane + 1) % place->lane_count;
    return &place->lanes[place->next_lane];
}
