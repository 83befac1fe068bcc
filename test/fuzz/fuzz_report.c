/*
 * Any bytes as a file of results: what is understood of it makes a whole page,
 * in which no name has become markup.
 */
#include "report/intake.h"
#include "report/page.h"

#include "fuzz.h"

/* The page's own tags are in small letters; corpora bring theirs in capitals. */
static void look_for(struct slice html, struct slice mark)
{
    for (size_t i = 0; i + mark.len <= html.len; i++)
        must(memcmp(html.ptr + i, mark.ptr, mark.len) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct study study;
    struct error error;
    struct buffer html = {0};
    study_init(&study);
    const bool fine = intake_text(&study, "run", NULL, slice_make(data, size), &error);
    if (fine && study.count > 0) {
        const struct page page = {.study = &study, .out = &html};
        study_close(&study, 1000);
        page_write(&page);
        look_for(buffer_slice(&html), SLICE("<IMG"));
        look_for(buffer_slice(&html), SLICE("<script"));
        must(slice_ends(buffer_slice(&html), SLICE("</html>\n")));
    }
    buffer_release(&html);
    study_finish(&study);
    return 0;
}
