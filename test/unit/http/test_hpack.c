/* HPACK's decoder: the examples of RFC 7541 Appendix C, and blocks that must be refused. */
#include "base/memory.h"
#include "http/hpack.h"
#include "http/hpack_huffman.h"
#include "http/hpack_table.h"
#include "unit.h"

static unsigned marks_asked;

static uint32_t mark_lengths(struct slice name, struct slice value, uint32_t like)
{
    marks_asked++;
    if (like != HPACK_NO_MARK)
        assert_int_equal(like >> 16, name.len);
    return (uint32_t)(name.len << 16 | value.len);
}

static struct hpack_decoder decoder;

static int decoder_begin(void **state)
{
    (void)state;
    hpack_decoder_init(&decoder, mark_lengths);
    return 0;
}

static int decoder_end(void **state)
{
    (void)state;
    hpack_decoder_finish(&decoder);
    return 0;
}

static unsigned hex_digit(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* "8286 84": bytes in memory of exactly their length, so that a sanitizer sees what is read. */
static struct slice from_hex(const char *hex)
{
    char *bytes = memory_alloc(strlen(hex) / 2 + 1);
    size_t len = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        bytes[len++] = (char)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        hex++;
    }
    return slice_make(memory_realloc(bytes, len + (len == 0)), len);
}

/* "name: value\n" of each field; NULL if the block is refused. */
static const char *decode(struct slice block)
{
    static char text[4 * HPACK_STRING_BYTES];
    size_t len = 0;
    struct hpack_field field;
    enum hpack_step step;
    char room[HPACK_ROOM_BYTES];
    text[0] = '\0';
    hpack_decode_begin(&decoder, block, room);
    while ((step = hpack_decode_next(&decoder, &field)) == HPACK_FIELD) {
        assert_int_equal(field.mark, field.name.len << 16 | field.value.len);
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%.*s: %.*s%s\n", SLICE_ARG(field.name),
                             SLICE_ARG(field.value), field.secret ? " (secret)" : "");
    }
    return step == HPACK_END ? text : NULL;
}

static const char *decode_hex(const char *hex)
{
    struct slice block = from_hex(hex);
    const char *text = decode(block);
    free((char *)(uintptr_t)block.ptr);
    return text;
}

static uint32_t table_size(void)
{
    return decoder.table == NULL ? 0 : decoder.table->size;
}

struct example {
    const char *hex, *fields;
    uint32_t table_size;
};

static void examples_check(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *fields = decode_hex(examples[i].hex);
        assert_non_null(fields);
        assert_string_equal(fields, examples[i].fields);
        assert_int_equal(table_size(), examples[i].table_size);
    }
}

static void test_c2_representations(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
         "custom-key: custom-header\n", 55},
        {"040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n", 55},
        {"1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret (secret)\n", 55},
        {"82", ":method: GET\n", 55},
    };
    examples_check(examples, COUNT_OF(examples));
}

#define REQUEST_1 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3                                                                           \
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom" \
    "-key: custom-value\n"

static void test_c3_requests(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUEST_1, 57},
        {"8286 84be 5808 6e6f 2d63 6163 6865", REQUEST_2, 110},
        {"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", REQUEST_3,
         164},
    };
    examples_check(examples, COUNT_OF(examples));
}

static void test_c4_requests_in_huffman_code(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUEST_1, 57},
        {"8286 84be 5886 a8eb 1064 9cbf", REQUEST_2, 110},
        {"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQUEST_3, 164},
    };
    examples_check(examples, COUNT_OF(examples));
}

#define RESPONSE(status, second)                                                  \
    ":status: " status "\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:2" \
    "" second " GMT\nlocation: https://www.example.com\n"
#define RESPONSE_3                                                                             \
    RESPONSE("200", "2")                                                                       \
    "content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; versi" \
    "on=1\n"

/* Their table has 256 bytes. */
static void test_c5_responses_with_eviction(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"3fe1 01", "", 0},
        {"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 "
         "303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 "
         "6f6d",
         RESPONSE("302", "1"), 222},
        {"4803 3330 37c1 c0bf", RESPONSE("307", "1"), 222},
        {"88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 "
         "5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 "
         "5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
         RESPONSE_3, 215},
    };
    examples_check(examples, COUNT_OF(examples));
}

static void test_c6_responses_in_huffman_code(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"3fe1 01", "", 0},
        {"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b "
         "ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
         RESPONSE("302", "1"), 222},
        {"4883 640e ffc1 c0bf", RESPONSE("307", "1"), 222},
        {"88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad "
         "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 "
         "65c0 03ed 4ee5 b106 3d50 07",
         RESPONSE_3, 215},
    };
    examples_check(examples, COUNT_OF(examples));
}

