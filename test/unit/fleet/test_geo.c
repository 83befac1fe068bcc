/* Distances, the country table, and addresses in small synthetic databases (test/data). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "fleet/geo.h"

#include "unit.h"

static void near_to(double got, double want, double within)
{
    if (!(fabs(got - want) <= within))
        fail_msg("got %.6f, want %.6f", got, want);
}

static void test_great_circles(void **state)
{
    (void)state;
    near_to(geo_distance_km(31.2, 121.5, 39.9, 116.4), 1071.3, 0.1); /* Shanghai, Beijing */
    near_to(geo_distance_km(0, 0, 0, 180), M_PI * 6371, 0.01);
    near_to(geo_distance_km(0, 0, 0, 1), M_PI * 6371 / 180, 0.001);
    near_to(geo_distance_km(10, 20, 10, 20), 0, 0.001);
    near_to(geo_distance_km(0, 179.5, 0, -179.5), M_PI * 6371 / 180, 0.001);
    assert_true(isnan(geo_distance_km(NAN, 0, 0, 0)));
    near_to(geo_rtt_prior_ms(1000), 16, 1e-9);
    assert_true(isnan(geo_rtt_prior_ms(NAN)));
}

static void test_distances_agree_with_libm(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        const double latitude = fmod(i * 37.7, 180) - 90, longitude = fmod(i * 91.3, 360) - 180;
        const double a = latitude * M_PI / 180, b = 31.2 * M_PI / 180;
        const double l = (longitude - 121.5) * M_PI / 180;
        const double h = pow(sin((a - b) / 2), 2) + cos(a) * cos(b) * pow(sin(l / 2), 2);
        near_to(geo_distance_km(latitude, longitude, 31.2, 121.5),
                2 * 6371 * asin(fmin(1, sqrt(h))), 0.5);
    }
}

static void test_countries(void **state)
{
    (void)state;
    assert_in_range(geo_country_count, 240, 260);
    for (size_t i = 1; i < geo_country_count; i++)
        assert_true(strcmp(geo_countries[i - 1].code, geo_countries[i].code) < 0);
    const struct geo_country *russia = geo_country_find("RU");
    near_to((double)russia->longitude, 37.6, 0.1); /* Moscow, not Kaliningrad */
    assert_string_equal(geo_country_find("BR")->continent, "SA");
    assert_null(geo_country_find("XX"));
    assert_null(geo_country_find(""));
}

static struct geoip *database(const char *name)
{
    char *path = memory_printf("%s/%s", TEST_DATA, name);
    const char *const paths[] = {path};
    struct error error = {""};
    struct geoip *geoip = geoip_open(paths, 1, &error);
    if (geoip == NULL)
        fail_msg("%s", error.text);
    free(path);
    return geoip;
}

