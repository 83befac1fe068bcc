/*
 * Runs a fuzz target over the files of its corpus folder, one TAP case a file:
 * what fuzzing found once stays found, in every ordinary test run.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long length = ftell(file);
    rewind(file);
    /* Exactly as long as the input, so that a sanitizer sees one byte too far. */
    char *data = malloc((size_t)length + (length == 0));
    *size = data ? fread(data, 1, (size_t)length, file) : 0;
    fclose(file);
    return data;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int count = argc == 2 ? scandir(argv[1], &entries, not_hidden, alphasort) : -1;
    if (count < 0) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        char path[4096];
        size_t size = 0;
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        char *data = read_file(path, &size);
        if (!data) {
            fprintf(stderr, "%s: cannot be read\n", path);
            return 2;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        printf("ok %d - %s\n", i + 1, entries[i]->d_name);
        fflush(stdout);
        free(data);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
