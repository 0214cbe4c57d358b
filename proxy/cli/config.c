/* `countersign config keys|metrics|check|show`: the configuration explained, checked and shown. One thread. */
#include "common.h"
#include "terminal.h"

#include "countersign/cli.h"
#include "countersign/inspector.h"
#include "countersign/policy.h"
#include "countersign/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_HELP = 'h', TEXT_MAX = 1 << 20 };

static const char help[] =
    "Usage: countersign config keys\n"
    "       countersign config metrics\n"
    "       countersign config check [OPTIONS]\n"
    "       countersign config show [OPTIONS]\n"
    "\n"
    "  keys     lists every key with its values, its default and what it is for\n"
    "  metrics  lists what /metrics at [proxy] admin tells\n"
    "  check    says whether the configuration is good; if not, all that is wrong, each with its place\n"
    "  show     prints the values in force as a configuration file, secrets by their source alone\n"
    "\n"
    "`countersign config SUBCOMMAND --help` says more.\n";

static const char keys_help[] = "Usage: countersign config keys\n"
                                "\n"
                                "Lists every key of the configuration: values, default, and what it is for.\n"
                                "\n"
                                "  -h, --help            this text\n";

static const char metrics_help[] = "Usage: countersign config metrics\n"
                                   "\n"
                                   "Lists every metric that /metrics at the admin address tells: name, type, meaning.\n"
                                   "\n"
                                   "  -h, --help            this text\n";

static const char check_help[] =
    "Usage: countersign config check [OPTIONS]\n"
    "\n"
    "Reads the file, the COUNTERSIGN_* variables and the settings given here, and says what each listener does and\n"
    "how much memory and how many descriptors the proxy can come to use at most, or all that is wrong. Secrets are not "
    "read. Exit code 0: good, 2: not.\n"
    "\n"
    "  -h, --help            this text\n" CLI_CONFIG_HELP;

static const char show_help[] =
    "Usage: countersign config show [OPTIONS]\n"
    "\n"
    "Prints the values in force, from defaults, file, COUNTERSIGN_* variables and the settings given here, as a\n"
    "configuration file. Secrets are named by their source and not read.\n"
    "\n"
    "  -h, --help            this text\n" CLI_CONFIG_HELP;

/* Prints and frees; the exit code. */
static int print(struct buffer *text)
{
    struct error error;
    bool done = text->failed ? error_set(&error, ERROR_MEMORY, "no memory for what is to be printed")
                             : terminal_write(STDOUT_FILENO, buffer_slice(text), &error);
    buffer_free(text);
    return done ? 0 : cli_failure("config", &error);
}

static int run_keys(const struct cli_config_options *options)
{
    struct buffer text;
    (void)options; /* the table is the same for all */
    buffer_init(&text, TEXT_MAX);
    config_describe_keys(&text);
    return print(&text);
}

static int run_metrics(const struct cli_config_options *options)
{
    struct buffer text;
    (void)options; /* the table is the same for all */
    buffer_init(&text, TEXT_MAX);
    inspector_describe_metrics(&text);
    return print(&text);
}

_Static_assert((int)POLICY_TRADE == (int)CONFIG_POLICY_TRADE && (int)POLICY_READ_ONLY == (int)CONFIG_POLICY_READ_ONLY &&
                   (int)POLICY_ALL == (int)CONFIG_POLICY_ALL,
               "a policy is the same number in the configuration and in the guard");

static void append_listener(struct buffer *text, const struct config *config, const struct config_listener *listener)
{
    (void)buffer_append_format(text, "listener %s: %s -> %s (%s), account %s, policy %s, sign %s\n", listener->name,
                               listener->listen, listener->upstream_name, config->upstreams[listener->upstream].url,
                               listener->account_name, policy_name((enum policy)listener->policy),
                               listener->sign == CONFIG_SIGN_ALL ? "all" : "private"); /* print() looks at `failed` */
    for (size_t i = 0; i < listener->rules.count; i++) {
        (void)buffer_append_format(text, "  %s: ", listener->rules.items[i].place); /* likewise */
        rule_append(text, &listener->rules.items[i]);
        (void)buffer_append_byte(text, '\n'); /* likewise */
    }
}

