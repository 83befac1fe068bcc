#include "http/fault.h"

#include "base/json.h"

static const struct fault_row rows[FAULT_COUNT] = {
#define X(name, status, type, code, retry, may, h2, word, text) \
    [FAULT_##name] = {#name, status, type, code, FAULT_RETRY_##retry, may, H2_##h2, word, text},
    FAULT_TABLE(X)
#undef X
};

const struct fault_row *fault_row(enum fault fault)
{
    CHECK_LT((unsigned)fault, (unsigned)FAULT_COUNT);
    return &rows[fault];
}

void fault_body_write(enum fault fault, const char *param, struct slice detail, struct buffer *out)
{
    const struct fault_row *row = fault_row(fault);
    struct buffer message = {0};
    buffer_append_slice(&message, slice_of(row->text));
    if (detail.len > 0) {
        buffer_append_byte(&message, ' ');
        buffer_append_slice(&message, detail);
    }
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_key(&json, "error");
    json_object_begin(&json);
    json_kv_slice(&json, "message", buffer_slice(&message));
    json_kv_string(&json, "type", row->type);
    json_kv_string(&json, "param", param);
    json_kv_string(&json, "code", row->code);
    json_object_end(&json);
    json_object_end(&json);
    buffer_release(&message);
}
