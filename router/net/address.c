#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/check.h"

enum { IP_TEXT_BYTES = INET6_ADDRSTRLEN, MAPPED_BITS = 96, SHOWN_BYTES = 100 };

static struct sockaddr_in *as_v4(struct address *address)
{
    return (struct sockaddr_in *)(void *)&address->storage;
}

static struct sockaddr_in6 *as_v6(struct address *address)
{
    return (struct sockaddr_in6 *)(void *)&address->storage;
}

static const struct sockaddr_in *v4_of(const struct address *address)
{
    return (const struct sockaddr_in *)(const void *)&address->storage;
}

static const struct sockaddr_in6 *v6_of(const struct address *address)
{
    return (const struct sockaddr_in6 *)(const void *)&address->storage;
}

static const struct sockaddr_un *un_of(const struct address *address)
{
    return (const struct sockaddr_un *)(const void *)&address->storage;
}

static bool is_ip(const struct address *address)
{
    return address->len > 0 &&
           (address->storage.ss_family == AF_INET || address->storage.ss_family == AF_INET6);
}

static bool is_unix(const struct address *address)
{
    return address->len > 0 && address->storage.ss_family == AF_UNIX;
}

/* The 16 bytes under which addresses are compared: IPv4 as ::ffff:a.b.c.d. */
static void canonical(const struct address *address, uint8_t out[16])
{
    if (address->storage.ss_family == AF_INET6) {
        memcpy(out, &v6_of(address)->sin6_addr, 16);
        return;
    }
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, &v4_of(address)->sin_addr, 4);
}

static bool is_mapped(const uint8_t bytes[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(bytes, prefix, sizeof prefix) == 0;
}

static bool parse_v4(struct slice text, struct address *out)
{
    char copy[IP_TEXT_BYTES];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = (struct address){.len = sizeof(struct sockaddr_in)};
    out->storage.ss_family = AF_INET;
    return strlen(copy) == text.len && inet_pton(AF_INET, copy, &as_v4(out)->sin_addr) == 1;
}

static bool parse_v6(struct slice text, struct address *out)
{
    char copy[IP_TEXT_BYTES];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = (struct address){.len = sizeof(struct sockaddr_in6)};
    out->storage.ss_family = AF_INET6;
    return strlen(copy) == text.len && inet_pton(AF_INET6, copy, &as_v6(out)->sin6_addr) == 1;
}

bool address_parse_ip(struct slice text, struct address *out)
{
    if (parse_v4(text, out) || parse_v6(text, out))
        return true;
    *out = (struct address){0};
    return false;
}

static bool parse_unix(struct slice path, struct address *out, struct error *error)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->storage;
    if (path.len == 0)
        return error_set(error, "\"unix:\" names no path; write unix:/run/name.sock");
    if (path.len >= sizeof un->sun_path)
        return error_set(error, "a unix socket's path of %zu bytes is too long; it may have %zu",
                         path.len, sizeof un->sun_path - 1);
    if (memchr(path.ptr, '\0', path.len))
        return error_set(error, "a unix socket's path may not hold a NUL");
    *out =
        (struct address){.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1)};
    out->storage.ss_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    return true;
}

static bool parse_port(struct slice text, uint16_t *out)
{
    uint64_t port;
    if (text.len > 5 || !slice_to_u64(text, &port) || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* Splits at the last colon; an IPv6 host must stand in brackets, which are taken off. */
static bool parse_host_port(struct slice text, struct address *out)
{
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon)
        return false;
    const size_t host_len = (size_t)(colon - text.ptr);
    struct slice host = slice_make(text.ptr, host_len);
    uint16_t port;
    if (!parse_port(slice_make(colon + 1, text.len - host_len - 1), &port))
        return false;
    const bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed ? !parse_v6(slice_make(host.ptr + 1, host.len - 2), out) : !parse_v4(host, out))
        return false;
    address_set_port(out, port);
    return true;
}

/* How much of a wrong text an error repeats. */
static int shown_len(struct slice text)
{
    return text.len < SHOWN_BYTES ? (int)text.len : SHOWN_BYTES;
}

bool address_parse(struct slice text, struct address *out, struct error *error)
{
    *out = (struct address){0};
    if (slice_starts(text, SLICE("unix:")))
        return parse_unix(slice_make(text.ptr + 5, text.len - 5), out, error);
    if (parse_host_port(text, out))
        return true;
    *out = (struct address){0};
    return error_set(error,
                     "\"%.*s\" is not an address; write 127.0.0.1:8080, [::1]:8080 or "
                     "unix:/run/name.sock",
                     shown_len(text), text.len ? text.ptr : "");
}

