#include "sim/delay_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

/* An idle line keeps at most this. */
#define DELAY_KEEP_BYTES 16384

static struct delay_mark *mark_at(const struct delay_line *line, uint32_t i)
{
    return &line->marks[(line->marks_head + i) & (line->marks_size - 1)];
}

static void marks_grow(struct delay_line *line)
{
    const uint32_t size = line->marks_size ? line->marks_size * 2 : 8;
    struct delay_mark *marks = memory_alloc(size * sizeof(*marks));
    for (uint32_t i = 0; i < line->marks_count; i++)
        marks[i] = *mark_at(line, i);
    free(line->marks);
    line->marks = marks;
    line->marks_size = size;
    line->marks_head = 0;
}

static bool arrived(int64_t due_ns, int64_t now_ns)
{
    return due_ns <= now_ns + DELAY_TICK_NS / 2;
}

void delay_line_finish(struct delay_line *line)
{
    buffer_release(&line->bytes);
    free(line->marks);
    memset(line, 0, sizeof(*line));
}

void delay_line_push(struct delay_line *line, struct slice data, int64_t due_ns)
{
    CHECK(!line->ends);
    if (data.len == 0)
        return;
    if (due_ns < line->last_due_ns)
        due_ns = line->last_due_ns;
    line->last_due_ns = due_ns;
    buffer_append_slice(&line->bytes, data);
    struct delay_mark *last = line->marks_count ? mark_at(line, line->marks_count - 1) : NULL;
    if (last && last->due_ns == due_ns) {
        last->bytes += data.len;
        return;
    }
    if (line->marks_count == line->marks_size)
        marks_grow(line);
    *mark_at(line, line->marks_count++) = (struct delay_mark){due_ns, data.len};
}

void delay_line_push_end(struct delay_line *line, int64_t due_ns)
{
    if (line->ends)
        return;
    line->ends = true;
    line->end_due_ns = due_ns < line->last_due_ns ? line->last_due_ns : due_ns;
}

struct slice delay_line_due(const struct delay_line *line, int64_t now_ns)
{
    size_t len = 0;
    for (uint32_t i = 0; i < line->marks_count && arrived(mark_at(line, i)->due_ns, now_ns); i++)
        len += mark_at(line, i)->bytes;
    const struct slice all = buffer_slice(&line->bytes);
    return slice_make(all.ptr, len);
}

void delay_line_take(struct delay_line *line, size_t len)
{
    buffer_consume(&line->bytes, len);
    while (len > 0) {
        CHECK(line->marks_count > 0);
        struct delay_mark *mark = mark_at(line, 0);
        const size_t part = len < mark->bytes ? len : mark->bytes;
        mark->bytes -= part;
        len -= part;
        if (mark->bytes == 0) {
            line->marks_head = (line->marks_head + 1) & (line->marks_size - 1);
            line->marks_count--;
        }
    }
    if (line->marks_count == 0 && line->bytes.size > DELAY_KEEP_BYTES)
        buffer_release(&line->bytes);
}

bool delay_line_ended(const struct delay_line *line, int64_t now_ns)
{
    return line->ends && !line->marks_count && arrived(line->end_due_ns, now_ns);
}

int64_t delay_line_next_ns(const struct delay_line *line)
{
    if (line->marks_count)
        return mark_at(line, 0)->due_ns;
    return line->ends ? line->end_due_ns : INT64_MAX;
}
