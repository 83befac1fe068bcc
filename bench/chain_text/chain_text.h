/*
 * A chain on a command line: "least_latency.so:flex_rule=off,x=1+prefer".
 * A name is looked up in the plugin folder, with or without ".so"; whatever
 * has a slash in it is a path.  Used by the commands that take --policy or a
 * plugin; knows no other option of theirs.
 */
#ifndef CHAIN_TEXT_CHAIN_TEXT_H
#define CHAIN_TEXT_CHAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "policy/chain.h"

#define CHAIN_TEXT_SETTINGS_MAX 64 /* of one policy */

struct chain_text {
    struct arena arena; /* what refs point at */
    struct policy_ref refs[CHAIN_POLICIES_MAX];
    size_t count;
};

/* False with a sentence.  chain_text_finish in either case. */
bool chain_text_read(struct chain_text *chain, const char *text, struct error *error) ISO_MUST_USE;
void chain_text_finish(struct chain_text *chain);

/* The folder of the shipped policies: beside this program's in the build, else as installed. */
const char *chain_text_folder(char *out, size_t size);

#endif
