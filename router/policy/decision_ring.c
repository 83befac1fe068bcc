#include "policy/decision_ring.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { STORED_SHADOW = 1, STORED_WAITS = 2 };

/* A record: this, then one `stored_target` and its parts' milliseconds each. */
struct stored_head {
    uint64_t words; /* of the whole record */
    uint64_t id, seed, sequence;
    int64_t now_ns, wall_ms;
    uint32_t targets, stored;   /* that took part, that are here */
    uint32_t chosen, runner_up; /* among the stored, or ISO_NONE */
    uint32_t obeyed, reserved;  /* likewise */
    uint32_t kept, part_count, policy_count, flags;
    struct decision_policy policies[CHAIN_POLICIES_MAX];
    struct iso_request request; /* its texts are not followed */
    char route[64], model[64], tenant[64];
    uint64_t model_len, tenant_len;
};

struct stored_target {
    struct iso_cluster cluster; /* its texts are not followed */
    struct iso_estimate estimate;
    struct decision_cluster_texts texts; /* behind each one's NUL stands anything */
    struct stored_answer {
        struct decision_verdict verdict;
        uint32_t reserved;
        double total_ms;
    } answer;
};

_Static_assert(sizeof(struct stored_head) % sizeof(uint64_t) == 0, "whole words");
_Static_assert(sizeof(struct stored_target) % sizeof(uint64_t) == 0, "whole words");

#define HEAD_WORDS (sizeof(struct stored_head) / sizeof(uint64_t))
#define TARGET_WORDS (sizeof(struct stored_target) / sizeof(uint64_t))
#define SLOT_WORDS (HEAD_WORDS + (size_t)DECISION_RING_TARGETS * (TARGET_WORDS + CHAIN_PARTS_MAX))

struct slot {
    _Atomic uint64_t sequence; /* 2n+1 while the n-th is written, 2n+2 when it stands */
    _Atomic uint64_t words[SLOT_WORDS];
};

struct decision_ring {
    uint32_t slots;
    _Atomic uint64_t added;
    struct slot *slot;
};

struct decision_ring *decision_ring_create(uint32_t slots)
{
    CHECK_LT(0, slots);
    struct decision_ring *ring = memory_zalloc(sizeof *ring);
    ring->slots = slots;
    ring->slot = memory_zalloc((size_t)slots * sizeof *ring->slot);
    return ring;
}

void decision_ring_destroy(struct decision_ring **ring)
{
    if (!*ring)
        return;
    free((*ring)->slot);
    free(*ring);
    *ring = NULL;
}

uint64_t decision_ring_added(const struct decision_ring *ring)
{
    return atomic_load_explicit(&ring->added, memory_order_acquire);
}

/* --- writing [worker] --- */

static inline void word_put(struct slot *slot, size_t at, const void *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    atomic_store_explicit(&slot->words[at], word, memory_order_release);
}

/* Returns where the next may stand. */
static inline size_t words_put(struct slot *slot, size_t at, const void *from, size_t size)
{
    const char *bytes = from;
    const size_t count = size / sizeof(uint64_t);
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        word_put(slot, at + i, bytes + i * sizeof(uint64_t));
    return at + count;
}

/* Of the room for it no more than the text needs. */
static size_t text_put(struct slot *slot, size_t at, const char *text, size_t size)
{
    const size_t len = strnlen(text, size - 1);
    const size_t whole = len / sizeof(uint64_t), rest = len % sizeof(uint64_t);
    uint64_t last = 0;
    words_put(slot, at, text, len);
    memcpy(&last, text + whole * sizeof last, rest);
    word_put(slot, at + whole, &last);
    return at + size / sizeof(uint64_t);
}

static void text_copy(char *out, size_t size, const char *text)
{
    const size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
    memset(out + len, 0, size - len);
}

static uint64_t slice_copy(char *out, size_t size, struct iso_text text)
{
    const size_t len = text.len < size ? text.len : size;
    memset(out, 0, size);
    if (len)
        memcpy(out, text.ptr, len);
    return len;
}

