/* buffer: what goes in comes out, through growth and sliding. */
#include "unit.h"

#include "base/buffer.h"

static void keeps_order_through_growth(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    unsigned in = 0, out = 0;
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < 7; i++)
            buffer_append_byte(&buffer, (char)(in++ % 251));
        for (int i = 0; i < (round % 3 ? 7 : 5) && buffer_len(&buffer) > 0; i++) {
            assert_int_equal((unsigned char)buffer_slice(&buffer).ptr[0], out++ % 251);
            buffer_consume(&buffer, 1);
        }
    }
    assert_int_equal(buffer_len(&buffer), in - out);
    buffer_release(&buffer);
    assert_int_equal(buffer.size, 0);
}

static void prints_longer_than_its_small_buffer(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_printf(&buffer, "%300d|", 5);
    buffer_printf(&buffer, "%d", 6);
    assert_int_equal(buffer_len(&buffer), 302);
    assert_memory_equal(buffer_slice(&buffer).ptr + 299, "5|6", 3);
    buffer_release(&buffer);
}

UNIT_MAIN(keeps_order_through_growth, prints_longer_than_its_small_buffer)
