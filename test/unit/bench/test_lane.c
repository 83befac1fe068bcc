/* Connections for those who wait: where a name has several addresses, all of them are tried. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/check.h"
#include "load/lane.h"

static struct loop *loop;

struct waiter {
    struct lane_waiter waiter;
    bool served, failed;
};

static void on_connection(struct lane_waiter *waiter, struct upstream_connection *connection)
{
    (void)connection;
    CONTAINER_OF(waiter, struct waiter, waiter)->served = true;
    loop_stop(loop);
}

static void on_failed(struct lane_waiter *waiter, const char *why)
{
    assert_non_null(strstr(why, "refused"));
    CONTAINER_OF(waiter, struct waiter, waiter)->failed = true;
    loop_stop(loop);
}

/* A bound socket: `backlog` < 0 does not listen, so that whoever connects is refused. */
static int bound_socket(int backlog, struct address *out)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&here, sizeof here), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    out->len = sizeof out->storage;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&out->storage, &out->len), 0);
    return fd;
}

/* Waits for a connection to a name with these addresses, the last of which may listen. */
static struct waiter wait_at(uint32_t address_count, bool last_listens, bool h2)
{
    struct target target = {.url = SLICE("http://name"), .host = "name"};
    struct waiter waiter = {.waiter = {.on_connection = on_connection, .on_failed = on_failed}};
    int sockets[TARGET_ADDRESSES_MOST];
    struct lane lane;
    target.address_count = address_count;
    for (uint32_t i = 0; i < address_count; i++)
        sockets[i] =
            bound_socket(last_listens && i + 1 == address_count ? 16 : -1, &target.addresses[i]);
    loop = loop_create();
    lane_init(&lane, &(struct lane_settings){.loop = loop,
                                             .target = &target,
                                             .h2 = h2,
                                             .connections = 4,
                                             .streams = h2 ? 10 : 1});
    if (h2)
        lane_warm(&lane);
    list_init(&waiter.waiter.link);
    lane_wait(&lane, &waiter.waiter, false);
    loop_wake(loop);
    loop_run(loop);
    lane_finish(&lane);
    loop_destroy(&loop);
    for (uint32_t i = 0; i < address_count; i++)
        close(sockets[i]);
    return waiter;
}

static void every_address_is_tried(void **state)
{
    (void)state;
    for (int h2 = 0; h2 <= 1; h2++)
        for (uint32_t count = 1; count <= 3; count++) {
            const struct waiter there = wait_at(count, true, h2 == 1);
            assert_true(there.served && !there.failed);
            const struct waiter nowhere = wait_at(count, false, h2 == 1);
            assert_true(nowhere.failed && !nowhere.served);
        }
}

UNIT_MAIN(every_address_is_tried)
