/* address: text and back, mapped IPv4, networks, and what is refused with a sentence. */
#include "unit.h"

#include "net/address.h"

static struct address parsed(const char *text)
{
    struct address address;
    struct error error = {""};
    if (!address_parse(slice_of(text), &address, &error))
        fail_msg("%s: %s", text, error.text);
    return address;
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"127.0.0.1:80", "127.0.0.1:80"},
        {"[::1]:443", "[::1]:443"},
        {"[2001:DB8::0:1]:65535", "[2001:db8::1]:65535"},
        {"[::ffff:10.1.2.3]:9", "10.1.2.3:9"},
        {"unix:/run/x.sock", "unix:/run/x.sock"},
    };
    char text[ADDRESS_TEXT_BYTES];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct address address = parsed(pairs[i][0]);
        assert_string_equal(address_write(&address, text), pairs[i][1]);
    }
    const struct address none = {.len = 0};
    assert_string_equal(address_write(&none, text), "none");
}

static void writes_the_ip_alone(void **state)
{
    (void)state;
    char text[ADDRESS_TEXT_BYTES];
    struct address address = parsed("[::ffff:10.1.2.3]:9");
    assert_string_equal(address_write_ip(&address, text), "10.1.2.3");
    assert_int_equal(address_port(&address), 9);
    address_set_port(&address, 4711);
    assert_int_equal(address_port(&address), 4711);
    address = parsed("unix:/x");
    assert_string_equal(address_write_ip(&address, text), "unix");
    assert_int_equal(address_port(&address), 0);
}

static void refuses_with_a_sentence(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",       "80",          "localhost:80", "127.0.0.1",  "127.0.0.1:",     "127.0.0.1:65536",
        "::1:80", "[::1]",       "[::1]80",      "[]:80",      "[127.0.0.1]:80", "1.2.3.4:-1",
        "unix:",  "1.2.3.4: 80", "1.2.3:80",     "1.2.3.4:8x", "[fe80::1%lo]:1", "unix"};
    struct address address;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = {""};
        assert_false(address_parse(slice_of(wrong[i]), &address, &error));
        assert_int_equal(address.len, 0);
        assert_true(strlen(error.text) > 10);
    }
    assert_false(address_parse(slice_make("1.2.3.4\0:80", 11), &address, &(struct error){""}));
    char path[200] = "unix:/";
    memset(path + 6, 'x', sizeof path - 7);
    assert_false(address_parse(slice_of(path), &address, &(struct error){""}));
}

static void compares_mapped_as_ipv4(void **state)
{
    (void)state;
    const struct address plain = parsed("10.1.2.3:9"), mapped = parsed("[::ffff:10.1.2.3]:9");
    const struct address other = parsed("10.1.2.3:8"), un = parsed("unix:/a");
    assert_true(address_equal(&plain, &mapped));
    assert_false(address_equal(&plain, &other));
    assert_false(address_equal(&plain, &un));
    assert_true(address_equal(&un, &un));
}

static void knows_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"127.0.0.1:1", true}, {"127.9.9.9:1", true}, {"[::1]:1", true},
                 {"unix:/a", true},     {"10.0.0.1:1", false}, {"[::ffff:127.0.0.1]:1", true},
                 {"[::2]:1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct address address = parsed(cases[i].text);
        assert_int_equal(address_is_loopback(&address), cases[i].loopback);
    }
}

static bool within(const char *network, const char *ip)
{
    struct cidr cidr;
    struct address address;
    struct error error = {""};
    if (!cidr_parse(slice_of(network), &cidr, &error))
        fail_msg("%s", error.text);
    assert_true(address_parse_ip(slice_of(ip), &address));
    return cidr_contains(&cidr, &address);
}

static void networks_contain(void **state)
{
    (void)state;
    assert_true(within("10.0.0.0/8", "10.255.0.1"));
    assert_false(within("10.0.0.0/8", "11.0.0.0"));
    assert_true(within("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_true(within("192.168.4.0/22", "192.168.7.255"));
    assert_false(within("192.168.4.0/22", "192.168.8.0"));
    assert_true(within("0.0.0.0/0", "1.2.3.4"));
    assert_false(within("0.0.0.0/0", "2001:db8::1"));
    assert_true(within("::/0", "2001:db8::1"));
    assert_true(within("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(within("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(within("127.0.0.1", "127.0.0.1"));
    assert_false(within("127.0.0.1", "127.0.0.2"));
    assert_true(within("::1", "::1"));
}

static void refuses_networks(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",        "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/",
                                        "::1/129", "::1/12",      "/8",         "10.0.0.0/8/8",
                                        "host/8",  "10.0.0.0/ 8"};
    struct cidr cidr;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = {""};
        assert_false(cidr_parse(slice_of(wrong[i]), &cidr, &error));
        assert_true(strlen(error.text) > 10);
    }
}

UNIT_MAIN(writes_what_it_reads, writes_the_ip_alone, refuses_with_a_sentence,
          compares_mapped_as_ipv4, knows_loopback, networks_contain, refuses_networks)
