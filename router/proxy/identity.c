#include "proxy/identity.h"

#include <math.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/number.h"
#include "proxy/tenant_limit.h"

enum {
    BYTES_PER_TOKEN = 4,
    PREFIX_BLOCK_BYTES = 1024, /* the first; each next covers twice as much */
    OUTPUT_TOKENS_PRIOR = 256,
};

/* --- classes --- */

static const char *const class_names[CLASS_COUNT] = {
    [ISO_INTERACTIVE] = "interactive",
    [ISO_PRIORITY] = "priority",
    [ISO_FLEX] = "flex",
    [ISO_BATCH] = "batch",
};

const char *class_name(uint32_t service_class)
{
    return service_class < CLASS_COUNT ? class_names[service_class] : "interactive";
}

bool class_parse(struct slice name, uint32_t *service_class)
{
    for (uint32_t c = 0; c < CLASS_COUNT; c++) {
        if (slice_eq(name, slice_of(class_names[c]))) {
            *service_class = c;
            return true;
        }
    }
    return false;
}

uint32_t class_rank(uint32_t service_class)
{
    static const uint32_t ranks[CLASS_COUNT] = {
        [ISO_PRIORITY] = 3, [ISO_INTERACTIVE] = 2, [ISO_FLEX] = 1, [ISO_BATCH] = 0};
    return ranks[service_class < CLASS_COUNT ? service_class : ISO_INTERACTIVE];
}

/* --- the head --- */

static bool trusted(const struct proxy_tables *tables, const struct address *address)
{
    for (size_t i = 0; i < tables->trusted_count; i++)
        if (cidr_contains(&tables->trusted[i], address))
            return true;
    return false;
}

/* Back along one field; false: the walk ended. */
static bool follow_hops(const struct proxy_tables *tables, struct slice list,
                        struct address *address)
{
    while (list.len > 0) {
        if (!trusted(tables, address))
            return false;
        size_t start = list.len;
        while (start > 0 && list.ptr[start - 1] != ',')
            start--;
        const struct slice hop = slice_trim(slice_make(list.ptr + start, list.len - start));
        struct address next;
        if (!address_parse_ip(hop, &next))
            return false;
        *address = next;
        list.len = start > 0 ? start - 1 : 0;
    }
    return true;
}

/* The rightmost hop that is not one of ours, the fields taken as one list (RFC 9110 5.3): what a
 * client wrote stands before what our own proxies added.  Anything unreadable ends the walk. */
static void follow_forwarded(const struct proxy_tables *tables, const struct fields *fields,
                             struct address *address)
{
    for (uint32_t i = fields->count; i > 0; i--) {
        const struct field *field = &fields->items[i - 1];
        if (slice_eq(field->name, SLICE("x-forwarded-for")) &&
            !follow_hops(tables, field->value, address))
            return;
    }
}

/* What is known of a connection's peer: the place is looked up once per generation of tables. */
struct peer {
    uint64_t generation;
    struct geo_point place;
    char ip[ADDRESS_TEXT_BYTES];
};

struct geo_point identity_place(const struct proxy_tables *tables, const struct address *address)
{
    const struct geo_point place =
        geoip_find(tables->geoip, (const struct sockaddr *)&address->storage);
    if (!place.known && place.country[0] == '\0' && tables->default_location.known)
        return tables->default_location;
    return place;
}

static const struct peer *peer_of(struct connection *connection, const struct proxy_tables *tables)
{
    struct peer *peer = connection->user;
    if (peer == NULL) {
        peer = memory_zalloc(sizeof *peer);
        address_write_ip(&connection->peer, peer->ip);
        connection->user = peer;
        connection->user_free = free;
    }
    if (peer->generation != tables->generation) {
        peer->place = identity_place(tables, &connection->peer);
        peer->generation = tables->generation;
    }
    return peer;
}

static void set_place(struct exchange *exchange, struct geo_point place)
{
    exchange->ask->place = place;
    memcpy(exchange->country, place.country, sizeof exchange->country);
}

/* The client is the connection's peer, or whom a trusted peer speaks for. */
static void find_client(struct exchange *exchange, const struct proxy_tables *tables)
{
    const struct peer *peer = peer_of(exchange->connection, tables);
    struct address address = exchange->connection->peer;
    if (tables->trusted_count > 0)
        follow_forwarded(tables, &exchange->head->fields, &address);
    if (address_equal(&address, &exchange->connection->peer)) {
        set_place(exchange, peer->place);
        exchange->client_ip = slice_of(peer->ip);
        return;
    }
    char ip[ADDRESS_TEXT_BYTES];
    set_place(exchange, identity_place(tables, &address));
    exchange->client_ip = arena_copy(exchange->arena, slice_of(address_write_ip(&address, ip)));
}

