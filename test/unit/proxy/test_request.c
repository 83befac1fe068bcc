/*
 * What becomes of a request's head and body on its way: who it is from, what
 * clusters get to see of it, and under which name they know the model.
 */
#include <openssl/sha.h>

#include "proxy/identity.h"
#include "ways.h"

static void reload(const char *cluster, const char *more)
{
    char *yaml = memory_printf("policies: [{plugin: nearest}]\nclusters:\n"
                               "  - {name: near, models: [m], endpoints: [{url: \"%s/base/\"}]%s}\n"
                               "%s",
                               near.url, cluster, more);
    edge_reload(&edge, yaml);
    free(yaml);
}

/* The fields that the engine got for a request with these. */
static const char *sent_with(const char *const *fields, const char *body)
{
    assert_int_equal(ask("POST", "/v1/chat/completions", fields, body), 200);
    return engine_last(&near)->fields;
}

#define SENT(...) sent_with((const char *const[]){__VA_ARGS__, NULL}, plain)

#define STATUS(path, ...) ask("POST", path, (const char *const[]){__VA_ARGS__, NULL}, plain)

/* --- from whom --------------------------------------------------------- */

/* The caller is at 127.0.0.1. */
static void whose_forwarded_for_is_believed(void **state)
{
    (void)state;
    open_all("", "", true);
    assert_string_equal(field_of(SENT("x-forwarded-for", "192.0.2.1"), "x-forwarded-for"),
                        "127.0.0.1"); /* nobody's */
    close_all();

    open_all("", "trust_forwarded_from: [127.0.0.0/8, 10.0.0.0/8]\n", true);
    static const char *const walks[][3] = {
        {"192.0.2.1", NULL, "192.0.2.1"},
        {"1.1.1.1, 192.0.2.1", NULL, "192.0.2.1"},
        {"192.0.2.1 , 10.1.1.1", NULL, "192.0.2.1"},
        {"10.2.2.2,10.1.1.1", NULL, "10.2.2.2"},
        {"2001:db8::1", NULL, "2001:db8::1"},
        {"nonsense", NULL, "127.0.0.1"},
        {"192.0.2.1, nonsense, 10.1.1.1", NULL, "10.1.1.1"},
        {"", NULL, "127.0.0.1"},
        {"192.0.2.1,", NULL, "127.0.0.1"},
        /* Two fields are one list: the client's own comes first. */
        {"1.1.1.1", "192.0.2.1", "192.0.2.1"},
        {"192.0.2.1", "10.1.1.1", "192.0.2.1"},
        {"192.0.2.1", "unknown", "127.0.0.1"},
    };
    for (size_t i = 0; i < COUNT_OF(walks); i++) {
        const char *const fields[] = {"x-forwarded-for", walks[i][0],
                                      walks[i][1] ? "x-forwarded-for" : NULL, walks[i][1], NULL};
        const char *got = sent_with(fields, plain);
        assert_string_equal(field_of(got, "x-forwarded-for"), walks[i][2]);
        assert_int_equal(field_count(got, "x-forwarded-for"), 1);
    }
    close_all();
}

static void a_sane_request_id_is_kept(void **state)
{
    (void)state;
    open_all("", "", true);
    const char *got = SENT("x-request-id", "req_1-a.B:9");
    assert_string_equal(field_of(got, "x-request-id"), "req_1-a.B:9");
    assert_string_equal(call_field(&call, "x-request-id"), "req_1-a.B:9");
    char *long_one = memory_zalloc(200);
    memset(long_one, 'a', 129);
    const char *const bad[] = {"has space", "quote\"", "sch\xc3\xb6n", "a,b", "", long_one};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        got = SENT("x-request-id", bad[i]);
        const char *made = field_of(got, "x-request-id");
        assert_int_equal(strlen(made), 32);
        assert_int_equal(strspn(made, "0123456789abcdef"), 32);
        assert_string_equal(call_field(&call, "x-request-id"), made);
        assert_int_equal(field_count(got, "x-request-id"), 1);
    }
    free(long_one);
    close_all();
}

