#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "http/json_tree.h"
#include "load/size.h"
#include "load/trace_state.h"

enum { HASH_IDS_MOST = 1 << 26, SCALE_NS = 1000000 };

static const double LONGEST_MS = 366 * 86400e3;

/* ---- values ---- */

static bool read_whole(struct trace_reader *reader, const char *key, double value, double least,
                       double most, double *out)
{
    *out = value;
    if (value >= least && value <= most && value == floor(value))
        return true;
    return error_set(reader->error, "expected \"%s\", a whole number from %.0f to %.0f", key, least,
                     most);
}

static bool read_tokens(struct trace_reader *reader, const char *key, double value, double least,
                        uint32_t *out)
{
    double tokens;
    const bool good = read_whole(reader, key, value, least, SIZE_TOKENS_MOST, &tokens);
    *out = good ? (uint32_t)tokens : 0;
    return good;
}

static bool read_time(struct trace_reader *reader, const char *key, double ms, int64_t *out_ns)
{
    if (!(ms >= 0 && ms <= LONGEST_MS))
        return error_set(reader->error,
                         "expected \"%s\", milliseconds from the start, at most a year", key);
    *out_ns = (int64_t)(ms * SCALE_NS);
    return true;
}

static struct json_tree *parse(struct trace_reader *reader, struct slice line)
{
    const char *why = NULL;
    struct json_tree *tree = json_tree_parse(line.ptr, line.len, &why);
    if (tree == NULL)
        error_set(reader->error, "this is no JSON: %s", why);
    else if (json_value_type(json_tree_root(tree)) == JSON_OBJECT)
        return tree;
    else
        error_set(reader->error, "expected a JSON object");
    json_tree_destroy(&tree);
    return NULL;
}

/* ---- isobench simulate --write-arrivals ---- */

static bool read_place(struct trace_reader *reader, struct json_value value, uint32_t *out)
{
    struct trace *trace = reader->trace;
    const char *name = json_value_text(value, "place");
    if (name == NULL)
        return json_value_type(json_value_at(value, "place")) == JSON_NONE ||
               error_set(reader->error, "expected \"place\", a name");
    for (*out = 0; *out < trace->place_count; ++*out)
        if (strcmp(trace->places[*out], name) == 0)
            return true;
    const size_t len = strlen(name);
    if (len == 0 || len >= TRACE_NAME_BYTES)
        return error_set(reader->error, "expected \"place\", a name of 1 to %d bytes",
                         TRACE_NAME_BYTES - 1);
    if (*out == TRACE_PLACES_MOST)
        return error_set(reader->error, "at most %d places", TRACE_PLACES_MOST);
    memcpy(trace->places[trace->place_count++], name, len + 1);
    return true;
}

static bool read_class(struct trace_reader *reader, struct json_value value, uint8_t *out)
{
    const char *name = json_value_text(value, "class");
    const enum traffic_class found = name != NULL ? traffic_class_find(slice_of(name)) : CLASS_NONE;
    *out = (uint8_t)found;
    return found != CLASS_COUNT ||
           error_set(reader->error,
                     "expected \"class\", one of priority, interactive, flex, batch, found %s",
                     name);
}

/* What may be left out is 0. */
static double optional(struct json_value value, const char *key)
{
    return json_value_type(json_value_at(value, key)) == JSON_NONE ? 0
                                                                   : json_value_number(value, key);
}

static bool read_conversation(struct trace_reader *reader, struct json_value value,
                              struct trace_row *row)
{
    double conversation, turn;
    if (!read_whole(reader, "conversation", optional(value, "conversation"), 0, 0x1p53,
                    &conversation) ||
        !read_whole(reader, "turn", optional(value, "turn"), 0, UINT32_MAX, &turn))
        return false;
    row->conversation = (uint64_t)conversation;
    row->turn = (uint32_t)turn;
    return true;
}

bool trace_read_arrival(struct trace_reader *reader, struct slice line)
{
    struct trace_row *row = trace_add_row(reader->trace);
    struct json_tree *tree = parse(reader, line);
    if (tree == NULL)
        return false;
    const struct json_value value = json_tree_root(tree);
    bool good = read_time(reader, "at_ms", json_value_number(value, "at_ms"), &row->at_ns) &&
                read_place(reader, value, &row->place) &&
                read_class(reader, value, &row->traffic_class) &&
                read_conversation(reader, value, row) &&
                read_tokens(reader, "prompt_tokens", json_value_number(value, "prompt_tokens"), 1,
                            &row->prompt_tokens) &&
                read_tokens(reader, "output_tokens", json_value_number(value, "output_tokens"), 0,
                            &row->output_tokens) &&
                read_tokens(reader, "reusable_tokens", optional(value, "reusable_tokens"), 0,
                            &row->reusable_tokens);
    if (good && row->reusable_tokens >= row->prompt_tokens)
        good = error_set(reader->error, "\"reusable_tokens\" must be less than \"prompt_tokens\"");
    json_tree_destroy(&tree);
    return good;
}

