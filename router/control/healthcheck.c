#include "control/healthcheck.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "config/config.h"

enum { PATIENCE_S = 3 };

/* "HTTP/1.1 200": the status line is all that matters. */
static bool ask_ready(int fd)
{
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        return false;
    char answer[64];
    size_t len = 0;
    while (len < 12) {
        const ssize_t n = recv(fd, answer + len, sizeof answer - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    return memcmp(answer + 9, "200", 3) == 0;
}

int healthcheck(const char *config_path)
{
    struct config_problems problems;
    config_problems_init(&problems);
    struct config *config;
    if (!config_load(config_path, &config, &problems)) {
        config_problems_print(&problems, stderr);
        config_problems_finish(&problems);
        return 2;
    }
    config_problems_finish(&problems);
    const struct address *admin = &config->admin.address;
    const int fd = socket(admin->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    bool ready = false;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        ready =
            connect(fd, (const struct sockaddr *)&admin->storage, admin->len) == 0 && ask_ready(fd);
        close(fd);
    }
    config_drop(&config);
    if (!ready)
        fprintf(stderr, "isochrone: not ready\n");
    return ready ? 0 : 1;
}
