/* `countersign log`: the subcommands, their options, the store they read. One thread; nothing of it runs beside a proxy
 * process in this program. */
#include "log_command.h"

#include "countersign/cli.h"
#include "countersign/clock.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_JSON = 2000, OPTION_STORE, OPTION_COLOR, OPTION_RAW, OPTION_VIEW };

static const struct option list_options[] = {
    { "limit", required_argument, NULL, 'n' },
    { "json", no_argument, NULL, OPTION_JSON },
    { "store", required_argument, NULL, OPTION_STORE },
    { "color", required_argument, NULL, OPTION_COLOR },
    { "help", no_argument, NULL, 'h' },
    CLI_CONFIG_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static const struct option show_options[] = {
    { "json", no_argument, NULL, OPTION_JSON },
    { "raw", no_argument, NULL, OPTION_RAW },
    { "view", required_argument, NULL, OPTION_VIEW },
    { "store", required_argument, NULL, OPTION_STORE },
    { "color", required_argument, NULL, OPTION_COLOR },
    { "help", no_argument, NULL, 'h' },
    CLI_CONFIG_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

#define COMMON_HELP                                                                                                    \
    "      --store FILE      the capture store (default: capture.db in proxy.state_dir)\n"                             \
    "      --color WHEN      auto, always, never; auto is a terminal's, and NO_COLOR and TERM=dumb hold\n"             \
    "  -h, --help            this text\n" CLI_CONFIG_HELP

static const char list_help[] =
    "Usage: countersign log [ls] [OPTIONS]\n"
    "       countersign log show ID\n"
    "\n"
    "Lists the latest exchanges, the newest at the bottom. `log show ID` shows one whole.\n"
    "\n"
    "  -n, --limit N         how many, at most 100000 (default: 20)\n"
    "      --json            one JSON object a line, every fact but heads and bodies\n" COMMON_HELP "\n"
    "Outcomes: ok; api_error (an answer whose code is not success, whatever the HTTP status); http_error;\n"
    "refused (by countersign); not_sent (no byte left); unknown (bytes left, no whole answer came); in_flight.\n"
    "MS is the time from the request's last byte to the reply's.\n";

static const char show_help[] =
    "Usage: countersign log show [OPTIONS] ID|last\n"
    "\n"
    "Shows one exchange: what happened, its facts, and its bytes in four views: as the client sent it, as it left\n"
    "for the exchange, as it came back, as the client got it. JSON is indented, every value as written. Control\n"
    "characters and bytes that are no UTF-8 are shown as \\xNN.\n"
    "\n"
    "      --view VIEW       one view alone: client-request, upstream-request, upstream-response, client-response\n"
    "      --raw             the very bytes, head then body, nothing added; without --view all four, each with a\n"
    "                        title on standard error\n"
    "      --json            one JSON object: the facts, heads as strings, bodies as text or base64\n"
    "                        (bodyEncoding)\n" COMMON_HELP;

static const struct command {
    const char *word;
    const char *name; /* how its errors begin */
    const struct option *options;
    const char *short_options;
    const char *help;
    size_t words; /* how many it takes */
    bool (*run)(const struct log_run *run, struct error *error);
} commands[] = {
    { "ls", "log", list_options, ":n:h" CLI_CONFIG_SHORT_OPTIONS, list_help, 0, log_list },
    { "show", "log show", show_options, ":h" CLI_CONFIG_SHORT_OPTIONS, show_help, 1, log_show },
};

void log_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments); /* a remark: without it the answer is still whole */
    va_end(arguments);
    (void)fputc('\n', stderr);
}

static bool take_limit(struct log_options *options, const char *value)
{
    uint64_t limit;
    if (!slice_to_u64(slice_text(value), &limit) || limit < 1 || limit > LOG_LIMIT_MAX)
        return false;
    options->limit = (size_t)limit;
    return true;
}

/* One option with its value. Returns 0, or the exit code after having printed what is wrong. */
static int take_option(struct log_options *options, const struct command *command, int option, const char *value)
{
    switch (option) {
    case 'n':
        return take_limit(options, value)
                   ? 0
                   : cli_usage_error(command->name, "--limit takes a number from 1 to %d, not `%s`", LOG_LIMIT_MAX,
                                     value);
    case OPTION_COLOR:
        return terminal_color_parse(&options->color, value)
                   ? 0
                   : cli_usage_error(command->name, "--color takes auto, always or never, not `%s`", value);
    case OPTION_VIEW:
        options->has_view = true;
        return log_view_parse(&options->view, value)
                   ? 0
                   : cli_usage_error(command->name,
                                     "--view takes client-request, upstream-request, upstream-response or "
                                     "client-response, not `%s`",
                                     value);
    case OPTION_STORE:
        options->store = value;
        return 0;
    case OPTION_JSON:
        return (options->json = true, 0);
    case OPTION_RAW:
        return (options->raw = true, 0);
    case 'h':
        return (options->help = true, 0);
    default:
        return cli_config_option(&options->config, option, value) ? 0 : 2;
    }
}

