#include "net/redis_url.h"

#include <stdio.h>

enum { DATABASE_MOST = 1023 };

#define FORMS "redis://[user:password@]host[:port][/db] or unix:/path[?db=n]"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Takes %xx apart.  False when it does not fit, is malformed or holds a NUL. */
static bool decode(struct slice in, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            const int high = i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : -1;
            const int low = i + 2 < in.len ? hex_digit(in.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static bool parse_database(struct slice text, struct redis_url *out, struct error *error)
{
    uint64_t database = 0;
    if (text.len > 0 && (!slice_to_u64(text, &database) || database > DATABASE_MOST))
        return error_set(error, "redis database '%.*s' is not a number from 0 to %d",
                         SLICE_ARG(text), DATABASE_MOST);
    out->database = (uint16_t)database;
    return true;
}

static bool parse_unix(struct slice rest, struct redis_url *out, struct error *error)
{
    const struct slice db_key = SLICE("?db=");
    const ptrdiff_t mark = slice_find(rest, '?');
    struct slice path = rest;
    struct slice database = SLICE_NONE;
    if (mark >= 0) {
        path.len = (size_t)mark;
        const struct slice query = slice_make(rest.ptr + mark, rest.len - (size_t)mark);
        if (!slice_starts(query, db_key))
            return error_set(error, "redis url: only ?db=n may follow the path of a unix socket");
        database = slice_make(query.ptr + db_key.len, query.len - db_key.len);
    }
    if (slice_starts(path, SLICE("//"))) { /* unix:///run/x is the same as unix:/run/x */
        path.ptr += 2;
        path.len -= 2;
    }
    if (path.len == 0 || path.ptr[0] != '/' || path.len >= sizeof out->path)
        return error_set(error,
                         "redis url: a unix socket needs an absolute path of at most %zu bytes",
                         sizeof out->path - 1);
    memcpy(out->path, path.ptr, path.len);
    snprintf(out->shown, sizeof out->shown, "unix:%s", out->path);
    return parse_database(database, out, error);
}

static bool parse_credentials(struct slice text, struct redis_url *out, struct error *error)
{
    const ptrdiff_t colon = slice_find(text, ':');
    const struct slice user = slice_make(text.ptr, colon < 0 ? text.len : (size_t)colon);
    struct slice password = SLICE_NONE;
    if (colon >= 0)
        password = slice_make(text.ptr + colon + 1, text.len - (size_t)colon - 1);
    if (!decode(user, out->user, sizeof out->user) ||
        !decode(password, out->password, sizeof out->password))
        return error_set(error, "redis url: user or password is too long or badly %%-encoded");
    if (out->user[0] && !out->password[0])
        return error_set(error, "redis url: a user without a password");
    return true;
}

static bool parse_port(struct slice text, struct redis_url *out, struct error *error)
{
    uint64_t port = 0;
    if (!slice_to_u64(text, &port) || port < 1 || port > 65535)
        return error_set(error, "redis port '%.*s' is not a number from 1 to 65535",
                         SLICE_ARG(text));
    out->port = (uint16_t)port;
    return true;
}

static bool parse_host(struct slice text, struct redis_url *out, struct error *error)
{
    struct slice host = text;
    struct slice port = SLICE_NONE;
    const bool bracketed = text.len > 0 && text.ptr[0] == '[';
    if (bracketed) {
        const ptrdiff_t end = slice_find(text, ']');
        if (end < 0)
            return error_set(error, "redis url: '[' without ']'");
        host = slice_make(text.ptr + 1, (size_t)end - 1);
        port = slice_make(text.ptr + end + 1, text.len - (size_t)end - 1);
        if (port.len > 0 && port.ptr[0] != ':')
            return error_set(error, "redis url: only :port may follow ']'");
    } else {
        const ptrdiff_t colon = slice_find(text, ':');
        if (colon >= 0) {
            host.len = (size_t)colon;
            port = slice_make(text.ptr + colon, text.len - (size_t)colon);
        }
    }
    if (host.len == 0 || host.len >= sizeof out->host)
        return error_set(error, "redis url: no host; expected " FORMS);
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] == 0x7f)
            return error_set(error, "redis url: a blank or control byte in the host");
    memcpy(out->host, host.ptr, host.len);
    out->port = 6379;
    if (port.len > 0 && !parse_port(slice_make(port.ptr + 1, port.len - 1), out, error))
        return false;
    snprintf(out->shown, sizeof out->shown, bracketed ? "redis://[%s]:%u" : "redis://%s:%u",
             out->host, out->port);
    return true;
}

bool redis_url_parse(struct slice text, struct redis_url *out, struct error *error)
{
    *out = (struct redis_url){0};
    const struct slice tcp = SLICE("redis://");
    const struct slice local = SLICE("unix:");
    if (slice_starts(text, local))
        return parse_unix(slice_make(text.ptr + local.len, text.len - local.len), out, error);
    if (slice_starts(text, SLICE("rediss:")))
        return error_set(error, "redis url: TLS (rediss:) is not supported; expected " FORMS);
    if (!slice_starts(text, tcp))
        return error_set(error, "redis url: expected " FORMS);

    struct slice rest = slice_make(text.ptr + tcp.len, text.len - tcp.len);
    for (size_t i = rest.len; i > 0; i--) { /* the last '@': a password may hold others */
        if (rest.ptr[i - 1] != '@')
            continue;
        if (!parse_credentials(slice_make(rest.ptr, i - 1), out, error))
            return false;
        rest = slice_make(rest.ptr + i, rest.len - i);
        break;
    }
    const ptrdiff_t slash = slice_find(rest, '/');
    struct slice database = SLICE_NONE;
    if (slash >= 0) {
        database = slice_make(rest.ptr + slash + 1, rest.len - (size_t)slash - 1);
        rest.len = (size_t)slash;
    }
    return parse_host(rest, out, error) && parse_database(database, out, error);
}
