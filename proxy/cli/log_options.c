/* The options of `countersign log`'s subcommands: one table, from which getopt's arrays, the reading and the help texts
 * come. Owns nothing; one thread. */
#include "log_command.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_BASE = 2000, OPTIONS_MAX = 64, SHORTS_MAX = 64, MIB_MAX = 16777216, DAYS_MAX = 36500 };

struct log_option {
    const char *name;
    char letter;          /* '\0': none */
    const char *argument; /* NULL: takes none */
    unsigned takes;       /* the commands that take it; 0: all */
    const char *help;     /* lines behind the first are indented by it */
    const char *(*take)(struct log_options *options, const char *name,
                        const char *value); /* NULL: well; else what is wrong */
};

static const char *problem(struct log_options *options, const char *name, const char *expected, const char *value)
{
    (void)snprintf(options->problem, sizeof(options->problem), "--%s takes %s, not `%s`", name, expected,
                   value); /* cut is fine */
    return options->problem;
}

static const char *take_limit(struct log_options *options, const char *name, const char *value)
{
    uint64_t limit;
    if (!slice_to_u64(slice_text(value), &limit) || limit < 1 || limit > LOG_LIMIT_MAX)
        return problem(options, name, "a number from 1 to 100000", value);
    options->limit = (size_t)limit;
    return NULL;
}
_Static_assert(LOG_LIMIT_MAX == 100000, "the message above says so");

static const char *take_color(struct log_options *options, const char *name, const char *value)
{
    return terminal_color_parse(&options->color, value) ? NULL : problem(options, name, "auto, always or never", value);
}

static const char *take_number(struct log_options *options, const char *name, const char *value, int64_t maximum,
                               int64_t *number)
{
    uint64_t read;
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "a number from 1 to %lld", (long long)maximum); /* fits */
    if (!slice_to_u64(slice_text(value), &read) || read < 1 || read > (uint64_t)maximum)
        return problem(options, name, expected, value);
    *number = (int64_t)read;
    return NULL;
}

static const char *take_keep_days(struct log_options *options, const char *name, const char *value)
{
    int64_t days = 0;
    const char *wrong = take_number(options, name, value, DAYS_MAX, &days);
    options->keep.age_us = days * 86400 * 1000000;
    return wrong;
}

static const char *take_keep_mib(struct log_options *options, const char *name, const char *value)
{
    int64_t mib = 0;
    const char *wrong = take_number(options, name, value, MIB_MAX, &mib);
    options->keep.bytes = mib * 1024 * 1024;
    return wrong;
}

static const char *take_keep_count(struct log_options *options, const char *name, const char *value)
{
    return take_number(options, name, value, INT64_MAX, &options->keep.count);
}

#define TEXT_TAKER(member)                                                                                             \
    static const char *take_##member(struct log_options *options, const char *name, const char *value)                 \
    {                                                                                                                  \
        (void)name;                                                                                                    \
        options->member = value;                                                                                       \
        return NULL;                                                                                                   \
    }
#define FLAG_TAKER(member)                                                                                             \
    static const char *take_##member(struct log_options *options, const char *name, const char *value)                 \
    {                                                                                                                  \
        (void)name;                                                                                                    \
        (void)value;                                                                                                   \
        options->member = true;                                                                                        \
        return NULL;                                                                                                   \
    }

TEXT_TAKER(store)
TEXT_TAKER(view)
TEXT_TAKER(format)
TEXT_TAKER(output)
TEXT_TAKER(to)
TEXT_TAKER(by)
FLAG_TAKER(json)
FLAG_TAKER(raw)
FLAG_TAKER(help)
FLAG_TAKER(follow)
FLAG_TAKER(all)
FLAG_TAKER(share)
FLAG_TAKER(force)
FLAG_TAKER(arm)
FLAG_TAKER(again)
FLAG_TAKER(yes)
FLAG_TAKER(dry_run)
FLAG_TAKER(no_pager)

