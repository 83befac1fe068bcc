/* Pieces for nghttp2: of every size, whole, given back, grown. */
#include "http/h2_memory.h"
#include "unit.h"

enum { FRAME_BUFFER = 16394, AT_ONCE = 100 };

static const size_t sizes[] = {1, 64, 65, 4096, 4097, 16383, 16384, FRAME_BUFFER, 20464, 20465};

static void test_pieces_of_one_size_are_apart(void **state)
{
    (void)state;
    const nghttp2_mem *memory = h2_memory();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *pieces[AT_ONCE];
        for (int round = 0; round < 2; round++) {
            for (int n = 0; n < AT_ONCE; n++) {
                pieces[n] = memory->malloc(sizes[i], NULL);
                memset(pieces[n], n, sizes[i]);
            }
            for (int n = 0; n < AT_ONCE; n++) {
                assert_int_equal(pieces[n][0], n);
                assert_int_equal(pieces[n][sizes[i] - 1], n);
                memory->free(pieces[n], NULL);
            }
        }
    }
}

static void test_a_piece_that_grows_keeps_its_bytes(void **state)
{
    (void)state;
    const nghttp2_mem *memory = h2_memory();
    char *piece = memory->calloc(1, 1, NULL);
    assert_int_equal(piece[0], 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        piece = memory->realloc(piece, sizes[i], NULL);
        if (i > 0)
            assert_int_equal(piece[sizes[i - 1] - 1], (char)i);
        piece[sizes[i] - 1] = (char)(i + 1);
    }
    memory->free(piece, NULL);
}

UNIT_MAIN(test_pieces_of_one_size_are_apart, test_a_piece_that_grows_keeps_its_bytes)