/* ---- Azure ---- */

/* "2023-11-16 18:15:46.6805900", or with a zone's offset behind it, which is left aside. */
static bool read_timestamp(struct trace_reader *reader, struct slice text, double *out_ms)
{
    char copy[48];
    struct tm tm = {0};
    if (text.len >= sizeof copy)
        return error_set(reader->error, "expected a TIMESTAMP such as 2023-11-16 18:15:46.6805900");
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *rest = strptime(copy, "%Y-%m-%d %H:%M:%S", &tm);
    if (rest == NULL)
        return error_set(reader->error,
                         "expected a TIMESTAMP such as 2023-11-16 18:15:46.6805900, found %s",
                         copy);
    double fraction = 0, digit = 0.1;
    for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++, digit /= 10)
        fraction += digit * (*rest - '0');
    *out_ms = ((double)timegm(&tm) + fraction) * 1e3;
    return true;
}

static double number_of(struct slice text)
{
    double value = NAN;
    return slice_to_double(slice_trim(text), &value) ? value : NAN;
}

bool trace_read_azure(struct trace_reader *reader, struct slice line)
{
    struct trace_row *row = trace_add_row(reader->trace);
    struct slice rest = line, timestamp, context = SLICE_NONE;
    double ms = 0;
    if (!slice_split(&rest, ',', &timestamp) || !slice_split(&rest, ',', &context) ||
        rest.ptr == NULL)
        return error_set(reader->error, "expected TIMESTAMP,ContextTokens,GeneratedTokens");
    if (!read_timestamp(reader, slice_trim(timestamp), &ms))
        return false;
    if (reader->trace->count == 1)
        reader->first_ms = ms;
    return read_time(reader, "TIMESTAMP", ms - reader->first_ms, &row->at_ns) &&
           read_tokens(reader, "ContextTokens", number_of(context), 1, &row->prompt_tokens) &&
           read_tokens(reader, "GeneratedTokens", number_of(rest), 0, &row->output_tokens);
}

/* ---- Mooncake ---- */

static void own(struct trace_reader *reader, uint64_t id, uint32_t row)
{
    if (id >= reader->owner_room) {
        size_t room = reader->owner_room > 0 ? reader->owner_room : 1024;
        while (room <= id)
            room *= 2;
        reader->owners = memory_realloc(reader->owners, room * sizeof *reader->owners);
        memset(reader->owners + reader->owner_room, 0,
               (room - reader->owner_room) * sizeof *reader->owners);
        reader->owner_room = room;
    }
    reader->owners[id] = row;
}

/*
 * An id stands for a block and all before it, so a request shares its beginning
 * with the last one that had the last id both have.  It goes on with that
 * conversation, unless it is only the first block that they share: that is what
 * all of a service's prompts begin with.
 */
static bool read_blocks(struct trace_reader *reader, struct json_value value, struct trace_row *row)
{
    struct trace *trace = reader->trace;
    struct json_items ids = json_items_begin(value, "hash_ids");
    const uint32_t number = (uint32_t)trace->count; /* of this row, from 1 */
    uint32_t left = row->prompt_tokens, shared = 0, parent = 0;
    row->first_piece = trace->piece_count;
    for (uint32_t i = 0; left > 0 && json_items_next(&ids); i++) {
        double id;
        if (!read_whole(reader, "hash_ids", json_value_number(ids.value, ""), 0, HASH_IDS_MOST,
                        &id))
            return false;
        const uint32_t tokens = left < TRACE_BLOCK_TOKENS ? left : TRACE_BLOCK_TOKENS;
        const uint64_t at = (uint64_t)id;
        if (at < reader->owner_room && reader->owners[at] > 0) {
            shared += tokens;
            parent = i > 0 ? reader->owners[at] : 0;
        }
        own(reader, at, number);
        trace_add_piece(trace, (struct piece){at + 1, tokens});
        row->piece_count++;
        left -= tokens;
    }
    row->reusable_tokens = shared < row->prompt_tokens ? shared : row->prompt_tokens - 1;
    row->conversation = parent > 0 ? trace->rows[parent - 1].conversation : number;
    row->turn = parent > 0 ? trace->rows[parent - 1].turn + 1 : 0;
    return true;
}

bool trace_read_mooncake(struct trace_reader *reader, struct slice line)
{
    struct trace_row *row = trace_add_row(reader->trace);
    struct json_tree *tree = parse(reader, line);
    if (tree == NULL)
        return false;
    const struct json_value value = json_tree_root(tree);
    const bool good =
        read_time(reader, "timestamp", json_value_number(value, "timestamp"), &row->at_ns) &&
        read_tokens(reader, "input_length", json_value_number(value, "input_length"), 1,
                    &row->prompt_tokens) &&
        read_tokens(reader, "output_length", json_value_number(value, "output_length"), 0,
                    &row->output_tokens) &&
        read_blocks(reader, value, row);
    json_tree_destroy(&tree);
    return good;
}