static void a_trace_goes_on_or_begins(void **state)
{
    (void)state;
    open_all("", "", true);
    static const char theirs[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const char *got = field_of(SENT("traceparent", theirs), "traceparent");
    assert_memory_equal(got, theirs, 36);
    assert_memory_not_equal(got + 36, theirs + 36, 16);
    assert_string_equal(got + 52, "-00");
    static const char *const bad[] = {
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "x",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *fields = SENT("traceparent", bad[i]);
        got = field_of(fields, "traceparent");
        assert_int_equal(strlen(got), 55);
        assert_int_equal(strspn(got, "0123456789abcdef-"), 55);
        assert_string_equal(got + 52, "-01");
        assert_memory_not_equal(got + 3, bad[i] + 3, 16);
        assert_int_equal(field_count(fields, "traceparent"), 1);
    }
    close_all();
}

/* --- what clusters see ------------------------------------------------- */

/* One hop's fields and ours are never a client's to set. */
static void what_is_ours_or_nobodys_is_not_passed_on(void **state)
{
    (void)state;
    open_all("", "", true);
    static const char *const dropped[] = {
        "x-real-ip", "forwarded", "x-forwarded-host",  "x-forwarded-port", "accept-encoding",
        "cookie",    "x-retry",   "x-isochrone-class", "x-isochrone-user", "x-isochrone-route",
    };
    for (size_t i = 0; i < COUNT_OF(dropped); i++) {
        const char *value = strcmp(dropped[i], "x-isochrone-class") == 0 ? "flex" : "evil";
        assert_null(field_of(SENT(dropped[i], value), dropped[i]));
    }
    static const char *const kept[] = {"user-agent",     "authorization",           "x-api-key",
                                       "openai-project", "x-stainless-retry-count", "accept"};
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        assert_string_equal(field_of(SENT(kept[i], "v"), kept[i]), "v");
    const char *got = SENT("content-type", "application/json");
    assert_string_equal(field_of(got, "x-forwarded-proto"), "http");
    assert_string_equal(field_of(got, ":authority"), near.url + strlen("http://"));
    close_all();
}

static void a_cluster_gets_its_own_credential_alone(void **state)
{
    (void)state;
    open_all("", "", true);
    reload(", credential: {header: Authorization, value_file: cluster.key}", "");
    const char *got = SENT("authorization", "Bearer mine", "x-api-key", "mine");
    assert_string_equal(field_of(got, "authorization"), "Bearer our-secret");
    assert_int_equal(field_count(got, "authorization"), 1);
    assert_null(field_of(got, "x-api-key"));
    assert_string_equal(engine_last(&near)->path, "/base/v1/chat/completions");
    reload(", credential: {header: Api-Key, value_file: cluster.key}", "");
    got = SENT("api-key", "mine", "authorization", "Bearer mine");
    assert_string_equal(field_of(got, "api-key"), "our-secret");
    assert_int_equal(field_count(got, "api-key"), 1);
    assert_null(field_of(got, "authorization"));
    close_all();
}

static const char *body_sent(const char *body)
{
    static char text[512];
    sent_with(NULL, body);
    const struct slice got = buffer_slice(&engine_last(&near)->body);
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(got));
    char length[32];
    snprintf(length, sizeof length, "%zu", got.len);
    assert_string_equal(field_of(engine_last(&near)->fields, "content-length"), length);
    return text;
}

