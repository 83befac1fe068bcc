/*
 * The client of bench/peers where h2load can't measure:
 *
 *   client streams URL PATH CONNECTIONS EACH SECONDS   events, their number and delay
 *   client full URL COUNT AT_ONCE                         handshakes
 *   client resumed URL COUNT AT_ONCE                      the same, with a ticket
 *   client idle URL PATH CONNECTIONS                      one request each, then nothing
 *
 * It prints JSON lines.  What stays open does so until standard input ends.
 */
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t number(const char *text)
{
    uint64_t value;
    if (!slice_to_u64(slice_of(text), &value) || value == 0 || value > 1000000)
        client_fail("%s is not a number from 1 to 1000000", text);
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    struct client client = {0};
    const struct slice mode = slice_of(argc > 2 ? argv[1] : "");
    const bool resume = slice_eq(mode, SLICE("resumed"));
    int code = 2;
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2)
        client_init(&client, argv[2]);
    if (slice_eq(mode, SLICE("streams")) && argc == 7) {
        client.path = argv[3];
        code = streams_run(&client, number(argv[4]), number(argv[5]), strtod(argv[6], NULL));
    } else if ((resume || slice_eq(mode, SLICE("full"))) && argc == 5) {
        code = handshakes_run(&client, number(argv[3]), number(argv[4]), resume);
    } else if (slice_eq(mode, SLICE("idle")) && argc == 5) {
        client.path = argv[3];
        code = idle_run(&client, number(argv[4]));
    } else {
        fputs("usage: client streams URL PATH CONNECTIONS EACH SECONDS | full URL COUNT AT_ONCE | "
              "resumed URL COUNT AT_ONCE | idle URL PATH CONNECTIONS\n",
              stderr);
    }
    if (argc > 2)
        client_finish(&client);
    return code;
}
