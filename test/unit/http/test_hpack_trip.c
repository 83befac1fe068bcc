/* Fields through HPACK and back: our encoder and decoder, each also against nghttp2's. */
#include <nghttp2/nghttp2.h>

#include "base/memory.h"
#include "http/hpack.h"
#include "http/hpack_search.h"
#include "unit.h"

enum { FIELDS_MOST = 24, BLOCK_MOST = 256 * 1024 };

#define SLICE_INIT(literal)          \
    {                                \
        literal, sizeof(literal) - 1 \
    }

struct line {
    struct slice name, value;
    enum hpack_index how;
};

static struct arena arena;
static uint64_t dice;

static int trip_begin(void **state)
{
    (void)state;
    arena_init(&arena);
    dice = 7;
    return 0;
}

static int trip_end(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static unsigned below(unsigned limit)
{
    dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(dice >> 33) % limit;
}

static uint32_t mark_sum(struct slice name, struct slice value, uint32_t like)
{
    (void)like;
    uint32_t sum = 0;
    for (size_t i = 0; i < name.len; i++)
        sum = sum * 31 + (uint8_t)name.ptr[i];
    for (size_t i = 0; i < value.len; i++)
        sum = sum * 33 + (uint8_t)value.ptr[i];
    return sum & 0xffffff;
}

static struct slice random_text(size_t len, const char *letters)
{
    char *text = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = letters[below((unsigned)strlen(letters))];
    return slice_make(text, len);
}

static struct slice random_name(void)
{
    static const char *const names[] = {"x-request-id",
                                        "traceparent",
                                        "x-tenant",
                                        "x-a",
                                        "x",
                                        "user-agent",
                                        "x-long-name-of-forty-and-some-letters"};
    switch (below(8)) {
    case 0:
        return random_text(1 + below(20), "ab-");
    case 1:
    case 2:
    case 3:
        return slice_of(names[below(COUNT_OF(names))]);
    default:
        return hpack_static_fields[below(HPACK_STATIC_COUNT)].name;
    }
}

static struct slice random_value(void)
{
    switch (below(16)) {
    case 0:
        return random_text(below(3000), "0123456789abcdef");
    case 1:
    case 2:
    case 3:
        return random_text(below(60), "0123456789abcdef,; \x01\xfe\xc3");
    case 4:
    case 5:
    case 6:
        return random_text(below(3), "xy");
    default:
        return hpack_static_fields[below(HPACK_STATIC_COUNT)].value;
    }
}

static size_t random_lines(struct line *lines)
{
    size_t count = below(FIELDS_MOST + 1);
    arena_reset(&arena);
    for (size_t i = 0; i < count; i++) {
        unsigned how = below(10);
        lines[i] = (struct line){
            .name = random_name(),
            .value = random_value(),
            .how = how == 0  ? HPACK_SECRET
                   : how < 3 ? HPACK_UNIQUE
                             : HPACK_REPEATS,
        };
    }
    return count;
}

static struct slice encode(struct hpack_encoder *encoder, const struct line *lines, size_t count)
{
    static char block[BLOCK_MOST];
    char *end = hpack_encode_begin(encoder, block);
    assert_true(end - block <= HPACK_BEGIN_BYTES);
    for (size_t i = 0; i < count; i++) {
        char *begin = end;
        end = hpack_encode(encoder, end, lines[i].name, lines[i].value, lines[i].how);
        size_t room = lines[i].name.len + lines[i].value.len + HPACK_FIELD_OVERHEAD;
        assert_true((size_t)(end - begin) <= room);
    }
    return slice_make(block, (size_t)(end - block));
}

static void decode_expecting(struct hpack_decoder *decoder, struct slice block,
                             const struct line *lines, size_t count, bool secrets)
{
    struct hpack_field field;
    char room[HPACK_ROOM_BYTES];
    hpack_decode_begin(decoder, block, room);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(hpack_decode_next(decoder, &field), HPACK_FIELD);
        assert_true(slice_eq(field.name, lines[i].name));
        assert_true(slice_eq(field.value, lines[i].value));
        assert_int_equal(field.mark, mark_sum(field.name, field.value, HPACK_NO_MARK));
        if (secrets)
            assert_int_equal(field.secret, lines[i].how == HPACK_SECRET);
    }
    assert_int_equal(hpack_decode_next(decoder, &field), HPACK_END);
}

