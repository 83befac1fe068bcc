/*
 * Any text as an address, a network or a bare address: what is read is written
 * again, and the written one reads as the same; a network holds its own base.
 */
#include "net/address.h"

#include "fuzz.h"

static void try_address(struct slice text)
{
    struct address address, again;
    struct error error = {""};
    char written[ADDRESS_TEXT_BYTES];
    if (!address_parse(text, &address, &error)) {
        must(error.text[0] != '\0' && address.len == 0);
        return;
    }
    must(address_parse(slice_of(address_write(&address, written)), &again, &error));
    must(address_equal(&address, &again));
    must(address_is_loopback(&address) == address_is_loopback(&again));
}

static void try_network(struct slice text)
{
    struct cidr cidr;
    struct address base;
    struct error error = {""};
    const ptrdiff_t slash = slice_find(text, '/');
    if (!cidr_parse(text, &cidr, &error)) {
        must(error.text[0] != '\0');
        return;
    }
    must(cidr.prefix <= 128);
    must(address_parse_ip(slice_make(text.ptr, slash < 0 ? text.len : (size_t)slash), &base));
    must(cidr_contains(&cidr, &base));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_address(slice_make(data, size));
    try_network(slice_make(data, size));
    return 0;
}
