/*
 * Any text as the router's configuration: it is taken, or there are problems
 * that say why, and nothing is left behind either way.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "config/config.h"

#include "fuzz.h"

static void write_page(const struct config *config)
{
    struct buffer page = {0};
    struct json json;
    json_init(&json, &page);
    config_write_json(config, &json);
    buffer_release(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct config *config;
    struct config_problems problems;
    const int file = memfd_create("fuzz", MFD_CLOEXEC);
    must(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    config_problems_init(&problems);
    must(config_load(path, &config, &problems) == (problems.count == 0));
    if (config != NULL)
        write_page(config);
    config_drop(&config);
    config_problems_finish(&problems);
    close(file);
    return 0;
}