static void inflate_expecting(nghttp2_hd_inflater *inflater, struct slice block,
                              const struct line *lines, size_t count)
{
    const uint8_t *at = (const uint8_t *)block.ptr, *end = at + block.len;
    size_t seen = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t taken = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, (size_t)(end - at), 1);
        assert_true(taken >= 0);
        at += taken;
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
        assert_true(flags & NGHTTP2_HD_INFLATE_EMIT);
        assert_true(seen < count);
        assert_true(slice_eq(slice_make(nv.name, nv.namelen), lines[seen].name));
        assert_true(slice_eq(slice_make(nv.value, nv.valuelen), lines[seen].value));
        bool secret = (nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0;
        assert_int_equal(secret, lines[seen].how == HPACK_SECRET);
        seen++;
    }
    assert_int_equal(seen, count);
    nghttp2_hd_inflate_end_headers(inflater);
}

/* Limits below the usual only: a decoder may be told no more than it offered. */
static void limit_sometimes(struct hpack_encoder *encoder, nghttp2_hd_inflater *inflater)
{
    for (unsigned changes = below(8) == 0 ? 1 + below(3) : 0; changes > 0; changes--) {
        uint32_t limit = below(4) == 0 ? 0 : below(HPACK_TABLE_BYTES * 2);
        hpack_encoder_limit(encoder, limit);
        assert_int_equal(nghttp2_hd_inflate_change_table_size(inflater, limit), 0);
    }
}

static void test_ours_is_read_by_both(void **state)
{
    (void)state;
    for (int connection = 0; connection < 40; connection++) {
        struct hpack_encoder encoder;
        struct hpack_decoder decoder;
        nghttp2_hd_inflater *inflater;
        hpack_encoder_init(&encoder);
        hpack_decoder_init(&decoder, mark_sum);
        assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
        for (int message = 0; message < 100; message++) {
            struct line lines[FIELDS_MOST];
            size_t count = random_lines(lines);
            if (connection > 0)
                limit_sometimes(&encoder, inflater);
            struct slice block = encode(&encoder, lines, count);
            decode_expecting(&decoder, block, lines, count, true);
            inflate_expecting(inflater, block, lines, count);
        }
        nghttp2_hd_inflate_del(inflater);
        hpack_decoder_finish(&decoder);
        hpack_encoder_finish(&encoder);
    }
}

static void test_theirs_is_read_by_us(void **state)
{
    (void)state;
    static uint8_t block[BLOCK_MOST];
    for (int connection = 0; connection < 40; connection++) {
        nghttp2_hd_deflater *deflater;
        struct hpack_decoder decoder;
        assert_int_equal(nghttp2_hd_deflate_new(&deflater, HPACK_TABLE_BYTES), 0);
        hpack_decoder_init(&decoder, mark_sum);
        for (int message = 0; message < 100; message++) {
            struct line lines[FIELDS_MOST];
            nghttp2_nv nv[FIELDS_MOST];
            size_t count = random_lines(lines);
            for (size_t i = 0; i < count; i++) {
                nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)lines[i].name.ptr,
                                     (uint8_t *)(uintptr_t)lines[i].value.ptr, lines[i].name.len,
                                     lines[i].value.len,
                                     lines[i].how == HPACK_SECRET ? NGHTTP2_NV_FLAG_NO_INDEX
                                                                  : NGHTTP2_NV_FLAG_NONE};
            }
            if (connection > 0 && below(8) == 0)
                nghttp2_hd_deflate_change_table_size(deflater, below(HPACK_TABLE_BYTES + 1));
            ssize_t len = nghttp2_hd_deflate_hd(deflater, block, sizeof block, nv, count);
            assert_true(len >= 0);
            decode_expecting(&decoder, slice_make(block, (size_t)len), lines, count, false);
        }
        nghttp2_hd_deflate_del(deflater);
        hpack_decoder_finish(&decoder);
    }
}

