#include "config/yaml_net.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/buffer.h"

#define ADDRESS_WHAT "an address (IP:port, [IPv6]:port or unix:/path)"

static const struct {
    const char *name;
    uint16_t port;
} known_schemes[] = {{"http", 80}, {"https", 443}};

bool yaml_as_address(const struct yaml_node *node, struct yaml_address *out)
{
    struct error error;
    *out = (struct yaml_address){0};
    if (node->kind != YAML_SCALAR || node->text_len == 0)
        return yaml_unexpected(node, ADDRESS_WHAT);
    if (!address_parse(slice_make(node->text, node->text_len), &out->address, &error))
        return yaml_problem(node, "expected " ADDRESS_WHAT ", found \"%.60s\": %s", node->text,
                            error.text);
    out->text = node->text;
    return true;
}

bool yaml_get_address(struct yaml_node *map, const char *key, struct yaml_address *out)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = (struct yaml_address){0};
    return node == NULL || yaml_as_address(node, out);
}

bool yaml_need_address(struct yaml_node *map, const char *key, struct yaml_address *out)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = (struct yaml_address){0};
    return node != NULL && yaml_as_address(node, out);
}

bool yaml_get_ip(struct yaml_node *map, const char *key, struct yaml_address *out)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = (struct yaml_address){0};
    if (node == NULL)
        return true;
    if (node->kind != YAML_SCALAR ||
        !address_parse_ip(slice_make(node->text, node->text_len), &out->address))
        return yaml_unexpected(node, "an IP address without a port");
    out->text = node->text;
    return true;
}

bool yaml_as_cidr(const struct yaml_node *node, struct cidr *out)
{
    struct error error;
    *out = (struct cidr){0};
    if (node->kind != YAML_SCALAR || node->text_len == 0)
        return yaml_unexpected(node, "a network (10.0.0.0/8)");
    return cidr_parse(slice_make(node->text, node->text_len), out, &error) ||
           yaml_problem(node, "expected a network (10.0.0.0/8), found \"%.60s\": %s", node->text,
                        error.text);
}

static bool host_valid(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        const char c = host.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_'))
            return false;
    }
    return host.len > 0 && host.len <= 253;
}

/* "host", "host:80", "[::1]", "[::1]:80" */
static const char *parse_host(const struct yaml_node *node, struct slice text, struct yaml_url *out)
{
    struct slice host = text, port = SLICE_NONE;
    const bool literal = text.len > 0 && text.ptr[0] == '[';
    const ptrdiff_t close = literal ? slice_find(text, ']') : 0;
    if (close < 0)
        return "the ] behind the address is missing";
    struct slice rest = slice_make(text.ptr + close, text.len - (size_t)close);
    const ptrdiff_t colon = slice_find(rest, ':');
    if (colon >= 0) {
        port = slice_make(rest.ptr + colon + 1, rest.len - (size_t)colon - 1);
        host.len = (size_t)(close + colon);
    }
    if (literal)
        host = slice_make(host.ptr + 1, (size_t)close - 1);
    if (literal && rest.len > 1 && rest.ptr[1] != ':')
        return "only a port may follow the ]";
    struct in6_addr ignored;
    out->host = yaml_keep(node, host);
    if (literal ? inet_pton(AF_INET6, out->host, &ignored) != 1 : !host_valid(host))
        return "the host is neither a name nor an address";
    uint64_t number = out->port;
    if (port.ptr != NULL && (!slice_to_u64(port, &number) || number < 1 || number > 65535))
        return "the port must be 1 to 65535";
    out->port = (uint16_t)number;
    return NULL;
}

/* NULL, or what is wrong with it. */
static const char *parse_authority(const struct yaml_node *node, struct slice rest,
                                   struct yaml_url *out)
{
    for (size_t i = 0; i < rest.len; i++)
        if ((unsigned char)rest.ptr[i] <= 0x20 || (unsigned char)rest.ptr[i] >= 0x7f)
            return "blanks and bytes beyond ASCII are not allowed";
    if (slice_find(rest, '?') >= 0 || slice_find(rest, '#') >= 0)
        return "? and # are not allowed";
    const ptrdiff_t slash = slice_find(rest, '/');
    if (slash >= 0) {
        out->path = yaml_keep(node, slice_make(rest.ptr + slash, rest.len - (size_t)slash));
        rest.len = (size_t)slash;
    }
    if (slice_find(rest, '@') >= 0)
        return "a user or password does not belong into it";
    return parse_host(node, rest, out);
}

static const char *parse_url(const struct yaml_node *node, struct yaml_url *out,
                             const char *const *schemes)
{
    const struct slice text = slice_make(node->text, node->text_len);
    const ptrdiff_t colon = slice_find(text, ':');
    const struct slice scheme = slice_make(text.ptr, colon < 0 ? 0 : (size_t)colon);
    for (size_t i = 0; i < COUNT_OF(known_schemes); i++)
        for (const char *const *allowed = schemes; *allowed != NULL; allowed++)
            if (strcmp(*allowed, known_schemes[i].name) == 0 &&
                slice_eq_nocase(scheme, slice_of(*allowed))) {
                out->scheme = *allowed;
                out->port = known_schemes[i].port;
            }
    if (*out->scheme == '\0')
        return "the scheme is another";
    struct slice rest = slice_make(text.ptr + colon + 1, text.len - (size_t)colon - 1);
    if (!slice_starts(rest, SLICE("//")))
        return "// must follow the scheme";
    return parse_authority(node, slice_make(rest.ptr + 2, rest.len - 2), out);
}

static void write_schemes(struct buffer *what, const char *const *schemes)
{
    buffer_printf(what, "a URL of");
    for (const char *const *scheme = schemes; *scheme != NULL; scheme++)
        buffer_printf(what, "%s %s://", scheme == schemes ? "" : " or", *scheme);
    buffer_append_byte(what, '\0');
}

bool yaml_as_url(const struct yaml_node *node, struct yaml_url *out, const char *const *schemes)
{
    struct yaml_url url = {.text = node->text, .scheme = "", .host = "", .path = ""};
    struct buffer what = {0};
    const char *wrong = "";
    *out = (struct yaml_url){0};
    write_schemes(&what, schemes);
    if (node->kind != YAML_SCALAR || node->text_len == 0)
        yaml_unexpected(node, buffer_slice(&what).ptr);
    else if (strlen(node->text) != node->text_len || node->text_len > 1024)
        yaml_problem(node, "expected %s, found too long a text or a control byte",
                     buffer_slice(&what).ptr);
    else if ((wrong = parse_url(node, &url, schemes)) != NULL)
        yaml_problem(node, "expected %s, found \"%.60s\": %s", buffer_slice(&what).ptr,
                     strchr(node->text, '@') ? "(hidden)" : node->text, wrong);
    else
        *out = url;
    buffer_release(&what);
    return out->text != NULL;
}

bool yaml_get_url(struct yaml_node *map, const char *key, struct yaml_url *out,
                  const char *const *schemes)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = (struct yaml_url){0};
    return node == NULL || yaml_as_url(node, out, schemes);
}

bool yaml_need_url(struct yaml_node *map, const char *key, struct yaml_url *out,
                   const char *const *schemes)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = (struct yaml_url){0};
    return node != NULL && yaml_as_url(node, out, schemes);
}
