#include "http/head.h"

static const struct {
    struct slice text;
    enum http_method method;
} methods[] = {
    {{"GET", 3}, METHOD_GET},         {{"HEAD", 4}, METHOD_HEAD},   {{"POST", 4}, METHOD_POST},
    {{"PUT", 3}, METHOD_PUT},         {{"PATCH", 5}, METHOD_PATCH}, {{"DELETE", 6}, METHOD_DELETE},
    {{"OPTIONS", 7}, METHOD_OPTIONS},
};

enum http_method method_of(struct slice text)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (slice_eq(methods[i].text, text))
            return methods[i].method;
    }
    return METHOD_OTHER;
}

static const struct {
    int status;
    const char *text;
} status_texts[] = {
    {100, "Continue"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *status_text(int status)
{
    for (size_t i = 0; i < COUNT_OF(status_texts); i++) {
        if (status_texts[i].status == status)
            return status_texts[i].text;
    }
    return "Unknown";
}

bool response_is_bodiless(enum http_method method, int status)
{
    return method == METHOD_HEAD || status == 204 || status == 304 ||
           (status >= 100 && status < 200);
}

bool field_is_trailer(struct slice name)
{
    if (slice_starts(name, SLICE("x-isochrone-")))
        return false;
    return slice_starts(name, SLICE("x-")) || slice_starts(name, SLICE("grpc-")) ||
           slice_eq(name, SLICE("server-timing"));
}