static void the_model_has_the_clusters_name(void **state)
{
    (void)state;
    open_all("", "", true);
    static const char *const pairs[][2] = {
        {"{\"model\":\"a\",\"x\":1}", "{\"model\":\"theirs/a\",\"x\":1}"},
        {"{\"x\":1,\"model\":\"a\",\"y\":2}", "{\"x\":1,\"model\":\"theirs/a\",\"y\":2}"},
        {"{\"x\":[{\"model\":\"b\"}], \"model\" : \"a\"}",
         "{\"x\":[{\"model\":\"b\"}], \"model\" : \"theirs/a\"}"},
        {"{\"model\":\"\\u0061\"}", "{\"model\":\"theirs/a\"}"},
        {" {\"model\":\"m\",\"a\":\"a\"} ", " {\"model\":\"m\",\"a\":\"a\"} "},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        assert_string_equal(body_sent(pairs[i][0]), pairs[i][1]);
    char *yaml = memory_printf("clusters:\n  - {name: near, models: {a: 'q\"\\'}, endpoints: "
                               "[{url: \"%s\"}]}\n",
                               near.url);
    edge_reload(&edge, yaml);
    free(yaml);
    assert_string_equal(body_sent("{\"model\":\"a\"}"), "{\"model\":\"q\\\"\\\\\"}");
    close_all();
}

/* --- keys and classes -------------------------------------------------- */

static void write_keys(void)
{
    static const struct {
        const char *tenant, *key, *most_class;
    } keys[] = {{"acme", "sk-acme", "priority"}, {"small", "sk-small", "flex"}};
    char text[512] = "# tenant, SHA-256 of its key, the class that claims most\n";
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256((const unsigned char *)keys[i].key, strlen(keys[i].key), digest);
        size_t at = strlen(text);
        at += (size_t)sprintf(text + at, "%s ", keys[i].tenant);
        for (size_t b = 0; b < sizeof digest; b++)
            at += (size_t)sprintf(text + at, "%02x", digest[b]);
        sprintf(text + at, " %s\n", keys[i].most_class);
    }
    edge_write(&edge, "keys.txt", text);
}

static uint64_t requests(uint32_t service_class)
{
    return counter_get(&edge.proxy->metrics.requests[service_class]);
}

static void who_has_no_key_gets_nothing(void **state)
{
    (void)state;
    open_all("", "", true);
    write_keys();
    edge_log_open(&edge);
    reload("", "auth: {keys_file: keys.txt}\n");
    static const char path[] = "/v1/chat/completions";
    assert_int_equal(STATUS(path, "accept", "*/*"), 401);
    assert_non_null(strstr(call_text(&call), "\"code\":\"invalid_api_key\""));
    assert_string_equal(call_field(&call, "www-authenticate"), "Bearer");
    assert_int_equal(STATUS(path, "authorization", "Bearer sk-acm"), 401);
    assert_int_equal(STATUS(path, "authorization", "Bearer"), 401);
    assert_int_equal(STATUS(path, "authorization", "Basic sk-acme"), 401);
    assert_int_equal(STATUS(path, "authorization", "bearer  sk-acme"), 200);
    assert_null(field_of(engine_last(&near)->fields, "authorization"));
    assert_int_equal(STATUS(path, "x-api-key", "sk-small"), 200);
    assert_null(field_of(engine_last(&near)->fields, "x-api-key"));
    assert_int_equal(STATUS("/v1/models", "accept", "*/*"), 401);
    assert_int_equal(STATUS("/edge", "accept", "*/*"), 405); /* found without a key */
    char *log = edge_log_text(&edge);
    assert_non_null(strstr(log, "\"tenant\":\"acme\""));
    assert_null(strstr(log, "sk-acme"));
    assert_null(strstr(log, "sk-small"));
    free(log);
    close_all();
}

static void classes_are_asked_for_and_clamped(void **state)
{
    (void)state;
    open_all("", "", true);
    static const char *const bodies[][2] = {
        {"{\"model\":\"m\",\"service_tier\":\"priority\"}", "priority"},
        {"{\"model\":\"m\",\"service_tier\":\"flex\"}", "flex"},
        {"{\"model\":\"m\",\"service_tier\":\"auto\"}", "interactive"},
        {"{\"model\":\"m\",\"service_tier\":\"default\"}", "interactive"},
        {"{\"model\":\"m\",\"service_tier\":\"scale\"}", "interactive"},
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        uint32_t c;
        assert_true(class_parse(slice_of(bodies[i][1]), &c));
        const uint64_t before = requests(c);
        sent_with(NULL, bodies[i][0]);
        assert_int_equal(requests(c), before + 1);
    }
    SENT("x-isochrone-class", "batch");
    assert_int_equal(requests(ISO_BATCH), 1);
    write_keys();
    reload("", "auth: {keys_file: keys.txt}\n");
    const uint64_t flex = requests(ISO_FLEX), batch = requests(ISO_BATCH);
    SENT("x-isochrone-class", "priority", "x-api-key", "sk-small");
    assert_int_equal(requests(ISO_FLEX), flex + 1);
    SENT("x-isochrone-class", "batch", "x-api-key", "sk-small");
    assert_int_equal(requests(ISO_BATCH), batch + 1);
    const uint64_t priority = requests(ISO_PRIORITY);
    SENT("x-isochrone-class", "priority", "x-api-key", "sk-acme");
    assert_int_equal(requests(ISO_PRIORITY), priority + 1);
    assert_int_equal(class_rank(ISO_PRIORITY), 3);
    assert_string_equal(class_name(99), "interactive");
    close_all();
}

