/* `countersign policy list|check|suggest`: what may pass, asked and made. Owns the options; one thread. */
#include "policy_command.h"

#include "log_time.h"

#include "countersign/cli.h"
#include "countersign/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_HELP = 'h', OPTION_JSON = 1, OPTION_LISTENER, OPTION_SINCE, OPTION_FROM, OPTION_INCLUDE_REFUSED };

static const char help[] = "Usage: countersign policy list|check|suggest [OPTIONS]\n"
                           "\n"
                           "  list     every endpoint that is known, with its class; what each policy lets pass\n"
                           "  check    says for each listener whether a request would pass, and which line decides\n"
                           "  suggest  prints the tightest policy and rules that would have let pass what was used\n"
                           "\n"
                           "`countersign policy SUBCOMMAND --help` says more.\n";

static const char list_help[] = "Usage: countersign policy list [--json]\n"
                                "\n"
                                "Lists every endpoint that is known, by class, and what each policy lets pass.\n"
                                "\n"
                                "      --json            one JSON object a line\n"
                                "  -h, --help            this text\n";

static const char check_help[] = "Usage: countersign policy check [OPTIONS] METHOD PATH...\n"
                                 "\n"
                                 "Says for each listener whether such a request would pass, and which line of the "
                                 "configuration decides. Nothing is\n"
                                 "sent. Exit code 0: all pass, 1: one is refused, 2: the configuration is wrong.\n"
                                 "\n"
                                 "  countersign policy check POST /api/trade/order/cancelAll\n"
                                 "\n"
                                 "      --listener NAME   of this listener alone\n"
                                 "      --json            one JSON object a line\n"
                                 "  -h, --help            this text\n" CLI_CONFIG_HELP;

static const char suggest_help[] =
    "Usage: countersign policy suggest [OPTIONS]\n"
    "\n"
    "Prints for each listener the tightest policy, allow and deny lines that would have let pass what its clients "
    "used,\n"
    "ready for the configuration. It comes from what a listener with `learn = yes` noted, which lasts over restarts "
    "and\n"
    "pruning (STATE_DIR/learned-*; stop the proxy and delete them to begin anew), or else from the record. What was "
    "only\n"
    "ever refused stays a comment.\n"
    "\n"
    "      --listener NAME   of this listener alone\n"
    "      --from SOURCE     learned or record; without it the first of them that knows anything\n"
    "      --since TIME      what was used at TIME or later: 10m, 2h, 3d, today, 2026-11-24; from the record\n"
    "      --include-refused allows also what was refused by policy or rule\n"
    "      --json            one JSON object a line\n"
    "  -h, --help            this text\n" CLI_CONFIG_HELP;

static const struct option list_options[] = {
    { "help", no_argument, NULL, OPTION_HELP },
    { "json", no_argument, NULL, OPTION_JSON },
    { NULL, 0, NULL, 0 },
};

