#include "control/redis_rows.h"

#include <stdio.h>

#include "net/redis_reader.h"
#include "net/redis_schema.h"

enum { PAIR_WORDS_MOST = 2 * (REPORT_FIELDS_MAX + 2) };

#define CLOCK_MOST INT64_C(9000000000000000)
#define COUNTER_MOST INT64_C(1000000000000000)

static bool clock_read(const struct redisReply *reply, int64_t *out)
{
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 ||
        reply->integer > CLOCK_MOST)
        return false;
    *out = reply->integer;
    return true;
}

/* Takes cluster and pool out of the words: the report itself does not say whose it is. */
static size_t words_name(struct slice *words, size_t count, struct slice *cluster,
                         struct slice *pool)
{
    size_t kept = 0;
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (slice_eq(words[i], SLICE("cluster"))) {
            *cluster = words[i + 1];
        } else if (slice_eq(words[i], SLICE("pool"))) {
            *pool = words[i + 1];
        } else {
            words[kept++] = words[i];
            words[kept++] = words[i + 1];
        }
    }
    return kept + count % 2; /* an odd one out makes report_parse refuse it all */
}

static bool row_finish(struct slice *words, size_t count, struct redis_row *row,
                       struct report_refusals *refusals)
{
    struct slice cluster = SLICE_NONE, pool = SLICE_NONE;
    count = words_name(words, count, &cluster, &pool);
    if (row->cluster.ptr == NULL) {
        row->cluster = cluster;
        row->pool = pool;
    }
    if (!redis_name_valid(row->cluster) || !redis_name_valid(row->pool)) {
        refusals->whole++;
        return false;
    }
    if (!report_parse(words, count, &row->report, refusals))
        return false;
    if (row->report.ts_ms == 0) { /* without it, its age would be anybody's guess */
        refusals->whole++;
        return false;
    }
    return true;
}

/* ---- snapshot ------------------------------------------------------- */

static bool row_read(const struct redisReply *member, const struct redisReply *flat,
                     struct redis_row *row, struct report_refusals *refusals)
{
    struct slice words[PAIR_WORDS_MOST];
    *row = (struct redis_row){0};
    const size_t count = redis_reply_count(flat);
    bool usable = redis_target_split(redis_reply_text(member), &row->cluster, &row->pool) &&
                  count <= COUNT_OF(words);
    for (size_t i = 0; usable && i < count; i++) {
        words[i] = redis_reply_text(flat->element[i]);
        usable = words[i].ptr != NULL;
    }
    if (!usable) {
        refusals->whole++;
        return false;
    }
    return row_finish(words, count, row, refusals);
}

static void routers_read(const struct redisReply *reply, struct arena *arena,
                         struct redis_snapshot *out)
{
    const size_t pairs = redis_reply_count(reply) / 2;
    out->routers = arena_alloc(arena, (pairs + 1) * sizeof *out->routers);
    for (size_t i = 0; i < pairs && i < REDIS_ROUTERS_MOST; i++) {
        double ts = 0;
        const struct slice name = redis_reply_text(reply->element[2 * i]);
        if (!redis_name_valid(name) ||
            !slice_to_double(redis_reply_text(reply->element[2 * i + 1]), &ts) || ts < 0 ||
            ts > (double)CLOCK_MOST)
            continue;
        out->routers[out->router_count++] = (struct redis_router){name, (int64_t)ts};
    }
}

bool redis_snapshot_read(const struct redisReply *reply, struct arena *arena,
                         struct redis_snapshot *out, struct report_refusals *refusals)
{
    *out = (struct redis_snapshot){0};
    if (redis_reply_count(reply) < 3 || !clock_read(reply->element[0], &out->now_ms) ||
        reply->element[1]->type != REDIS_REPLY_ARRAY ||
        reply->element[2]->type != REDIS_REPLY_ARRAY)
        return false;
    const struct redisReply *reports = reply->element[1];
    const size_t pairs = redis_reply_count(reports) / 2;
    if (redis_reply_count(reports) % 2 != 0 || pairs > REDIS_ROWS_MOST)
        return false;
    out->rows = arena_alloc(arena, (pairs + 1) * sizeof *out->rows);
    for (size_t i = 0; i < pairs; i++) {
        if (row_read(reports->element[2 * i], reports->element[2 * i + 1],
                     &out->rows[out->row_count], refusals))
            out->row_count++;
        else
            out->refused++;
    }
    routers_read(reply->element[2], arena, out);
    return true;
}

