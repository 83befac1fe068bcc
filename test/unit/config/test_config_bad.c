/* Mistakes of operators: for each exactly this sentence, and all of them in one run. */
#include "unit.h"

#include "base/buffer.h"
#include "config/config.h"
#include "folder.h"

#define LISTEN "listen: [{address: 127.0.0.1:8080}]\n"
#define CLUSTERS \
    "clusters: [{name: fra, endpoints: [{url: \"http://10.1.0.5:8000\"}], models: [qwen]}]\n"

/* "$" in `expected` is the folder. */
static void expand(const char *expected, struct buffer *out)
{
    for (; *expected != '\0'; expected++) {
        if (*expected == '$')
            buffer_printf(out, "%s", folder_path());
        else
            buffer_append_byte(out, *expected);
    }
    buffer_append_byte(out, '\0');
}

static void expect(const char *text, const char *const *sentences)
{
    struct config_problems problems;
    struct config *config;
    config_problems_init(&problems);
    folder_write("e.yaml", text);
    assert_false(config_load("e.yaml", &config, &problems));
    assert_null(config);
    size_t i = 0;
    for (; sentences[i] != NULL && i < problems.count; i++) {
        struct buffer expected = {0};
        expand(sentences[i], &expected);
        assert_string_equal(problems.items[i].text, buffer_slice(&expected).ptr);
        buffer_release(&expected);
    }
    if (i < problems.count)
        fail_msg("one more: %s", problems.items[i].text);
    if (sentences[i] != NULL)
        fail_msg("missing: %s", sentences[i]);
    config_problems_finish(&problems);
}

/* On line 3, behind a good listen and good clusters. */
static void with(const char *extra, const char *sentence)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s%s%s\n", LISTEN, CLUSTERS, extra);
    buffer_append_byte(&text, '\0');
    expect(buffer_slice(&text).ptr, (const char *const[]){sentence, NULL});
    buffer_release(&text);
}

/* In place of the good listen, on line 2. */
static void listening(const char *listen, const char *sentence)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s%s\n", CLUSTERS, listen);
    buffer_append_byte(&text, '\0');
    expect(buffer_slice(&text).ptr, (const char *const[]){sentence, NULL});
    buffer_release(&text);
}

/* As the only cluster, on line 3. */
static void cluster(const char *inner, const char *sentence)
{
    struct buffer text = {0};
    buffer_printf(&text, "%sclusters:\n- {name: fra, %s}\n", LISTEN, inner);
    buffer_append_byte(&text, '\0');
    expect(buffer_slice(&text).ptr, (const char *const[]){sentence, NULL});
    buffer_release(&text);
}

#define ENDPOINTS "endpoints: [{url: \"http://h:1\"}], "
#define MODELS "models: [m], "

static void the_root(void **state)
{
    (void)state;
    expect("{}", (const char *const[]){"e.yaml:1:1: missing required key \"listen\"",
                                       "e.yaml:1:1: missing required key \"clusters\"", NULL});
    expect("hello", (const char *const[]){"e.yaml:1:1: expected a map, found \"hello\"", NULL});
    with("listn: 1", "e.yaml:3:1: listn: unknown key; did you mean \"listen\"?");
    with("workers: 0", "e.yaml:3:10: workers: expected auto or a whole number from 1 to 256 "
                       "(default auto), found \"0\"");
    with("plugin_dir: nowhere", "e.yaml:3:13: plugin_dir: $/nowhere is not a folder");
    with("access_log: []",
         "e.yaml:3:13: access_log: expected text of 1 to 1024 bytes, found a list");
    with("log: {level: inof}",
         "e.yaml:3:14: log.level: expected debug, info, warn or error (default info), found "
         "\"inof\"; did you mean \"info\"?");
    with("discovery: {enabled: true}",
         "e.yaml:3:22: discovery.enabled: true is not supported by this version; list the clusters "
         "under clusters");
}

