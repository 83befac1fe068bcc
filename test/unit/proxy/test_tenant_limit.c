/* What an API key may, driven end to end. */
#include <openssl/sha.h>

#include "ways.h"

static void reload(void)
{
    char *yaml = edge_two_clusters(&near, &far, ", protocol: h2", "auth: {keys_file: keys.txt}\n");
    edge_reload(&edge, yaml);
    free(yaml);
}

/* The key "sk" with these limits behind its class. */
static void limit(const char *limits)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[256] = "acme ";
    SHA256((const unsigned char *)"sk", 2, digest);
    for (size_t b = 0; b < sizeof digest; b++)
        sprintf(text + strlen(text), "%02x", digest[b]);
    sprintf(text + strlen(text), " priority %s\n", limits);
    edge_write(&edge, "keys.txt", text);
    reload();
}

static void open_limited(const char *limits)
{
    open_all(", protocol: h2", "", true);
    limit(limits);
}

static const char *const keyed[] = {"content-type", "application/json", "x-api-key", "sk", NULL};

static int complete(const char *body)
{
    return ask("POST", "/v1/completions", keyed, body);
}

static int get(const char *path)
{
    return ask("GET", path, keyed, NULL);
}

static void limited(const char *body)
{
    assert_int_equal(complete(body), 429);
    assert_non_null(strstr(call_text(&call), "\"type\":\"rate_limit_error\""));
    assert_non_null(strstr(call_text(&call), "\"code\":\"rate_limit_exceeded\""));
    assert_in_range(atoi(call_field(&call, "retry-after")), 1, 5);
    assert_in_range(atoi(call_field(&call, "retry-after-ms")), 1000, 5000);
    assert_null(call_field(&call, "x-should-retry"));
}

static void requests_a_minute(void **state)
{
    (void)state;
    open_limited("3");
    for (int i = 0; i < 3; i++)
        assert_int_equal(complete(plain), 200);
    limited(plain);
    limited(plain);
    assert_int_equal(near.heads, 3);
    assert_int_equal(get("/v1/models"), 200); /* is not counted */
    limit("3");                               /* a reload forgets nothing */
    limited(plain);
    limit("5");
    assert_int_equal(complete(plain), 200);
    assert_int_equal(complete("no json"), 400); /* is */
    limited(plain);
    limit("-");
    assert_int_equal(complete(plain), 200);
    close_all();
}

static const char *usage;

static void answer_with_usage(struct engine_request *request)
{
    engine_answer(request, 200, "application/json", usage);
}

static void stream_events(struct engine_request *request)
{
    engine_begin(request, 200, "text/event-stream");
    for (int i = 0; i < 50; i++)
        engine_say(request, "data: {}\n\n");
    engine_say(request, "data: [DONE]\n\n");
    engine_end(request);
}

static void tokens_a_minute(void **state)
{
    (void)state;
    static const char prompt[] =
        "{\"model\":\"m\",\"prompt\":\"0123456789012345678901234567890123456789\"}";
    open_limited("- 100");
    near.on_complete = answer_with_usage;
    usage = "{\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":20}}";
    assert_int_equal(complete(prompt), 200);
    usage = "{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":39}}";
    assert_int_equal(complete(prompt), 200); /* 99 */
    usage = "{}";
    assert_int_equal(complete(plain), 200); /* a prompt is one at least */
    limited(plain);
    limit("- 150");
    near.on_complete = stream_events;
    assert_int_equal(complete("{\"model\":\"m\",\"prompt\":\"\",\"stream\":true}"), 200);
    limited(plain);
    close_all();
}

static void models_that_are_not_its_own_do_not_exist(void **state)
{
    (void)state;
    open_limited("- - a*");
    assert_int_equal(complete(plain), 404);
    assert_non_null(strstr(call_text(&call), "\"code\":\"model_not_found\""));
    assert_non_null(strstr(call_text(&call), "\"param\":\"model\""));
    assert_int_equal(complete("{\"model\":\"a\"}"), 200);
    assert_int_equal(get("/v1/models"), 200);
    assert_non_null(strstr(call_text(&call), "\"id\":\"a\""));
    assert_null(strstr(call_text(&call), "\"id\":\"m\""));
    assert_int_equal(get("/v1/models/m"), 404);
    assert_int_equal(get("/v1/models/a"), 200);
    limit("- - m,a");
    assert_int_equal(complete(plain), 200);
    close_all();
}

/* The key's place among the others changes while its request is under way. */
static void a_reload_under_way_finds_the_key_again(void **state)
{
    (void)state;
    open_limited("- 50");
    near.on_complete = NULL;
    assert_int_equal(complete(plain), 200);
    char path[512], text[1024] = "";
    snprintf(path, sizeof path, "%s", edge_path(&edge, "keys.txt"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 200, file) > 0);
    fclose(file);
    char *more = memory_printf("other %064d priority\n%s", 0, text);
    near.on_complete = stream_events;
    far.on_complete = NULL;
    call_finish(&call);
    call_begin(&call, &caller, "POST", "/v1/completions", keyed,
               "{\"model\":\"m\",\"prompt\":\"\",\"stream\":true}");
    call_wait_head(&call);
    edge_write(&edge, "keys.txt", more);
    reload();
    free(more);
    call_wait(&call);
    limited(plain);
    close_all();
}

UNIT_MAIN(requests_a_minute, tokens_a_minute, models_that_are_not_its_own_do_not_exist,
          a_reload_under_way_finds_the_key_again)
