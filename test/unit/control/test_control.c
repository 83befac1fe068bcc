/*
 * A whole router in this process: its control thread beside the test's, its
 * workers, its sockets in a folder of the test's own.
 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "control/control.h"
#include "control/healthcheck.h"

static char folder[64], file[96];
static struct control *control;
static pthread_t thread;
static char *answer; /* of the last request */

static const char clusters[] = "policies: [{plugin: nearest}]\n"
                               "clusters:\n"
                               "  - {name: fra, models: [m], latitude: 50, longitude: 8, "
                               "endpoints: [{url: \"http://127.0.0.1:9\"}]}\n";

static void write_config(const char *listen, const char *more)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fprintf(out,
            "listen: [%s]\nadmin: {address: \"unix:%s/admin\"}\nworkers: 2\n"
            "access_log: off\nlog: {level: error}\nplugin_dir: %s\n%s%s",
            listen, folder, PLUGIN_DIR, clusters, more);
    assert_int_equal(fclose(out), 0);
}

static const char *socket_at(const char *name)
{
    static char texts[4][192];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    snprintf(text, sizeof texts[0], "{address: \"unix:%s/%s\"}", folder, name);
    return text;
}

static void *run(void *arg)
{
    (void)arg;
    assert_int_equal(control_run(control), 0);
    return NULL;
}

/* -1: nobody listens there. */
static int dial(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* One request on one connection; returns the status, 0 when there was none. */
static int ask_raw(const char *name, const char *text)
{
    const int fd = dial(name);
    assert_true(fd >= 0);
    free(answer);
    answer = memory_zalloc(1 << 20);
    size_t len = 0;
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0)
        for (ssize_t n; (n = recv(fd, answer + len, (1 << 20) - 1 - len, 0)) > 0;)
            len += (size_t)n;
    close(fd);
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static int ask(const char *name, const char *method, const char *path)
{
    char *text = memory_printf("%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                               "content-length: 0\r\n\r\n",
                               method, path);
    const int status = ask_raw(name, text);
    free(text);
    return status;
}

static bool said(const char *text)
{
    return strstr(answer, text) != NULL;
}

static void enter(void)
{
    strcpy(folder, "/tmp/isochrone-control-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/edge.yaml", folder);
}

static void start(const char *listen)
{
    write_config(listen, "");
    struct config_problems problems;
    config_problems_init(&problems);
    control = control_create(file, &problems);
    if (control == NULL)
        config_problems_print(&problems, stderr);
    config_problems_finish(&problems);
    assert_non_null(control);
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
    while (dial("admin") < 0)
        continue;
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

/* The clean way: SIGTERM, and all that is open ends. */
static void stop(void)
{
    kill(getpid(), SIGTERM);
    pthread_join(thread, NULL);
    control_destroy(&control);
    free(answer);
    answer = NULL;
    remove_folder();
}

/* --- pages ------------------------------------------------------------- */

static void every_page_answers(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    static const char *const pages[] = {"/healthz",
                                        "/readyz",
                                        "/metrics",
                                        "/clusters",
                                        "/routers",
                                        "/policies",
                                        "/decisions?n=3",
                                        "/explain",
                                        "/config",
                                        "/explain?ip=1.2.3.4&model=m&"
                                        "class=flex&prompt_tokens=9"};
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (ask("admin", "GET", pages[i]) != 200)
            fail_msg("%s: %s", pages[i], answer);
        assert_true(said("cache-control: no-store"));
        assert_true(said("x-content-type-options: nosniff"));
        assert_int_equal(ask("admin", "HEAD", pages[i]), 200);
        assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    }
    assert_int_equal(ask("admin", "GET", "/nothing"), 404);
    assert_int_equal(ask("admin", "GET", "/reload"), 405);
    assert_true(said("allow: POST\r\n"));
    assert_int_equal(ask("admin", "GET", "/decisions?n=0"), 400);
    assert_true(said("it must be a number from 1 to 1000"));
    assert_int_equal(ask("admin", "GET", "/explain?class=best"), 400);
    assert_int_equal(ask("admin", "GET", "/explain?ip=x"), 400);
    assert_int_equal(ask("admin", "GET", "/explain?prompt_tokens=nan"), 400);
    assert_int_equal(ask("admin", "GET", "/explain?model=none"), 404);
    assert_int_equal(ask("admin", "POST", "/clusters/fra/drain"), 200);
    assert_true(said("\"drained\":true"));
    assert_int_equal(ask("admin", "POST", "/clusters/fra/undrain"), 200);
    assert_int_equal(ask("admin", "POST", "/clusters/none/drain"), 404);
    stop();
}

static int ask_as(const char *host, const char *origin)
{
    char *text =
        memory_printf("GET /healthz HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n%s%s%s\r\n", host,
                      origin ? "origin: " : "", origin ? origin : "", origin ? "\r\n" : "");
    const int status = ask_raw("admin", text);
    free(text);
    return status;
}

/* DESIGN.md section 9: a page in a browser cannot drive it. */
static void only_local_names_and_the_own_origin(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    assert_int_equal(ask_as("localhost:9901", NULL), 200);
    assert_int_equal(ask_as("127.0.0.1", NULL), 200);
    assert_int_equal(ask_as("[::1]:9901", NULL), 200);
    assert_int_equal(ask_as("rebound.example", NULL), 403);
    assert_int_equal(ask_as("localhost.example", NULL), 403);
    assert_int_equal(ask_as("192.0.2.1", NULL), 403);
    assert_int_equal(ask_as("localhost:9901", "http://localhost:9901"), 200);
    assert_int_equal(ask_as("localhost:9901", "http://localhost:8000"), 403);
    assert_int_equal(ask_as("localhost:9901", "https://localhost:9901"), 403);
    assert_int_equal(ask_as("localhost:9901", "https://evil.example"), 403);
    assert_int_equal(ask_as("localhost:9901", "null"), 403);
    stop();
}

static void the_health_check_asks_the_running_one(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    assert_int_equal(healthcheck(file), 0);
    char *kept = memory_strdup(folder);
    kill(getpid(), SIGTERM);
    pthread_join(thread, NULL);
    control_destroy(&control);
    assert_int_equal(healthcheck(file), 1);
    assert_int_equal(healthcheck("/nowhere.yaml"), 2);
    strcpy(folder, kept);
    free(kept);
    remove_folder();
}

/* --- serving ----------------------------------------------------------- */

static void workers_serve(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask("front", "GET", "/v1/models"), 200);
        assert_true(said("\"id\":\"m\""));
    }
    assert_int_equal(ask_raw("front", "POST /v1/completions HTTP/1.1\r\nhost: x\r\n"
                                      "connection: close\r\ncontent-length: 13\r\n\r\n"
                                      "{\"model\":\"m\"}"),
                     502); /* nobody at the cluster's port */
    assert_true(said("upstream_unreachable"));
    assert_int_equal(ask("admin", "GET", "/decisions"), 200);
    assert_true(said("fra"));
    assert_int_equal(ask("admin", "GET", "/metrics"), 200);
    assert_true(said("isochrone_request_faults_total{fault=\"upstream_connect\"} 1"));
    assert_true(said("isochrone_request_faults_total{fault=\"ok\"} 20"));
    stop();
}