/* Without port and brackets. */
static struct slice host_of(struct slice authority)
{
    if (authority.len > 0 && authority.ptr[0] == '[') {
        const ptrdiff_t end = slice_find(authority, ']');
        return end > 0 ? slice_make(authority.ptr + 1, (size_t)end - 1) : authority;
    }
    const ptrdiff_t colon = slice_find(authority, ':');
    return colon >= 0 ? slice_make(authority.ptr, (size_t)colon) : authority;
}

enum fault identity_check_host(const struct exchange *exchange)
{
    const struct connection *connection = exchange->connection;
    if (!connection->secure)
        return FAULT_NONE;
    const char *made_for = wire_server_name(&connection->wire);
    const struct slice host = host_of(exchange->head->authority);
    if (made_for == NULL || host.len == 0 || slice_eq_nocase(host, slice_of(made_for)) ||
        wire_covers_name(&connection->wire, host) ||
        trusted(proxy_tables(exchange->proxy), &connection->peer)) /* a proxy of ours: any */
        return FAULT_NONE;
    return FAULT_MISDIRECTED;
}

/* `digits` is 16 or 32. */
static void random_hex(struct exchange *exchange, char *out, size_t digits)
{
    for (size_t i = 0; i < digits; i += NUMBER_HEX_BYTES)
        number_write_hex(out + i, random_u64(&exchange->proxy->random));
}

static struct slice new_id(struct exchange *exchange)
{
    char *text = arena_alloc(exchange->arena, 32);
    random_hex(exchange, text, 32);
    return slice_make(text, 32);
}

static bool sane_id(struct slice id)
{
    if (id.len == 0 || id.len > 128)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.ptr[i];
        const bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == ':';
        if (!fine)
            return false;
    }
    return true;
}

static bool all_hex(struct slice s)
{
    bool zero = true;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        zero = zero && c == '0';
    }
    return !zero;
}

static bool hex_pair(const char *s)
{
    return strchr("0123456789abcdef", s[0]) != NULL && strchr("0123456789abcdef", s[1]) != NULL;
}

/* W3C trace context: version 00, the trace goes on under a new parent; else a new one begins. */
static struct slice continue_trace(struct exchange *exchange)
{
    const struct slice theirs = fields_find(&exchange->head->fields, SLICE("traceparent"));
    const bool goes_on = theirs.len == TRACE_PARENT_BYTES && slice_starts(theirs, SLICE("00-")) &&
                         all_hex(slice_make(theirs.ptr + 3, 32)) && theirs.ptr[35] == '-' &&
                         all_hex(slice_make(theirs.ptr + 36, 16)) && theirs.ptr[52] == '-' &&
                         hex_pair(theirs.ptr + 53);
    char *text = arena_alloc(exchange->arena, TRACE_PARENT_BYTES);
    memcpy(text, "00-", 3);
    if (goes_on)
        memcpy(text + 3, theirs.ptr + 3, 32);
    else
        random_hex(exchange, text + 3, 32);
    text[35] = '-';
    random_hex(exchange, text + 36, 16);
    text[52] = '-';
    memcpy(text + 53, goes_on ? theirs.ptr + 53 : "01", 2);
    return slice_make(text, TRACE_PARENT_BYTES);
}

void identity_read_head(struct exchange *exchange)
{
    const struct proxy_tables *tables = proxy_tables(exchange->proxy);
    const struct fields *fields = &exchange->head->fields;
    const struct connection *connection = exchange->connection;
    find_client(exchange, tables);

    const struct slice id = fields_find(fields, SLICE("x-request-id"));
    exchange->request_id = sane_id(id) ? id : new_id(exchange);
    exchange->trace_parent = continue_trace(exchange);
    exchange->service_class = ISO_INTERACTIVE;
    exchange->tenant = SLICE("");
    exchange->cluster = SLICE("");
    const struct slice explain = fields_find(fields, SLICE("x-isochrone-explain"));
    exchange->want_explain =
        slice_eq(explain, SLICE("1")) &&
        (address_is_loopback(&connection->peer) || trusted(tables, &connection->peer));
}

/* --- keys --- */

enum fault identity_authorise(struct exchange *exchange)
{
    const struct proxy_tables *tables = proxy_tables(exchange->proxy);
    if (tables->keys == NULL)
        return FAULT_NONE;
    struct slice key = fields_find(&exchange->head->fields, SLICE("authorization"));
    if (key.len > 7 && slice_eq_nocase(slice_make(key.ptr, 7), SLICE("Bearer ")))
        key = slice_trim(slice_make(key.ptr + 7, key.len - 7));
    else
        key = fields_find(&exchange->head->fields, SLICE("x-api-key"));
    if (key.len == 0)
        return FAULT_UNAUTHORIZED;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)key.ptr, key.len, digest);
    const struct tenant_key *found = NULL;
    for (size_t i = 0; i < tables->key_count; i++) /* all of them: no hint in the time it takes */
        if (CRYPTO_memcmp(digest, tables->keys[i].digest, sizeof digest) == 0)
            found = &tables->keys[i];
    if (found == NULL)
        return FAULT_UNAUTHORIZED;
    exchange->tenant = arena_copy(exchange->arena, slice_of(found->tenant));
    exchange->most_class = found->most_class;
    tenant_limit_of(exchange, (size_t)(found - tables->keys));
    return FAULT_NONE;
}

