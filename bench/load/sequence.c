#include "load/sequence.h"

#include "base/check.h"
#include "sim/words.h"

/* The text of a chat's delta or of a completion; without escapes, as isosim's words have none. */
static struct slice text_of(struct slice data)
{
    static const struct slice keys[] = {{"\"content\":\"", 11}, {"\"text\":\"", 8}};
    for (size_t i = 0; i < COUNT_OF(keys) && data.len > 0; i++) {
        const char *at = memmem(data.ptr, data.len, keys[i].ptr, keys[i].len);
        if (at == NULL)
            continue;
        struct slice rest =
            slice_make(at + keys[i].len, (size_t)(data.ptr + data.len - at) - keys[i].len);
        struct slice text = SLICE_NONE;
        return slice_split(&rest, '"', &text) ? text : SLICE_NONE;
    }
    return SLICE_NONE;
}

void sequence_feed(struct sequence *sequence, struct slice data)
{
    const struct slice text = text_of(data);
    if (text.len == 0)
        return;
    for (uint32_t ahead = 0; ahead < SIM_WORDS; ahead++) {
        if (!slice_eq(slice_of(sim_word(sequence->tokens + ahead)), text))
            continue;
        if (ahead == SIM_WORDS - 1) {
            sequence->duplicates++; /* the word before once more */
        } else {
            sequence->lost += ahead;
            sequence->tokens += ahead + 1;
        }
        return;
    }
    sequence->foreign = true;
}

enum outcome sequence_judge(const struct sequence *sequence, uint32_t asked)
{
    if (sequence->foreign)
        return OUTCOME_ANSWERED;
    if (sequence->lost > 0 || sequence->tokens < asked)
        return OUTCOME_LOST_EVENT;
    if (sequence->duplicates > 0 || (asked > 0 && sequence->tokens > asked))
        return OUTCOME_DUPLICATE_EVENT;
    return OUTCOME_ANSWERED;
}