/* --- reload ------------------------------------------------------------ */

static void a_reload_moves_listeners(void **state)
{
    (void)state;
    enter();
    start(socket_at("one"));
    char *both = memory_printf("%s, %s", socket_at("one"), socket_at("two"));
    write_config(both, "");
    free(both);
    assert_int_equal(ask("admin", "POST", "/reload"), 200);
    assert_true(said("{\"reloaded\":true,\"generation\":2,\"problems\":[]}"));
    assert_int_equal(ask("one", "GET", "/v1/models"), 200);
    assert_int_equal(ask("two", "GET", "/v1/models"), 200);
    write_config(socket_at("two"), "");
    kill(getpid(), SIGHUP);
    for (int fd; (fd = dial("one")) >= 0;)
        close(fd); /* until the workers let go of it */
    assert_int_equal(ask("two", "GET", "/v1/models"), 200);
    assert_int_equal(ask("admin", "GET", "/config"), 200);
    assert_true(said("\"generation\":3"));
    stop();
}

static void refused(const char *problem)
{
    assert_int_equal(ask("admin", "POST", "/reload"), 422);
    assert_true(said("\"reloaded\":false"));
    if (!said(problem))
        fail_msg("expected \"%s\" in %s", problem, answer);
    assert_int_equal(ask("front", "GET", "/v1/models"), 200);
    assert_int_equal(ask("admin", "GET", "/config"), 200);
    assert_true(said("\"generation\":1"));
    assert_true(said("\"last_reload_error\":\""));
    assert_int_equal(ask("admin", "GET", "/metrics"), 200);
    assert_true(said("isochrone_config_last_reload_ok 0"));
}

static void a_refused_reload_changes_nothing(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    write_config(socket_at("front"), "nonsense: 1\n");
    refused("unknown key");
    write_config(socket_at("front"), "geoip: {databases: [/nowhere.mmdb]}\n");
    refused("/nowhere.mmdb");
    write_config(socket_at("front"), "auth: {keys_file: /nowhere.txt}\n");
    refused("/nowhere.txt");
    write_config(socket_at("front"), "shadow: [{plugin: nowhere}]\n");
    refused("nowhere");
    char *two = memory_printf("%s, %s, {address: \"unix:%s/none/x\"}", socket_at("front"),
                              socket_at("fresh"), folder);
    write_config(two, "");
    free(two);
    refused("none/x");
    assert_int_equal(dial("fresh"), -1); /* what had been opened is closed again */
    write_config(socket_at("front"), "");
    assert_int_equal(ask("admin", "POST", "/reload"), 200);
    assert_int_equal(ask("front", "GET", "/v1/models"), 200);
    assert_int_equal(ask("admin", "GET", "/metrics"), 200);
    assert_true(said("isochrone_config_last_reload_ok 1"));
    assert_true(said("isochrone_reloads_total{result=\"refused\"} 5"));
    stop();
}