static void listeners(void **state)
{
    (void)state;
    listening("listen: []", "e.yaml:2:9: listen: expected at least one entry, found an empty list");
    listening("listen: [{}]", "e.yaml:2:10: listen[0]: missing required key \"address\"");
    listening("listen: [{address: [1]}]",
              "e.yaml:2:20: listen[0].address: expected an address (IP:port, [IPv6]:port or "
              "unix:/path), found a list");
    listening("listen: [{address: 127.0.0.1:8080}, {address: 127.0.0.1:8080}]",
              "e.yaml:2:37: listen[1]: address 127.0.0.1:8080 is listened on twice (first at "
              "e.yaml:2:10)");
    listening("listen: [{address: 127.0.0.1:9901}]",
              "e.yaml:1:1: listen address 127.0.0.1:9901 (e.yaml:2:10) is taken by admin or "
              "metrics");
    listening("listen: [{address: 127.0.0.1:1, tls: {certificate: edge.pem}}]",
              "e.yaml:2:38: listen[0].tls: missing required key \"key\"");
    listening("listen: [{address: 127.0.0.1:1, tls: {certificate: none.pem, key: edge.key}}]",
              "e.yaml:2:52: listen[0].tls.certificate: cannot read $/none.pem: No such file or "
              "directory");
    listening("listen: [{address: 127.0.0.1:1, behind_tls: true, tls: {certificate: edge.pem, key: "
              "edge.key}}]",
              "e.yaml:2:10: listen[0]: behind_tls is for cleartext; here TLS ends by `tls`");
    listening("listen: [{address: 127.0.0.1:1, tls: off}]",
              "e.yaml:2:38: listen[0].tls: expected a map with certificate and key, or a list of "
              "such maps, found \"off\"");
}

static void certificates(void **state)
{
    (void)state;
    folder_certificate("other.pem", "other.key");
    listening(
        "listen: [{address: 127.0.0.1:1, tls: {certificate: edge.pem, key: other.key}}]",
        "e.yaml:2:38: listen[0].tls: key $/other.key does not belong to certificate $/edge.pem");
    listening("listen: [{address: 127.0.0.1:1, tls: [{certificate: edge.key, key: edge.key}]}]",
              "e.yaml:2:39: listen[0].tls[0]: certificate $/edge.key can not be used: no start "
              "line; it must be PEM, the leaf first");
    with("upstream: {ca_file: keys.txt}",
         "e.yaml:3:21: upstream.ca_file: certificate authorities $/keys.txt can not be used: no "
         "certificate or crl found; it must be PEM");
}

static void the_admin_side(void **state)
{
    (void)state;
    with("admin: {address: 0.0.0.0:9901}",
         "e.yaml:3:18: admin.address: 0.0.0.0:9901 is not a loopback address; whoever reaches it "
         "commands the router: use 127.0.0.1:PORT, [::1]:PORT or unix:/path");
    with("metrics: {address: 127.0.0.1:9901}",
         "e.yaml:3:10: metrics: address 127.0.0.1:9901 is the admin's, which has the metrics "
         "already");
    with("metrics: {}", "e.yaml:3:10: metrics: missing required key \"address\"");
    with("auth: {keys_file: .}", "e.yaml:3:19: auth.keys_file: $/. is not a file");
}

static void edges(void **state)
{
    (void)state;
    with("edge: {latitude: 1}", "e.yaml:3:7: edge: latitude without longitude; both or none");
    with("edge: {latitude: 91, longitude: 0}",
         "e.yaml:3:18: edge.latitude: expected a number from -90 to 90, found \"91\"");
    with("edge: {source_address: 127.0.0.1:80}",
         "e.yaml:3:24: edge.source_address: expected an IP address without a port, found "
         "\"127.0.0.1:80\"");
    with("edge: {url: ftp://x}", "e.yaml:3:13: edge.url: expected a URL of http:// or https://, "
                                 "found \"ftp://x\": the scheme "
                                 "is another");
    with("redis: {urls: [\"redis://h\"]}", "e.yaml:1:1: edge: missing required key \"name\": with "
                                           "redis, routers are told apart by it");
    with("edge: {name: a, url: http://a, latitude: 1, longitude: 1}\nedges: [{name: b, url: "
         "http://b}]",
         "e.yaml:4:9: edges[0]: missing required keys \"latitude\" and \"longitude\"");
    with("edge: {name: a, url: http://a, latitude: 1, longitude: 1}\nedges: [&x {name: b, url: "
         "http://b, latitude: 1, longitude: 1}]",
         "e.yaml:4:9: anchor \"&x\" is not allowed; write the value out where it is needed");
}

