/*
 * Connections for their own sake: handshakes one after the other, full or
 * resumed, each as far as the server's HTTP/2 SETTINGS; and connections that
 * made one request and stay.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/memory.h"
#include "client.h"

enum { SHAKING_MOST = 32 };

struct visits {
    struct histogram time_ns; /* of a handshake, with connecting */
    uint32_t opened, done, resumed;
    bool wants_ticket;
    SSL_SESSION *session; /* to resume with; NULL: full handshakes */
};

static void flush(struct link *link)
{
    ((struct visits *)link->client->owner)->opened++;
    link_flush(link);
}

static void on_settings(struct link *link, const struct h2_frame *frame)
{
    struct visits *visits = link->client->owner;
    if (frame->type != H2_SETTINGS || frame->flags & H2_ACK)
        return;
    histogram_add(&visits->time_ns, (uint64_t)clock_monotonic_ns() - link->begin_ns);
    visits->done++;
    visits->resumed += link->ssl && SSL_session_reused(link->ssl) ? 1 : 0;
    if (visits->wants_ticket)
        visits->session = SSL_get1_session(link->ssl);
    link_close(link);
}

/* One visit, for the ticket that it brings. */
static void fetch_ticket(struct client *client)
{
    struct visits *visits = client->owner;
    struct link link = {0};
    visits->wants_ticket = true;
    link_open(&link, client, NULL);
    while (!visits->done)
        client_turn(client, 100);
    if (!SSL_SESSION_is_resumable(visits->session))
        client_fail("the server gives no tickets");
    *visits = (struct visits){.session = visits->session};
}

int handshakes_run(struct client *client, uint32_t count, uint32_t at_once, bool resume)
{
    static struct visits visits;
    struct link *links = memory_zalloc(at_once * sizeof *links);
    client->owner = &visits;
    client->on_open = flush;
    client->on_frame = on_settings;
    if (resume)
        fetch_ticket(client);
    for (uint32_t i = 0; i < at_once; i++)
        links[i].phase = LINK_CLOSED;
    printf("{\"begin\":true}\n");
    fflush(stdout);
    uint32_t begun = 0;
    while (visits.done < count) {
        for (uint32_t i = 0; i < at_once && begun < count; i++) {
            if (links[i].phase != LINK_CLOSED)
                continue;
            links[i] = (struct link){0};
            link_open(&links[i], client, visits.session);
            begun++;
        }
        client_turn(client, 100);
    }
    if (visits.resumed != (resume ? count : 0))
        client_fail("%u of %u handshakes were resumed", visits.resumed, count);
    printf("{\"end\":true,\"handshakes\":%u,\"p50_us\":%.1f}\n", count,
           histogram_percentile(&visits.time_ns, 50) / 1e3);
    SSL_SESSION_free(visits.session);
    free(links);
    return 0;
}

static void ask(struct link *link)
{
    link_append_request(link, 1, SLICE("{\"model\":\"qwen3-32b\",\"messages\":[]}"));
    flush(link);
}

static void on_answer(struct link *link, const struct h2_frame *frame)
{
    struct visits *visits = link->client->owner;
    if (frame->stream == 1 && frame->flags & H2_END_STREAM && !link->done) {
        link->done = true;
        visits->done++;
    }
}

int idle_run(struct client *client, uint32_t connections)
{
    static struct visits visits;
    struct link *links = memory_zalloc(connections * sizeof *links);
    client->owner = &visits;
    client->on_open = ask;
    client->on_frame = on_answer;
    uint32_t begun = 0;
    while (visits.done < connections) {
        for (; begun < connections && begun - visits.done < SHAKING_MOST; begun++)
            link_open(&links[begun], client, NULL);
        client_turn(client, 100);
    }
    printf("{\"open\":%u}\n", visits.done);
    fflush(stdout);
    while (!client->stdin_closed)
        client_turn(client, 100);
    for (uint32_t i = 0; i < begun; i++)
        link_close(&links[i]);
    free(links);
    return 0;
}