/* ---- message -------------------------------------------------------- */

struct text {
    const char *at;
    const char *end;
};

static void blanks_skip(struct text *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

static bool take(struct text *in, char c)
{
    blanks_skip(in);
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static bool hex4(struct text *in, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        if (in->at == in->end)
            return false;
        const char c = *in->at++;
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        else
            return false;
        *out = *out * 16 + digit;
    }
    return true;
}

/* Names and values of a report are printable ASCII: an escape beyond that becomes one byte that
 * no field accepts. */
static bool escape_read(struct text *in, char *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (in->at == in->end)
        return false;
    const char c = *in->at++;
    if (c == 'u') {
        unsigned code;
        if (!hex4(in, &code))
            return false;
        *out = code < 0x80 ? (char)code : '\x7f';
        return true;
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (found == NULL)
        return false;
    *out = to[found - from];
    return true;
}

static bool text_read(struct text *in, struct arena *arena, struct slice *out)
{
    if (!take(in, '"'))
        return false;
    const char *close = in->at; /* at most what is left, without escapes */
    while (close < in->end && *close != '"')
        close += *close == '\\' && close + 1 < in->end ? 2 : 1;
    if (close >= in->end)
        return false;
    char *copy = arena_alloc(arena, (size_t)(close - in->at) + 1);
    size_t len = 0;
    while (in->at < close) {
        char c = *in->at++;
        if ((unsigned char)c < ' ' || (c == '\\' && !escape_read(in, &c)))
            return false;
        copy[len++] = c;
    }
    in->at++;
    *out = slice_make(copy, len);
    return true;
}

static bool words_read(struct slice message, struct arena *arena, struct slice *words,
                       size_t *count)
{
    struct text in = {message.ptr, message.ptr + message.len};
    *count = 0;
    if (!take(&in, '['))
        return false;
    do {
        if (*count == PAIR_WORDS_MOST || !text_read(&in, arena, &words[*count]))
            return false;
        ++*count;
    } while (take(&in, ','));
    if (!take(&in, ']'))
        return false;
    blanks_skip(&in);
    return in.at == in.end;
}

bool redis_message_read(struct slice message, struct arena *arena, struct redis_row *out,
                        struct report_refusals *refusals)
{
    struct slice words[PAIR_WORDS_MOST];
    size_t count;
    *out = (struct redis_row){0};
    if (message.len > REDIS_MESSAGE_BYTES_MOST || !words_read(message, arena, words, &count)) {
        refusals->whole++;
        return false;
    }
    return row_finish(words, count, out, refusals);
}

/* ---- exchange ------------------------------------------------------- */

static bool others_read(const struct redisReply *total, int64_t sent, int64_t *out)
{
    if (total->type != REDIS_REPLY_INTEGER || total->integer < 0 || total->integer > COUNTER_MOST)
        return false;
    *out = total->integer > sent ? total->integer - sent : 0;
    return true;
}

bool redis_exchange_read(const struct redisReply *reply, const struct fleet_share *sent,
                         size_t count, struct fleet_share *others, struct redis_exchange *out)
{
    *out = (struct redis_exchange){0};
    if (redis_reply_count(reply) != 2 + 3 * count || !clock_read(reply->element[0], &out->now_ms))
        return false;
    const struct redisReply *routers = reply->element[1];
    if (routers->type != REDIS_REPLY_INTEGER || routers->integer < 1 || routers->integer > 1000000)
        return false;
    out->routers = (uint32_t)routers->integer;
    for (size_t i = 0; i < count; i++) {
        struct redisReply *const *totals = reply->element + 2 + 3 * i;
        others[i] = (struct fleet_share){.name = sent[i].name, .slot = sent[i].slot};
        if (!others_read(totals[0], sent[i].inflight, &others[i].inflight) ||
            !others_read(totals[1], sent[i].pending, &others[i].pending) ||
            !others_read(totals[2], sent[i].pending_tokens, &others[i].pending_tokens))
            return false;
    }
    return true;
}