static void networks(void **state)
{
    (void)state;
    with("trust_forwarded_from: 10.0.0.0/8",
         "e.yaml:3:23: trust_forwarded_from: expected a list, found \"10.0.0.0/8\"");
    with("edge: {name: x}\nredis: {urls: []}",
         "e.yaml:4:15: redis.urls: expected at least one entry, found an empty list");
    with("edge: {name: x}\nredis: {urls: [\"redis://h\"], prefix: Iso}",
         "e.yaml:4:38: redis.prefix: expected a name of 1 to 64 of a-z 0-9 . _ - (default iso), "
         "found "
         "\"Iso\"");
    with("edge: {name: x}\nredis: {urls: [\"redis://h\"], timeout: 5}",
         "e.yaml:4:39: redis.timeout: expected a duration from 10ms to 1m (default 1s), found "
         "\"5\"");
    with("geoip: {databases: [none.mmdb]}", "e.yaml:3:21: geoip.databases[0]: cannot read "
                                            "$/none.mmdb: No such file or directory");
    with("geoip: {default_location: {longitude: 5}}",
         "e.yaml:3:27: geoip.default_location: longitude without latitude; both or none");
}

static void amounts(void **state)
{
    (void)state;
    with("classes: {intractive: {slo: 1s}}",
         "e.yaml:3:11: classes.intractive: unknown key; did you mean \"interactive\"?");
    with("classes: {flex: {slo: 2h}}",
         "e.yaml:3:23: classes.flex.slo: expected a duration from 1ms "
         "to 1h (default 30s), found \"2h\"");
    with("limits: {body: 32MB}", "e.yaml:3:16: limits.body: expected a size from 1KiB to 1GiB "
                                 "(default 32MiB), found \"32MB\"");
    with("limits: {body: 1GiB}", "e.yaml:3:9: limits: body_memory is smaller than body, so the "
                                 "largest request could never be taken");
    with("limits: {queue: lots}", "e.yaml:3:17: limits.queue: expected a whole number from 0 to "
                                  "1000000 (default 1000), found \"lots\"");
    with("upstream: {probe_path: health}", "e.yaml:3:24: upstream.probe_path: expected a path of "
                                           "printable ASCII from /, found \"health\"");
    with("timeouts: 5s", "e.yaml:3:11: timeouts: expected a map, found \"5s\"");
}

static void chains(void **state)
{
    (void)state;
    with("policies: []",
         "e.yaml:3:11: policies: expected at least one policy, found an empty list; "
         "leave the key out for least_latency");
    with("policies: [nearest]", "e.yaml:3:12: policies[0]: expected a map, found \"nearest\"");
    with("policies: [{plugin: Nearest}]",
         "e.yaml:3:21: policies[0].plugin: expected a name of 1 to "
         "64 of a-z 0-9 . _ -, found \"Nearest\"");
    with("policies: [{plugin: ./x.so}]",
         "e.yaml:3:21: policies[0].plugin: cannot read $/./x.so: No "
         "such file or directory");
    with("shadow: [{plugin: nearest, settings: {a: [1]}}]",
         "e.yaml:3:42: shadow[0].settings.a: expected a single value, found a list");
}

static void routes(void **state)
{
    (void)state;
    with("routes: [{match: {class: felx}}]",
         "e.yaml:3:26: routes[0].match.class: expected interactive, priority, flex or batch, found "
         "\"felx\"; did you mean \"flex\"?");
    with("routes: [{match: {country: de}}]",
         "e.yaml:3:28: routes[0].match.country: expected a country as two capital letters (ISO "
         "3166-1), found \"de\"");
    with("routes: [{match: {continent: [EU, XX]}}]",
         "e.yaml:3:35: routes[0].match.continent[1]: expected AF, AN, AS, EU, NA, OC or SA, found "
         "\"XX\"");
    with("routes: [{match: {model: []}}]",
         "e.yaml:3:26: routes[0].match.model: expected a model, or "
         "a list of them, found an empty list");
    with("routes: [{require: {clusters: [fr]}}]",
         "e.yaml:3:32: routes[0].require.clusters[0]: no cluster is named \"fr\"; did you mean "
         "\"fra\"?");
    with("routes: [{require: {clusters: berlin}}]",
         "e.yaml:3:31: routes[0].require.clusters: no cluster is named \"berlin\"");
    with("routes: [{}, {match: {class: flex}}]",
         "e.yaml:3:14: routes[1]: is never reached: the route before it matches everything");
    with("routes: [{policies: []}]",
         "e.yaml:3:21: routes[0].policies: expected at least one entry, found an empty list");
}