static bool is_stored(const struct decision *decision, uint32_t target, uint32_t *room)
{
    if (target == decision->chosen || target == decision->runner_up || target == decision->obeyed)
        return true;
    if (*room == 0)
        return false;
    --*room;
    return true;
}

static size_t texts_put(struct slot *slot, size_t at, const struct iso_cluster *cluster)
{
    struct decision_cluster_texts room;
    at = text_put(slot, at, cluster->name, sizeof room.name);
    at = text_put(slot, at, cluster->region, sizeof room.region);
    at = text_put(slot, at, cluster->country, sizeof room.country);
    return text_put(slot, at, cluster->accelerator, sizeof room.accelerator);
}

/* A struct stored_target, member by member, and its parts. */
static size_t target_put(struct slot *slot, size_t at, const struct decision *decision,
                         uint32_t target)
{
    const struct iso_cluster *cluster = decision_cluster(decision, target);
    const struct stored_answer answer = {.verdict = decision->verdicts[target],
                                         .total_ms = decision->total_ms[target]};
    at = words_put(slot, at, cluster, sizeof *cluster);
    at = words_put(slot, at, &decision->estimates[target], sizeof *decision->estimates);
    at = texts_put(slot, at, cluster);
    at = words_put(slot, at, &answer, sizeof answer);
    for (uint32_t k = 0; k < decision->policy_count; k++)
        at = words_put(slot, at, decision_parts(decision, target, k),
                       decision->policies[k].plugin->policy.part_count * sizeof *decision->ms);
    return at;
}

static void head_fill(struct stored_head *head, const struct decision *decision)
{
    memset(head, 0, sizeof *head);
    head->id = decision->id;
    head->seed = decision->seed;
    head->sequence = decision->sequence;
    head->now_ns = decision->now_ns;
    head->wall_ms = decision->wall_ms;
    head->targets = decision->count;
    head->chosen = head->runner_up = head->obeyed = ISO_NONE;
    head->flags = (decision->is_shadow ? STORED_SHADOW : 0) | (decision->waits ? STORED_WAITS : 0);
    head->kept = decision->kept;
    head->part_count = decision->part_count;
    head->policy_count = decision->policy_count;
    memcpy(head->policies, decision->policies, sizeof head->policies);
    head->request = decision->request;
    text_copy(head->route, sizeof head->route, decision->route);
    head->model_len = slice_copy(head->model, sizeof head->model, decision->request.model);
    head->tenant_len = slice_copy(head->tenant, sizeof head->tenant, decision->request.tenant);
}

static void record_put(struct slot *slot, const struct decision *decision)
{
    struct stored_head head;
    size_t at = HEAD_WORDS;
    uint32_t room = DECISION_RING_TARGETS;
    head_fill(&head, decision);
    room -= decision->chosen != ISO_NONE ? 1u : 0u;
    room -= decision->runner_up != ISO_NONE ? 1u : 0u;
    const bool other =
        decision->obeyed != decision->chosen && decision->obeyed != decision->runner_up;
    room -= decision->obeyed != ISO_NONE && other ? 1u : 0u;
    for (uint32_t target = 0; target < decision->count; target++) {
        if (!is_stored(decision, target, &room))
            continue;
        if (target == decision->chosen)
            head.chosen = head.stored;
        if (target == decision->runner_up)
            head.runner_up = head.stored;
        if (target == decision->obeyed)
            head.obeyed = head.stored;
        at = target_put(slot, at, decision, target);
        head.stored++;
    }
    head.words = at;
    words_put(slot, 0, &head, sizeof head);
}

void decision_ring_add(struct decision_ring *ring, const struct decision *decision)
{
    const uint64_t n = atomic_load_explicit(&ring->added, memory_order_relaxed);
    struct slot *slot = &ring->slot[n % ring->slots];
    atomic_store_explicit(&slot->sequence, 2 * n + 1, memory_order_relaxed);
    record_put(slot, decision);
    atomic_store_explicit(&slot->sequence, 2 * n + 2, memory_order_release);
    atomic_store_explicit(&ring->added, n + 1, memory_order_release);
}

