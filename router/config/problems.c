#include "config/problems.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"

void config_problems_init(struct config_problems *problems)
{
    *problems = (struct config_problems){0};
}

void config_problems_finish(struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->items[i].text);
    free(problems->items);
    config_problems_init(problems);
}

void config_problems_take(struct config_problems *problems, unsigned line, unsigned column,
                          char *text)
{
    if (problems->count == CONFIG_PROBLEMS_MAX) {
        problems->dropped++;
        free(text);
        return;
    }
    problems->items =
        memory_realloc(problems->items, (problems->count + 1) * sizeof *problems->items);
    problems->items[problems->count++] = (struct config_problem){line, column, text};
}

void config_problems_add(struct config_problems *problems, const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    const int len = vasprintf(&text, format, args);
    va_end(args);
    CHECK(len >= 0);
    config_problems_take(problems, 0, 0, text);
}

static bool behind(const struct config_problem *a, const struct config_problem *b)
{
    return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* By insertion: stable, and there are at most a few hundred. */
void config_problems_sort(struct config_problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        const struct config_problem moved = problems->items[i];
        size_t at = i;
        for (; at > 0 && behind(&problems->items[at - 1], &moved); at--)
            problems->items[at] = problems->items[at - 1];
        problems->items[at] = moved;
    }
}

void config_problems_print(const struct config_problems *problems, FILE *out)
{
    for (size_t i = 0; i < problems->count; i++)
        fprintf(out, "%s\n", problems->items[i].text);
    if (problems->dropped > 0)
        fprintf(out, "... and %zu more\n", problems->dropped);
}
