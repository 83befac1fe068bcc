#include "ctl/admin_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/codec.h"

enum { PIECE = 16 * 1024 };

struct question {
    int status; /* 0: no head yet */
    bool whole;
    bool closed;
    bool too_long;
    struct buffer *out;
};

/* --- what comes back --- */

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct question *question = stream->user;
    question->status = head->status;
}

static void on_body(struct stream *stream, struct slice data)
{
    struct question *question = stream->user;
    if (buffer_len(question->out) + data.len > ADMIN_ANSWER_MOST)
        question->too_long = true;
    else
        buffer_append_slice(question->out, data);
    stream_consumed(stream, data.len);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    struct question *question = stream->user;
    (void)trailers;
    question->whole = true;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct question *question = stream->user;
    (void)why;
    question->closed = true;
}

static const struct stream_events stream_upcalls = {
    .on_response = on_response,
    .on_body = on_body,
    .on_end = on_end,
    .on_closed = on_closed,
};

static void ignore(void *owner)
{
    (void)owner;
}

static const struct codec_events codec_upcalls = {.on_dirty = ignore, .on_capacity = ignore};

/* --- the socket --- */

static int open_socket(const struct address *address, struct error *error)
{
    const struct timeval patience = {.tv_sec = ADMIN_PATIENCE_S};
    const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set(error, "no socket: %s", strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0)
        return fd;
    error_set(error, "%s", strerror(errno));
    close(fd);
    return -1;
}

static bool send_all(int fd, const char *bytes, size_t len, struct error *error)
{
    while (len > 0) {
        const ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(error, "it did not take the question: %s", strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_question(int fd, struct codec *codec, struct error *error)
{
    char piece[PIECE];
    for (size_t n = sizeof piece; n == sizeof piece;) {
        n = codec_produce(codec, piece, sizeof piece);
        if (!send_all(fd, piece, n, error))
            return false;
    }
    return true;
}

static bool read_answer(int fd, struct codec *codec, struct question *question, struct error *error)
{
    char piece[PIECE];
    while (!question->whole && !question->closed) {
        const ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return error_set(error, "it did not answer within %d s", ADMIN_PATIENCE_S);
        if (n < 0)
            return error_set(error, "its answer broke off: %s", strerror(errno));
        if (n == 0)
            codec_end_of_input(codec, true);
        else if (!codec_feed(codec, slice_make(piece, (size_t)n), clock_monotonic_ns()))
            return error_set(error, "what answers there does not speak HTTP/1.1 as it should: %s",
                             codec_failure(codec) ? codec_failure(codec) : "unknown");
        if (question->too_long)
            return error_set(error, "its answer is longer than %d MiB", ADMIN_ANSWER_MOST >> 20);
    }
    return question->whole ||
           error_set(error, "it closed the connection before its answer was whole");
}

/* --- the question --- */

static bool converse(int fd, const struct request_head *head, struct slice body,
                     struct question *question, struct error *error)
{
    struct codec *codec = h1_client_create(&codec_default_limits, &codec_upcalls, NULL);
    codec_open(codec, head, &body, body.len > 0, &stream_upcalls, question);
    const bool fine = send_question(fd, codec, error) && read_answer(fd, codec, question, error);
    codec_destroy(&codec);
    return fine;
}

bool admin_client_ask(const struct address *address, const char *method, struct slice path,
                      struct slice body, int *status, struct buffer *out, struct error *error)
{
    const int fd = open_socket(address, error);
    if (fd < 0)
        return false;
    struct arena arena;
    arena_init(&arena);
    char text[ADDRESS_TEXT_BYTES];
    const bool is_unix = address->storage.ss_family == AF_UNIX;
    struct request_head head = {
        .method = method_of(slice_of(method)),
        .version = HTTP_1_1,
        .method_text = slice_of(method),
        .scheme = SLICE("http"),
        .authority = slice_of(is_unix ? "localhost" : address_write(address, text)),
        .path = path,
        .content_length = body.len > 0 ? (int64_t)body.len : -1,
        .body = body.len > 0,
    };
    fields_add(&head.fields, &arena, SLICE("accept"), SLICE("application/json"));
    if (body.len > 0)
        fields_add(&head.fields, &arena, SLICE("content-type"), SLICE("application/json"));
    struct question question = {.out = out};
    const bool fine = converse(fd, &head, body, &question, error);
    *status = question.status;
    arena_finish(&arena);
    close(fd);
    return fine;
}
