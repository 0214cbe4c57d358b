/* What every subcommand shares: -c FILE, --set, the configuration's flags, usage errors. Private to this room. */
#ifndef COUNTERSIGN_CLI_COMMON_H
#define COUNTERSIGN_CLI_COMMON_H

#include "countersign/buffer.h"
#include "countersign/config.h"
#include "countersign/error.h"

#include <getopt.h>
#include <stdarg.h>

enum { CLI_SETTINGS_MAX = 64 };

/* Collects -c, --config, --set KEY=VALUE, --state-dir, --listen, --log-level, --log-format from a getopt_long run. */
struct cli_config_options {
    const char *file;
    struct config_setting settings[CLI_SETTINGS_MAX];
    size_t setting_count;
    char *storage[CLI_SETTINGS_MAX]; /* keys that were cut out of --set's values */
};

/* Put CLI_CONFIG_SHORT_OPTIONS into the short options and CLI_CONFIG_LONG_OPTIONS into the long ones; hand every option
 * that is not your own to cli_config_option. */
#define CLI_CONFIG_SHORT_OPTIONS "c:"
enum { CLI_OPTION_SET = 1000, CLI_OPTION_STATE_DIR, CLI_OPTION_LISTEN, CLI_OPTION_LOG_LEVEL, CLI_OPTION_LOG_FORMAT };
#define CLI_CONFIG_LONG_OPTIONS                                                                                        \
    { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, CLI_OPTION_SET },                    \
        { "state-dir", required_argument, NULL, CLI_OPTION_STATE_DIR },                                                \
        { "listen", required_argument, NULL, CLI_OPTION_LISTEN },                                                      \
        { "log-level", required_argument, NULL, CLI_OPTION_LOG_LEVEL },                                                \
    {                                                                                                                  \
        "log-format", required_argument, NULL, CLI_OPTION_LOG_FORMAT                                                   \
    }
#define CLI_CONFIG_HELP                                                                                                \
    "  -c, --config FILE     configuration file (default: ~/.config/countersign/countersign.ini, then\n"               \
    "                        /etc/countersign/countersign.ini; none is fine)\n"                                        \
    "      --set KEY=VALUE   one setting, as in listener.bot.policy=read-only; see `countersign config keys`\n"        \
    "      --state-dir DIR   where the record is kept (proxy.state_dir)\n"                                             \
    "      --listen ADDRESS  the first listener's address\n"                                                           \
    "      --log-level LEVEL error, warning, info, debug\n"                                                            \
    "      --log-format FMT  text, json\n"

/* False: the option is unknown or its value is unusable; a line was printed to standard error. */
MUST_CHECK bool cli_config_option(struct cli_config_options *options, int option, const char *value);
void cli_config_options_end(struct cli_config_options *options);

/* Loads; on failure prints the report and the sum to standard error and returns the exit code in *exit_code. */
MUST_CHECK bool cli_config_load(struct config **config, const struct cli_config_options *options, int *exit_code);

/* Appends text of ours in which commands stand as `countersign ...`, and puts into each what the user gave to this one: -c,
 * --state-dir and, to commands that read the record, --store (NULL: not given). --set is not repeated: it may hold a secret.
 * Bytes from outside are escaped as for a terminal. */
void cli_append_proposal(struct buffer *out, struct slice text, const struct cli_config_options *options,
                         const char *store);

/* Appends those options alone, each with a blank before it. */
void cli_append_given(struct buffer *out, const struct cli_config_options *options, const char *store);

/* A key in the shape of the exchange's own, 32 lower-case hex characters and a NUL, from the system's random source. */
enum { CLI_MADE_UP_KEY_SIZE = 33 };
MUST_CHECK bool cli_made_up_key(char *text, struct error *error);

/* Prints "countersign COMMAND: MESSAGE" and "Try `countersign COMMAND --help`." to standard error; returns 2. */
int cli_usage_error(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints to standard error, so that no terminal acts on what the message quotes. */
void cli_print_safely(const char *format, va_list arguments) PRINTF_LIKE(1, 0);

/* Prints "countersign COMMAND: MESSAGE" to standard error; returns the kind's exit code. */
int cli_failure(const char *command, const struct error *error);

/* As above with one line for each line of `report`, which says more than `error`; with the error's where it is empty. */
int cli_report_failure(const char *command, struct slice report, const struct error *error);

/* Prints a usage error for an option that getopt_long refused, with the arguments of refused_option_describe; returns 2. */
int cli_refuse_option(const char *command, int problem, const char *written, const char *short_options,
                      const struct option *long_options);

#endif