static const struct log_option log_options_table[] = {
    { "limit", 'n', "N", LOG_TAKES_LIMIT, "the latest so many, at most 100000", take_limit },
    { "since", '\0', "TIME", LOG_TAKES_FILTER,
      "received at TIME or later: 10m, 2h, 3d, today, yesterday, 10:30,\n2026-11-24, \"2026-11-24 10:30\", RFC 3339",
      log_filter_take },
    { "until", '\0', "TIME", LOG_TAKES_FILTER, "received before TIME", log_filter_take },
    { "listener", '\0', "NAME", LOG_TAKES_FILTER | LOG_TAKES_NOT_RECONCILE, "of this listener", log_filter_take },
    { "account", '\0', "NAME", LOG_TAKES_FILTER, "signed for this account", log_filter_take },
    { "method", '\0', "METHOD", LOG_TAKES_FILTER, "GET, POST, ...", log_filter_take },
    { "path", '\0', "GLOB", LOG_TAKES_FILTER, "of this path: * ? [..], as in '/api/trade/*'; no query",
      log_filter_take },
    { "status", '\0', "STATUS", LOG_TAKES_FILTER, "HTTP status: 401, 4xx, 500-599", log_filter_take },
    { "code", '\0', "CODE", LOG_TAKES_FILTER, "the answer's code: 1401", log_filter_take },
    { "outcome", '\0', "NAME", LOG_TAKES_FILTER,
      "ok, api_error, http_error, refused, not_sent, unknown, dry_run,\nin_flight; several with commas",
      log_filter_take },
    { "client-signature", '\0', "NAME", LOG_TAKES_FILTER,
      "the client's own: right, wrong, stale, other_key, unreadable, unknown,\nnone; several with commas",
      log_filter_take },
    { "client", '\0', "ADDRESS", LOG_TAKES_FILTER, "whose address begins so: 127.0.0.1, unix:", log_filter_take },
    { "slower-than", '\0', "DUR", LOG_TAKES_FILTER, "took longer: 250ms, 1.5s", log_filter_take },
    { "grep", '\0', "TEXT", LOG_TAKES_FILTER, "with TEXT in a body, decoded where it is compressed", log_filter_take },
    { "imported", '\0', NULL, LOG_TAKES_FILTER, "the imported exchanges instead of the recorded ones",
      log_filter_take },
    { "imported", '\0', NULL, LOG_TAKES_KEEP, "deletes all imported exchanges, too", log_filter_take },
    { "follow", 'f', NULL, LOG_TAKES_FOLLOW, "goes on with what comes; Ctrl-C ends it", take_follow },
    { "view", '\0', "VIEW", LOG_TAKES_VIEW,
      "client-request (or client), upstream-request (or upstream),\nupstream-response, client-response", take_view },
    { "view", '\0', "VIEW[,VIEW]", LOG_TAKES_VIEWS, "of one exchange two views, of two exchanges one: see above",
      take_view },
    { "raw", '\0', NULL, LOG_TAKES_RAW,
      "the very bytes, head then body, nothing added; without --view all four,\neach with a title on standard error",
      take_raw },
    { "all", 'a', NULL, LOG_TAKES_ALL, "also what must differ, and what is the same", take_all },
    { "format", '\0', "FORMAT", LOG_TAKES_EXPORT, "har, jsonl, http, curl, python", take_format },
    { "format", '\0', "FORMAT", LOG_TAKES_FORMAT, "har, http, curl; without it, the file's first bytes tell",
      take_format },
    { "output", 'o', "FILE", LOG_TAKES_EXPORT, "writes FILE instead of standard output", take_output },
    { "share", '\0', NULL, LOG_TAKES_EXPORT, "for others' eyes: ids, balances and addresses become stable tokens",
      take_share },
    { "force", '\0', NULL, LOG_TAKES_EXPORT, "FILE may be overwritten", take_force },
    { "to", '\0', "ADDRESS", LOG_TAKES_EXPORT | LOG_TAKES_REPLAY, "the running proxy: 127.0.0.1:8787 or unix:/path",
      take_to },
    { "listener", '\0', "NAME", LOG_TAKES_RECONCILE,
      "asks through this listener (default: the one that each went through)", take_by },
    { "again", '\0', NULL, LOG_TAKES_RECONCILE, "asks also about what was settled before", take_again },
    { "arm", '\0', NULL, LOG_TAKES_REPLAY, "also what places or cancels orders, or moves funds", take_arm },
    { "keep-days", '\0', "N", LOG_TAKES_KEEP, "exchanges of the last N days stay", take_keep_days },
    { "keep-mib", '\0', "N", LOG_TAKES_KEEP, "as many of the latest as N MiB hold", take_keep_mib },
    { "keep-count", '\0', "N", LOG_TAKES_KEEP, "the latest N", take_keep_count },
    { "yes", 'y', NULL, LOG_TAKES_KEEP, "does not ask", take_yes },
    { "dry-run", '\0', NULL, LOG_TAKES_KEEP, "says what would go, and deletes nothing", take_dry_run },
    { "json", '\0', NULL, LOG_TAKES_JSON, "one JSON object a line", take_json },
    { "no-pager", '\0', NULL, LOG_TAKES_PAGER, "no pager ($COUNTERSIGN_PAGER, $PAGER, less) for a long answer",
      take_no_pager },
    { "store", '\0', "FILE", 0, "the capture store (default: capture.db in proxy.state_dir)", take_store },
    { "color", '\0', "WHEN", 0, "auto, always, never; auto is a terminal's, and NO_COLOR and TERM=dumb hold",
      take_color },
    { "help", 'h', NULL, 0, "this text", take_help },
};

static bool is_taken(const struct log_option *option, const struct log_command *command)
{
    bool has_another = (option->takes & LOG_TAKES_NOT_RECONCILE) != 0 && (command->takes & LOG_TAKES_RECONCILE) != 0;
    return option->takes == 0 || ((option->takes & command->takes) != 0 && !has_another);
}