static void cluster_names(void **state)
{
    (void)state;
    cluster(ENDPOINTS MODELS "regoin: x",
            "e.yaml:3:62: clusters[0].regoin: unknown key; did you mean \"region\"?");
    cluster(ENDPOINTS MODELS "country: China",
            "e.yaml:3:71: clusters[0].country: expected a country as two capital letters (ISO "
            "3166-1), found \"China\"");
    cluster(
        ENDPOINTS MODELS "longitude: 181, latitude: 0",
        "e.yaml:3:73: clusters[0].longitude: expected a number from -180 to 180, found \"181\"");
    cluster(
        ENDPOINTS MODELS "weight: 1001",
        "e.yaml:3:70: clusters[0].weight: expected a whole number from 0 to 1000 (default 100), "
        "found \"1001\"");
    expect(LISTEN "clusters:\n- {name: a, " ENDPOINTS MODELS "}\n- {name: a, " ENDPOINTS MODELS
                  "}\n",
           (const char *const[]){"e.yaml:4:3: clusters[1]: cluster name \"a\" is given twice",
                                 NULL});
    expect(LISTEN "clusters:\n- {" ENDPOINTS MODELS "}\n",
           (const char *const[]){"e.yaml:3:3: clusters[0]: missing required key \"name\"", NULL});
}

static void endpoints(void **state)
{
    (void)state;
    cluster(MODELS, "e.yaml:3:3: clusters[0]: missing required key \"endpoints\"");
    cluster(
        MODELS "endpoints: [{url: \"http://h:0\"}]",
        "e.yaml:3:46: clusters[0].endpoints[0].url: expected a URL of http:// or https://, found "
        "\"http://h:0\": the port must be 1 to 65535");
    cluster(MODELS "endpoints: [{url: \"http://h/v1\"}]",
            "e.yaml:3:46: clusters[0].endpoints[0].url: the path ends in /v1, which requests bring "
            "along themselves; leave it out");
    cluster(
        MODELS "endpoints: [{url: \"http://u:canary@h\"}]",
        "e.yaml:3:46: clusters[0].endpoints[0].url: expected a URL of http:// or https://, found "
        "\"(hidden)\": a user or password does not belong into it");
    cluster(MODELS "endpoints: [{url: http://h, verify: false}]",
            "e.yaml:3:64: clusters[0].endpoints[0].verify: is for https:// only");
    cluster(
        MODELS "endpoints: [{url: http://h, protocol: h3}]",
        "e.yaml:3:66: clusters[0].endpoints[0].protocol: expected auto, h1 or h2 (default auto), "
        "found \"h3\"; did you mean \"h1\"?");
    cluster(MODELS "endpoints: [{url: http://h}, {url: http://h}]",
            "e.yaml:3:57: clusters[0].endpoints[1]: endpoint http://h is given twice");
}

static void models(void **state)
{
    (void)state;
    cluster(ENDPOINTS, "e.yaml:3:3: clusters[0]: missing required key \"models\"");
    cluster(
        ENDPOINTS "models: []",
        "e.yaml:3:57: clusters[0].models: expected a map of our name: theirs, a list of names, or "
        "\"*\", found an empty one");
    cluster(
        ENDPOINTS "models: qwen",
        "e.yaml:3:57: clusters[0].models: expected a map of our name: theirs, a list of names, or "
        "\"*\", found \"qwen\"");
    cluster(ENDPOINTS "models: [a, a]", "e.yaml:3:61: clusters[0].models[1]: model \"a\" is given "
                                        "twice");
    cluster(ENDPOINTS "models: {\"*\": b}",
            "e.yaml:3:63: clusters[0].models.*: \"*\" cannot be given another name; write models: "
            "\"*\" or a list");
}

