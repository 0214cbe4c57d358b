/* `countersign stop-trading` and `resume-trading`: the switch that keeps orders from leaving. One thread. */
#include "trading.h"

#include "countersign/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { OPTION_LISTENER = 1, OPTION_REASON, OPTION_STATUS, OPTION_JSON };

#define SHARED_OPTIONS                                                                                                 \
    { "listener", required_argument, NULL, OPTION_LISTENER }, { "json", no_argument, NULL, OPTION_JSON },              \
        { "help", no_argument, NULL, 'h' }, CLI_CONFIG_LONG_OPTIONS

static const char stop_help[] =
    "Usage: countersign stop-trading [OPTIONS]\n"
    "\n"
    "Refuses orders at once: when it returns, none that the proxy receives from then on leaves, nor one that waits "
    "there.\n"
    "Cancels and reads pass. It holds over restarts, and also where no proxy is at work, until `countersign\n"
    "resume-trading`. It works where the configuration is broken: name the folder with --state-dir.\n"
    "\n"
    "      --listener NAME   this listener alone (default: all)\n"
    "      --reason TEXT     shown to whoever is refused, and in the log\n"
    "      --status          changes nothing; says whether it is stopped: exit code 1 where it is\n"
    "      --json            one JSON object\n"
    "  -h, --help            this text\n" CLI_CONFIG_HELP;

static const char resume_help[] = "Usage: countersign resume-trading [OPTIONS]\n"
                                  "\n"
                                  "Lets orders leave again that `countersign stop-trading` keeps back, at once.\n"
                                  "\n"
                                  "      --listener NAME   lifts the stop of this listener alone\n"
                                  "      --json            one JSON object\n"
                                  "  -h, --help            this text\n" CLI_CONFIG_HELP;

static const struct option stop_options[] = {
    SHARED_OPTIONS,
    { "reason", required_argument, NULL, OPTION_REASON },
    { "status", no_argument, NULL, OPTION_STATUS },
    { NULL, 0, NULL, 0 },
};

static const struct option resume_options[] = {
    SHARED_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static const char short_options[] = ":h" CLI_CONFIG_SHORT_OPTIONS;

/* --- options --- */

/* Whether it was one of these commands' own. */
static bool take_option(struct trading_options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_LISTENER:
        options->listener = value;
        return true;
    case OPTION_REASON:
        options->reason = value;
        return true;
    case OPTION_STATUS:
        return options->status = true;
    case OPTION_JSON:
        return options->json = true;
    case 'h':
        return options->help = true;
    default:
        return false;
    }
}

/* Returns 0, or the exit code after having printed what is wrong. */
static int read_options(struct trading_options *options, const char *command, const struct option *longs, int argc,
                        char **argv)
{
    int option;
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while ((option = getopt_long(argc, argv, short_options, longs, NULL)) != -1) {
        if (option == '?' || option == ':')
            return cli_refuse_option(command, option, argv[optind - 1], short_options, longs);
        if (!take_option(options, option, optarg) && !cli_config_option(&options->config, option, optarg))
            return error_exit_code(ERROR_USAGE);
    }
    if (optind < argc && !options->help)
        return cli_usage_error(command, "unexpected argument `%s`%s", argv[optind],
                               longs == stop_options ? "; a reason is given with --reason" : "");
    if (options->reason != NULL && !trading_reason_is_valid(slice_text(options->reason)))
        return cli_usage_error(command, "--reason: at most %d bytes, on one line", TRADING_REASON_MAX);
    if (options->listener != NULL &&
        (options->listener[0] == '\0' || slice_text(options->listener).length > TRADING_LISTENER_MAX))
        return cli_usage_error(command, "--listener takes a listener's name");
    return 0;
}

static int run(const char *command, const struct option *longs, const char *help,
               int (*act)(const struct trading_options *options), int argc, char **argv)
{
    struct trading_options options = { .listener = NULL };
    int exit_code = read_options(&options, command, longs, argc, argv);
    if (exit_code == 0 && options.help)
        (void)fputs(help, stdout); /* its reader sees a failure */
    else if (exit_code == 0)
        exit_code = act(&options);
    cli_config_options_end(&options.config);
    return exit_code;
}

/* --- stop-trading --- */

static struct trading_stop make_stop(const struct trading_options *options)
{
    struct trading_stop stop = { .uid = (int64_t)getuid() };
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) == NULL || strftime(stop.since, sizeof(stop.since), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)snprintf(stop.since, sizeof(stop.since), "unknown"); /* a year of five digits; fits, as below */
    (void)snprintf(stop.listener, sizeof(stop.listener), "%s", options->listener == NULL ? "" : options->listener);
    (void)snprintf(stop.reason, sizeof(stop.reason), "%s", options->reason == NULL ? "" : options->reason);
    return stop;
}

static int show_status(const struct trading_options *options, const struct trading_place *place)
{
    struct trading_found found;
    struct error error;
    if (!trading_switch_read(&found, place->state_dir, &error))
        return cli_failure("stop-trading", &error);
    int exit_code = trading_print_status(options, place, &found);
    return exit_code != 0 ? exit_code : found.kind == TRADING_RUNS ? 0 : 1;
}

static int stop_there(const struct trading_options *options, const struct trading_place *place)
{
    struct trading_stop stop = make_stop(options);
    struct trading_state after;
    struct error error;
    if (!trading_switch_stop(&after, place->state_dir, &stop, &error))
        return cli_failure("stop-trading", &error);
    int exit_code = trading_print_stopped(options, place, &after);
    if (exit_code != 0 || !place->is_guessed || place->is_at_work)
        return exit_code;
    (void)fputs(
        "countersign stop-trading: no proxy is at work in the default state folder, so the one that you mean may "
        "trade on: name its folder with --state-dir\n",
        stderr); /* standard error is all there is */
    return error_exit_code(ERROR_SYSTEM);
}

static int stop(const struct trading_options *options)
{
    struct trading_place place;
    int exit_code = 2;
    if (!trading_place_find(&place, options, "stop-trading", true, &exit_code))
        return exit_code;
    exit_code = options->status ? show_status(options, &place) : stop_there(options, &place);
    free(place.state_dir);
    return exit_code;
}

int cli_stop_trading(int argc, char **argv)
{
    return run("stop-trading", stop_options, stop_help, stop, argc, argv);
}

/* --- resume-trading --- */

static int resume(const struct trading_options *options)
{
    struct trading_place place;
    struct trading_state after;
    struct error error;
    int exit_code = 2;
    if (!trading_place_find(&place, options, "resume-trading", false, &exit_code))
        return exit_code;
    if (trading_switch_resume(&after, place.state_dir, options->listener, &error))
        exit_code = trading_print_resumed(options, &place, &after);
    else
        exit_code = cli_failure("resume-trading", &error);
    free(place.state_dir);
    return exit_code;
}

int cli_resume_trading(int argc, char **argv)
{
    return run("resume-trading", resume_options, resume_help, resume, argc, argv);
}
