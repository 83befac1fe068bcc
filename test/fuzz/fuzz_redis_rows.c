/*
 * Any bytes as what the function library says: a message of the channel, and a
 * reply as snapshot and as exchange.  What is accepted has valid names and
 * numbers in range.
 */
#include <math.h>

#include "control/redis_rows.h"
#include "net/redis_reader.h"
#include "net/redis_schema.h"

#include "fuzz.h"

static void check_row(const struct redis_row *row)
{
    must(redis_name_valid(row->cluster) && redis_name_valid(row->pool));
    must(row->report.ts_ms > 0);
#define CHECK_NUMBER(name, least, most) \
    must(isnan(row->report.name) || (row->report.name >= least && row->report.name <= most));
    REPORT_NUMBERS(CHECK_NUMBER)
#undef CHECK_NUMBER
}

static void as_reply(const struct redisReply *reply, struct arena *arena)
{
    struct report_refusals refusals = {0};
    struct redis_snapshot snapshot;
    if (redis_snapshot_read(reply, arena, &snapshot, &refusals))
        for (size_t i = 0; i < snapshot.row_count; i++)
            check_row(&snapshot.rows[i]);
    const struct fleet_share sent[2] = {{.name = "a:b", .inflight = 5}, {.name = "c:d"}};
    struct fleet_share others[2];
    struct redis_exchange exchange;
    for (size_t count = 0; count <= 2; count++)
        if (redis_exchange_read(reply, sent, count, others, &exchange))
            for (size_t i = 0; i < count; i++)
                must(others[i].inflight >= 0 && others[i].pending_tokens >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    struct report_refusals refusals = {0};
    struct redis_row row;
    if (redis_message_read(slice_make(data, size), &arena, &row, &refusals))
        check_row(&row);
    struct redis_reader reader;
    redis_reader_init(&reader);
    redis_reader_feed(&reader, slice_make(data, size));
    struct redisReply *reply;
    while (redis_reader_next(&reader, &reply) == REDIS_READ_REPLY) {
        as_reply(reply, &arena);
        freeReplyObject(reply);
    }
    redis_reader_finish(&reader);
    arena_finish(&arena);
    return 0;
}
