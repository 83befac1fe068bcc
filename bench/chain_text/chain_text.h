/*
 * A chain on a command line: "least_latency.so:flex_rule=off,x=1+prefer".
 * Settings stand after a colon, between commas or colons; modifiers after "+".
 * A backslash takes the meaning from what follows it: "prefer:region=a\\,b".
 * A name is looked up in the plugin folder, with or without ".so"; whatever
 * has a slash in it is a path.  Used by every command that takes policies;
 * knows no other option of theirs.
 */
#ifndef CHAIN_TEXT_CHAIN_TEXT_H
#define CHAIN_TEXT_CHAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "policy/chain.h"

#define CHAIN_TEXT_SETTINGS_MAX 64 /* of one policy */

struct chain_text {
    struct arena arena; /* what refs point at */
    struct policy_ref refs[CHAIN_POLICIES_MAX];
    size_t count;
};

/* The next chain of a list between commas: what a setting could be belongs to
 * the chain before it, so "a:x=1,y=2,b" is "a:x=1,y=2" and "b".  False at the end. */
bool chain_text_split(struct slice *list, struct slice *one);

/* The next policy of a chain, with its settings, as it is written.  False at the end. */
bool chain_text_link(struct slice *chain, struct slice *link);

/* False with a sentence.  chain_text_finish in either case. */
bool chain_text_read(struct chain_text *chain, const char *text, struct error *error) ISO_MUST_USE;
void chain_text_finish(struct chain_text *chain);

/* The folder of the shipped policies: beside this program's in the build, else as installed. */
const char *chain_text_folder(char *out, size_t size);

#endif
