/*
 * The only file that knows libmaxminddb.  Each database is copied into a
 * sealed memory file first: the library maps what it opens, and a map of a
 * file that somebody truncates in place is a SIGBUS.
 */
#include "fleet/geo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <maxminddb.h>

#include "base/memory.h"
#include "base/slice.h"

#define DATABASE_BYTES_MAX (INT64_C(2) << 30)
#define DATABASES_MAX 16

struct geoip {
    _Atomic uint32_t references;
    size_t count;
    MMDB_s databases[DATABASES_MAX];
};

/* Known addresses all over the space: a damaged tree or data section answers some with an error. */
static const char *const canaries[] = {
    "1.1.1.1",         "8.8.8.8",      "24.48.0.1",       "41.0.0.1",        "58.14.0.1",
    "77.88.8.8",       "81.2.69.142",  "103.1.2.3",       "114.114.114.114", "127.0.1.1",
    "133.11.0.1",      "146.70.1.1",   "177.1.2.3",       "185.1.1.1",       "196.10.1.1",
    "202.96.209.5",    "210.140.92.1", "218.30.118.6",    "223.5.5.5",       "255.255.255.255",
    "2001:4860::8888", "2400:3200::1", "2606:4700::1111", "2a00:1450::1",    "2c0f:fb50::1",
};

static bool copy_bytes(int from, int to, int64_t size, const char *path, struct error *error)
{
    char *block = memory_alloc(1 << 16);
    int64_t copied = 0;
    ssize_t got = 0;
    while (copied < size && (got = read(from, block, 1 << 16)) > 0) {
        if (write(to, block, (size_t)got) != got)
            break;
        copied += got;
    }
    free(block);
    if (copied == size)
        return true;
    return error_set(error, "%s: %s while reading; it has %lld bytes, %lld could be copied", path,
                     got < 0 ? strerror(errno) : "changed", (long long)size, (long long)copied);
}