/* --- the body --- */

static enum fault choose_class(struct exchange *exchange, const char **param)
{
    uint32_t wanted = ISO_INTERACTIVE;
    const struct slice tier = exchange->ask->facts.service_tier;
    const struct slice header = fields_find(&exchange->head->fields, SLICE("x-isochrone-class"));
    if (header.ptr != NULL) {
        if (!class_parse(header, &wanted)) {
            *param = "x-isochrone-class";
            return FAULT_BAD_FIELD;
        }
    } else if (slice_eq(tier, SLICE("priority"))) {
        wanted = ISO_PRIORITY;
    } else if (slice_eq(tier, SLICE("flex"))) {
        wanted = ISO_FLEX;
    } /* default, auto and what others invent are the ordinary class */
    exchange->service_class = wanted;
    if (proxy_tables(exchange->proxy)->keys != NULL &&
        class_rank(wanted) > class_rank(exchange->most_class))
        exchange->service_class = exchange->most_class;
    return FAULT_NONE;
}

uint64_t identity_session(struct slice tenant, struct slice model, struct slice key)
{
    const uint64_t seed =
        XXH3_64bits_withSeed(model.ptr, model.len, XXH3_64bits(tenant.ptr, tenant.len));
    const uint64_t hash = XXH3_64bits_withSeed(key.ptr, key.len, seed);
    return hash != 0 ? hash : 1;
}

/* Hashes of the prompt's beginnings, each twice as long as the one before: two requests that share
 * the first half of a prompt share all hashes up to it. */
static void hash_prefixes(struct exchange *exchange)
{
    const struct slice prompt = exchange->ask->facts.prompt;
    if (prompt.len < PREFIX_BLOCK_BYTES)
        return; /* the state alone costs more than hashing that much */
    XXH3_state_t state;
    XXH3_INITSTATE(&state); /* or a seed that stands there by chance is believed */
    XXH3_64bits_reset_withSeed(&state,
                               identity_session(exchange->tenant, exchange->model, SLICE("")));
    size_t hashed = 0;
    uint32_t most = 0;
    for (size_t end = PREFIX_BLOCK_BYTES; end <= prompt.len && most < AFFINITY_PREFIXES_MAX;
         end *= 2)
        most++;
    exchange->prefixes = arena_alloc(exchange->arena, most * sizeof *exchange->prefixes);
    for (size_t end = PREFIX_BLOCK_BYTES; exchange->prefix_count < most; end *= 2) {
        XXH3_64bits_update(&state, prompt.ptr + hashed, end - hashed);
        hashed = end;
        const uint64_t hash = XXH3_64bits_digest(&state);
        exchange->prefixes[exchange->prefix_count++] =
            (struct affinity_prefix){.hash = hash != 0 ? hash : 1,
                                     .tokens = (double)end / BYTES_PER_TOKEN};
    }
}

enum fault identity_read_body(struct exchange *exchange, const char **param)
{
    struct request_facts *facts = &exchange->ask->facts;
    if (exchange->body.bytes == NULL)
        return FAULT_BAD_JSON;
    memset(exchange->body.bytes + exchange->body.len, 0, FACTS_PADDING);
    enum fault fault =
        facts_parse(exchange->body.bytes, exchange->body.len, exchange->arena, facts, param);
    exchange->model = facts->model;
    exchange->wants_stream = facts->stream;
    if (fault == FAULT_NONE && facts->model.ptr == NULL) {
        *param = "model";
        fault = FAULT_MODEL_MISSING;
    }
    if (fault == FAULT_NONE && !tenant_limit_allows(exchange, facts->model)) {
        *param = "model";
        fault = FAULT_NO_MODEL;
    }
    if (fault == FAULT_NONE)
        fault = choose_class(exchange, param);
    if (fault != FAULT_NONE)
        return fault;
    exchange->prompt_tokens = fmax(1, (double)facts->prompt.len / BYTES_PER_TOKEN);
    exchange->ask->output_tokens = facts->max_tokens > 0 && facts->max_tokens < OUTPUT_TOKENS_PRIOR
                                       ? (double)facts->max_tokens
                                       : OUTPUT_TOKENS_PRIOR;
    if (facts->prompt_cache_key.len > 0)
        exchange->session =
            identity_session(exchange->tenant, facts->model, facts->prompt_cache_key);
    hash_prefixes(exchange);
    return FAULT_NONE;
}
