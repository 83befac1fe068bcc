#include "policy/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "policy/option.h"

static void value_store(const struct iso_option *option, union option_value value, void *settings)
{
    char *at = (char *)settings + option->offset;
    switch (option->type) {
    case ISO_TYPE_BOOL:
        memcpy(at, &value.bool_value, sizeof value.bool_value);
        break;
    case ISO_TYPE_INT:
        memcpy(at, &value.int_value, sizeof value.int_value);
        break;
    case ISO_TYPE_CHOICE:
        memcpy(at, &value.choice, sizeof value.choice);
        break;
    case ISO_TYPE_TEXT:
        memcpy(at, value.text, sizeof value.text);
        break;
    default:
        memcpy(at, &value.number, sizeof value.number);
        break;
    }
}

struct settings_work {
    const struct iso_policy *policy;
    struct problem_sink *sink;
    void *settings;
    bool failed;
};

static void work_tell(struct settings_work *work, const char *place, const struct error *error)
{
    struct error whole = *error;
    error_prefix(&whole, "policy %s", work->policy->name);
    work->sink->tell(work->sink, place ? place : "", whole.text);
    work->failed = true;
}

static const struct iso_option *option_find(const struct iso_policy *policy, const char *name)
{
    for (uint32_t k = 0; k < policy->option_count; k++)
        if (strcmp(option_at(policy, k)->name, name) == 0)
            return option_at(policy, k);
    return NULL;
}

static void unknown_tell(struct settings_work *work, const struct setting_text *text)
{
    const struct iso_policy *policy = work->policy;
    struct error error;
    char list[512] = "";
    size_t at = 0;
    const char *near = NULL;
    unsigned near_distance = suggest_limit(text->name) + 1;
    for (uint32_t k = 0; k < policy->option_count && at < sizeof list; k++) {
        const char *name = option_at(policy, k)->name;
        const unsigned distance = suggest_distance(text->name, name);
        if (distance < near_distance) {
            near = name;
            near_distance = distance;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", k ? ", " : "", name);
    }
    if (near)
        error_set(&error, "there is no setting %.64s; did you mean %s?", text->name, near);
    else if (policy->option_count)
        error_set(&error, "there is no setting %.64s; there are %s", text->name, list);
    else
        error_set(&error, "there is no setting %.64s; this policy has none", text->name);
    work_tell(work, text->place, &error);
}

static void setting_apply(struct settings_work *work, const struct setting_text *texts, size_t at)
{
    const struct setting_text *text = &texts[at];
    const struct iso_option *option = option_find(work->policy, text->name);
    union option_value value;
    struct error error;
    if (!option) {
        unknown_tell(work, text);
        return;
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(texts[i].name, text->name) == 0) {
            error_set(&error, "setting %s is there twice", text->name);
            work_tell(work, text->place, &error);
            return;
        }
    }
    if (option_parse(option, text->text, &value, &error)) {
        value_store(option, value, work->settings);
    } else {
        error_prefix(&error, "setting %s", option->name);
        work_tell(work, text->place, &error);
    }
}

static bool is_given(const struct setting_text *texts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(texts[i].name, name) == 0)
            return true;
    return false;
}

static void defaults_apply(struct settings_work *work, const struct setting_text *texts,
                           size_t count, const char *place)
{
    for (uint32_t k = 0; k < work->policy->option_count; k++) {
        const struct iso_option *option = option_at(work->policy, k);
        union option_value value;
        struct error error;
        if (option->def) {
            CHECK(option_parse(option, option->def, &value, &error));
            value_store(option, value, work->settings);
        } else if (!is_given(texts, count, option->name)) {
            char allowed[320];
            option_allowed(option, allowed, sizeof allowed);
            error_set(&error, "setting %s must be set; it may be %s", option->name, allowed);
            work_tell(work, place, &error);
        }
    }
}

/* The policy's own word about the whole. */
static void own_check(struct settings_work *work, const char *place)
{
    char why[256] = "";
    struct error error;
    if (work->failed || !work->policy->check ||
        work->policy->check(work->settings, why, sizeof why))
        return;
    why[sizeof why - 1] = '\0';
    error_set(&error, "settings are refused: %s", why[0] ? why : "the policy does not say why");
    work_tell(work, place, &error);
}

void *settings_create(const struct iso_policy *policy, const struct setting_text *texts,
                      size_t count, const char *place, struct problem_sink *sink)
{
    struct settings_work work = {
        .policy = policy,
        .sink = sink,
        .settings = memory_zalloc(policy->settings_size ? policy->settings_size : 1),
    };
    defaults_apply(&work, texts, count, place);
    for (size_t i = 0; i < count; i++)
        setting_apply(&work, texts, i);
    own_check(&work, place);
    if (work.failed) {
        free(work.settings);
        return NULL;
    }
    return work.settings;
}

static void first_tell(struct problem_sink *sink, const char *place, const char *sentence)
{
    struct problem_first *first = CONTAINER_OF(sink, struct problem_first, sink);
    if (first->count++ == 0)
        error_set(&first->error, "%s%s%s", place, place[0] ? ": " : "", sentence);
}

void problem_first_init(struct problem_first *first)
{
    first->sink.tell = first_tell;
    first->count = 0;
    first->error.text[0] = '\0';
}