/* A private copy of the file, or -1. */
static int file_copy(const char *path, struct error *error)
{
    const int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) {
        error_set(error, "%s: cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    struct stat status;
    int to = -1;
    if (fstat(from, &status) != 0 || !S_ISREG(status.st_mode))
        error_set(error, "%s: is not a regular file", path);
    else if (status.st_size < 1 || status.st_size > DATABASE_BYTES_MAX)
        error_set(error, "%s: has %lld bytes; a database has 1 to %lld", path,
                  (long long)status.st_size, (long long)DATABASE_BYTES_MAX);
    else if ((to = memfd_create("geoip", MFD_CLOEXEC)) < 0)
        error_set(error, "%s: no memory file for its copy: %s", path, strerror(errno));
    else if (!copy_bytes(from, to, status.st_size, path, error)) {
        close(to);
        to = -1;
    }
    close(from);
    return to;
}

static bool database_check(const MMDB_s *database, const char *path, struct error *error)
{
    const MMDB_metadata_s *metadata = &database->metadata;
    if (metadata->node_count == 0 || metadata->build_epoch == 0 ||
        metadata->database_type == NULL || metadata->database_type[0] == '\0' ||
        (metadata->ip_version != 4 && metadata->ip_version != 6))
        return error_set(error,
                         "%s: its metadata makes no sense: %u nodes, ip version %u, build %llu",
                         path, metadata->node_count, metadata->ip_version,
                         (unsigned long long)metadata->build_epoch);
    for (size_t i = 0; i < COUNT_OF(canaries); i++) {
        int gai = 0, fault = 0;
        MMDB_lookup_result_s found = MMDB_lookup_string(database, canaries[i], &gai, &fault);
        MMDB_entry_data_list_s *list = NULL;
        if (gai == 0 && fault == 0 && found.found_entry) {
            fault = MMDB_get_entry_data_list(&found.entry, &list);
            MMDB_free_entry_data_list(list);
        }
        if (gai != 0 || (fault != 0 && fault != MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR))
            return error_set(error, "%s: looking up %s fails: %s", path, canaries[i],
                             gai != 0 ? "not an address" : MMDB_strerror(fault));
    }
    return true;
}

static bool database_open(MMDB_s *database, const char *path, struct error *error)
{
    const int copy = file_copy(path, error);
    if (copy < 0)
        return false;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
    const int fault = MMDB_open(name, MMDB_MODE_MMAP, database);
    close(copy);
    if (fault != MMDB_SUCCESS)
        return error_set(error, "%s: is not a usable MaxMind database: %s%s", path,
                         MMDB_strerror(fault),
                         fault == MMDB_FILE_OPEN_ERROR ? " (is /proc mounted?)" : "");
    if (database_check(database, path, error))
        return true;
    MMDB_close(database);
    return false;
}

struct geoip *geoip_open(const char *const *paths, size_t count, struct error *error)
{
    if (count > DATABASES_MAX) {
        error_set(error, "%zu GeoIP databases; there may be %d", count, DATABASES_MAX);
        return NULL;
    }
    struct geoip *geoip = memory_zalloc(sizeof *geoip);
    atomic_init(&geoip->references, 1);
    for (size_t i = 0; i < count; i++) {
        if (!database_open(&geoip->databases[i], paths[i], error)) {
            geoip_drop(&geoip);
            return NULL;
        }
        geoip->count++;
    }
    return geoip;
}

struct geoip *geoip_hold(struct geoip *geoip)
{
    atomic_fetch_add_explicit(&geoip->references, 1, memory_order_relaxed);
    return geoip;
}

void geoip_drop(struct geoip **geoip)
{
    struct geoip *old = *geoip;
    *geoip = NULL;
    if (old == NULL || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < old->count; i++)
        MMDB_close(&old->databases[i]);
    free(old);
}

uint64_t geoip_build_epoch(const struct geoip *geoip)
{
    uint64_t oldest = 0;
    for (size_t i = 0; i < geoip->count; i++)
        if (oldest == 0 || geoip->databases[i].metadata.build_epoch < oldest)
            oldest = geoip->databases[i].metadata.build_epoch;
    return oldest;
}

static bool number_read(const MMDB_entry_data_s *data, double *out)
{
    switch (data->type) {
    case MMDB_DATA_TYPE_DOUBLE:
        *out = data->double_value;
        return true;
    case MMDB_DATA_TYPE_FLOAT:
        *out = (double)data->float_value;
        return true;
    case MMDB_DATA_TYPE_UTF8_STRING:
        return slice_to_double(slice_make(data->utf8_string, data->data_size), out);
    default:
        return false;
    }
}

static bool value_find(MMDB_entry_s *entry, const char *outer, const char *inner,
                       MMDB_entry_data_s *data)
{
    const char *const path[] = {outer, inner, NULL};
    return MMDB_aget_value(entry, data, path) == MMDB_SUCCESS && data->has_data;
}

static bool coordinate_read(MMDB_entry_s *entry, const char *name, double most, double *out)
{
    MMDB_entry_data_s data;
    double value;
    if (!value_find(entry, "location", name, &data) && !value_find(entry, name, NULL, &data))
        return false;
    if (!number_read(&data, &value) || !(fabs(value) <= most))
        return false;
    *out = value;
    return true;
}

/* Two capital letters, nothing else. */
static void code_read(MMDB_entry_s *entry, const char *outer, const char *inner, char out[4])
{
    MMDB_entry_data_s data;
    if (out[0] != '\0' || !value_find(entry, outer, inner, &data) ||
        data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
        return;
    for (int i = 0; i < 2; i++)
        if (data.utf8_string[i] < 'A' || data.utf8_string[i] > 'Z')
            return;
    memcpy(out, data.utf8_string, 2);
    out[2] = '\0';
}

static void entry_read(MMDB_entry_s *entry, struct geo_point *point)
{
    code_read(entry, "country", "iso_code", point->country);
    code_read(entry, "country_code", NULL, point->country);
    code_read(entry, "registered_country", "iso_code", point->country);
    code_read(entry, "continent", "code", point->continent);
    double latitude, longitude;
    if (!point->known && coordinate_read(entry, "latitude", 90, &latitude) &&
        coordinate_read(entry, "longitude", 180, &longitude)) {
        point->latitude = latitude;
        point->longitude = longitude;
        point->known = true;
    }
}

/* ::ffff:a.b.c.d is a.b.c.d.  False for what is not an IP address. */
static bool address_plain(const struct sockaddr *address, struct sockaddr_storage *plain)
{
    memset(plain, 0, sizeof *plain);
    if (address->sa_family == AF_INET) {
        memcpy(plain, address, sizeof(struct sockaddr_in));
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], 4);
        memcpy(plain, &v4, sizeof v4);
    } else {
        memcpy(plain, &v6, sizeof v6);
    }
    return true;
}

static void country_complete(struct geo_point *point)
{
    const struct geo_country *country =
        point->country[0] != '\0' ? geo_country_find(point->country) : NULL;
    if (country == NULL)
        return;
    if (point->continent[0] == '\0')
        memcpy(point->continent, country->continent, sizeof point->continent);
    if (!point->known) {
        point->latitude = (double)country->latitude;
        point->longitude = (double)country->longitude;
        point->known = true;
    }
}

struct geo_point geoip_find(const struct geoip *geoip, const struct sockaddr *address)
{
    struct geo_point point = {.latitude = NAN, .longitude = NAN};
    struct sockaddr_storage plain;
    if (geoip == NULL || !address_plain(address, &plain))
        return point;
    for (size_t i = 0; i < geoip->count && !(point.known && point.country[0] != '\0'); i++) {
        const MMDB_s *database = &geoip->databases[i];
        if (database->metadata.ip_version == 4 && plain.ss_family == AF_INET6)
            continue;
        int fault = 0;
        MMDB_lookup_result_s found =
            MMDB_lookup_sockaddr(database, (const struct sockaddr *)&plain, &fault);
        if (fault == MMDB_SUCCESS && found.found_entry)
            entry_read(&found.entry, &point);
    }
    country_complete(&point);
    return point;
}
