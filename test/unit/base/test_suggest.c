#include "base/check.h"
#include "base/suggest.h"
#include "unit.h"

static void distances(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("", ""), 0);
    assert_int_equal(suggest_distance("", "abc"), 3);
    assert_int_equal(suggest_distance("abc", ""), 3);
    assert_int_equal(suggest_distance("region", "region"), 0);
    assert_int_equal(suggest_distance("regoin", "region"), 1); /* neighbours swapped */
    assert_int_equal(suggest_distance("regin", "region"), 1);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void the_nearest_or_none(void **state)
{
    static const char *const known[] = {"region", "country", "latitude", "longitude"};
    (void)state;
    assert_string_equal(suggest_word("latitdue", known, COUNT_OF(known)), "latitude");
    assert_string_equal(suggest_word("contry", known, COUNT_OF(known)), "country");
    assert_null(suggest_word("weight", known, COUNT_OF(known)));
    assert_null(suggest_word("x", known, 0));
}

static void long_words_are_looked_at_up_to_a_bound(void **state)
{
    char word[300];
    (void)state;
    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_int_equal(suggest_distance(word, "a"), 62);
}

UNIT_MAIN(distances, the_nearest_or_none, long_words_are_looked_at_up_to_a_bound)