static void pools_and_capacity(void **state)
{
    (void)state;
    cluster("pools: [{name: a, " ENDPOINTS MODELS "}, {name: a, " ENDPOINTS MODELS "}]",
            "e.yaml:3:83: clusters[0].pools[1]: pool \"a\" is given twice");
    cluster(
        "capacity: {slots: 5}, pools: [{name: a, " ENDPOINTS MODELS "}]",
        "e.yaml:3:25: clusters[0].capacity: belongs to endpoints, which this cluster has only in "
        "its pools; write it there");
    cluster(ENDPOINTS MODELS "capacity: {slots: 0}",
            "e.yaml:3:80: clusters[0].capacity.slots: expected a number from 1 to 1000000, found "
            "\"0\"");
    cluster(ENDPOINTS MODELS "capacity: {prefill_tps: 10, prefill_tps_one: 20}",
            "e.yaml:3:72: clusters[0].capacity: prefill_tps_one is one request alone and cannot be "
            "more than prefill_tps, all instances together");
}

static void credentials(void **state)
{
    (void)state;
    folder_write("two.key", "a\nb\n");
    folder_write("empty.key", "\n");
    cluster(
        ENDPOINTS MODELS "credential: {header: Host, value_file: hohhot.key}",
        "e.yaml:3:83: clusters[0].credential.header: \"Host\" cannot carry a credential; expected "
        "a field name such as authorization or x-api-key");
    cluster(
        ENDPOINTS MODELS "credential: {header: \"a b\", value_file: hohhot.key}",
        "e.yaml:3:83: clusters[0].credential.header: \"a b\" cannot carry a credential; expected a "
        "field name such as authorization or x-api-key");
    cluster(ENDPOINTS MODELS "credential: {}",
            "e.yaml:3:74: clusters[0].credential: missing required key \"value_file\"");
    cluster(ENDPOINTS MODELS "credential: {value_file: two.key}",
            "e.yaml:3:87: clusters[0].credential.value_file: $/two.key must be one line without "
            "control bytes");
    cluster(ENDPOINTS MODELS "credential: {value_file: empty.key}",
            "e.yaml:3:87: clusters[0].credential.value_file: $/empty.key is empty");
    cluster(ENDPOINTS MODELS "credential: {value_file: /dev/zero}",
            "e.yaml:3:87: clusters[0].credential.value_file: /dev/zero is not a file");
}

static void many_at_once(void **state)
{
    (void)state;
    expect(
        "listen: [{adress: 127.0.0.1:80}]\n"
        "limits: {body: big, queue: -1}\n"
        "clusters:\n"
        "- {name: A, models: [], endpoints: [{url: x}]}\n"
        "- 5\n"
        "polices: []\n",
        (const char *const[]){
            "e.yaml:1:10: listen[0]: missing required key \"address\"",
            "e.yaml:1:11: listen[0].adress: unknown key; did you mean \"address\"?",
            "e.yaml:2:16: limits.body: expected a size from 1KiB to 1GiB (default 32MiB), found "
            "\"big\"",
            "e.yaml:2:28: limits.queue: expected a whole number from 0 to 1000000 (default 1000), "
            "found \"-1\"",
            "e.yaml:4:10: clusters[0].name: expected a name of 1 to 64 of a-z 0-9 . _ -, found "
            "\"A\"",
            "e.yaml:4:21: clusters[0].models: expected a map of our name: theirs, a list of names, "
            "or \"*\", found an empty one",
            "e.yaml:4:43: clusters[0].endpoints[0].url: expected a URL of http:// or https://, "
            "found \"x\": the scheme is another",
            "e.yaml:5:3: clusters[1]: expected a map, found \"5\"",
            "e.yaml:6:1: polices: unknown key; did you mean \"policies\"?", NULL});
}

static int enter(void **state)
{
    (void)state;
    folder_enter();
    return 0;
}

static int leave(void **state)
{
    (void)state;
    folder_leave();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_root),
                                       cmocka_unit_test(listeners),
                                       cmocka_unit_test(certificates),
                                       cmocka_unit_test(the_admin_side),
                                       cmocka_unit_test(edges),
                                       cmocka_unit_test(networks),
                                       cmocka_unit_test(amounts),
                                       cmocka_unit_test(chains),
                                       cmocka_unit_test(routes),
                                       cmocka_unit_test(cluster_names),
                                       cmocka_unit_test(endpoints),
                                       cmocka_unit_test(models),
                                       cmocka_unit_test(pools_and_capacity),
                                       cmocka_unit_test(credentials),
                                       cmocka_unit_test(many_at_once)};
    return cmocka_run_group_tests(tests, enter, leave);
}
