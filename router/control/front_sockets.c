#include "control/front_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/listener.h"

/* One address that is listened on: a socket for each worker. */
struct front_socket {
    struct list link;
    struct address wanted; /* as configured; port 0 stays 0 */
    struct address bound;
    bool keep;  /* of the configuration that is being prepared */
    bool fresh; /* opened for it */
    struct tls_server *tls;
    struct tls_server *next_tls;
    bool behind_tls, next_behind_tls;
    int *fds;
};

struct front_sockets {
    uint32_t workers;
    struct list open;
};

struct front_sockets *front_sockets_create(uint32_t workers)
{
    struct front_sockets *sockets = memory_zalloc(sizeof *sockets);
    sockets->workers = workers;
    list_init(&sockets->open);
    return sockets;
}

static void socket_close(struct front_sockets *sockets, struct front_socket *socket)
{
    list_remove(&socket->link);
    for (uint32_t w = 0; w < sockets->workers; w++)
        if (socket->fds[w] >= 0)
            close(socket->fds[w]);
    tls_server_drop(&socket->tls);
    tls_server_drop(&socket->next_tls);
    free(socket->fds);
    free(socket);
}

void front_sockets_close(struct front_sockets *sockets)
{
    LIST_EACH_SAFE (node, &sockets->open)
        socket_close(sockets, LIST_ENTRY(node, struct front_socket, link));
}

void front_sockets_destroy(struct front_sockets **sockets)
{
    if (*sockets == NULL)
        return;
    front_sockets_close(*sockets);
    free(*sockets);
    *sockets = NULL;
}

static struct front_socket *find(struct front_sockets *sockets, const struct address *address)
{
    LIST_EACH (node, &sockets->open) {
        struct front_socket *socket = LIST_ENTRY(node, struct front_socket, link);
        if (!socket->keep && address_equal(&socket->wanted, address))
            return socket;
    }
    return NULL;
}

/* A unix socket is one; the others take duplicates and share its queue. */
static int open_one(struct front_socket *socket, uint32_t w, struct error *error)
{
    if (w > 0 && socket->wanted.storage.ss_family == AF_UNIX)
        return fcntl(socket->fds[0], F_DUPFD_CLOEXEC, 3);
    const struct address *address = w == 0 ? &socket->wanted : &socket->bound;
    struct address bound;
    const int fd = listener_socket(address, &bound, error);
    if (w == 0)
        socket->bound = bound;
    return fd;
}

static struct front_socket *open_socket(struct front_sockets *sockets,
                                        const struct address *address, struct error *error)
{
    struct front_socket *socket = memory_zalloc(sizeof *socket);
    socket->wanted = *address;
    socket->fresh = true;
    socket->fds = memory_alloc(sockets->workers * sizeof *socket->fds);
    list_append(&sockets->open, &socket->link);
    for (uint32_t w = 0; w < sockets->workers; w++)
        socket->fds[w] = -1;
    for (uint32_t w = 0; w < sockets->workers; w++) {
        socket->fds[w] = open_one(socket, w, error);
        if (socket->fds[w] < 0) {
            socket_close(sockets, socket);
            return NULL;
        }
    }
    return socket;
}

static bool prepare_one(struct front_sockets *sockets, const struct config_listen *listen,
                        struct config_problems *problems)
{
    struct error error;
    struct tls_server *tls = NULL;
    if (listen->certificate_count > 0) {
        tls = tls_server_create(listen->certificates, listen->certificate_count, &error);
        if (tls == NULL) {
            config_problems_add(problems, "%s: %s", listen->place, error.text);
            return false;
        }
    }
    struct front_socket *socket = find(sockets, &listen->address.address);
    if (socket == NULL)
        socket = open_socket(sockets, &listen->address.address, &error);
    if (socket == NULL) {
        config_problems_add(problems, "%s: %s", listen->place, error.text);
        tls_server_drop(&tls);
        return false;
    }
    socket->keep = true;
    socket->next_tls = tls;
    socket->next_behind_tls = listen->behind_tls;
    return true;
}

void front_sockets_forget(struct front_sockets *sockets)
{
    LIST_EACH_SAFE (node, &sockets->open) {
        struct front_socket *socket = LIST_ENTRY(node, struct front_socket, link);
        socket->keep = false;
        tls_server_drop(&socket->next_tls);
        if (socket->fresh)
            socket_close(sockets, socket);
    }
}

bool front_sockets_prepare(struct front_sockets *sockets, const struct config *config,
                           struct config_problems *problems)
{
    bool fine = true;
    for (size_t i = 0; i < config->listen_count; i++)
        fine = prepare_one(sockets, &config->listens[i], problems) && fine;
    if (!fine)
        front_sockets_forget(sockets);
    return fine;
}

static void announce(const struct front_socket *socket)
{
    char text[ADDRESS_TEXT_BYTES];
    log_event(LOG_INFO, "listening", "%s %s", address_write(&socket->bound, text),
              socket->tls != NULL ? "tls" : "cleartext");
}

void front_sockets_commit(struct front_sockets *sockets, struct worker *const *workers)
{
    size_t count = 0;
    LIST_EACH_SAFE (node, &sockets->open) {
        struct front_socket *socket = LIST_ENTRY(node, struct front_socket, link);
        if (!socket->keep) {
            socket_close(sockets, socket);
            continue;
        }
        socket->keep = socket->fresh = false;
        tls_server_drop(&socket->tls);
        socket->tls = socket->next_tls;
        socket->behind_tls = socket->next_behind_tls;
        socket->next_tls = NULL;
        announce(socket);
        count++;
    }
    struct worker_listen *listens = memory_zalloc(count * sizeof *listens);
    for (uint32_t w = 0; w < sockets->workers; w++) {
        size_t i = 0;
        LIST_EACH (node, &sockets->open) {
            struct front_socket *socket = LIST_ENTRY(node, struct front_socket, link);
            const int fd = fcntl(socket->fds[w], F_DUPFD_CLOEXEC, 3);
            if (fd >= 0)
                listens[i++] = (struct worker_listen){.fd = fd,
                                                      .tls = socket->tls,
                                                      .behind_tls = socket->behind_tls};
            else
                log_event(LOG_ERROR, "listen_failed", "worker %u: %s", w, strerror(errno));
        }
        worker_set_listeners(workers[w], listens, i);
    }
    free(listens);
}
