/* list: order, removal while walking, moving one list behind another. */
#include "unit.h"

#include "base/list.h"

struct item {
    int number;
    struct list link;
};

static void removes_while_walking(void **state)
{
    (void)state;
    struct list list;
    struct item items[5];
    list_init(&list);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_append(&list, &items[i].link);
    }
    LIST_EACH_SAFE (node, &list)
        if (LIST_ENTRY(node, struct item, link)->number % 2)
            list_remove(node);
    int seen = 0;
    LIST_EACH (node, &list)
        seen = seen * 10 + LIST_ENTRY(node, struct item, link)->number;
    assert_int_equal(seen, 24);
    list_remove(&items[1].link); /* in no list: nothing happens */
}

static void moves_all_behind(void **state)
{
    (void)state;
    struct list a, b, one, two, three;
    list_init(&a);
    list_init(&b);
    list_append(&a, &one);
    list_append(&b, &two);
    list_append(&b, &three);
    list_move_all(&a, &b);
    assert_true(list_empty(&b));
    assert_ptr_equal(list_pop(&a), &one);
    assert_ptr_equal(list_pop(&a), &two);
    assert_ptr_equal(list_pop(&a), &three);
    assert_null(list_pop(&a));
}

UNIT_MAIN(removes_while_walking, moves_all_behind)