/* Every byte in the Huffman code: '0's beside it make the coded string the shorter one. */
static void test_every_symbol_is_decoded(void **state)
{
    (void)state;
    nghttp2_hd_deflater *deflater;
    struct hpack_decoder decoder;
    assert_int_equal(nghttp2_hd_deflate_new(&deflater, HPACK_TABLE_BYTES), 0);
    hpack_decoder_init(&decoder, mark_sum);
    for (unsigned symbol = 0; symbol < 256; symbol++) {
        for (unsigned zeros = 8; zeros < 24; zeros++) {
            for (unsigned place = 0; place <= zeros; place++) {
                uint8_t block[64], value[32];
                memset(value, '0', sizeof value);
                value[place] = (uint8_t)symbol;
                struct line line = {SLICE("a"), slice_make(value, zeros + 1), HPACK_SECRET};
                nghttp2_nv nv = {(uint8_t *)(uintptr_t) "a", value, 1, zeros + 1,
                                 NGHTTP2_NV_FLAG_NO_INDEX};
                ssize_t len = nghttp2_hd_deflate_hd(deflater, block, sizeof block, &nv, 1);
                assert_true(len > 3 && (zeros < 10 || block[3] & 0x80));
                decode_expecting(&decoder, slice_make(block, (size_t)len), &line, 1, true);
            }
        }
    }
    nghttp2_hd_deflate_del(deflater);
    hpack_decoder_finish(&decoder);
}

static size_t encoded_size(struct hpack_encoder *encoder, struct slice name, struct slice value,
                           enum hpack_index how)
{
    struct line line = {name, value, how};
    return encode(encoder, &line, 1).len;
}

static void test_what_repeats_is_an_index(void **state)
{
    (void)state;
    struct hpack_encoder encoder;
    hpack_encoder_init(&encoder);
    for (unsigned i = 0; i < HPACK_STATIC_COUNT; i++) {
        const struct hpack_static_field *field = &hpack_static_fields[i];
        if (field->value.len > 0)
            assert_int_equal(encoded_size(&encoder, field->name, field->value, HPACK_REPEATS), 1);
        assert_in_range(encoded_size(&encoder, field->name, SLICE("u"), HPACK_UNIQUE), 3, 4);
    }
    assert_null(encoder.table);
    assert_int_equal(encoded_size(&encoder, SLICE("x-a"), SLICE("1"), HPACK_REPEATS), 7);
    assert_int_equal(encoded_size(&encoder, SLICE("x-a"), SLICE("1"), HPACK_REPEATS), 1);
    assert_int_equal(encoded_size(&encoder, SLICE("x-a"), SLICE("2"), HPACK_UNIQUE), 4);
    /* Another name that never repeats as a whole is learned the first time. */
    assert_int_equal(encoded_size(&encoder, SLICE("x-id"), SLICE("1"), HPACK_UNIQUE), 8);
    assert_int_equal(encoded_size(&encoder, SLICE("x-id"), SLICE("2"), HPACK_UNIQUE), 4);
    assert_int_equal(encoder.table->count, 2);
    /* A secret is told, but nothing keeps it. */
    assert_int_equal(encoded_size(&encoder, SLICE("x-key"), SLICE("1"), HPACK_SECRET), 9);
    assert_int_equal(encoded_size(&encoder, SLICE("x-key"), SLICE("1"), HPACK_SECRET), 9);
    assert_int_equal(encoder.table->count, 2);
    hpack_encoder_finish(&encoder);
}

/* Entries of a full table stay found, however often the table turned over. */
static void test_a_full_table_is_searched(void **state)
{
    (void)state;
    struct hpack_encoder encoder;
    hpack_encoder_init(&encoder);
    unsigned found = 0, asked = 0;
    for (unsigned i = 0; i < 5000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        encoded_size(&encoder, SLICE("x-n"), slice_of(text), HPACK_REPEATS);
        unsigned back = below(i < 60 ? i + 1 : 60);
        snprintf(text, sizeof text, "%u", i - back);
        asked++;
        found += encoded_size(&encoder, SLICE("x-n"), slice_of(text), HPACK_REPEATS) <= 2;
    }
    assert_true(found > asked * 95 / 100);
    hpack_encoder_finish(&encoder);
}

