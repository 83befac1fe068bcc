#include "load/size.h"

#include <math.h>

static bool parse_lognormal(struct slice text, struct size *out)
{
    struct slice mu;
    return slice_split(&text, ',', &mu) && slice_to_double(mu, &out->mu) &&
           slice_to_double(text, &out->sigma) && out->sigma >= 0 && out->sigma <= 5 &&
           out->mu >= 0 && out->mu <= 12;
}

bool size_parse(struct slice text, struct size *out, struct error *error)
{
    static const struct slice prefix = {"lognormal:", 10};
    uint64_t tokens;
    *out = (struct size){0};
    if (slice_to_u64(text, &tokens) && tokens <= SIZE_TOKENS_MOST) {
        out->tokens = (uint32_t)tokens;
        return true;
    }
    if (slice_starts(text, prefix) &&
        parse_lognormal(slice_make(text.ptr + prefix.len, text.len - prefix.len), out)) {
        out->lognormal = true;
        return true;
    }
    return error_set(error,
                     "expected a number of tokens (0 to %d) or lognormal:MU,SIGMA "
                     "(MU 0 to 12, SIGMA 0 to 5), found %.*s",
                     SIZE_TOKENS_MOST, SLICE_ARG(text));
}

uint32_t size_draw(const struct size *size, struct random *random)
{
    if (!size->lognormal)
        return size->tokens;
    const double tokens = exp(size->mu + size->sigma * random_normal(random));
    if (tokens < 1)
        return 1;
    return tokens < SIZE_TOKENS_MOST ? (uint32_t)tokens : SIZE_TOKENS_MOST;
}
