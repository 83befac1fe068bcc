#include "load/feed.h"

#include <stdlib.h>

#include "base/memory.h"

/* One of the conversations that are going on. */
struct feed_talk {
    uint64_t number; /* 0: not begun */
    uint32_t turn, turns;
    uint32_t context_tokens; /* what the next turn begins with */
};

void feed_init(struct feed *feed, const struct options *options)
{
    *feed = (struct feed){.options = options};
    random_seed(&feed->random, options->seed + 1);
    if (options->trace == NULL)
        schedule_init(&feed->schedule, &options->schedule, options->seed);
    if (options->conversations > 0)
        feed->talks = memory_zalloc(options->conversations * sizeof *feed->talks);
}

void feed_finish(struct feed *feed)
{
    free(feed->talks);
    feed->talks = NULL;
}

int64_t feed_next_ns(const struct feed *feed)
{
    const struct trace *trace = feed->options->trace;
    if (trace == NULL)
        return schedule_next_ns(&feed->schedule);
    return feed->next_row < trace->count ? trace->rows[feed->next_row].at_ns : INT64_MAX;
}

/* ---- drawn ---- */

static uint32_t draw_place(struct feed *feed)
{
    return (uint32_t)(random_u64(&feed->random) % feed->options->place_count);
}

static enum traffic_class draw_class(struct feed *feed)
{
    const struct options *options = feed->options;
    double rest = random_unit(&feed->random) * options->class_weight;
    for (uint32_t i = 0; i + 1 < options->class_count; i++)
        if ((rest -= options->classes[i].weight) < 0)
            return options->classes[i].traffic_class;
    return options->class_count > 0 ? options->classes[options->class_count - 1].traffic_class
                                    : CLASS_NONE;
}

/* Geometric with the mean that was asked for: at least 1, no memory. */
static uint32_t draw_turns(struct feed *feed)
{
    uint32_t turns = 1;
    while (turns < (uint32_t)OPTIONS_TURNS_MOST * 10 &&
           random_unit(&feed->random) >= 1 / feed->options->turns)
        turns++;
    return turns;
}

/* All of a conversation is one tenant's. */
static void choose_way(struct feed *feed, struct ask *out)
{
    const struct options *options = feed->options;
    if (options->tenants.count > 0) {
        struct random own;
        random_seed(&own, out->conversation);
        out->tenant = tenants_pick(&options->tenants,
                                   random_unit(out->conversation > 0 ? &own : &feed->random));
    }
    if (options->has_direct && feed->taken++ % 2 == 1)
        out->way = WAY_DIRECT;
}

/*
 * A turn of any of the conversations.  Without --turns all of them are as long
 * as any prompt and none ends; with it each begins with the whole of the one
 * before and its answer, and a new conversation follows the last one.
 */
static void draw_turn(struct feed *feed, struct ask *out)
{
    const struct options *options = feed->options;
    struct feed_talk *talk = &feed->talks[random_u64(&feed->random) % options->conversations];
    const bool grows = options->turns > 0;
    const bool full = out->prompt_tokens > SIZE_TOKENS_MOST - talk->context_tokens;
    if (talk->number == 0 || (grows && (talk->turn == talk->turns || full)))
        *talk = (struct feed_talk){.number = ++feed->talk_count,
                                   .turns = grows ? draw_turns(feed) : UINT32_MAX};
    out->conversation = talk->number;
    out->turn = talk->turn++;
    out->reusable_tokens = out->turn > 0 ? out->prompt_tokens - 1 : 0;
    if (grows) {
        out->reusable_tokens = talk->context_tokens;
        out->prompt_tokens += talk->context_tokens;
        talk->context_tokens = out->prompt_tokens + out->output_tokens;
        if (talk->context_tokens > SIZE_TOKENS_MOST)
            talk->context_tokens = SIZE_TOKENS_MOST;
    }
}

static void draw_sizes(struct feed *feed, struct ask *out)
{
    const struct options *options = feed->options;
    const struct trace *sizes = options->sizes;
    if (sizes != NULL) {
        const struct trace_row *row = &sizes->rows[random_u64(&feed->random) % sizes->count];
        out->prompt_tokens = row->prompt_tokens;
        out->output_tokens = row->output_tokens;
        return;
    }
    out->prompt_tokens = size_draw(&options->prompt_size, &feed->random);
    out->output_tokens = size_draw(&options->output_size, &feed->random);
}

static void draw(struct feed *feed, struct ask *out)
{
    const struct options *options = feed->options;
    *out = (struct ask){.place = draw_place(feed),
                        .traffic_class = draw_class(feed),
                        .pieces = &feed->piece,
                        .piece_count = 1};
    draw_sizes(feed, out);
    if (out->prompt_tokens == 0)
        out->prompt_tokens = 1;
    if (options->conversations > 0)
        draw_turn(feed, out);
    feed->piece.number = out->conversation > 0 ? out->conversation : random_u64(&feed->random);
    feed->piece.tokens = out->prompt_tokens;
}

/* ---- recorded ---- */

static void take_row(struct feed *feed, struct ask *out)
{
    const struct options *options = feed->options;
    const struct trace *trace = options->trace;
    const struct trace_row *row = &trace->rows[feed->next_row++];
    *out = (struct ask){
        .place =
            row->place == TRACE_NO_PLACE ? draw_place(feed) : options->trace_places[row->place],
        .traffic_class = row->traffic_class == CLASS_NONE ? draw_class(feed)
                                                          : (enum traffic_class)row->traffic_class,
        .conversation = row->conversation,
        .turn = row->turn,
        .prompt_tokens = row->prompt_tokens,
        .reusable_tokens = row->reusable_tokens,
        .output_tokens = row->output_tokens,
        .pieces = &trace->pieces[row->first_piece],
        .piece_count = row->piece_count,
    };
}

void feed_take(struct feed *feed, struct ask *out)
{
    if (feed->options->trace != NULL) {
        take_row(feed, out);
    } else {
        draw(feed, out);
        schedule_advance(&feed->schedule);
    }
    choose_way(feed, out);
}
