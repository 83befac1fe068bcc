/*
 * Shared-object policies: finding, checking and loading them.
 *
 * A file is read once, checked (regular, owned by root or by us, not writable
 * by everybody, ELF for this machine), copied into anonymous memory of our own
 * and loaded from there: a file replaced at the same path is new code, and one
 * changed in place cannot change what runs.  Then `iso_policy` is checked field
 * by field; every refusal is one sentence with the field, what was found and
 * what would be right.
 *
 * The same content is loaded once, whatever its path.  What is loaded stays
 * mapped until plugin_dir_destroy: a worker may be inside, and recent decisions
 * point at its texts.
 */
#ifndef POLICY_PLUGIN_H
#define POLICY_PLUGIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include "isochrone/policy.h"

#define PLUGIN_PARTS_MAX 8
#define PLUGIN_REASONS_MAX 127
#define PLUGIN_FILE_MAX_BYTES (64u << 20)
#define PLUGINS_MAX 256 /* different contents in the life of a router; none is unmapped */

/* What a policy may get wrong in an answer.  Any worker adds, anybody reads. */
enum plugin_fault { PLUGIN_FAULT_VERDICT, PLUGIN_FAULT_COST, PLUGIN_FAULT_PICK, PLUGIN_FAULTS };

extern const char *const plugin_fault_names[PLUGIN_FAULTS]; /* "verdict" "cost" "pick" */

struct plugin {
    struct list node;                       /* in its plugin_dir */
    char *path;                             /* where this content was first found */
    char hash[33];                          /* of the content: 128 bits, hex */
    uint32_t number;                        /* below PLUGINS_MAX, in the order of loading */
    struct iso_policy policy;               /* as this router knows it, missing tail zero */
    struct slice name;                      /* policy.name */
    struct slice parts[PLUGIN_PARTS_MAX];   /* policy.parts */
    int memory_fd;                          /* our copy */
    void *handle;                           /* of dlopen */
    _Atomic uint64_t faults[PLUGIN_FAULTS]; /* since it was loaded */
};

struct plugin_dir;

/* `path`: where names are looked up; NULL: names are refused.  [control] */
struct plugin_dir *plugin_dir_create(const char *path) ISO_MUST_USE;
/* Unmaps all; no chain and no decision may be left.  [control] */
void plugin_dir_destroy(struct plugin_dir **dir);

/* `name`: an absolute path, or a name: least_latency is least_latency.so in
 * the directory.  NULL with a sentence.  [control] */
struct plugin *plugin_load(struct plugin_dir *dir, const char *name,
                           struct error *error) ISO_MUST_USE;

/* All that was loaded, oldest first: LIST_ENTRY(node, struct plugin, node).  [control] */
const struct list *plugin_dir_list(const struct plugin_dir *dir);

/* Only the descriptor, without a file: what plugin_load checks last, and what
 * it keeps of it.  `object_bytes`: how many bytes are there.  [control] */
bool plugin_descriptor_check(const struct iso_policy *found, size_t object_bytes,
                             struct iso_policy *known, struct error *error) ISO_MUST_USE;

#endif
