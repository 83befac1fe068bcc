/*
 * Socket addresses as text and back: "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock".
 * IPv4 inside IPv6 (::ffff:a.b.c.d) is compared and printed as IPv4.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/slice.h"

enum { ADDRESS_TEXT_BYTES = 128 };

struct address {
    struct sockaddr_storage storage;
    socklen_t len; /* 0: none */
};

struct cidr {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t prefix;    /* bits of the 128 */
};

/* "ip:port", "[v6]:port" or "unix:path"; names are not resolved here. */
bool address_parse(struct slice text, struct address *out, struct error *error) ISO_MUST_USE;
/* An address without port, port 0. */
bool address_parse_ip(struct slice text, struct address *out) ISO_MUST_USE;
/* With port; NUL-terminated; returns out. */
const char *address_write(const struct address *address, char out[ADDRESS_TEXT_BYTES]);
/* Without port; "unix" for a unix socket. */
const char *address_write_ip(const struct address *address, char out[ADDRESS_TEXT_BYTES]);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
bool address_is_loopback(const struct address *address); /* unix sockets too */
bool address_equal(const struct address *a, const struct address *b);

/* "10.0.0.0/8", "::1/128", a bare address is one host.  Bits behind the prefix must be 0. */
bool cidr_parse(struct slice text, struct cidr *out, struct error *error) ISO_MUST_USE;
bool cidr_contains(const struct cidr *cidr, const struct address *address);

#endif