static void test_broken_blocks_are_refused(void **state)
{
    (void)state;
    static const char *const blocks[] = {
        "80",                  /* index 0 */
        "be",                  /* index 62 of an empty table */
        "7f00 01 61",          /* its name */
        "ff",                  /* integer cut off */
        "ff80",                /* so too */
        "ff80 8080 8080 01",   /* more bytes than 32 bits take */
        "ff80 feff ff0f",      /* 2^32 */
        "ff80 ffff ff1f",      /* beyond */
        "40",                  /* no name */
        "4001",                /* name cut off */
        "4001 61",             /* no value */
        "4001 6102 62",        /* value cut off */
        "00ff 80ff ffff 0f",   /* name of nearly 2^32 bytes */
        "3fe2 1f",             /* table of 4097 bytes */
        "8220",                /* size update behind a field */
        "4001 6101 6220",      /* so too */
        "0081 ff01 61",        /* a byte of padding in the name */
        "0001 6182 1fff",      /* 'a' and 11 bits of padding in the value */
        "0001 6181 18",        /* 'a' and padding of zeros */
        "0001 6184 ffff ffff", /* EOS */
        "0001 6184 ffff fffc", /* EOS, and zeros */
        "0001 6188 ffff ffff ffff ffff",
        "0001 6189 1f ffff ffff 1f1f 1f1f", /* EOS in the middle */
    };
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        decoder_end(NULL);
        decoder_begin(NULL);
        if (decode_hex(blocks[i]) != NULL)
            fail_msg("%s was not refused", blocks[i]);
    }
}

static void test_odd_blocks_are_fine(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"", "", 0},
        {"2020 3fe1 1f", "", 0},                           /* sizes 0, 0, 4096 */
        {"2082", ":method: GET\n", 0},                     /* a size, then a field */
        {"3fe1 1f00 0161 0162", "a: b\n", 0},              /* or a literal */
        {"0f80 8080 8080 0001 62", NULL, 0},               /* six bytes for index 15 */
        {"0f80 8080 8000 0162", "accept-charset: b\n", 0}, /* five */
        {"4000 00", ": \n", 32},                           /* no name, no value */
        {"be", ": \n", 32},
        {"0080 80", ": \n", 32},        /* coded, of no bytes */
        {"0001 6181 1f", "a: a\n", 32}, /* 'a', three bits of padding */
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        if (examples[i].fields == NULL)
            assert_null(decode_hex(examples[i].hex));
        else
            examples_check(&examples[i], 1);
    }
}

static void test_a_name_outlives_its_eviction_by_its_own_value(void **state)
{
    (void)state;
    /* A table of 40 bytes: one entry fits. */
    assert_string_equal(decode_hex("3f09 4004 6e61 6d65 0476 616c 75"), "name: valu\n");
    for (int i = 0; i < 100; i++) {
        assert_string_equal(decode_hex("7e03 6162 63"), "name: abc\n");
        assert_string_equal(decode_hex("be"), "name: abc\n");
        assert_int_equal(table_size(), 39);
    }
    /* Too large for it. */
    assert_string_equal(decode_hex("7e0a 6162 6364 6566 6768 696a"), "name: abcdefghij\n");
    assert_int_equal(table_size(), 0);
    assert_null(decode_hex("be"));
}

static void test_marks_are_kept(void **state)
{
    (void)state;
    struct slice block = from_hex("82 86 40 01 61 01 62 be be 58 01 63 be bf");
    marks_asked = 0;
    assert_string_equal(decode(block), ":method: GET\n:scheme: http\na: b\na: b\na: b\ncache-contr"
                                       "ol: c\ncache-control: c\na: b\n");
    assert_int_equal(marks_asked, 2);
    struct hpack_field field;
    static const bool names_last[] = {true, true, false, false, false, true, true, false};
    static const bool values_last[] = {true, true, false, false, false, false, false, false};
    char room[HPACK_ROOM_BYTES];
    hpack_decode_begin(&decoder, block, room);
    for (size_t i = 0; i < COUNT_OF(names_last); i++) {
        assert_int_equal(hpack_decode_next(&decoder, &field), HPACK_FIELD);
        assert_int_equal(field.name_lasts, names_last[i]);
        assert_int_equal(field.value_lasts, values_last[i]);
    }
    free((char *)(uintptr_t)block.ptr);
}

static void test_strings_have_a_limit(void **state)
{
    (void)state;
    static char block[HPACK_STRING_BYTES + 16];
    memset(block, 'v', sizeof block);
    memcpy(block, "\x00\x01n\x7f\x81\xff\x03", 7); /* a value of 65536 bytes */
    assert_non_null(decode(slice_make(block, 7 + HPACK_STRING_BYTES)));
    block[4]++;
    assert_null(decode(slice_make(block, 8 + HPACK_STRING_BYTES)));
    /* 40960 bytes make 65536 letters of 5 bits, 40961 one more. */
    memset(block, 0, sizeof block);
    memcpy(block, "\x00\x01n\xff\x81\xbf\x02", 7);
    assert_non_null(decode(slice_make(block, 7 + 40960)));
    block[4]++;
    block[7 + 40960] = 0x07;
    assert_null(decode(slice_make(block, 7 + 40961)));
}

static void test_a_quiet_decoder_is_small(void **state)
{
    (void)state;
    assert_string_equal(decode_hex("4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"),
                        "custom-key: custom-value\n");
    assert_null(decoder.scratch);
    size_t entries = (decoder.table->entry_mask + 1) * sizeof(struct hpack_entry);
    assert_true(sizeof *decoder.table + entries + decoder.table->capacity <= 512);
    assert_string_equal(decode_hex("20"), "");
    assert_null(decoder.table);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, decoder_begin, decoder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_c2_representations),
        TEST(test_c3_requests),
        TEST(test_c4_requests_in_huffman_code),
        TEST(test_c5_responses_with_eviction),
        TEST(test_c6_responses_in_huffman_code),
        TEST(test_broken_blocks_are_refused),
        TEST(test_odd_blocks_are_fine),
        TEST(test_a_name_outlives_its_eviction_by_its_own_value),
        TEST(test_marks_are_kept),
        TEST(test_strings_have_a_limit),
        TEST(test_a_quiet_decoder_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
