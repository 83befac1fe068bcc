/* The commands that change something: drain, undrain, reload; and check, which asks no router. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

static int set_drained(const struct ctl *ctl, const char *verb, const char *done)
{
    struct buffer path = {0};
    buffer_append_slice(&path, SLICE("/clusters/"));
    ctl_add_segment(&path, ctl->arguments[0]);
    buffer_printf(&path, "/%s", verb);
    buffer_append_byte(&path, '\0');
    struct ctl_answer answer;
    const int code = ctl_ask(ctl, "POST", path.memory + path.start, SLICE_NONE, &answer);
    if (code == CTL_OK && ctl->json)
        ctl_answer_print(&answer);
    else if (code == CTL_OK)
        printf("%s: %s\n", ctl->arguments[0], done);
    ctl_answer_finish(&answer);
    buffer_release(&path);
    return code;
}

int ctl_drain(const struct ctl *ctl)
{
    return set_drained(ctl, "drain", "drained; it gets no new requests from this router");
}

int ctl_undrain(const struct ctl *ctl)
{
    return set_drained(ctl, "undrain", "back in use");
}

int ctl_reload(const struct ctl *ctl)
{
    struct ctl_answer answer;
    const int code = ctl_ask(ctl, "POST", "/reload", SLICE_NONE, &answer);
    if (code == CTL_OK && ctl->json)
        ctl_answer_print(&answer);
    else if (code == CTL_OK)
        printf("reloaded: generation %.0f\n",
               json_value_number(ctl_answer_root(&answer), "generation"));
    else if (code == CTL_REFUSED)
        fprintf(stderr, "isoctl: the reload was refused; the router goes on as before\n");
    ctl_answer_finish(&answer);
    return code;
}

/* The router beside this program, or else the one that PATH finds. */
static void router_path(char *out, size_t size)
{
    const ssize_t len = readlink("/proc/self/exe", out, size - 1);
    out[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(out, '/');
    const size_t room = slash != NULL ? size - (size_t)(slash + 1 - out) : 0;
    if (slash == NULL || (size_t)snprintf(slash + 1, room, "isochrone") >= room ||
        access(out, X_OK) != 0)
        snprintf(out, size, "isochrone");
}

/* The router itself checks, with plugins, databases, keys and certificates: it alone knows. */
int ctl_check(const struct ctl *ctl)
{
    char program[4096];
    router_path(program, sizeof program);
    execlp(program, "isochrone", "-c", ctl->arguments[0], "--check", (char *)NULL);
    fprintf(stderr, "isoctl: check runs the router's own check, but %s can't be run: %s\n", program,
            strerror(errno));
    return CTL_UNREACHABLE;
}