static void write_ip_text(const struct address *address, char out[IP_TEXT_BYTES], bool *v6)
{
    uint8_t bytes[16];
    canonical(address, bytes);
    *v6 = !is_mapped(bytes);
    const void *from = *v6 ? bytes : bytes + 12;
    CHECK(inet_ntop(*v6 ? AF_INET6 : AF_INET, from, out, IP_TEXT_BYTES) != NULL);
}

const char *address_write(const struct address *address, char out[ADDRESS_TEXT_BYTES])
{
    char ip[IP_TEXT_BYTES];
    bool v6;
    if (is_ip(address)) {
        write_ip_text(address, ip, &v6);
        snprintf(out, ADDRESS_TEXT_BYTES, v6 ? "[%s]:%u" : "%s:%u", ip, address_port(address));
    } else if (is_unix(address)) {
        const bool named = address->len > offsetof(struct sockaddr_un, sun_path);
        snprintf(out, ADDRESS_TEXT_BYTES, "unix:%.*s", (int)sizeof un_of(address)->sun_path,
                 named ? un_of(address)->sun_path : "");
    } else {
        snprintf(out, ADDRESS_TEXT_BYTES, "none");
    }
    return out;
}

const char *address_write_ip(const struct address *address, char out[ADDRESS_TEXT_BYTES])
{
    bool v6;
    if (is_ip(address))
        write_ip_text(address, out, &v6);
    else
        snprintf(out, ADDRESS_TEXT_BYTES, is_unix(address) ? "unix" : "none");
    return out;
}

uint16_t address_port(const struct address *address)
{
    if (!is_ip(address))
        return 0;
    return ntohs(address->storage.ss_family == AF_INET ? v4_of(address)->sin_port
                                                       : v6_of(address)->sin6_port);
}

void address_set_port(struct address *address, uint16_t port)
{
    if (!is_ip(address))
        return;
    if (address->storage.ss_family == AF_INET)
        as_v4(address)->sin_port = htons(port);
    else
        as_v6(address)->sin6_port = htons(port);
}

bool address_is_loopback(const struct address *address)
{
    if (!is_ip(address))
        return is_unix(address);
    uint8_t bytes[16];
    canonical(address, bytes);
    return is_mapped(bytes) ? bytes[12] == 127
                            : memcmp(bytes, &in6addr_loopback, sizeof bytes) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
    if (is_ip(a) && is_ip(b)) {
        uint8_t one[16], two[16];
        canonical(a, one);
        canonical(b, two);
        return memcmp(one, two, sizeof one) == 0 && address_port(a) == address_port(b);
    }
    return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

/* True when every bit behind the first `prefix` is 0. */
static bool tail_is_zero(const uint8_t bytes[16], unsigned prefix)
{
    for (unsigned bit = prefix; bit < 128; bit++)
        if (bytes[bit / 8] & (0x80u >> (bit % 8)))
            return false;
    return true;
}

static bool parse_prefix(struct slice text, unsigned most, unsigned *out)
{
    uint64_t bits;
    if (text.len > 3 || !slice_to_u64(text, &bits) || bits > most)
        return false;
    *out = (unsigned)bits;
    return true;
}

bool cidr_parse(struct slice text, struct cidr *out, struct error *error)
{
    char shown[SHOWN_BYTES + 1];
    snprintf(shown, sizeof shown, "%.*s", shown_len(text), text.len ? text.ptr : "");
    const ptrdiff_t slash = slice_find(text, '/');
    const size_t host_len = slash < 0 ? text.len : (size_t)slash;
    struct address address;
    *out = (struct cidr){0};
    if (!address_parse_ip(slice_make(text.ptr, host_len), &address))
        return error_set(error, "\"%s\" is not a network; write 10.0.0.0/8, ::1/128 or an address",
                         shown);
    const bool v4 = address.storage.ss_family == AF_INET;
    const unsigned most = v4 ? 32 : 128;
    unsigned prefix = most;
    if (slash >= 0 &&
        !parse_prefix(slice_make(text.ptr + host_len + 1, text.len - host_len - 1), most, &prefix))
        return error_set(error, "\"%s\" has no good prefix length; it may be 0 to %u", shown, most);
    canonical(&address, out->bytes);
    out->prefix = (uint8_t)(v4 ? MAPPED_BITS + prefix : prefix);
    if (!tail_is_zero(out->bytes, out->prefix))
        return error_set(error, "\"%s\" has bits behind its prefix of %u; they must be 0", shown,
                         prefix);
    return true;
}

bool cidr_contains(const struct cidr *cidr, const struct address *address)
{
    if (!is_ip(address))
        return false;
    uint8_t bytes[16];
    canonical(address, bytes);
    const unsigned whole = cidr->prefix / 8, rest = cidr->prefix % 8;
    if (memcmp(bytes, cidr->bytes, whole) != 0)
        return false;
    const uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || (bytes[whole] & mask) == (cidr->bytes[whole] & mask);
}
