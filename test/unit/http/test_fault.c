/* The fault table: each row is sound, and the manual has it as it is. */
#include "unit.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "http/fault.h"

static char *read_manual(void)
{
    FILE *file = fopen(SOURCE_ROOT "/router/proxy/README.md", "re");
    assert_non_null(file);
    struct buffer text = {0};
    size_t len;
    do {
        len = fread(buffer_reserve(&text, 4096), 1, 4096, file);
        buffer_commit(&text, len);
    } while (len > 0);
    fclose(file);
    char *copy = slice_dup(buffer_slice(&text));
    buffer_release(&text);
    return copy;
}

static void every_row_is_in_the_manual(void **state)
{
    (void)state;
    static const char *const retry[] = {"no", "when it cannot have started",
                                        "once, where the route allows"};
    char *manual = read_manual();
    for (int f = FAULT_NONE + 1; f < FAULT_COUNT; f++) {
        const struct fault_row *row = fault_row((enum fault)f);
        if (f == FAULT_CLIENT_GONE) /* no client is there to see it */
            continue;
        char *line = memory_printf("| %d | `%s` | `%s` | `%s` | %s | %s | %s |\n", row->status,
                                   row->type, row->code, row->word, retry[row->retry],
                                   row->client_may_retry ? "yes" : "no", row->text);
        if (strstr(manual, line) == NULL)
            fail_msg("router/proxy/README.md lacks the line: %s", line);
        free(line);
    }
    free(manual);
}

static void words_are_unique_and_statuses_are_errors(void **state)
{
    (void)state;
    for (int f = FAULT_NONE + 1; f < FAULT_COUNT; f++) {
        const struct fault_row *row = fault_row((enum fault)f);
        assert_in_range(row->status, 400, 599);
        assert_true(strlen(row->word) > 0 &&
                    strspn(row->word, "abcdefghijklmnopqrstuvwxyz_") == strlen(row->word));
        for (int other = 0; other < f; other++)
            assert_string_not_equal(row->word, fault_row((enum fault)other)->word);
    }
}

static void only_what_cannot_have_started_is_tried_elsewhere(void **state)
{
    (void)state;
    for (int f = 0; f < FAULT_COUNT; f++) {
        const bool retried = fault_row((enum fault)f)->retry == FAULT_RETRY_UNSTARTED;
        assert_int_equal(retried, f == FAULT_UPSTREAM_CONNECT || f == FAULT_UPSTREAM_REFUSED);
    }
}

static void the_body_is_an_openai_object(void **state)
{
    (void)state;
    struct buffer body = {0};
    fault_body_write(FAULT_NO_MODEL, "model", SLICE("It is \"x\"."), &body);
    buffer_append_byte(&body, '\0');
    assert_string_equal(
        buffer_slice(&body).ptr,
        "{\"error\":{\"message\":\"The model does not exist or no cluster serves it. "
        "It is \\\"x\\\".\",\"type\":\"invalid_request_error\",\"param\":\"model\","
        "\"code\":\"model_not_found\"}}");
    buffer_release(&body);
}

UNIT_MAIN(every_row_is_in_the_manual, words_are_unique_and_statuses_are_errors,
          only_what_cannot_have_started_is_tried_elsewhere, the_body_is_an_openai_object)