static void test_a_block_of_many_fields(void **state)
{
    (void)state;
    struct hpack_encoder encoder;
    struct hpack_decoder decoder;
    struct line lines[FIELDS_MOST * 32];
    hpack_encoder_init(&encoder);
    hpack_decoder_init(&decoder, mark_sum);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char *text = memory_printf("%zu", i % 80);
        lines[i] = (struct line){SLICE("x-n"), arena_copy(&arena, slice_of(text)), HPACK_REPEATS};
        if (i % 3 == 0)
            lines[i] = (struct line){SLICE("x-id"), lines[i].value, HPACK_UNIQUE};
        free(text);
    }
    for (int message = 0; message < 3; message++)
        decode_expecting(&decoder, encode(&encoder, lines, COUNT_OF(lines)), lines, COUNT_OF(lines),
                         true);
    hpack_decoder_finish(&decoder);
    hpack_encoder_finish(&encoder);
}

/* The same fields in the same order take the short way; others in their place do not mislead it. */
static void test_order_may_change(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {SLICE_INIT(":method"), SLICE_INIT("POST"), HPACK_REPEATS},
        {SLICE_INIT("x-a"), SLICE_INIT("1"), HPACK_REPEATS},
        {SLICE_INIT("x-b"), SLICE_INIT("1"), HPACK_REPEATS},
        {SLICE_INIT("x-id"), SLICE_INIT("some-id"), HPACK_UNIQUE},
        {SLICE_INIT(":path"), SLICE_INIT("/v1/x"), HPACK_UNIQUE},
    };
    struct hpack_encoder encoder;
    struct hpack_decoder decoder;
    hpack_encoder_init(&encoder);
    hpack_decoder_init(&decoder, mark_sum);
    for (int message = 0; message < 1000; message++) {
        struct line shuffled[COUNT_OF(lines)];
        memcpy(shuffled, lines, sizeof lines);
        for (unsigned i = COUNT_OF(lines) - 1; i > 0; i--) {
            unsigned other = below(i + 1);
            struct line line = shuffled[i];
            shuffled[i] = shuffled[other];
            shuffled[other] = line;
        }
        struct slice block = encode(&encoder, shuffled, COUNT_OF(lines));
        decode_expecting(&decoder, block, shuffled, COUNT_OF(lines), true);
        if (message > 0)
            assert_int_equal(block.len, 3 + 10 + 7);
    }
    hpack_decoder_finish(&decoder);
    hpack_encoder_finish(&encoder);
}

static void test_limits_are_said_once(void **state)
{
    (void)state;
    struct hpack_encoder encoder;
    char out[HPACK_BEGIN_BYTES];
    hpack_encoder_init(&encoder);
    hpack_encoder_limit(&encoder, 65536);
    assert_ptr_equal(hpack_encode_begin(&encoder, out), out);
    encoded_size(&encoder, SLICE("x-a"), SLICE("1"), HPACK_REPEATS);
    hpack_encoder_limit(&encoder, 0);
    assert_null(encoder.table);
    hpack_encoder_limit(&encoder, 4096);
    assert_int_equal(hpack_encode_begin(&encoder, out) - out, 4);
    assert_memory_equal(out, "\x20\x3f\xe1\x1f", 4);
    assert_ptr_equal(hpack_encode_begin(&encoder, out), out);
    hpack_encoder_limit(&encoder, 100);
    assert_int_equal(hpack_encode_begin(&encoder, out) - out, 2);
    assert_memory_equal(out, "\x3f\x45", 2);
    hpack_encoder_finish(&encoder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trip_begin, trip_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ours_is_read_by_both),     TEST(test_theirs_is_read_by_us),
        TEST(test_every_symbol_is_decoded),  TEST(test_what_repeats_is_an_index),
        TEST(test_a_full_table_is_searched), TEST(test_limits_are_said_once),
        TEST(test_a_block_of_many_fields),   TEST(test_order_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
