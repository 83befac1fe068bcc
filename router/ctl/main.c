/*
 * isoctl: the operator's hand.  Reads the command line, finds the router's
 * admin interface, and runs one command.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "ctl/ctl.h"

#define ADMIN_DEFAULT "127.0.0.1:9901"

static const char usage[] =
    "usage: isoctl [--admin ADDRESS | -c FILE] [--json] COMMAND\n"
    "\n"
    "  status                     every cluster: may it be used, what is known, what would come "
    "back\n"
    "  watch                      status again and again  [--interval SECONDS] [--count N]\n"
    "  explain                    what would be decided now, and why\n"
    "                             [--ip IP] [--model M] [--class C] [--prompt-tokens N]\n"
    "                             [--output-tokens N] [--session S] [--tenant T] [--path P] "
    "[--verbose]\n"
    "  policy list                what is loaded, in force, and asked beside\n"
    "  policy load POLICY...      check a chain and keep it as the candidate; POLICY is\n"
    "                             PLUGIN [SETTING=VALUE]..., a name or a file\n"
    "  policy shadow [POLICY...]  ask it, or the candidate, beside what is in force\n"
    "                             [--stop NAME] ends a shadow\n"
    "  policy promote [NAME]      put the shadow, or the candidate, in force\n"
    "  policy rollback            put in force again what was before\n"
    "  drain CLUSTER              no new requests to it from this router\n"
    "  undrain CLUSTER            use it again\n"
    "  reload                     read the configuration again; prints every problem\n"
    "  check FILE                 every problem of a configuration; asks no router\n"
    "\n"
    "  --admin ADDRESS            IP:PORT or unix:PATH of the admin interface; "
    "default " ADMIN_DEFAULT "\n"
    "  -c FILE                    take it from a router's configuration\n"
    "  --json                     print what the router says as it is\n"
    "\n"
    "exit code: 0 done, 1 the router said no, 2 not reachable or a wrong command line\n";

/* --- commands --- */

enum { OPTIONS_EXPLAIN = 1, OPTIONS_WATCH = 2, OPTIONS_SHADOW = 4 };

struct command {
    const char *words[2]; /* the second may be NULL */
    const char *argument; /* what it takes; NULL: nothing */
    int least, most;      /* how many of it */
    unsigned options;
    int (*run)(const struct ctl *ctl);
};

static const struct command commands[] = {
    {{"status", NULL}, NULL, 0, 0, 0, ctl_status},
    {{"watch", NULL}, NULL, 0, 0, OPTIONS_WATCH, ctl_watch},
    {{"explain", NULL}, NULL, 0, 0, OPTIONS_EXPLAIN, ctl_explain},
    {{"policy", "list"}, NULL, 0, 0, 0, ctl_policy_list},
    {{"policy", "load"}, "POLICY", 1, CTL_ARGUMENTS_MOST, 0, ctl_policy_load},
    {{"policy", "shadow"}, "POLICY", 0, CTL_ARGUMENTS_MOST, OPTIONS_SHADOW, ctl_policy_shadow},
    {{"policy", "promote"}, "NAME", 0, 1, 0, ctl_policy_promote},
    {{"policy", "rollback"}, NULL, 0, 0, 0, ctl_policy_rollback},
    {{"drain", NULL}, "CLUSTER", 1, 1, 0, ctl_drain},
    {{"undrain", NULL}, "CLUSTER", 1, 1, 0, ctl_undrain},
    {{"reload", NULL}, NULL, 0, 0, 0, ctl_reload},
    {{"check", NULL}, "FILE", 1, 1, 0, ctl_check},
};

static int wrong(const char *format, ...) ISO_PRINTF(1, 2);

static int wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "isoctl: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "; isoctl --help shows what there is\n");
    va_end(args);
    return CTL_UNREACHABLE;
}

/* The command that the words begin with; *used, how many words it takes. */
static const struct command *command_find(char **words, int count, int *used)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        const struct command *command = &commands[i];
        *used = command->words[1] != NULL ? 2 : 1;
        if (count >= *used && strcmp(words[0], command->words[0]) == 0 &&
            (*used == 1 || strcmp(words[1], command->words[1]) == 0))
            return command;
    }
    return NULL;
}

static int take_arguments(struct ctl *ctl, const struct command *command, char **words, int count)
{
    const char *verb = command->words[command->words[1] != NULL];
    if (count < command->least)
        return wrong("%s needs a %s", verb, command->argument);
    if (count > command->most)
        return wrong("%s: \"%s\" is too much", verb, words[command->most]);
    if (ctl->stop != NULL && count > 0)
        return wrong("--stop ends a shadow; \"%s\" would begin one", words[0]);
    for (int i = 0; i < count; i++)
        ctl->arguments[ctl->argument_count++] = words[i];
    return CTL_OK;
}

/* --- where the router is --- */

static int address_from_config(struct ctl *ctl, const char *file)
{
    struct config_problems problems;
    config_problems_init(&problems);
    struct config *config;
    const bool fine = config_load(file, &config, &problems);
    if (fine) {
        static char text[ADDRESS_TEXT_BYTES];
        ctl->address = config->admin.address;
        ctl->address_text = address_write(&ctl->address, text);
        config_drop(&config);
    } else {
        config_problems_print(&problems, stderr);
        fprintf(stderr, "isoctl: %s does not say where the admin interface is; --admin does too\n",
                file);
    }
    config_problems_finish(&problems);
    return fine ? CTL_OK : CTL_UNREACHABLE;
}