/* --- getopt's arrays --- */

struct arrays {
    struct option longs[OPTIONS_MAX];
    char shorts[SHORTS_MAX];
};

static void make_arrays(struct arrays *arrays, const struct log_command *command)
{
    static const struct option config_longs[] = { CLI_CONFIG_LONG_OPTIONS };
    size_t count = 0, letters = 0;
    _Static_assert(ARRAY_LENGTH(log_options_table) + ARRAY_LENGTH(config_longs) < OPTIONS_MAX, "a place for each");
    memset(arrays, 0, sizeof(*arrays));
    arrays->shorts[letters++] = ':';
    for (size_t i = 0; i < ARRAY_LENGTH(log_options_table); i++) {
        const struct log_option *option = &log_options_table[i];
        if (!is_taken(option, command))
            continue;
        arrays->longs[count++] =
            (struct option){ option->name, option->argument != NULL ? required_argument : no_argument, NULL,
                             OPTION_BASE + (int)i };
        if (option->letter == '\0')
            continue;
        arrays->shorts[letters++] = option->letter;
        if (option->argument != NULL)
            arrays->shorts[letters++] = ':';
    }
    memcpy(arrays->shorts + letters, CLI_CONFIG_SHORT_OPTIONS, sizeof(CLI_CONFIG_SHORT_OPTIONS));
    memcpy(&arrays->longs[count], config_longs, sizeof(config_longs));
}

/* The table's row of what getopt gave, NULL where it is the configuration's. */
static const struct log_option *find_option(int given, const struct log_command *command)
{
    for (size_t i = 0; i < ARRAY_LENGTH(log_options_table); i++) {
        const struct log_option *option = &log_options_table[i];
        bool is_it = given == OPTION_BASE + (int)i || (option->letter != '\0' && given == option->letter);
        if (is_it && is_taken(option, command))
            return option;
    }
    return NULL;
}

static int take_option(struct log_options *options, const struct log_command *command, int given, const char *value)
{
    const struct log_option *option = find_option(given, command);
    if (option == NULL)
        return cli_config_option(&options->config, given, value) ? 0 : 2;
    const char *wrong = option->take(options, option->name, value);
    if (wrong == NULL)
        return 0;
    log_note("countersign %s: %s", log_command_name(command), wrong);
    return error_exit_code(ERROR_USAGE);
}

int log_options_read(struct log_options *options, const struct log_command *command, int argc, char **argv)
{
    struct arrays arrays;
    int given;
    make_arrays(&arrays, command);
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while ((given = getopt_long(argc, argv, arrays.shorts, arrays.longs, NULL)) != -1) {
        int code = given == '?' || given == ':' ? cli_refuse_option(log_command_name(command), given, argv[optind - 1],
                                                                    arrays.shorts, arrays.longs)
                                                : take_option(options, command, given, optarg);
        if (code != 0 || options->help)
            return code;
    }
    options->words = (const char *const *)argv + optind;
    options->word_count = (size_t)(argc - optind);
    if (options->json && (options->raw || options->view != NULL) && (command->takes & LOG_TAKES_RAW) != 0)
        return cli_usage_error(log_command_name(command),
                               "--json shows all four views: it goes without --raw and --view");
    return 0;
}

/* --- help --- */

enum { HELP_COLUMN = 24 };

static void print_option(const struct log_option *option)
{
    char label[2 * HELP_COLUMN];
    struct slice rest = slice_text(option->help), line;
    (void)snprintf(label, sizeof(label), "  %s%c%s --%s%s%s", option->letter != '\0' ? "-" : " ",
                   option->letter != '\0' ? option->letter : ' ', option->letter != '\0' ? "," : " ", option->name,
                   option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : ""); /* fits */
    /* A label that reaches the column has a line of its own. Whoever reads standard output sees a failure. */
    bool is_wide = strlen(label) >= HELP_COLUMN;
    (void)printf("%-*s%s", HELP_COLUMN, label, is_wide ? "\n" : "");
    for (size_t i = 0; slice_next_part(&rest, '\n', &line); i++)
        (void)printf("%*s%.*s\n", i > 0 || is_wide ? HELP_COLUMN : 0, "", SLICE_ARGUMENTS(line));
}

void log_help(const struct log_command *command)
{
    /* Its reader sees a failure, as below. */
    (void)printf("Usage: countersign %s%s%s%s\n\n%s\n\n", command->is_top_level ? "" : "log ", command->word,
                 command->synopsis[0] == '\0' ? "" : " ", command->synopsis, command->help);
    for (size_t i = 0; i < ARRAY_LENGTH(log_options_table); i++) {
        if (is_taken(&log_options_table[i], command))
            print_option(&log_options_table[i]);
    }
    (void)fputs(CLI_CONFIG_HELP, stdout);
}