/* --- reading [any thread] --- */

void decision_copy_init(struct decision_copy *copy)
{
    memset(copy, 0, sizeof *copy);
    decision_init(&copy->decision);
    decision_reserve(&copy->decision, DECISION_RING_TARGETS, CHAIN_PARTS_MAX);
    copy->words = memory_alloc(SLOT_WORDS * sizeof *copy->words);
}

void decision_copy_finish(struct decision_copy *copy)
{
    decision_finish(&copy->decision);
    free(copy->words);
    copy->words = NULL;
}

/* False when the n-th is not there, whole, from first to last word. */
static bool words_get(const struct slot *slot, uint64_t n, uint64_t *words)
{
    if (atomic_load_explicit(&slot->sequence, memory_order_acquire) != 2 * n + 2)
        return false;
    uint64_t count = atomic_load_explicit(&slot->words[0], memory_order_acquire);
    if (count > SLOT_WORDS)
        count = SLOT_WORDS;
    for (uint64_t i = 0; i < count; i++)
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) == 2 * n + 2;
}

static void head_get(struct decision_copy *copy, const struct stored_head *head)
{
    struct decision *decision = &copy->decision;
    decision_begin(decision, head->stored, head->part_count);
    decision->id = head->id;
    decision->seed = head->seed;
    decision->sequence = head->sequence;
    decision->now_ns = head->now_ns;
    decision->wall_ms = head->wall_ms;
    decision->chosen = head->chosen;
    decision->runner_up = head->runner_up;
    decision->obeyed = head->obeyed;
    decision->is_shadow = (head->flags & STORED_SHADOW) != 0;
    decision->waits = (head->flags & STORED_WAITS) != 0;
    decision->kept = head->kept;
    decision->part_count = head->part_count;
    decision->policy_count = head->policy_count;
    memcpy(decision->policies, head->policies, sizeof head->policies);
    decision->request = head->request;
    memcpy(copy->route, head->route, sizeof copy->route);
    memcpy(copy->model, head->model, sizeof copy->model);
    memcpy(copy->tenant, head->tenant, sizeof copy->tenant);
    decision->route = copy->route;
    decision->request.model = (struct iso_text){copy->model, (size_t)head->model_len};
    decision->request.tenant = (struct iso_text){copy->tenant, (size_t)head->tenant_len};
    decision->clusters = copy->clusters;
    copy->targets = head->targets;
}

static const uint64_t *target_get(struct decision_copy *copy, uint32_t target,
                                  const uint64_t *words)
{
    struct decision *decision = &copy->decision;
    struct stored_target stored;
    memcpy(&stored, words, sizeof stored);
    words += TARGET_WORDS;
    struct decision_cluster_texts *texts = &copy->texts[target];
    struct iso_cluster *cluster = &copy->clusters[target];
    *texts = stored.texts;
    *cluster = stored.cluster;
    cluster->name = texts->name;
    cluster->region = texts->region;
    cluster->country = texts->country;
    cluster->accelerator = texts->accelerator;
    decision->estimates[target] = stored.estimate;
    decision->verdicts[target] = stored.answer.verdict;
    decision->total_ms[target] = stored.answer.total_ms;
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        const uint32_t parts = decision->policies[k].plugin->policy.part_count;
        memcpy(decision->ms + (size_t)decision->count * decision->policies[k].first_part +
                   (size_t)target * parts,
               words, parts * sizeof *decision->ms);
        words += parts;
    }
    return words;
}

bool decision_ring_read(const struct decision_ring *ring, uint64_t n, struct decision_copy *copy)
{
    struct stored_head head;
    if (!words_get(&ring->slot[n % ring->slots], n, copy->words))
        return false;
    memcpy(&head, copy->words, sizeof head);
    head_get(copy, &head);
    const uint64_t *words = copy->words + HEAD_WORDS;
    for (uint32_t target = 0; target < head.stored; target++)
        words = target_get(copy, target, words);
    return true;
}
