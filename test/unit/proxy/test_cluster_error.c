/* What a cluster answers in error, and what of it the client sees. */
#include "ways.h"

/* Two pieces, so that it is not whole at once. */
static void flat_error(struct engine_request *request)
{
    engine_begin(request, 422, "application/json");
    engine_say(request, "{\"object\":\"error\",\"message\":\"max_tokens is ");
    engine_say(request, "too large\",\"type\":\"BadRequestError\"}");
    engine_end(request);
}

static void right_error(struct engine_request *request)
{
    engine_answer(request, 400, "application/json",
                  "{ \"error\": {\"message\":\"no\", \"type\":\"t\", \"code\":7}}");
}

static void long_error(struct engine_request *request)
{
    char piece[1025];
    memset(piece, 'x', sizeof piece - 1);
    piece[sizeof piece - 1] = '\0';
    engine_begin(request, 400, "application/json");
    for (int i = 0; i < 20; i++)
        engine_say(request, piece);
    engine_end(request);
}

static void half_an_error(struct engine_request *request)
{
    engine_begin(request, 500, "application/json");
    engine_say(request, "{\"message\":");
    engine_cut(request);
}

static void a_clusters_error_has_the_promised_shape(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = flat_error;
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 422);
        assert_true(call.ended);
        assert_string_equal(call_text(&call), "{\"error\":{\"message\":\"max_tokens is too large\","
                                              "\"type\":\"invalid_request_error\",\"param\":null,"
                                              "\"code\":\"BadRequestError\"}}");
        near.on_complete = right_error;
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 400);
        assert_string_equal(call_text(&call),
                            "{ \"error\": {\"message\":\"no\", \"type\":\"t\", \"code\":7}}");
        near.on_complete = long_error;
        post(plain);
        call_wait(&call);
        assert_true(call.ended);
        assert_int_equal(strlen(call_text(&call)), 20 * 1024);
        close_all();
    }
}

static void half_an_error_is_an_error_of_ours(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = half_an_error;
        post(plain);
        call_wait(&call);
        assert_true(call.ended);
        assert_int_equal(call.status, 502);
        assert_non_null(strstr(call_text(&call), "upstream_cut"));
        assert_int_equal(faults(FAULT_UPSTREAM_CUT), 1);
        close_all();
    }
}

UNIT_MAIN(a_clusters_error_has_the_promised_shape, half_an_error_is_an_error_of_ours)
