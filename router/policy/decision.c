#include "policy/decision.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"

static const struct {
    const char *word;
    const char *text;
} reasons[DECISION_REASON_COUNT] = {[DECISION_OPEN] = {"open", "nothing speaks against it"},
#define X(code, word, sentence) [DECISION_##code] = {word, sentence},
                                    DECISION_REASONS(X)
#undef X
};

const char *decision_reason_word(enum decision_reason reason)
{
    return reasons[reason].word;
}

const char *decision_reason_text(enum decision_reason reason)
{
    return reasons[reason].text;
}

void decision_init(struct decision *decision)
{
    memset(decision, 0, sizeof *decision);
    decision->route = "";
    decision->chosen = decision->runner_up = decision->obeyed = ISO_NONE;
}

void decision_finish(struct decision *decision)
{
    free(decision->memory);
    decision_init(decision);
}

/* One block, the widest items first, so that each stays aligned. */
static void room_make(struct decision *decision, size_t targets, size_t parts)
{
    const size_t per_target = sizeof *decision->estimates + sizeof(double) * (parts + 2) +
                              sizeof *decision->verdicts + sizeof *decision->scratch_verdicts;
    free(decision->memory);
    decision->memory = memory_zalloc(targets * per_target);
    decision->estimates = decision->memory;
    decision->ms = (double *)(void *)(decision->estimates + targets);
    decision->total_ms = decision->ms + targets * parts;
    decision->scratch_ms = decision->total_ms + targets;
    decision->verdicts = (struct decision_verdict *)(void *)(decision->scratch_ms + targets);
    decision->scratch_verdicts = (uint8_t *)(decision->verdicts + targets);
    decision->room_targets = (uint32_t)targets;
    decision->room_parts = (uint32_t)parts;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void decision_reserve(struct decision *decision, uint32_t targets, uint32_t parts)
{
    CHECK_LE(parts, CHAIN_PARTS_MAX);
    if (targets > decision->room_targets || parts > decision->room_parts || !decision->memory)
        room_make(decision, larger(larger(targets, decision->room_targets), 1),
                  larger(larger(parts, decision->room_parts), 1));
}

void decision_begin(struct decision *decision, uint32_t targets, uint32_t parts)
{
    decision_reserve(decision, targets, parts);
    decision->id = decision->seed = decision->sequence = 0;
    decision->now_ns = decision->wall_ms = 0;
    decision->route = "";
    decision->clock_ns = NULL;
    decision->waits = decision->is_shadow = false;
    decision->obeyed = ISO_NONE;
    decision->request = (struct iso_request){
        .struct_size = sizeof decision->request,
        .latitude = NAN,
        .longitude = NAN,
        .model = {"", 0},
        .tenant = {"", 0},
    };
    decision->count = targets;
    decision->clusters = NULL;
    decision->cluster_stride = sizeof(struct iso_cluster);
    memset(decision->verdicts, 0, targets * sizeof *decision->verdicts);
    decision->chosen = decision->runner_up = ISO_NONE;
    decision->kept = decision->part_count = decision->policy_count = 0;
}

const char *decision_verdict_reason(const struct decision *decision,
                                    struct decision_verdict verdict)
{
    if (verdict.reason == 0)
        return NULL;
    if (verdict.by == 0)
        return decision_reason_word(verdict.reason);
    return decision->policies[verdict.by - 1].plugin->policy.reasons[verdict.reason];
}

void decision_id_text(uint64_t id, char text[DECISION_ID_SIZE])
{
    number_write_hex(text, id);
    text[NUMBER_HEX_BYTES] = '\0';
}