static struct geo_point find(const struct geoip *geoip, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return geoip_find(geoip, (const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return geoip_find(geoip, (const struct sockaddr *)&v6);
}

static void is_frankfurt(struct geo_point point)
{
    assert_true(point.known);
    near_to(point.latitude, 50.1, 1e-4);
    near_to(point.longitude, 8.7, 1e-4);
    assert_string_equal(point.country, "DE");
    assert_string_equal(point.continent, "EU");
}

static void is_unknown(struct geo_point point)
{
    assert_false(point.known);
    assert_true(isnan(point.latitude) && isnan(point.longitude));
    assert_string_equal(point.country, "");
    assert_string_equal(point.continent, "");
}

static void test_nested_schema(void **state)
{
    (void)state;
    struct geoip *geoip = database("city.mmdb");
    is_frankfurt(find(geoip, "127.0.5.9"));
    is_frankfurt(find(geoip, "::ffff:127.0.5.9"));
    is_frankfurt(find(geoip, "fd00:5::7"));
    near_to(find(geoip, "127.0.1.1").longitude, 121.5, 1e-9);
    near_to(find(geoip, "127.0.6.255").longitude, -77.5, 1e-9);
    is_unknown(find(geoip, "127.0.7.1"));
    is_unknown(find(geoip, "8.8.8.8"));
    assert_true(geoip_build_epoch(geoip) > 1700000000);
    geoip_drop(&geoip);
    assert_null(geoip);
}

static void test_flat_schema_in_two_files(void **state)
{
    (void)state;
    static const char *const paths[] = {TEST_DATA "/flat-v4.mmdb", TEST_DATA "/flat-v6.mmdb"};
    struct error error;
    struct geoip *geoip = geoip_open(paths, 2, &error);
    assert_non_null(geoip);
    is_frankfurt(find(geoip, "127.0.5.1")); /* floats */
    is_frankfurt(find(geoip, "fd00:5::1")); /* texts */
    is_frankfurt(find(geoip, "::ffff:127.0.5.1"));
    is_unknown(find(geoip, "fd01::1"));
    geoip_drop(&geoip);
}

static void test_country_only_falls_back_to_its_main_city(void **state)
{
    (void)state;
    struct geoip *geoip = database("country.mmdb");
    const struct geo_point point = find(geoip, "127.0.5.1");
    assert_string_equal(point.country, "DE");
    assert_string_equal(point.continent, "EU");
    assert_true(point.known);
    near_to(point.latitude, 52.5, 0.1); /* Berlin */
    is_unknown(find(geoip, "127.0.9.1"));
    geoip_drop(&geoip);
}

static void test_coordinates_of_another_file_go_before_a_country(void **state)
{
    (void)state;
    static const char *const paths[] = {TEST_DATA "/country.mmdb", TEST_DATA "/city.mmdb"};
    struct error error;
    struct geoip *geoip = geoip_open(paths, 2, &error);
    is_frankfurt(find(geoip, "127.0.5.1"));
    struct geoip *second = geoip_hold(geoip);
    geoip_drop(&geoip);
    is_frankfurt(find(second, "127.0.5.1"));
    geoip_drop(&second);
}

static void test_nothing_known_without_databases(void **state)
{
    (void)state;
    struct error error;
    struct geoip *geoip = geoip_open(NULL, 0, &error);
    is_unknown(find(geoip, "127.0.5.1"));
    is_unknown(find(NULL, "127.0.5.1"));
    const struct sockaddr none = {.sa_family = AF_UNIX};
    is_unknown(geoip_find(geoip, &none));
    geoip_drop(&geoip);
}

/* --- damaged files ------------------------------------------------------------------------------
 */

static size_t bytes_read(const char *path, char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t count = fread(bytes, 1, room, file);
    fclose(file);
    return count;
}

static void bytes_write(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static void refused(const char *path, const char *says)
{
    const char *const paths[] = {TEST_DATA "/city.mmdb", path};
    struct error error = {""};
    struct geoip *geoip = geoip_open(paths, 2, &error);
    assert_null(geoip);
    assert_non_null(strstr(error.text, path));
    if (strstr(error.text, says) == NULL)
        fail_msg("%s", error.text);
}

static void test_refuses_what_is_no_database(void **state)
{
    (void)state;
    char path[] = "/tmp/iso-geo-XXXXXX";
    close(mkstemp(path));
    refused(path, "0 bytes");
    bytes_write(path, "hello", 5);
    refused(path, "MaxMind");
    unlink(path);
    refused(path, "No such file");
    refused("/tmp", "not a regular file");
}

static void test_survives_every_damage(void **state)
{
    (void)state;
    static char good[8192], bad[8192];
    const size_t count = bytes_read(TEST_DATA "/city.mmdb", good, sizeof good);
    char path[] = "/tmp/iso-geo-XXXXXX";
    close(mkstemp(path));
    unsigned refusals = 0;
    for (size_t i = 0; i < 400; i++) {
        memcpy(bad, good, count);
        const size_t keep = i % 2 == 0 ? count : count * (i + 1) / 400;
        for (size_t k = 0; k < 8 && i % 2 == 0; k++)
            bad[(i * 7919 + k * 104729) % count] ^= (char)(1 + (i + k) % 255);
        bytes_write(path, bad, keep);
        const char *const paths[] = {path};
        struct error error;
        struct geoip *geoip = geoip_open(paths, 1, &error);
        refusals += geoip == NULL;
        for (int a = 0; a < 256 && geoip != NULL; a++) {
            char address[32];
            snprintf(address, sizeof address, "127.0.%d.1", a);
            const struct geo_point point = find(geoip, address);
            assert_true(!point.known ||
                        (fabs(point.latitude) <= 90 && fabs(point.longitude) <= 180));
        }
        geoip_drop(&geoip);
    }
    assert_in_range(refusals, 150, 400);
    unlink(path);
}

static void test_truncation_in_place_is_harmless(void **state)
{
    (void)state;
    static char good[8192];
    const size_t count = bytes_read(TEST_DATA "/city.mmdb", good, sizeof good);
    char path[] = "/tmp/iso-geo-XXXXXX";
    close(mkstemp(path));
    bytes_write(path, good, count);
    const char *const paths[] = {path};
    struct error error;
    struct geoip *geoip = geoip_open(paths, 1, &error);
    assert_int_equal(truncate(path, 0), 0);
    is_frankfurt(find(geoip, "127.0.5.1"));
    geoip_drop(&geoip);
    unlink(path);
}

UNIT_MAIN(test_great_circles, test_distances_agree_with_libm, test_countries, test_nested_schema,
          test_flat_schema_in_two_files, test_country_only_falls_back_to_its_main_city,
          test_coordinates_of_another_file_go_before_a_country,
          test_nothing_known_without_databases, test_refuses_what_is_no_database,
          test_survives_every_damage, test_truncation_in_place_is_harmless)
