#include "load/target.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static bool read_scheme(struct slice *rest, struct target *out)
{
    static const struct slice plain = {"http://", 7}, secure = {"https://", 8};
    out->secure = slice_starts(*rest, secure);
    if (!out->secure && !slice_starts(*rest, plain))
        return false;
    out->scheme = out->secure ? SLICE("https") : SLICE("http");
    const size_t len = out->secure ? secure.len : plain.len;
    *rest = slice_make(rest->ptr + len, rest->len - len);
    return true;
}

/* host, host:port, [v6], [v6]:port */
static bool read_authority(struct slice authority, struct slice *host, uint64_t *port)
{
    struct slice rest = authority;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        const ptrdiff_t close = slice_find(authority, ']');
        if (close < 0)
            return false;
        *host = slice_make(authority.ptr + 1, (size_t)close - 1);
        rest = slice_make(authority.ptr + close + 1, authority.len - (size_t)close - 1);
    } else {
        const ptrdiff_t colon = slice_find(authority, ':');
        const size_t len = colon < 0 ? authority.len : (size_t)colon;
        *host = slice_make(authority.ptr, len);
        rest = slice_make(authority.ptr + len, authority.len - len);
    }
    if (host->len == 0 || slice_find(authority, '@') >= 0)
        return false;
    if (rest.len == 0)
        return true;
    return rest.ptr[0] == ':' && slice_to_u64(slice_make(rest.ptr + 1, rest.len - 1), port) &&
           *port >= 1 && *port <= UINT16_MAX;
}

static bool resolve(struct target *target, uint64_t port, struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    char service[8];
    if (address_parse_ip(slice_of(target->host), &target->addresses[0])) {
        address_set_port(&target->addresses[0], (uint16_t)port);
        target->address_count = 1;
        return true;
    }
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    const int failure = getaddrinfo(target->host, service, &hints, &found);
    if (failure != 0)
        return error_set(error, "%s: cannot resolve %s: %s", target->url.ptr, target->host,
                         gai_strerror(failure));
    for (const struct addrinfo *one = found;
         one != NULL && target->address_count < TARGET_ADDRESSES_MOST; one = one->ai_next) {
        struct address *address = &target->addresses[target->address_count++];
        memcpy(&address->storage, one->ai_addr, one->ai_addrlen);
        address->len = one->ai_addrlen;
    }
    freeaddrinfo(found);
    return true;
}

bool target_read(struct slice url, struct arena *arena, struct target *out, struct error *error)
{
    struct slice host = SLICE_NONE;
    *out = (struct target){.url = arena_copy(arena, url)};
    struct slice rest = out->url;
    if (!read_scheme(&rest, out))
        return error_set(error, "%s: expected http://HOST:PORT or https://HOST:PORT", out->url.ptr);
    const ptrdiff_t slash = slice_find(rest, '/');
    const size_t len = slash < 0 ? rest.len : (size_t)slash;
    uint64_t port = out->secure ? 443 : 80;
    out->authority = slice_make(rest.ptr, len);
    out->prefix = slice_make(rest.ptr + len, rest.len - len);
    while (slice_ends(out->prefix, SLICE("/")))
        out->prefix.len--;
    if (!read_authority(out->authority, &host, &port) || slice_find(out->prefix, '?') >= 0 ||
        slice_find(out->prefix, '#') >= 0)
        return error_set(error,
                         "%s: expected scheme://HOST[:PORT][/PREFIX] without user, query or "
                         "fragment, port 1 to 65535",
                         out->url.ptr);
    out->host = arena_copy(arena, host).ptr;
    return resolve(out, port, error);
}
