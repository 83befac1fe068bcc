#include "net/redis_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/redis_reader.h"
#include "net/redis_url.h"

enum {
    OUTSTANDING_MOST = 1024,
    UNSENT_BYTES_MOST = 16 * 1024 * 1024,
    TICK_MS = 250,
    CONNECT_MS = 1000,
    QUIET_MS = 1000, /* then a PING, so that a dead server is noticed */
    REPLY_MS = 1000,
    RETRY_LOW_MS = 100,
    RETRY_HIGH_MS = 10000,
    DNS_LINGER_S = 10,
};

/* A call whose answer is awaited; answers come in order. */
struct call {
    struct list link;
    redis_done *done;
    void *user;
    int64_t sent_ns;
};

struct redis_client {
    struct event_base *base;
    struct evdns_base *dns; /* made when a server has a name */
    const struct redis_events *events;
    void *owner;
    struct redis_url urls[REDIS_URLS_MOST];
    size_t url_count;
    size_t url_at;
    char *name;
    char *channel;
    int64_t connect_ns;
    int64_t reply_ns;
    unsigned retry_low_ms, retry_high_ms;

    enum redis_state state;
    int64_t state_since_ns;
    int64_t last_sent_ns;
    struct bufferevent *transport; /* NULL while WAITING */
    struct redis_reader reader;    /* lives as long as the transport */
    struct list calls;
    unsigned outstanding;
    unsigned rounds;       /* through all servers without staying ready */
    unsigned overdue_tick; /* ticks in a row at which the oldest answer was late */
    bool dispatching;
    bool doomed; /* the connection ends when the dispatch returns; status error says why */
    struct event *tick;
    struct event *retry;
    struct random random;
    char error[256];
    struct redis_status counts; /* the counters only */
};

static void connect_now(struct redis_client *client);
static void drop(struct redis_client *client);

/* ---- state ---------------------------------------------------------- */

static void state_set(struct redis_client *client, enum redis_state state)
{
    static const bool legal[4][4] = {
        [REDIS_WAITING] = {[REDIS_CONNECTING] = true},
        [REDIS_CONNECTING] = {[REDIS_GREETING] = true, [REDIS_WAITING] = true},
        [REDIS_GREETING] = {[REDIS_READY] = true, [REDIS_WAITING] = true},
        [REDIS_READY] = {[REDIS_WAITING] = true},
    };
    CHECK(legal[client->state][state]);
    client->state = state;
    client->state_since_ns = clock_monotonic_ns();
}

static const struct redis_url *url_now(const struct redis_client *client)
{
    return &client->urls[client->url_at];
}