static const struct option check_options[] = {
    { "help", no_argument, NULL, OPTION_HELP },
    { "json", no_argument, NULL, OPTION_JSON },
    { "listener", required_argument, NULL, OPTION_LISTENER },
    CLI_CONFIG_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static const struct option suggest_options[] = {
    { "help", no_argument, NULL, OPTION_HELP },
    { "json", no_argument, NULL, OPTION_JSON },
    { "listener", required_argument, NULL, OPTION_LISTENER },
    { "from", required_argument, NULL, OPTION_FROM },
    { "since", required_argument, NULL, OPTION_SINCE },
    { "include-refused", no_argument, NULL, OPTION_INCLUDE_REFUSED },
    CLI_CONFIG_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static const struct subcommand {
    const char *word;
    const char *name; /* how its errors begin */
    const char *short_options;
    const struct option *options;
    const char *help;
    size_t words_min;
    size_t words_max;
    const char *what_words;
    int (*run)(struct buffer *out, const struct policy_options *options, struct error *error);
} subcommands[] = {
    { "list", "policy list", ":h", list_options, list_help, 0, 0, "takes no words", policy_list },
    { "check", "policy check", ":h" CLI_CONFIG_SHORT_OPTIONS, check_options, check_help, 2, SIZE_MAX,
      "which request? METHOD PATH, as in POST /api/trade/order/place", policy_check },
    { "suggest", "policy suggest", ":h" CLI_CONFIG_SHORT_OPTIONS, suggest_options, suggest_help, 0, 0, "takes no words",
      policy_suggest },
};

/* --- options --- */

static int take_from(struct policy_options *options, const char *value)
{
    options->from = strcmp(value, "record") == 0 ? POLICY_FROM_RECORD : POLICY_FROM_LEARNED;
    if (options->from == POLICY_FROM_RECORD || strcmp(value, "learned") == 0)
        return 0;
    return cli_usage_error("policy suggest", "--from takes learned or record, not `%s`", value);
}

/* Returns 0, or the exit code after having printed what is wrong. */
static int take_option(struct policy_options *options, const struct subcommand *subcommand, int option,
                       const char *value)
{
    switch (option) {
    case OPTION_HELP:
        options->help = true;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_LISTENER:
        options->listener = value;
        return 0;
    case OPTION_FROM:
        return take_from(options, value);
    case OPTION_INCLUDE_REFUSED:
        options->include_refused = true;
        return 0;
    case OPTION_SINCE:
        if (log_time_parse(&options->since_us, slice_text(value), options->now_us))
            return 0;
        return cli_usage_error(subcommand->name, "--since takes %s, not `%s`", LOG_TIME_FORMS, value);
    default:
        return cli_config_option(&options->config, option, value) ? 0 : error_exit_code(ERROR_USAGE);
    }
}

static int check_words(const struct policy_options *options, const struct subcommand *subcommand)
{
    bool is_learned_since = options->from == POLICY_FROM_LEARNED && options->since_us != 0;
    if (is_learned_since)
        return cli_usage_error(subcommand->name, "--since looks into the record: what is learned is not kept by time");
    if (options->word_count < subcommand->words_min)
        return cli_usage_error(subcommand->name, "%s", subcommand->what_words);
    if (options->word_count > subcommand->words_max)
        return cli_usage_error(subcommand->name, "what is `%s`? It %s", options->words[0], subcommand->what_words);
    return 0;
}

static int read_options(struct policy_options *options, const struct subcommand *subcommand, int argc, char **argv)
{
    int option, exit_code = 0;
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while (exit_code == 0 &&
           (option = getopt_long(argc, argv, subcommand->short_options, subcommand->options, NULL)) != -1) {
        exit_code = option == '?' || option == ':' ? cli_refuse_option(subcommand->name, option, argv[optind - 1],
                                                                       subcommand->short_options, subcommand->options)
                                                   : take_option(options, subcommand, option, optarg);
    }
    options->words = (const char *const *)(argv + optind);
    options->word_count = (size_t)(argc - optind);
    return exit_code != 0 || options->help ? exit_code : check_words(options, subcommand);
}

/* --- what the subcommands share --- */

bool policy_means(const struct policy_options *options, const struct config_listener *listener)
{
    return options->listener == NULL || strcmp(options->listener, listener->name) == 0;
}

bool policy_load(struct config **config, const struct policy_options *options, const char *command, int *exit_code)
{
    bool found = false;
    if (!cli_config_load(config, &options->config, exit_code))
        return false;
    for (size_t i = 0; i < (*config)->listener_count; i++)
        found = found || policy_means(options, &(*config)->listeners[i]);
    if (found)
        return true;
    *exit_code = cli_usage_error(command, "the configuration has no listener `%s`", options->listener);
    config_free(*config);
    *config = NULL;
    return false;
}

/* --- running --- */

static int print(const struct subcommand *subcommand, struct buffer *out, int exit_code)
{
    struct error error;
    struct buffer safe;
    buffer_init(&safe, 4 * (size_t)POLICY_OUTPUT_MAX);
    terminal_append_escaped(&safe, buffer_slice(out), TERMINAL_LINES);
    bool done = out->failed || safe.failed ? error_set(&error, ERROR_MEMORY, "no memory for what is to be printed")
                                           : terminal_write(STDOUT_FILENO, buffer_slice(&safe), &error);
    buffer_free(&safe);
    return done ? exit_code : cli_failure(subcommand->name, &error);
}

static int run(const struct subcommand *subcommand, int argc, char **argv)
{
    struct policy_options options = { .now_us = clock_wall_us() };
    struct error error = { .kind = ERROR_NONE };
    struct buffer out;
    int exit_code = read_options(&options, subcommand, argc, argv);
    buffer_init(&out, POLICY_OUTPUT_MAX);
    if (exit_code == 0 && options.help) {
        (void)fputs(subcommand->help, stdout); /* its reader sees a failure */
    } else if (exit_code == 0) {
        exit_code = subcommand->run(&out, &options, &error);
        exit_code = exit_code < 0 ? cli_failure(subcommand->name, &error) : print(subcommand, &out, exit_code);
    }
    buffer_free(&out);
    cli_config_options_end(&options.config);
    return exit_code;
}

int cli_policy(int argc, char **argv)
{
    static const char *const words[] = { "list", "check", "suggest", NULL };
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL)
        return cli_usage_error("policy", "which? list, check or suggest");
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        (void)fputs(help, stdout); /* its reader sees a failure */
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(subcommands); i++) {
        if (strcmp(word, subcommands[i].word) == 0)
            return run(&subcommands[i], argc - 1, argv + 1);
    }
    const char *meant = config_nearest_word(word, words);
    if (meant != NULL)
        return cli_usage_error("policy", "`%s` is not a subcommand; did you mean `%s`?", word, meant);
    return cli_usage_error("policy", "`%s` is not a subcommand: list, check, suggest", word);
}
