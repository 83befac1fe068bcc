/*
 * Decisions as bytes, so that they can be made again elsewhere, bit for bit:
 * everything chain_decide reads, and what it answered.
 *
 * A log is a sequence of records of many streams, one stream a worker's life.
 * What many decisions share stands in records of its own, before the first
 * decision that needs it and again with every snapshot, so that a lost piece
 * of the log costs at most the decisions of one snapshot:
 *
 *     SCENE     the clusters as one snapshot has them, with their texts
 *     CHAIN     the policies asked: path, content hash, version, settings
 *     DECISION  request, verdicts of the router, estimates; choice and totals
 *
 * Records are as memory has them, of one machine and ABI; each begins with a
 * record_head and is a multiple of 8 bytes.  bench/replay reads them.
 */
#ifndef POLICY_DECISION_RECORD_H
#define POLICY_DECISION_RECORD_H

#include <stdint.h>

#include "base/buffer.h"
#include "policy/chain.h"
#include "policy/decision.h"

#define RECORD_MAGIC UINT32_C(0x31434544) /* "DEC1" */
#define RECORD_CHAINS_MAX 32              /* of one scene; more begin it anew */

enum record_kind { RECORD_SCENE = 1, RECORD_CHAIN, RECORD_DECISION };

struct record_head {
    uint32_t magic;
    uint32_t kind;
    uint64_t bytes;  /* with this head and the padding */
    uint64_t stream; /* random */
    uint64_t scene;  /* counts up within the stream */
};

/* Followed by the clusters, then name, region, country, accelerator of each, NUL-terminated. */
struct record_scene {
    struct record_head head;
    uint32_t count;
    uint32_t cluster_bytes; /* sizeof(struct iso_cluster) there; its pointers mean nothing */
};

/* Followed by `count` links. */
struct record_chain {
    struct record_head head;
    uint64_t number;
    uint32_t count;
    uint32_t reserved;
};

/* Followed by the settings, then the path, NUL-terminated, then padding to 8. */
struct record_link {
    uint32_t bytes; /* of all of it */
    uint32_t settings_bytes;
    char hash[40];
    char name[56];
    char version[56];
};

/* Followed by estimates and totals [count], the router's verdicts [count], route, model, tenant. */
struct record_decision {
    struct record_head head;
    uint64_t chain; /* number */
    uint64_t id, seed, sequence;
    int64_t now_ns, wall_ms;
    uint32_t count;
    uint32_t estimate_bytes; /* sizeof(struct iso_estimate) there */
    uint32_t chosen, runner_up;
    uint64_t parts_hash; /* decision_parts_hash */
    uint32_t route_len, reserved;
    struct iso_request request; /* its texts' lengths hold, its pointers mean nothing */
};

/* What a stream has written of the present scene; one worker's. */
struct decision_recorder {
    uint64_t stream;
    uint64_t scene;
    uint64_t snapshot; /* that the scene is of */
    uint32_t chain_count;
    uint64_t chains[RECORD_CHAINS_MAX]; /* numbers */
};

void decision_recorder_init(struct decision_recorder *recorder);

/* Appends a decision that `chain` answered; before it, what it needs and is not there yet.
 * `snapshot`: changes when the clusters do.  [worker] */
void decision_record(struct decision_recorder *recorder, uint64_t snapshot,
                     const struct chain *chain, const struct decision *decision,
                     struct buffer *out);

/* Of every millisecond each policy charged the eligible targets. */
uint64_t decision_parts_hash(const struct decision *decision);

#endif
