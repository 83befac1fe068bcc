#include "agent/prefill.h"

#include <math.h>

#include "base/check.h"
#include "base/random.h"
#include "unit.h"

/* An engine that takes `floor_s`, whatever comes, and then reads so many tokens a second. */
static void add(struct prefill_sums *sums, double requests, double tokens, double floor_s,
                double tokens_per_s)
{
    prefill_sums_add(sums, requests, requests * tokens,
                     requests * (floor_s + tokens / tokens_per_s), false);
}

static void between(double found, double least, double most)
{
    if (!(found >= least && found <= most))
        fail_msg("found %g, expected %g to %g", found, least, most);
}

static void nothing_tells_nothing(void **state)
{
    struct prefill_sums sums = {0};
    (void)state;
    assert_true(isnan(prefill_tokens_per_s(&sums)));
    prefill_sums_add(&sums, 5, 0, 0.05, false); /* all of it cached */
    assert_true(isnan(prefill_tokens_per_s(&sums)));
}

static void of_ordinary_prompts_it_is_tokens_by_seconds(void **state)
{
    struct prefill_sums sums = {0};
    (void)state;
    for (int i = 0; i < 10; i++)
        add(&sums, 4, 300 + 100 * i, 0.01, 5000);
    assert_true(prefill_tokens_per_s(&sums) == sums.tokens / sums.seconds);
}

/* Whatever the floor: of nine tokens, 860 a second may be any engine. */
static void tiny_prompts_alone_tell_nothing(void **state)
{
    static const double floors_s[] = {0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(floors_s); i++)
        for (double count = 1; count <= 1e6; count *= 10) {
            struct prefill_sums sums = {0};
            for (int step = 0; step < 5; step++)
                add(&sums, count, 9, floors_s[i], 8000);
            if (!isnan(prefill_tokens_per_s(&sums)))
                fail_msg("floor %g, %g requests: %g", floors_s[i], 5 * count,
                         prefill_tokens_per_s(&sums));
        }
}

static void short_ones_of_different_lengths_tell_floor_from_speed(void **state)
{
    static const double floors_s[] = {0.002, 0.005, 0.01, 0.015, 0.03};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(floors_s); i++) {
        const double truth = PREFILL_SHORT_TOKENS / (floors_s[i] + PREFILL_SHORT_TOKENS / 4000.0);
        struct prefill_sums sums = {0};
        for (int step = 0; step < 50; step++)
            add(&sums, 10, step % 10 == 0 ? 600 : 20, floors_s[i], 4000);
        between(prefill_tokens_per_s(&sums), 0.9 * truth, 1.1 * truth);
    }
}

static void short_ones_of_one_length_tell_it_roughly(void **state)
{
    struct prefill_sums sums = {0};
    (void)state;
    add(&sums, 50, 150, 0.012, 4000); /* the quotient is 3030 */
    between(prefill_tokens_per_s(&sums), 3030, PREFILL_SHORT_TOKENS / (0.01 + 0.04));
}

static void a_quick_engine_is_called_quick(void **state)
{
    struct prefill_sums sums = {0};
    (void)state;
    add(&sums, 100, 150, 0.01, 1e6);
    between(prefill_tokens_per_s(&sums), 9000, 20000);
}

/* A cluster that slowed down while prompts became short, or long; time is never told from tokens
 * by a line that rises the wrong way. */
static void a_change_of_pace_does_not_draw_a_wild_line(void **state)
{
    (void)state;
    for (int shorter = 0; shorter < 2; shorter++) {
        struct prefill_sums sums = {0};
        for (int step = 0; step < 20; step++) {
            const bool slow = step >= 10;
            add(&sums, 10, slow == shorter ? 80 : 220, slow ? 0.05 : 0.01, slow ? 1000 : 5000);
        }
        const double found = prefill_tokens_per_s(&sums);
        if (!isnan(found))
            between(found, sums.tokens / sums.seconds, 5000);
    }
}

static void noise_does_not_hurt(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 7);
    for (int round = 0; round < 200; round++) {
        struct prefill_sums sums = {0};
        for (int step = 0; step < 20; step++) {
            double tokens = 0, seconds = 0;
            for (int i = 0; i < 8; i++) {
                const double each = 20 + 300 * random_unit(&random) * random_unit(&random);
                tokens += each;
                seconds += (0.01 + each / 5000) * (0.6 + 0.8 * random_unit(&random));
            }
            prefill_sums_add(&sums, 8, tokens, seconds, false);
        }
        between(prefill_tokens_per_s(&sums), 2000, 6500); /* truth is 4000; the quotient 2500 */
    }
}

/* Tokens of one step that were timed in another. */
static void steps_that_do_not_match_are_one_step(void **state)
{
    struct prefill_sums loose = {0}, whole = {0};
    (void)state;
    for (int step = 0; step < 10; step++) {
        prefill_sums_add(&loose, 5, step % 2 ? 0 : 10 * 150.0, 5 * (0.01 + 150 / 4000.0), true);
        add(&whole, 5, 150, 0.01, 4000);
    }
    between(prefill_tokens_per_s(&loose), 0.999 * prefill_tokens_per_s(&whole),
            1.001 * prefill_tokens_per_s(&whole));
}

static void sums_fade_and_merge(void **state)
{
    struct prefill_sums one = {0}, other = {0};
    (void)state;
    add(&one, 10, 100, 0.01, 4000);
    add(&other, 10, 180, 0.01, 4000);
    prefill_sums_merge(&one, &other);
    assert_true(one.requests == 20 && one.tokens == 2800);
    prefill_sums_fade(&one, 0.5);
    assert_true(one.requests == 10 && one.tokens == 1400);
}

UNIT_MAIN(nothing_tells_nothing, of_ordinary_prompts_it_is_tokens_by_seconds,
          tiny_prompts_alone_tell_nothing, short_ones_of_different_lengths_tell_floor_from_speed,
          short_ones_of_one_length_tell_it_roughly, a_quick_engine_is_called_quick,
          a_change_of_pace_does_not_draw_a_wild_line, noise_does_not_hurt,
          steps_that_do_not_match_are_one_step, sums_fade_and_merge)