/* What the machine must have in the worst case. */
static void append_bounds(struct buffer *text, const struct config *config)
{
    enum { BYTES_PER_KIB = 1024, BYTES_PER_MIB = 1024 * 1024 };
    struct service_memory memory;
    service_memory_bound(&memory, config);
    (void)buffer_append_format(text, /* print() looks at `failed`, here and below */
                               "memory: at most %" PRIu64 " MiB, whatever clients and the exchange do, and %" PRIu64
                               " MiB of mapped ring beside it\n",
                               memory.own / BYTES_PER_MIB, memory.ring / BYTES_PER_MIB);
    for (size_t i = 0; i < SERVICE_MEMORY_ROWS; i++) {
        const struct service_memory_row *row = &memory.rows[i];
        (void)buffer_append_format(text, "  %5" PRIu64 " MiB  %s: %" PRIu64 " of %" PRIu64 " KiB\n",
                                   row->count * row->bytes / BYTES_PER_MIB, row->what, row->count,
                                   row->bytes / BYTES_PER_KIB);
    }
    (void)buffer_append_format(text,
                               "  a quarter more for what the allocator leaves unused between\n"
                               "descriptors: at most %" PRIu64 "\n",
                               service_descriptors_needed(config));
}

static int run_check(const struct cli_config_options *options)
{
    struct config *config = NULL;
    struct buffer text;
    int exit_code = 2;
    if (!cli_config_load(&config, options, &exit_code))
        return exit_code;
    buffer_init(&text, TEXT_MAX);
    (void)buffer_append_format(&text, "configuration is good: %s\n", /* print() looks at `failed` */
                               config->file != NULL ? config->file : "no file, built-in defaults");
    for (size_t i = 0; i < config->listener_count; i++)
        append_listener(&text, config, &config->listeners[i]);
    append_bounds(&text, config);
    (void)buffer_append_text(&text, "secrets were not read: `countersign serve` does that\n"); /* as above */
    config_free(config);
    return print(&text);
}

static int run_show(const struct cli_config_options *options)
{
    struct config *config = NULL;
    struct buffer text;
    int exit_code = 2;
    if (!cli_config_load(&config, options, &exit_code))
        return exit_code;
    buffer_init(&text, TEXT_MAX);
    config_describe(&text, config);
    config_free(config);
    return print(&text);
}

static const struct option plain_options[] = {
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static const struct option load_options[] = {
    { "help", no_argument, NULL, OPTION_HELP },
    CLI_CONFIG_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static const struct subcommand {
    const char *word;
    const char *name; /* how its errors begin */
    const char *short_options;
    const struct option *options;
    const char *help;
    int (*run)(const struct cli_config_options *options);
} subcommands[] = {
    { "keys", "config keys", ":h", plain_options, keys_help, run_keys },
    { "metrics", "config metrics", ":h", plain_options, metrics_help, run_metrics },
    { "check", "config check", ":h" CLI_CONFIG_SHORT_OPTIONS, load_options, check_help, run_check },
    { "show", "config show", ":h" CLI_CONFIG_SHORT_OPTIONS, load_options, show_help, run_show },
};

/* Returns 0, or the exit code after having printed what is wrong. */
static int read_options(struct cli_config_options *options, bool *wants_help, const struct subcommand *subcommand,
                        int argc, char **argv)
{
    int option;
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while ((option = getopt_long(argc, argv, subcommand->short_options, subcommand->options, NULL)) != -1) {
        if (option == OPTION_HELP)
            *wants_help = true;
        else if (option == '?' || option == ':')
            return cli_refuse_option(subcommand->name, option, argv[optind - 1], subcommand->short_options,
                                     subcommand->options);
        else if (!cli_config_option(options, option, optarg))
            return error_exit_code(ERROR_USAGE);
    }
    if (optind < argc && !*wants_help)
        return cli_usage_error(subcommand->name, "unexpected argument `%s`", argv[optind]);
    return 0;
}

static int run(const struct subcommand *subcommand, int argc, char **argv)
{
    struct cli_config_options options = { .file = NULL };
    bool wants_help = false;
    int exit_code = read_options(&options, &wants_help, subcommand, argc, argv);
    if (exit_code == 0 && wants_help)
        (void)fputs(subcommand->help, stdout); /* its reader sees a failure */
    else if (exit_code == 0)
        exit_code = subcommand->run(&options);
    cli_config_options_end(&options);
    return exit_code;
}

int cli_config(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL)
        return cli_usage_error("config", "which? keys, metrics, check or show");
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        (void)fputs(help, stdout); /* its reader sees a failure */
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(subcommands); i++) {
        if (strcmp(word, subcommands[i].word) == 0)
            return run(&subcommands[i], argc - 1, argv + 1);
    }
    static const char *const words[] = { "keys", "metrics", "check", "show", NULL };
    const char *meant = config_nearest_word(word, words);
    if (meant != NULL)
        return cli_usage_error("config", "`%s` is not a subcommand; did you mean `%s`?", word, meant);
    return cli_usage_error("config", "`%s` is not a subcommand: keys, metrics, check, show", word);
}