static void a_decision_can_be_named(void **state)
{
    (void)state;
    open_all("", "", true);
    SENT("x-isochrone-explain", "1"); /* from loopback */
    assert_int_equal(strlen(call_field(&call, "x-isochrone-decision")), 16);
    SENT("x-isochrone-explain", "0");
    assert_null(call_field(&call, "x-isochrone-decision"));
    close_all();
}

/* --- conversations ----------------------------------------------------- */

static void read_body(struct exchange *exchange, char *text)
{
    static struct arena arena;
    static struct request_head head;
    arena_init(&arena);
    *exchange = (struct exchange){.proxy = edge.proxy, .arena = &arena, .head = &head};
    exchange->ask = arena_zalloc(&arena, sizeof *exchange->ask);
    exchange->tenant = SLICE("");
    exchange->body.bytes = text;
    exchange->body.len = strlen(text);
    const char *param = NULL;
    assert_int_equal(identity_read_body(exchange, &param), FAULT_NONE);
}

static void prompts_that_begin_alike_share_prefixes(void **state)
{
    (void)state;
    open_all("", "", true);
    enum { LONG = 9000 };
    char *one = memory_zalloc(LONG + 200), *two = memory_zalloc(LONG + 200);
    struct exchange a, b;
    memset(one, 'x', LONG);
    memcpy(one, "{\"model\":\"m\",\"prompt\":\"", 23);
    strcpy(one + LONG, "\",\"max_tokens\":7}");
    memcpy(two, one, LONG + 200);
    two[6000] = 'y'; /* between the fourth and the eighth KiB */
    read_body(&a, one);
    assert_int_equal(a.prefix_count, 4); /* 1, 2, 4, 8 KiB */
    assert_true(a.prefixes[0].tokens == 256 && a.prefixes[3].tokens == 2048);
    assert_true(a.prompt_tokens > LONG / 4 - 10 && a.prompt_tokens < LONG / 4);
    assert_true(a.ask->output_tokens == 7);
    assert_int_equal(a.session, 0);
    struct affinity_prefix of_one[4];
    memcpy(of_one, a.prefixes, sizeof of_one);
    arena_finish(a.arena);
    read_body(&b, two);
    for (int i = 0; i < 3; i++)
        assert_true(of_one[i].hash == b.prefixes[i].hash);
    assert_true(of_one[3].hash != b.prefixes[3].hash);
    arena_finish(b.arena);
    free(one);
    free(two);
    char keyed[200] = "{\"model\":\"m\",\"prompt_cache_key\":\"k\"}";
    read_body(&a, keyed);
    assert_true(a.session == identity_session(SLICE(""), SLICE("m"), SLICE("k")));
    assert_true(a.session != identity_session(SLICE("acme"), SLICE("m"), SLICE("k")));
    assert_true(a.session != identity_session(SLICE(""), SLICE("n"), SLICE("k")));
    assert_true(a.prompt_tokens == 1 && a.ask->output_tokens == 256);
    arena_finish(a.arena);
    close_all();
}

UNIT_MAIN(whose_forwarded_for_is_believed, a_sane_request_id_is_kept, a_trace_goes_on_or_begins,
          what_is_ours_or_nobodys_is_not_passed_on, a_cluster_gets_its_own_credential_alone,
          the_model_has_the_clusters_name, who_has_no_key_gets_nothing,
          classes_are_asked_for_and_clamped, a_decision_can_be_named,
          prompts_that_begin_alike_share_prefixes)