static int check_words(const struct log_options *options, const struct command *command)
{
    if (options->json && (options->raw || options->has_view))
        return cli_usage_error(command->name, "--json shows all four views: it goes without --raw and --view");
    if (options->word_count == command->words)
        return 0;
    if (options->word_count < command->words)
        return cli_usage_error(command->name, "which exchange? Give its id, or `last`");
    const char *word = options->words[command->words];
    int64_t id;
    if (command->words == 0 && (record_id_parse(&id, slice_text(word)) || strcmp(word, "last") == 0))
        return cli_usage_error(command->name, "`%s` is not a subcommand: ls, show (`countersign log show %s`)", word,
                               word);
    if (command->words == 0)
        return cli_usage_error(command->name, "`%s` is not a subcommand: ls, show", word);
    return cli_usage_error(command->name, "one exchange at a time: what is `%s`?", word);
}

/* Returns 0, or the exit code after having printed what is wrong. */
static int read_options(struct log_options *options, const struct command *command, int argc, char **argv)
{
    int option;
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while ((option = getopt_long(argc, argv, command->short_options, command->options, NULL)) != -1) {
        int code = option == '?' || option == ':'
                       ? cli_refuse_option(command->name, option, argv[optind - 1], command->short_options)
                       : take_option(options, command, option, optarg);
        if (code != 0 || options->help)
            return code;
    }
    options->words = (const char *const *)argv + optind;
    options->word_count = (size_t)(argc - optind);
    return check_words(options, command);
}

/* The store's path, the caller frees it; NULL where the configuration is wrong, which was printed. */
static char *find_store(const struct log_options *options, const struct command *command, int *exit_code)
{
    const struct error no_memory = { .kind = ERROR_MEMORY, .message = "out of memory" };
    struct config *config = NULL;
    char *path = NULL;
    if (options->store != NULL) {
        path = strdup(options->store);
    } else {
        if (!cli_config_load(&config, &options->config, exit_code))
            return NULL;
        path = capture_store_file(config->proxy.state_dir);
        config_free(config);
    }
    if (path == NULL)
        *exit_code = cli_failure(command->name, &no_memory);
    return path;
}

/* The demo's record is in a folder of its own below the one that was asked for. */
static void point_at_demo(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX], file[PATH_MAX];
    int length = snprintf(folder, sizeof(folder), "%.*s/demo", slash == NULL ? 0 : (int)(slash - path), path);
    if (length <= 0 || (size_t)length >= sizeof(folder) ||
        snprintf(file, sizeof(file), "%s/capture.db", folder) >= (int)sizeof(file) || access(file, F_OK) != 0)
        return;
    (void)fprintf(stderr, "The demo's record is there: add --state-dir '%s'\n", folder); /* nowhere else to say it */
}

static int run_on_store(const struct log_options *options, const struct command *command)
{
    struct error error = { .kind = ERROR_NONE };
    int exit_code = 0;
    char *path = find_store(options, command, &exit_code);
    if (path == NULL)
        return exit_code;
    struct log_run run = {
        .options = options,
        .store_path = path,
        .terminal = terminal_detect(STDOUT_FILENO, options->color),
        .now_us = clock_wall_us(),
    };
    bool is_open = capture_reader_open(&run.reader, path, &error);
    if (!is_open || !command->run(&run, &error))
        exit_code = cli_failure(command->name, &error);
    if (!is_open)
        point_at_demo(path);
    if (is_open)
        capture_reader_close(run.reader);
    free(path);
    return exit_code;
}

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; word != NULL && i < ARRAY_LENGTH(commands); i++)
        if (strcmp(word, commands[i].word) == 0)
            return &commands[i];
    return NULL;
}

int cli_log(int argc, char **argv)
{
    struct log_options options = { .limit = LOG_LIMIT_DEFAULT };
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    int skipped = command != NULL ? 1 : 0;
    if (command == NULL)
        command = &commands[0];
    /* `log | head` ends as other tools do: quietly. */
    (void)signal(SIGPIPE, SIG_DFL);
    int exit_code = read_options(&options, command, argc - skipped, argv + skipped);
    if (exit_code == 0 && options.help)
        (void)fputs(command->help, stdout);
    else if (exit_code == 0)
        exit_code = run_on_store(&options, command);
    cli_config_options_end(&options.config);
    return exit_code;
}
