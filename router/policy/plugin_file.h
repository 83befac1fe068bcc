/*
 * The file of a plugin before any of it runs: whose it is, whether it is a
 * shared object for this machine and whole, and a private copy to load.
 * Called by plugin.c only.
 */
#ifndef POLICY_PLUGIN_FILE_H
#define POLICY_PLUGIN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct plugin_file {
    char *bytes;
    size_t size;
    char hash[33]; /* 128 bits of the content, hex */
};

/* Reads and checks; the sentence does not repeat the path.  [control] */
bool plugin_file_read(const char *path, struct plugin_file *file, struct error *error) ISO_MUST_USE;
void plugin_file_release(struct plugin_file *file);

/* A sealed copy in anonymous memory; a descriptor for the caller to close, or
 * -1 with a sentence.  [control] */
int plugin_file_copy(const struct plugin_file *file, const char *name,
                     struct error *error) ISO_MUST_USE;

#endif
