#include "net_kit.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"

enum { PATIENCE_S = 20, AHEAD_BYTES = 256 * 1024 };

struct waiting {
    struct loop *loop;
    bool (*fact)(void *arg);
    void *arg;
    int64_t until_ns;
    struct timer look;
};

static void look(void *arg)
{
    struct waiting *waiting = arg;
    assert_true(clock_monotonic_ns() < waiting->until_ns);
    if (waiting->fact(waiting->arg))
        loop_stop(waiting->loop);
}

static void look_again(struct timer *timer)
{
    struct waiting *waiting = CONTAINER_OF(timer, struct waiting, look);
    timer_start(timer, waiting->loop, 16);
}

void kit_run_until(struct loop *loop, bool (*fact)(void *arg), void *arg)
{
    struct waiting waiting = {.loop = loop,
                              .fact = fact,
                              .arg = arg,
                              .until_ns = clock_monotonic_ns() + PATIENCE_S * NS_PER_S};
    timer_init(&waiting.look, look_again);
    timer_start(&waiting.look, loop, 16);
    loop_set_turn_hook(loop, look, &waiting);
    loop_run(loop);
    loop_set_turn_hook(loop, NULL, NULL);
    timer_stop(&waiting.look);
}

/* --- peer -------------------------------------------------------------- */

static void send_more(struct peer *peer)
{
    while (peer->out_sent < peer->out_len && wire_pending(&peer->wire) < AHEAD_BYTES) {
        const size_t left = peer->out_len - peer->out_sent;
        const size_t step = left < 50000 ? left : 50000;
        wire_write(&peer->wire, peer->out + peer->out_sent, step);
        peer->out_sent += step;
    }
    if (peer->close_when_sent && peer->out_sent == peer->out_len && !wire_pending(&peer->wire)) {
        peer->close_when_sent = false;
        peer->closed = true;
        wire_close(&peer->wire);
    }
}

static void on_open(void *owner)
{
    struct peer *peer = owner;
    peer->opens++;
    send_more(peer);
}

static void on_readable(void *owner)
{
    struct peer *peer = owner;
    ssize_t n;
    assert_false(peer->closed);
    peer->reads++;
    do {
        const size_t size = peer->read_step ? peer->read_step : LOOP_SCRATCH_BYTES;
        n = wire_read(&peer->wire, loop_read_scratch(peer->loop), size);
        if (n > 0)
            buffer_append(&peer->in, loop_read_scratch(peer->loop), (size_t)n);
    } while (n > 0 && !peer->read_step);
    if (n < 0)
        peer->ended = true;
}

static void on_writable(void *owner)
{
    struct peer *peer = owner;
    peer->writables++;
    assert_int_equal(wire_pending(&peer->wire), 0);
    assert_null(peer->wire.pending.memory);
    send_more(peer);
}

const struct wire_events peer_events = {on_open, on_readable, on_writable};

void peer_init(struct peer *peer, struct loop *loop)
{
    *peer = (struct peer){.loop = loop, .wire.fd = -1};
}

void peer_send(struct peer *peer, const char *data, size_t len)
{
    peer->out = data;
    peer->out_len = len;
    peer->out_sent = 0;
    if (peer->wire.open)
        send_more(peer);
}

void peer_finish(struct peer *peer)
{
    if (peer->wire.loop && !peer->closed)
        wire_close(&peer->wire);
    buffer_release(&peer->in);
}

/* --- sockets ----------------------------------------------------------- */

int kit_listen(struct address *bound)
{
    struct address address;
    struct error error;
    assert_true(address_parse(SLICE("127.0.0.1:0"), &address, &error));
    const int fd = listener_socket(&address, bound, &error);
    assert_true(fd >= 0);
    return fd;
}

void kit_tcp_pair(int fds[2])
{
    struct address bound;
    const int listening = kit_listen(&bound);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&bound.storage, bound.len), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    fds[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fds[1] >= 0);
    close(listening);
}

char *kit_bytes(size_t len, unsigned seed)
{
    struct random random;
    random_seed(&random, seed);
    char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)random_u64(&random);
    return bytes;
}

/* --- certificates ------------------------------------------------------ */

static char directory[64];

const char *kit_path(const char *name, const char *suffix)
{
    static char paths[8][400];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s%s", directory, name, suffix);
    return path;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void write_files(const char *name, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fopen(kit_path(name, ".pem"), "w");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    file = fopen(kit_path(name, ".key"), "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static void make_one(const struct kit_certificate *from, long serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)from->subject,
                               -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (from->names)
        add_extension(certificate, NID_subject_alt_name, from->names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    write_files(from->name, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

const char *kit_certificates_make(const struct kit_certificate *list, size_t count)
{
    snprintf(directory, sizeof directory, "%s", "/tmp/isochrone-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < count; i++)
        make_one(&list[i], (long)i + 1);
    return directory;
}

void kit_certificates_remove(void)
{
    DIR *all = opendir(directory);
    assert_non_null(all);
    struct dirent *entry;
    while ((entry = readdir(all)) != NULL)
        if (entry->d_name[0] != '.')
            unlink(kit_path(entry->d_name, ""));
    closedir(all);
    rmdir(directory);
}
