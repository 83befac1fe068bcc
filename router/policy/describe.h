/*
 * `isochrone --describe PLUGIN.so`: what a policy is and what can be set, for
 * people.  Loads the file as the router would, so it is also the quickest test
 * of a new one.
 */
#ifndef POLICY_DESCRIBE_H
#define POLICY_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* `path` may be relative, as on any command line.  False with a sentence.  [control] */
bool plugin_describe(const char *path, FILE *out, struct error *error) ISO_MUST_USE;

#endif
