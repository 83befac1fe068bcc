#include "conform/conform.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "chain_text/chain_text.h"
#include "conform/example.h"
#include "conform/trial.h"
#include "policy/settings.h"

enum { EXIT_FAULTY = 1, EXIT_CANNOT = 2, FLEETS = 20000, FLEETS_MOST = 100000000 };

/* --- the child: what a crash has to say --- */

static struct {
    struct findings *findings;
    struct example *example;
    char stack[64 * 1024];
} child;

static const char *place_of(const void *address, const char **what)
{
    for (int k = 0; k < EXAMPLE_AREAS; k++) {
        *what = example_area_names[k];
        if (pages_hold(&child.example->areas[k], address))
            return "writes to";
        if (pages_border(&child.example->areas[k], address))
            return "reaches beyond the end of";
    }
    *what = "memory that is not there";
    return "touches";
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    const char *asked = child.findings->asked, *what;
    (void)context;
    if (asked == NULL) { /* not the policy's */
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    if (number == SIGSEGV || number == SIGBUS) {
        const char *how = place_of(info->si_addr, &what);
        finding_add(child.findings, FINDING_DIED, "%s %s %s", asked, how, what);
    } else if (number == SIGALRM) {
        finding_add(child.findings, FINDING_DIED, "%s does not return", asked);
    } else {
        finding_add(child.findings, FINDING_DIED, "%s ends the process (%s)", asked,
                    strsignal(number));
    }
    _exit(0);
}

static void signals_catch(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    const stack_t stack = {.ss_sp = child.stack, .ss_size = sizeof child.stack};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        sigaction(numbers[i], &action, NULL);
}

static void child_run(const struct iso_policy *policy, const void *settings, uint64_t seed,
                      uint64_t fleets, struct findings *findings)
{
    struct example example;
    example_init(&example, settings, policy->settings_size);
    child.findings = findings;
    child.example = &example;
    signals_catch();
    trial_run(policy, &example, seed, fleets, findings);
    _exit(0);
}

/* --- the parent --- */

struct findings *conform_run(const struct iso_policy *policy, const void *settings, uint64_t seed,
                             uint64_t fleets)
{
    struct findings *findings =
        mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    CHECK(findings != MAP_FAILED);
    fflush(NULL);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child_run(policy, settings, seed, fleets, findings);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!findings->finished && findings->found[FINDING_DIED].count == 0)
        finding_add(findings, FINDING_DIED, "it ends the process, with %s %d",
                    WIFSIGNALED(status) ? "signal" : "exit code",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return findings;
}

void conform_release(struct findings **findings)
{
    if (*findings != NULL)
        munmap(*findings, sizeof **findings);
    *findings = NULL;
}

/* --- telling --- */

static const char *const kind_names[FINDING_KINDS] = {
    [FINDING_OPENED] = "opened",       [FINDING_VERDICT] = "verdict", [FINDING_COST] = "cost",
    [FINDING_PICK] = "pick",           [FINDING_TWICE] = "twice",     [FINDING_STATE] = "state",
    [FINDING_ALLOCATED] = "allocated", [FINDING_DIED] = "died",
};

static void tell(const char *name, const struct findings *findings)
{
    for (int kind = 0; kind < FINDING_KINDS; kind++) {
        const struct finding *finding = &findings->found[kind];
        if (finding->count > 0)
            printf("%s: %s (%llu times; the first: --seed %llu --fleets %d)\n", name, finding->text,
                   (unsigned long long)finding->count, (unsigned long long)finding->seed,
                   kind == FINDING_STATE ? 16 : 1);
    }
    if (findings->finished)
        printf("%s: %llu fleets, %s; a decision takes %.0f ns (p50), %.0f (p90), %.0f (p99)\n",
               name, (unsigned long long)findings->decisions,
               findings_any(findings) ? "faults as above" : "no fault", findings->p50_ns,
               findings->p90_ns, findings->p99_ns);
}

static void tell_json(const char *name, const struct findings *findings)
{
    struct buffer out = {0};
    struct json json;
    json_init(&json, &out);
    json_object_begin(&json);
    json_kv_string(&json, "policy", name);
    json_kv_uint(&json, "fleets", findings->decisions);
    json_kv_bool(&json, "conforms", !findings_any(findings));
    json_key(&json, "faults");
    json_array_begin(&json);
    for (int kind = 0; kind < FINDING_KINDS; kind++) {
        const struct finding *finding = &findings->found[kind];
        if (finding->count == 0)
            continue;
        json_object_begin(&json);
        json_kv_string(&json, "kind", kind_names[kind]);
        json_kv_uint(&json, "count", finding->count);
        json_kv_uint(&json, "seed", finding->seed);
        json_kv_string(&json, "text", finding->text);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_key(&json, "decision_ns");
    json_object_begin(&json);
    json_kv_fixed(&json, "p50", findings->p50_ns, 0);
    json_kv_fixed(&json, "p90", findings->p90_ns, 0);
    json_kv_fixed(&json, "p99", findings->p99_ns, 0);
    json_object_end(&json);
    json_object_end(&json);
    printf("%.*s\n", SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
}

/* --- the command --- */

static const char usage[] =
    "usage: isobench conform POLICY.so[:SETTING=VALUE,...] [OPTION ...]\n"
    "  asks a policy about made-up fleets and judges the answers by the ABI\n"
    "  --fleets N        how many; default 20000\n"
    "  --seed N          of the first; default 1\n"
    "  --plugins FOLDER  where names are looked up\n"
    "  --json            one object\n"
    "exit code: 0 it conforms, 1 it does not, 2 it cannot be tried\n";

struct wish {
    const char *policy, *plugins;
    uint64_t seed, fleets;
    bool json, help;
};

static bool number_read(const char *name, const char *text, uint64_t least, uint64_t most,
                        uint64_t *out, struct error *error)
{
    if (slice_to_u64(slice_of(text), out) && *out >= least && *out <= most)
        return true;
    return error_set(error, "--%s is %s; it may be %llu to %llu", name, text,
                     (unsigned long long)least, (unsigned long long)most);
}

static bool wish_read(struct wish *wish, int argc, char **argv, struct error *error)
{
    static const struct option known[] = {
        {"fleets", required_argument, NULL, 'f'},  {"seed", required_argument, NULL, 's'},
        {"plugins", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int option;
    *wish = (struct wish){.seed = 1, .fleets = FLEETS};
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'f' && !number_read("fleets", optarg, 1, FLEETS_MOST, &wish->fleets, error))
            return false;
        if (option == 's' && !number_read("seed", optarg, 0, UINT64_MAX, &wish->seed, error))
            return false;
        if (option == '?')
            return error_set(error, "isobench conform --help says what there is");
        wish->plugins = option == 'p' ? optarg : wish->plugins;
        wish->json |= option == 'j';
        wish->help |= option == 'h';
    }
    if (!wish->help && optind + 1 != argc)
        return error_set(error, "expected one policy, found %d", argc - optind);
    wish->policy = argv[optind];
    return true;
}

static int policy_try(const struct wish *wish, const struct policy_ref *ref, struct plugin_dir *dir,
                      struct error *error)
{
    struct problem_first problem;
    struct plugin *plugin = plugin_load(dir, ref->plugin, error);
    if (plugin == NULL)
        return EXIT_CANNOT;
    problem_first_init(&problem);
    void *settings =
        settings_create(&plugin->policy, ref->settings, ref->setting_count, "", &problem.sink);
    if (settings == NULL) {
        *error = problem.error;
        return EXIT_CANNOT;
    }
    struct findings *findings = conform_run(&plugin->policy, settings, wish->seed, wish->fleets);
    (wish->json ? tell_json : tell)(plugin->policy.name, findings);
    const int code = findings_any(findings) ? EXIT_FAULTY : 0;
    conform_release(&findings);
    free(settings);
    return code;
}

static int wish_grant(const struct wish *wish, struct error *error)
{
    struct chain_text chain;
    char folder[4096];
    int code = EXIT_CANNOT;
    if (chain_text_read(&chain, wish->policy, error)) {
        struct plugin_dir *dir = plugin_dir_create(
            wish->plugins != NULL ? wish->plugins : chain_text_folder(folder, sizeof folder));
        if (chain.count == 1)
            code = policy_try(wish, &chain.refs[0], dir, error);
        else
            error_set(error, "one policy at a time, without \"+\"");
        plugin_dir_destroy(&dir);
    }
    chain_text_finish(&chain);
    return code;
}

int conform_main(int argc, char **argv)
{
    struct wish wish;
    struct error error;
    if (!wish_read(&wish, argc, argv, &error)) {
        fprintf(stderr, "isobench conform: %s\n", error.text);
        return EXIT_CANNOT;
    }
    if (wish.help) {
        fputs(usage, stdout);
        return 0;
    }
    const int code = wish_grant(&wish, &error);
    if (code == EXIT_CANNOT)
        fprintf(stderr, "isobench conform: %s: %s\n", wish.policy, error.text);
    return code;
}