static int address_find(struct ctl *ctl, const char *admin, const char *file)
{
    if (admin == NULL && file != NULL)
        return address_from_config(ctl, file);
    struct error error;
    ctl->address_text = admin != NULL ? admin : ADMIN_DEFAULT;
    if (address_parse(slice_of(ctl->address_text), &ctl->address, &error))
        return CTL_OK;
    return wrong("--admin: %s", error.text);
}

/* --- options --- */

enum {
    OPTION_ADMIN = 256,
    OPTION_JSON,
    OPTION_VERSION,
    OPTION_OF_EXPLAIN, /* those of explain are from here on */
    OPTION_IP = OPTION_OF_EXPLAIN,
    OPTION_MODEL,
    OPTION_CLASS,
    OPTION_PROMPT_TOKENS,
    OPTION_OUTPUT_TOKENS,
    OPTION_SESSION,
    OPTION_TENANT,
    OPTION_PATH,
    OPTION_VERBOSE,
    OPTION_OF_WATCH, /* and those of watch from here on */
    OPTION_INTERVAL = OPTION_OF_WATCH,
    OPTION_COUNT,
    OPTION_STOP, /* of policy shadow */
};

static const struct option options[] = {
    {"admin", required_argument, NULL, OPTION_ADMIN},
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"ip", required_argument, NULL, OPTION_IP},
    {"model", required_argument, NULL, OPTION_MODEL},
    {"class", required_argument, NULL, OPTION_CLASS},
    {"prompt-tokens", required_argument, NULL, OPTION_PROMPT_TOKENS},
    {"output-tokens", required_argument, NULL, OPTION_OUTPUT_TOKENS},
    {"session", required_argument, NULL, OPTION_SESSION},
    {"tenant", required_argument, NULL, OPTION_TENANT},
    {"path", required_argument, NULL, OPTION_PATH},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},
    {"interval", required_argument, NULL, OPTION_INTERVAL},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"stop", required_argument, NULL, OPTION_STOP},
    {0},
};

static void take_explain_option(struct ctl *ctl, int option)
{
    const char **const texts[] = {
        &ctl->ip,      &ctl->model,  &ctl->class_text, &ctl->prompt_tokens, &ctl->output_tokens,
        &ctl->session, &ctl->tenant, &ctl->path};
    if (option == OPTION_VERBOSE)
        ctl->verbose = true;
    else
        *texts[option - OPTION_OF_EXPLAIN] = optarg;
}

static bool take_watch_option(struct ctl *ctl, int option)
{
    const struct slice text = slice_of(optarg);
    if (option == OPTION_COUNT)
        return slice_to_u64(text, &ctl->count) && ctl->count > 0;
    return slice_to_double(text, &ctl->interval_s) && ctl->interval_s >= 0.1 &&
           ctl->interval_s <= 3600;
}

struct command_line {
    const char *admin;
    const char *file;
    unsigned options; /* kinds that were given */
    int code;         /* with `over`: what to end with */
    bool over;
};

static void end(struct command_line *line, int code)
{
    line->over = true;
    line->code = code;
}

static void take_option(struct ctl *ctl, struct command_line *line, int option)
{
    if (option == OPTION_ADMIN) {
        line->admin = optarg;
    } else if (option == 'c') {
        line->file = optarg;
    } else if (option == OPTION_JSON) {
        ctl->json = true;
    } else if (option == OPTION_VERSION) {
        printf("isoctl %s\n", ISOCHRONE_VERSION);
        end(line, CTL_OK);
    } else if (option == 'h') {
        fputs(usage, stdout);
        end(line, CTL_OK);
    } else if (option == OPTION_STOP) {
        line->options |= OPTIONS_SHADOW;
        ctl->stop = optarg;
    } else if (option >= OPTION_OF_WATCH) {
        line->options |= OPTIONS_WATCH;
        if (!take_watch_option(ctl, option))
            end(line, wrong("\"%s\" is not right; --interval is 0.1 to 3600 seconds, --count 1 or "
                            "more",
                            optarg));
    } else if (option >= OPTION_OF_EXPLAIN) {
        line->options |= OPTIONS_EXPLAIN;
        take_explain_option(ctl, option);
    } else {
        end(line, wrong("that option is none, or lacks its value"));
    }
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.interval_s = 2};
    struct command_line line = {0};
    for (int option; !line.over && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;)
        take_option(&ctl, &line, option);
    if (line.over)
        return line.code;
    if (optind == argc)
        return wrong("no command");
    int used;
    const struct command *command = command_find(argv + optind, argc - optind, &used);
    if (command == NULL)
        return wrong("\"%s%s%s\" is no command", argv[optind], optind + 1 < argc ? " " : "",
                     optind + 1 < argc ? argv[optind + 1] : "");
    if ((line.options & ~command->options) != 0)
        return wrong("%s takes no such options", command->words[0]);
    int code = take_arguments(&ctl, command, argv + optind + used, argc - optind - used);
    if (code == CTL_OK && command->run != ctl_check)
        code = address_find(&ctl, line.admin, line.file);
    return code == CTL_OK ? command->run(&ctl) : code;
}