static void wait_for_answer(const char *path, int status)
{
    while (ask("admin", "GET", path) != status)
        continue;
}

static void it_is_not_ready_before_it_knows_an_address(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    wait_for_answer("/readyz", 200);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fprintf(out,
            "listen: [%s]\nadmin: {address: \"unix:%s/admin\"}\nworkers: 2\n"
            "access_log: off\nlog: {level: error}\nplugin_dir: %s\npolicies: [{plugin: nearest}]\n"
            "clusters: [{name: lost, models: [m], latitude: 50, longitude: 8, "
            "endpoints: [{url: \"http://no-such-host.invalid:9\"}]}]\n",
            socket_at("front"), folder, PLUGIN_DIR);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(ask("admin", "POST", "/reload"), 200);
    wait_for_answer("/readyz", 503);
    assert_true(said("starting"));
    stop();
}

/* --- drain ------------------------------------------------------------- */

/* A request whose body is owed, once the router has seen its head. */
static int send_half(void)
{
    const int open = dial("front");
    static const char half[] =
        "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\n";
    assert_int_equal(send(open, half, sizeof half - 1, 0), sizeof half - 1);
    while (ask("admin", "GET", "/metrics") == 200 && !said("isochrone_exchanges_open 1\n"))
        continue;
    return open;
}

static void draining_waits_for_what_is_open(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    const int open = send_half();
    kill(getpid(), SIGTERM);
    wait_for_answer("/readyz", 503);
    assert_true(said("draining"));
    assert_int_equal(ask("admin", "POST", "/reload"), 422);
    assert_true(said("draining"));
    assert_int_equal(ask("admin", "GET", "/healthz"), 200);
    assert_int_equal(send(open, "{\"model\":\"m\"}", 13, 0), 13);
    char text[4096] = "";
    size_t len = 0;
    for (ssize_t n; (n = recv(open, text + len, sizeof text - 1 - len, 0)) > 0;)
        len += (size_t)n;
    assert_memory_equal(text, "HTTP/1.1 502 ", 13); /* its answer, and a clean end */
    assert_non_null(strstr(text, "connection: close"));
    close(open);
    pthread_join(thread, NULL);
    control_destroy(&control);
    free(answer);
    answer = NULL;
    remove_folder();
}

static void a_second_sigterm_is_now(void **state)
{
    (void)state;
    enter();
    start(socket_at("front"));
    const int open = send_half();
    kill(getpid(), SIGTERM);
    wait_for_answer("/readyz", 503);
    stop(); /* the second one */
    close(open);
}

/* --- start ------------------------------------------------------------- */

static void check(const char *listen, const char *more, const char *problem)
{
    enter();
    write_config(listen, more);
    struct config_problems problems;
    config_problems_init(&problems);
    struct control *made = control_create(file, &problems);
    assert_null(made);
    assert_true(problems.count > 0);
    if (strstr(problems.items[0].text, problem) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", problem, problems.items[0].text);
    config_problems_finish(&problems);
    remove_folder();
}

static void what_cannot_begin_says_why(void **state)
{
    (void)state;
    check("{address: \"unix:/nowhere/front\"}", "", "/nowhere/front");
    check("{address: \"127.0.0.1:0\"}", "metrics: {address: \"unix:/nowhere/metrics\"}\n",
          "/nowhere/metrics");
    check("{address: \"127.0.0.1:0\"}", "policies: []\n", "policies");
    check("{address: \"127.0.0.1:0\"}", "geoip: {databases: [/nowhere.mmdb]}\n", "/nowhere.mmdb");
    struct config_problems problems;
    config_problems_init(&problems);
    assert_false(control_check("/nowhere.yaml", &problems));
    config_problems_finish(&problems);
}

static void a_check_opens_nothing(void **state)
{
    (void)state;
    enter();
    write_config(socket_at("front"), "");
    struct config_problems problems;
    config_problems_init(&problems);
    assert_true(control_check(file, &problems));
    assert_int_equal(dial("front"), -1);
    assert_int_equal(dial("admin"), -1);
    config_problems_finish(&problems);
    remove_folder();
}

UNIT_MAIN(every_page_answers, only_local_names_and_the_own_origin,
          the_health_check_asks_the_running_one, workers_serve, a_reload_moves_listeners,
          a_refused_reload_changes_nothing, it_is_not_ready_before_it_knows_an_address,
          draining_waits_for_what_is_open, a_second_sigterm_is_now, what_cannot_begin_says_why,
          a_check_opens_nothing)
