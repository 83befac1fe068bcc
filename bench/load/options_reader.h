/* The values of the command line's options, read one by one; for options.c only. */
#ifndef LOAD_OPTIONS_READER_H
#define LOAD_OPTIONS_READER_H

#include "load/options.h"

struct options_reader {
    struct options *out;
    struct arena *arena;
    struct error *error;
    bool connections_given;
    bool duration_given;
    bool requests_given;
};

/* Each reads `text`; false with a sentence that says what was expected. */
bool options_count(struct options_reader *r, const char *text, uint64_t least, uint64_t most,
                   uint64_t *out);
bool options_count32(struct options_reader *r, const char *text, uint32_t least, uint32_t most,
                     uint32_t *out);
bool options_duration(struct options_reader *r, const char *text, double *out_ms);
/* *out: which of `choices`, which ends with NULL. */
bool options_choice(struct options_reader *r, const char *text, const char *const *choices,
                    unsigned *out);
bool options_yes(struct options_reader *r, const char *text, const char *yes, const char *no,
                 bool *out);
bool options_rate(struct options_reader *r, const char *text);
bool options_arrivals(struct options_reader *r, const char *text);
bool options_target(struct options_reader *r, const char *text);
bool options_place(struct options_reader *r, const char *text);
bool options_header(struct options_reader *r, const char *text);
bool options_assertion(struct options_reader *r, const char *text);
bool options_promise(struct options_reader *r, const char *text);
bool options_model(struct options_reader *r, const char *text);
bool options_class(struct options_reader *r, const char *text);

#endif