static void say_error(struct redis_client *client, const char *what, struct slice detail)
{
    if (detail.len > 160)
        detail.len = 160;
    snprintf(client->error, sizeof client->error, "%.60s: %s%.*s", url_now(client)->shown, what,
             SLICE_ARG(detail));
    for (char *c = client->error; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

/* Now, or as soon as the callback that is running has returned. */
static void fail(struct redis_client *client, const char *what, struct slice detail)
{
    if (client->doomed)
        return;
    say_error(client, what, detail);
    client->doomed = true;
    if (!client->dispatching)
        drop(client);
}

static unsigned retry_delay_ms(struct redis_client *client)
{
    unsigned most = client->retry_low_ms;
    for (unsigned i = 0; i < client->rounds && most < client->retry_high_ms; i++)
        most *= 2;
    if (most > client->retry_high_ms)
        most = client->retry_high_ms;
    return (unsigned)(random_unit(&client->random) * most);
}

static void timer_arm(struct event *timer, unsigned delay_ms)
{
    const struct timeval delay = {.tv_sec = delay_ms / 1000,
                                  .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000};
    evtimer_add(timer, &delay);
}

static void calls_fail(struct redis_client *client, bool tell)
{
    struct list old;
    list_init(&old);
    list_move_all(&old, &client->calls);
    client->outstanding = 0;
    for (struct list *node = list_pop(&old); node; node = list_pop(&old)) {
        struct call *call = LIST_ENTRY(node, struct call, link);
        if (tell)
            call->done(call->user, NULL);
        free(call);
    }
}

static void transport_close(struct redis_client *client)
{
    if (!client->transport)
        return;
    bufferevent_free(client->transport);
    client->transport = NULL;
    redis_reader_finish(&client->reader);
}

static void drop(struct redis_client *client)
{
    const bool was_ready = client->state == REDIS_READY;
    if (was_ready && clock_monotonic_ns() - client->state_since_ns > NS_PER_S)
        client->rounds = 0;
    transport_close(client);
    state_set(client, REDIS_WAITING);
    client->doomed = false;
    client->overdue_tick = 0;
    client->counts.failures++;
    client->url_at = (client->url_at + 1) % client->url_count;
    timer_arm(client->retry, retry_delay_ms(client));
    if (client->url_at == 0)
        client->rounds++;
    client->dispatching = true;
    calls_fail(client, true);
    if (was_ready && client->events->on_lost)
        client->events->on_lost(client->owner);
    client->dispatching = false;
}

/* ---- sending -------------------------------------------------------- */

static void send_call(struct redis_client *client, const struct slice *arguments, size_t count,
                      redis_done *done, void *user)
{
    const char **texts = memory_alloc(count * sizeof *texts);
    size_t *lengths = memory_alloc(count * sizeof *lengths);
    for (size_t i = 0; i < count; i++) {
        texts[i] = arguments[i].ptr ? arguments[i].ptr : "";
        lengths[i] = arguments[i].len;
    }
    char *bytes = NULL;
    const long long len = redisFormatCommandArgv(&bytes, (int)count, texts, lengths);
    CHECK(len > 0);
    bufferevent_write(client->transport, bytes, (size_t)len);
    redisFreeCommand(bytes);
    free(texts);
    free(lengths);

    struct call *call = memory_zalloc(sizeof *call);
    call->done = done;
    call->user = user;
    call->sent_ns = client->last_sent_ns = clock_monotonic_ns();
    list_append(&client->calls, &call->link);
    client->outstanding++;
}

bool redis_client_call(struct redis_client *client, const struct slice *arguments, size_t count,
                       redis_done *done, void *user)
{
    if (client->state != REDIS_READY || client->doomed || client->channel ||
        client->outstanding >= OUTSTANDING_MOST ||
        evbuffer_get_length(bufferevent_get_output(client->transport)) > UNSENT_BYTES_MOST) {
        client->counts.refused++;
        return false;
    }
    send_call(client, arguments, count, done, user);
    return true;
}

static void on_pong(void *user, const struct redisReply *reply)
{
    (void)user;
    (void)reply; /* that it came is all we wanted to know */
}

static void ping(struct redis_client *client)
{
    const struct slice words[] = {SLICE("PING")};
    send_call(client, words, COUNT_OF(words), on_pong, client);
}

/* ---- greeting ------------------------------------------------------- */

static void become_ready(struct redis_client *client)
{
    state_set(client, REDIS_READY);
    client->counts.connects++;
    if (client->events->on_ready)
        client->events->on_ready(client->owner);
}

static void on_greeted(void *user, const struct redisReply *reply)
{
    struct redis_client *client = user;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        fail(client, "refused us: ", slice_make(reply->str, (size_t)reply->len));
}

static void on_named(void *user, const struct redisReply *reply)
{
    (void)user;
    (void)reply; /* a name is a courtesy */
}

/* An ACL may forbid ROLE, a managed server may not know it: then it counts as a master. */
static void on_role(void *user, const struct redisReply *reply)
{
    struct redis_client *client = user;
    if (!reply)
        return;
    if (redis_reply_count(reply) > 0) {
        const struct slice role = redis_reply_text(reply->element[0]);
        if (!slice_eq(role, SLICE("master"))) {
            fail(client, "is not a master but a ", role);
            return;
        }
    } else if (reply->type == REDIS_REPLY_ERROR) {
        const struct slice text = slice_make(reply->str, (size_t)reply->len);
        if (!slice_starts(text, SLICE("NOPERM")) &&
            !slice_starts(text, SLICE("ERR unknown command"))) {
            fail(client, "refused us: ", text);
            return;
        }
    }
    if (!client->channel && !client->doomed)
        become_ready(client);
}

static void on_subscribed(void *user, const struct redisReply *reply)
{
    struct redis_client *client = user;
    if (!reply || client->doomed)
        return;
    if (redis_reply_count(reply) == 3 &&
        slice_eq(redis_reply_text(reply->element[0]), SLICE("subscribe")))
        become_ready(client);
    else
        fail(client, "did not subscribe us: ",
             reply->type == REDIS_REPLY_ERROR ? slice_make(reply->str, (size_t)reply->len)
                                              : SLICE("unexpected reply"));
}

static void greet(struct redis_client *client)
{
    const struct redis_url *url = url_now(client);
    state_set(client, REDIS_GREETING);
    if (url->password[0]) {
        struct slice words[3] = {SLICE("AUTH")};
        size_t count = 1;
        if (url->user[0])
            words[count++] = slice_of(url->user);
        words[count++] = slice_of(url->password);
        send_call(client, words, count, on_greeted, client);
    }
    if (url->database > 0) {
        char number[8];
        snprintf(number, sizeof number, "%u", url->database);
        const struct slice words[] = {SLICE("SELECT"), slice_of(number)};
        send_call(client, words, COUNT_OF(words), on_greeted, client);
    }
    if (client->name) {
        const struct slice words[] = {SLICE("CLIENT"), SLICE("SETNAME"), slice_of(client->name)};
        send_call(client, words, COUNT_OF(words), on_named, client);
    }
    const struct slice role[] = {SLICE("ROLE")};
    send_call(client, role, COUNT_OF(role), on_role, client);
    if (client->channel) {
        const struct slice words[] = {SLICE("SUBSCRIBE"), slice_of(client->channel)};
        send_call(client, words, COUNT_OF(words), on_subscribed, client);
    }
}

/* ---- receiving ------------------------------------------------------ */

/* Errors that mean: this server cannot serve us now, another one perhaps can. */
static bool unusable(struct slice text)
{
    return slice_starts(text, SLICE("READONLY")) || slice_starts(text, SLICE("LOADING")) ||
           slice_starts(text, SLICE("MASTERDOWN")) || slice_starts(text, SLICE("NOAUTH"));
}

static bool take_message(struct redis_client *client, const struct redisReply *reply)
{
    if (!client->channel || redis_reply_count(reply) != 3 ||
        !slice_eq(redis_reply_text(reply->element[0]), SLICE("message")))
        return false;
    const struct slice payload = redis_reply_text(reply->element[2]);
    if (payload.ptr == NULL) {
        client->counts.unexpected++;
        return true;
    }
    client->counts.messages++;
    if (client->state == REDIS_READY && client->events->on_message)
        client->events->on_message(client->owner, payload);
    return true;
}

static void take_reply(struct redis_client *client, const struct redisReply *reply)
{
    if (take_message(client, reply))
        return;
    struct list *node = list_pop(&client->calls);
    if (!node) {
        client->counts.unexpected++;
        return;
    }
    struct call *call = LIST_ENTRY(node, struct call, link);
    client->outstanding--;
    client->overdue_tick = 0;
    client->counts.replies++;
    if (reply->type == REDIS_REPLY_ERROR) {
        const struct slice text = slice_make(reply->str, (size_t)reply->len);
        client->counts.errors++;
        if (unusable(text))
            fail(client, "answered: ", text);
        else
            say_error(client, "answered: ", text);
    }
    call->done(call->user, reply);
    free(call);
}

static void on_read(struct bufferevent *transport, void *arg)
{
    struct redis_client *client = arg;
    struct evbuffer *input = bufferevent_get_input(transport);
    client->dispatching = true;
    while (!client->doomed) {
        struct redisReply *reply;
        const enum redis_read read = redis_reader_next(&client->reader, &reply);
        if (read == REDIS_READ_REPLY) {
            take_reply(client, reply);
            freeReplyObject(reply);
            continue;
        }
        if (read == REDIS_READ_BROKEN) {
            fail(client, "sent ", slice_of(client->reader.failure));
            break;
        }
        const size_t contiguous = evbuffer_get_contiguous_space(input);
        if (contiguous == 0)
            break;
        redis_reader_feed(&client->reader,
                          slice_make(evbuffer_pullup(input, (ev_ssize_t)contiguous), contiguous));
        evbuffer_drain(input, contiguous);
    }
    client->dispatching = false;
    if (client->doomed)
        drop(client);
}

static void on_event(struct bufferevent *transport, short what, void *arg)
{
    struct redis_client *client = arg;
    if (what & BEV_EVENT_CONNECTED) {
        greet(client);
        return;
    }
    const int resolve_error = bufferevent_socket_get_dns_error(transport);
    if (resolve_error)
        fail(client, "cannot resolve the name: ", slice_of(evutil_gai_strerror(resolve_error)));
    else if (what & BEV_EVENT_EOF)
        fail(client, "closed the connection", SLICE_NONE);
    else
        fail(client, client->state == REDIS_CONNECTING ? "cannot connect: " : "",
             slice_of(evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR())));
}

/* ---- connecting ----------------------------------------------------- */

static struct evdns_base *dns_base(struct redis_client *client)
{
    if (client->dns)
        return client->dns;
    client->dns = evdns_base_new(client->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                   EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!client->dns) { /* no resolv.conf: /etc/hosts alone may be enough */
        client->dns = evdns_base_new(client->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        evdns_base_load_hosts(client->dns, "/etc/hosts");
    }
    CHECK(client->dns != NULL);
    return client->dns;
}

static int connect_transport(struct redis_client *client, const struct redis_url *url)
{
    if (url->path[0]) {
        struct sockaddr_un local = {.sun_family = AF_UNIX};
        snprintf(local.sun_path, sizeof local.sun_path, "%s", url->path);
        return bufferevent_socket_connect(client->transport, (struct sockaddr *)&local,
                                          sizeof local);
    }
    struct sockaddr_storage numeric;
    int len = sizeof numeric;
    char text[300];
    snprintf(text, sizeof text, strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
    if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&numeric, &len) == 0)
        return bufferevent_socket_connect(client->transport, (struct sockaddr *)&numeric, len);
    return bufferevent_socket_connect_hostname(client->transport, dns_base(client), AF_UNSPEC,
                                               url->host, url->port);
}

static void connect_now(struct redis_client *client)
{
    state_set(client, REDIS_CONNECTING);
    client->transport = bufferevent_socket_new(client->base, -1, BEV_OPT_CLOSE_ON_FREE);
    CHECK(client->transport != NULL);
    redis_reader_init(&client->reader);
    bufferevent_setcb(client->transport, on_read, NULL, on_event, client);
    bufferevent_enable(client->transport, EV_READ | EV_WRITE);
    /* libevent may report a failure from inside the call: dispatching defers our answer to it. */
    client->dispatching = true;
    const int refused = connect_transport(client, url_now(client));
    client->dispatching = false;
    if (client->doomed)
        drop(client);
    else if (refused && client->state == REDIS_CONNECTING)
        fail(client, "cannot connect: ", slice_of(strerror(errno)));
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    connect_now(arg);
}

/* Late twice in a row, so that a loop that was itself held up reads first and blames later. */
static bool answer_overdue(struct redis_client *client, int64_t now)
{
    if (list_empty(&client->calls)) {
        client->overdue_tick = 0;
        return false;
    }
    const struct call *oldest = LIST_ENTRY(client->calls.next, struct call, link);
    if (now - oldest->sent_ns < client->reply_ns)
        client->overdue_tick = 0;
    else
        client->overdue_tick++;
    return client->overdue_tick >= 2;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis_client *client = arg;
    const int64_t now = clock_monotonic_ns();
    if (client->state == REDIS_CONNECTING) {
        if (now - client->state_since_ns > client->connect_ns)
            fail(client, "connecting took too long", SLICE_NONE);
        return;
    }
    if (client->state == REDIS_WAITING)
        return;
    if (answer_overdue(client, now))
        fail(client, "does not answer", SLICE_NONE);
    else if (client->state == REDIS_READY && list_empty(&client->calls) &&
             now - client->last_sent_ns >= QUIET_MS * NS_PER_MS)
        ping(client);
}

/* ---- life ----------------------------------------------------------- */

struct redis_client *redis_client_create(struct event_base *base,
                                         const struct redis_settings *settings,
                                         const struct redis_events *events, void *owner,
                                         struct error *error)
{
    struct redis_client *client = memory_zalloc(sizeof *client);
    CHECK(settings->url_count >= 1 && settings->url_count <= REDIS_URLS_MOST);
    client->url_count = settings->url_count;
    for (size_t i = 0; i < settings->url_count; i++)
        if (!redis_url_parse(settings->urls[i], &client->urls[i], error)) {
            free(client);
            return NULL;
        }
    client->base = base;
    client->events = events;
    client->owner = owner;
    client->name = settings->name ? memory_strdup(settings->name) : NULL;
    client->channel = settings->channel ? memory_strdup(settings->channel) : NULL;
    client->connect_ns = (settings->connect_ms ? settings->connect_ms : CONNECT_MS) * NS_PER_MS;
    client->reply_ns = (settings->reply_ms ? settings->reply_ms : REPLY_MS) * NS_PER_MS;
    client->retry_low_ms = settings->retry_low_ms ? settings->retry_low_ms : RETRY_LOW_MS;
    client->retry_high_ms = settings->retry_high_ms ? settings->retry_high_ms : RETRY_HIGH_MS;
    list_init(&client->calls);
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(&client->random, seed);
    client->retry = evtimer_new(base, on_retry, client);
    client->tick = event_new(base, -1, EV_PERSIST, on_tick, client);
    CHECK(client->retry && client->tick);
    timer_arm(client->tick, TICK_MS);
    timer_arm(client->retry, 0);
    return client;
}

static void dns_free(evutil_socket_t fd, short what, void *dns)
{
    (void)fd;
    (void)what;
    evdns_base_free(dns, 1);
}

void redis_client_destroy(struct redis_client **handle)
{
    struct redis_client *client = *handle;
    if (!client)
        return;
    *handle = NULL;
    CHECK(!client->dispatching);
    const bool resolving = client->dns && client->state == REDIS_CONNECTING;
    transport_close(client);
    calls_fail(client, false);
    event_free(client->tick);
    event_free(client->retry);
    if (resolving) { /* libevent still has a cancelled lookup to deliver */
        const struct timeval later = {.tv_sec = DNS_LINGER_S};
        event_base_once(client->base, -1, EV_TIMEOUT, dns_free, client->dns, &later);
    } else if (client->dns) {
        evdns_base_free(client->dns, 0);
    }
    free(client->name);
    free(client->channel);
    explicit_bzero(client->urls, sizeof client->urls);
    free(client);
}

bool redis_client_ready(const struct redis_client *client)
{
    return client->state == REDIS_READY && !client->doomed;
}

void redis_client_status(const struct redis_client *client, struct redis_status *out)
{
    *out = client->counts;
    out->state = client->state;
    out->server = url_now(client)->shown;
    out->error = client->error;
    out->outstanding = client->outstanding;
}
