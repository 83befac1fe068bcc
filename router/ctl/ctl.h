/*
 * What every command of isoctl has at hand: the router it talks to and how it
 * answers.  A command asks the admin interface, prints, and returns the exit
 * code.  Single-threaded; nothing here belongs to the router.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "http/json_tree.h"
#include "net/address.h"

enum {
    CTL_OK = 0,
    CTL_REFUSED = 1,     /* the router said no, and why */
    CTL_UNREACHABLE = 2, /* no router there, or a command line that says nothing */
};

enum { CTL_ARGUMENTS_MOST = 64 };

struct ctl {
    struct address address;
    const char *address_text;
    bool json; /* print what the router says as it is */
    bool verbose;

    /* Of explain; NULL: not given. */
    const char *ip, *model, *class_text, *prompt_tokens, *output_tokens, *session, *tenant, *path;
    const char *stop; /* of policy shadow: the name of one; NULL: not given */
    /* Of watch. */
    double interval_s;
    uint64_t count; /* 0: for ever */

    const char *arguments[CTL_ARGUMENTS_MOST]; /* behind the command's words */
    int argument_count;
};

/* What the router said to one question. */
struct ctl_answer {
    int status;
    struct buffer body;
    struct json_tree *tree; /* NULL: it was no JSON */
};

/* Asks; CTL_OK when there is a 2xx.  Otherwise the sentence is on stderr and the code says which
 * kind.  `body` may be empty.  The caller finishes the answer in any case. */
int ctl_ask(const struct ctl *ctl, const char *method, const char *path, struct slice body,
            struct ctl_answer *answer);
void ctl_answer_finish(struct ctl_answer *answer);
struct json_value ctl_answer_root(const struct ctl_answer *answer);
/* The answer as it came, on stdout. */
void ctl_answer_print(const struct ctl_answer *answer);

/* Adds name=value to a path, percent-encoded; nothing when value is NULL. */
void ctl_add_query(struct buffer *path, const char *name, const char *value);
/* One segment of a path, percent-encoded. */
void ctl_add_segment(struct buffer *path, const char *segment);

/* The commands. */
int ctl_status(const struct ctl *ctl);
int ctl_watch(const struct ctl *ctl);
int ctl_explain(const struct ctl *ctl);
int ctl_policy_list(const struct ctl *ctl);
int ctl_policy_load(const struct ctl *ctl);
int ctl_policy_shadow(const struct ctl *ctl);
int ctl_policy_promote(const struct ctl *ctl);
int ctl_policy_rollback(const struct ctl *ctl);
int ctl_drain(const struct ctl *ctl);
int ctl_undrain(const struct ctl *ctl);
int ctl_reload(const struct ctl *ctl);
int ctl_check(const struct ctl *ctl);

#endif
