/* What is kept of the requests, and for how long. */
#include "unit.h"

#include "sim/request_log.h"

static size_t lines(const struct buffer *out)
{
    size_t count = 0;
    const struct slice all = buffer_slice(out);
    for (size_t i = 0; i < all.len; i++)
        count += all.ptr[i] == '\n';
    return count;
}

static void writes_what_is_later(void **state)
{
    (void)state;
    struct request_log log;
    request_log_init(&log, "near", false);
    struct request_record record = {.event = REQUEST_STARTED, .id = "r-1", .prompt_tokens = 7};
    request_log_add(&log, &record);
    record.event = REQUEST_REFUSED;
    record.status = 503;
    request_log_add(&log, &record);
    struct buffer out = {0};
    request_log_write(&log, 1, &out);
    assert_int_equal(lines(&out), 1);
    buffer_append_byte(&out, 0);
    assert_non_null(strstr(out.memory, "\"seq\":2,"));
    assert_non_null(strstr(out.memory, "\"cluster\":\"near\",\"event\":\"refused\","
                                       "\"request_id\":\"r-1\""));
    assert_non_null(strstr(out.memory, "\"status\":503"));
    assert_int_equal(log.counts[REQUEST_STARTED], 1);
    buffer_release(&out);
    request_log_finish(&log);
}

static void keeps_the_last_ones(void **state)
{
    (void)state;
    struct request_log log;
    request_log_init(&log, "near", false);
    const struct request_record record = {.event = REQUEST_FINISHED, .id = "r"};
    for (int i = 0; i < REQUEST_LOG_KEPT + 100; i++)
        request_log_add(&log, &record);
    struct buffer out = {0};
    request_log_write(&log, 0, &out);
    assert_int_equal(lines(&out), REQUEST_LOG_KEPT);
    assert_int_equal(memcmp(buffer_slice(&out).ptr, "{\"seq\":101,", 11), 0);
    buffer_release(&out);
    request_log_finish(&log);
}

UNIT_MAIN(writes_what_is_later, keeps_the_last_ones)
