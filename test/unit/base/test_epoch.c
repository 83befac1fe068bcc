/* epoch: nothing is freed while a reader may hold it, and everything is in the end. */
#include "unit.h"

#include <pthread.h>

#include "base/epoch.h"
#include "base/memory.h"

struct thing {
    struct epoch_item item;
    _Atomic int alive;
};

static int freed;

static void destroy(struct epoch_item *item)
{
    struct thing *thing = CONTAINER_OF(item, struct thing, item);
    atomic_store(&thing->alive, 0);
    freed++;
    free(thing);
}

static struct thing *make(void)
{
    struct thing *thing = memory_zalloc(sizeof *thing);
    atomic_store(&thing->alive, 1);
    return thing;
}

static void waits_for_the_slowest_reader(void **state)
{
    (void)state;
    struct epoch epoch;
    freed = 0;
    epoch_init(&epoch, 2);
    epoch_retire(&epoch, &make()->item, destroy);
    assert_true(epoch_reclaim(&epoch));
    epoch_mark(&epoch, 0);
    assert_true(epoch_reclaim(&epoch));
    assert_int_equal(freed, 0);
    epoch_mark(&epoch, 1);
    assert_false(epoch_reclaim(&epoch));
    assert_int_equal(freed, 1);
    epoch_finish(&epoch);
}

static void a_mark_from_before_does_not_count(void **state)
{
    (void)state;
    struct epoch epoch;
    freed = 0;
    epoch_init(&epoch, 1);
    epoch_mark(&epoch, 0);
    epoch_retire(&epoch, &make()->item, destroy);
    assert_true(epoch_reclaim(&epoch));
    epoch_finish(&epoch);
    assert_int_equal(freed, 1);
}

enum { ROUNDS = 20000 };
static struct epoch shared;
static _Atomic(struct thing *) published;
static _Atomic bool stop;

static void *read_on(void *arg)
{
    const uint32_t r = (uint32_t)(uintptr_t)arg;
    while (!atomic_load(&stop)) {
        epoch_mark(&shared, r);
        const struct thing *thing = atomic_load_explicit(&published, memory_order_acquire);
        assert_int_equal(atomic_load(&((struct thing *)(uintptr_t)thing)->alive), 1);
    }
    epoch_mark(&shared, r);
    return NULL;
}

static void readers_never_see_a_freed_thing(void **state)
{
    (void)state;
    freed = 0;
    epoch_init(&shared, 2);
    atomic_store(&stop, false);
    atomic_store(&published, make());
    pthread_t threads[2];
    for (uintptr_t r = 0; r < 2; r++)
        assert_int_equal(pthread_create(&threads[r], NULL, read_on, (void *)r), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct thing *old = atomic_exchange_explicit(&published, make(), memory_order_acq_rel);
        epoch_retire(&shared, &old->item, destroy);
        epoch_reclaim(&shared);
    }
    atomic_store(&stop, true);
    for (int r = 0; r < 2; r++)
        pthread_join(threads[r], NULL);
    epoch_finish(&shared);
    assert_int_equal(freed, ROUNDS);
    free(atomic_load(&published));
}

UNIT_MAIN(waits_for_the_slowest_reader, a_mark_from_before_does_not_count,
          readers_never_see_a_freed_thing)
