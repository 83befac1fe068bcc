/* listener: ports, unix sockets and their stale ones, batches, destruction while accepting. */
#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net_kit.h"

enum { MOST = 200 };

struct acceptor {
    struct listener *listener;
    int fds[MOST];
    int count, wanted;
    int destroy_after;
    struct address peer;
};

static void on_accept(void *owner, int fd, const struct address *peer)
{
    struct acceptor *acceptor = owner;
    acceptor->fds[acceptor->count++] = fd;
    acceptor->peer = *peer;
    if (acceptor->count == acceptor->destroy_after)
        listener_destroy(&acceptor->listener);
}

static const struct listener_events events = {on_accept};

static bool accepted_enough(void *arg)
{
    const struct acceptor *acceptor = arg;
    return acceptor->count >= acceptor->wanted;
}

static int dial(const struct address *to)
{
    const int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to->storage, to->len), 0);
    return fd;
}

static void close_all(struct acceptor *acceptor)
{
    listener_destroy(&acceptor->listener);
    while (acceptor->count > 0)
        close(acceptor->fds[--acceptor->count]);
}

static void accepts_a_crowd(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct acceptor acceptor = {.wanted = 150};
    struct address bound;
    const int fd = kit_listen(&bound);
    assert_true(address_port(&bound) > 0);
    acceptor.listener = listener_create(loop, fd, &events, &acceptor);
    assert_int_equal(listener_fd(acceptor.listener), fd);
    int clients[150];
    for (int i = 0; i < 150; i++)
        clients[i] = dial(&bound);
    kit_run_until(loop, accepted_enough, &acceptor);
    int nodelay = 0;
    socklen_t len = sizeof nodelay;
    assert_int_equal(getsockopt(acceptor.fds[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
    assert_true(nodelay);
    assert_true(fcntl(acceptor.fds[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(acceptor.fds[0], F_GETFD) & FD_CLOEXEC);
    assert_true(address_is_loopback(&acceptor.peer));
    for (int i = 0; i < 150; i++)
        close(clients[i]);
    close_all(&acceptor);
    loop_destroy(&loop);
}

static void two_may_share_a_port(void **state)
{
    (void)state;
    struct address bound;
    struct error error;
    const int one = kit_listen(&bound);
    const int two = listener_socket(&bound, NULL, &error);
    assert_true(two >= 0);
    close(one);
    close(two);
}

static void may_be_destroyed_while_accepting(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct acceptor acceptor = {.wanted = 1, .destroy_after = 1};
    struct address bound;
    acceptor.listener = listener_create(loop, kit_listen(&bound), &events, &acceptor);
    const int a = dial(&bound), b = dial(&bound);
    kit_run_until(loop, accepted_enough, &acceptor);
    assert_null(acceptor.listener);
    assert_int_equal(acceptor.count, 1);
    close(a);
    close(b);
    close_all(&acceptor);
    loop_destroy(&loop);
}

static void unix_sockets_are_private_and_replace_stale_ones(void **state)
{
    (void)state;
    char directory[] = "/tmp/isochrone-test-XXXXXX", text[100];
    assert_non_null(mkdtemp(directory));
    snprintf(text, sizeof text, "unix:%s/a.sock", directory);
    struct address address;
    struct error error;
    struct stat found;
    assert_true(address_parse(slice_of(text), &address, &error));
    int fd = listener_socket(&address, NULL, &error);
    assert_true(fd >= 0);
    assert_int_equal(stat(text + 5, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(listener_socket(&address, NULL, &error), -1); /* somebody answers */
    assert_non_null(strstr(error.text, "in use"));

    struct loop *loop = loop_create();
    struct acceptor acceptor = {.wanted = 1};
    acceptor.listener = listener_create(loop, fd, &events, &acceptor);
    const int client = dial(&address);
    kit_run_until(loop, accepted_enough, &acceptor);
    char peer[ADDRESS_TEXT_BYTES];
    assert_string_equal(address_write_ip(&acceptor.peer, peer), "unix");
    close(client);
    close_all(&acceptor);
    loop_destroy(&loop);

    fd = listener_socket(&address, NULL, &error); /* nobody answers any more */
    assert_true(fd >= 0);
    close(fd);
    unlink(text + 5);
    fd = open(text + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(listener_socket(&address, NULL, &error), -1);
    assert_non_null(strstr(error.text, "not a socket"));
    close(fd);
    unlink(text + 5);
    rmdir(directory);
}

static void an_address_that_is_not_ours_is_a_sentence(void **state)
{
    (void)state;
    struct address address;
    struct error error = {""};
    assert_true(address_parse(SLICE("192.0.2.1:80"), &address, &error));
    assert_int_equal(listener_socket(&address, NULL, &error), -1);
    assert_non_null(strstr(error.text, "192.0.2.1:80"));
}

/* At the limit of descriptors the waiting are told at once, and accepting goes on afterwards. */
static void survives_running_out_of_descriptors(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct acceptor acceptor = {.wanted = 1};
    struct address bound;
    struct rlimit old, tight;
    acceptor.listener = listener_create(loop, kit_listen(&bound), &events, &acceptor);
    const int shed = dial(&bound);
    const int next_free = dup(shed);
    close(next_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = (struct rlimit){(rlim_t)next_free, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    loop_turn(loop);
    char byte;
    assert_true(read(shed, &byte, 1) <= 0);
    assert_int_equal(acceptor.count, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    const int good = dial(&bound);
    kit_run_until(loop, accepted_enough, &acceptor);
    close(shed);
    close(good);
    close_all(&acceptor);
    loop_destroy(&loop);
}

UNIT_MAIN(accepts_a_crowd, two_may_share_a_port, may_be_destroyed_while_accepting,
          unix_sockets_are_private_and_replace_stale_ones,
          an_address_that_is_not_ours_is_a_sentence, survives_running_out_of_descriptors)
