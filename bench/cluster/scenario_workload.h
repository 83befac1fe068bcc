/*
 * What clients do in a scenario: the optional section `workload` of a scenario
 * file.  scenario.c has it read; the simulator in virtual time draws by it.
 * bench/simulate/README.md says what every key means.
 */
#ifndef CLUSTER_SCENARIO_WORKLOAD_H
#define CLUSTER_SCENARIO_WORKLOAD_H

struct yaml_node;

/* key, the reference workload's value, least, most */
#define SCENARIO_WORKLOAD_NUMBERS(X)                                                      \
    X(flex_share, 0.1, 0, 1)       /* of requests */                                      \
    X(code_share, 0.3, 0, 1)       /* of conversations that are not flex */               \
    X(chat_turns, 3, 1, 1000)      /* mean */                                             \
    X(code_turns, 5, 1, 1000)      /* mean */                                             \
    X(code_reusable, 0.85, 0, 1)   /* of a program's context, by the next turn */         \
    X(day_swing, 0.3, 0, 1)        /* arrivals by local time: 1 + so many times a sine */ \
    X(burst_factor, 1.5, 1, 100)   /* arrivals within a burst */                          \
    X(output_scale, 1, 0.001, 100) /* so many times the output tokens */

/* key, the reference workload's value in milliseconds and as written, least, most */
#define SCENARIO_WORKLOAD_DURATIONS(X)                                                    \
    X(think, 20000, "20s", "0s", "1h")        /* mean, from an answer to the next turn */ \
    X(day, 600000, "10m", "1s", "24h")        /* how long a day takes */                  \
    X(burst, 15000, "15s", "0s", "1h")        /* how long a burst lasts */                \
    X(burst_every, 120000, "2m", "1s", "24h") /* mean, from one's start to the next's */  \
    X(slo, 1000, "1s", "1ms", "1h")           /* promise to interactive requests, TTFT */ \
    X(flex_slo, 30000, "30s", "1ms", "24h")   /* ... and to flex requests */

struct scenario_workload {
#define SCENARIO_NUMBER(key, ...) double key;
    SCENARIO_WORKLOAD_NUMBERS(SCENARIO_NUMBER)
#undef SCENARIO_NUMBER
#define SCENARIO_DURATION(key, ...) double key##_ms;
    SCENARIO_WORKLOAD_DURATIONS(SCENARIO_DURATION)
#undef SCENARIO_DURATION
};

/* That of the reference scenarios, which say nothing. */
struct scenario_workload scenario_workload_reference(void);

/* `map`: the section, or an empty map when it is absent; problems are reported there. */
void scenario_workload_read(struct yaml_node *map, struct scenario_workload *out);

#endif
