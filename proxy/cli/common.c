/* What every subcommand shares: the configuration's flags, loading with a report, usage errors. Owns the keys cut out of
 * --set; the program's only thread at that time. */
#include "common.h"

#include "refused_option.h"
#include "terminal.h"

#include "countersign/hex.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { REPORT_MAX = 256 * 1024 }; /* bytes */

/* Flags that stand for one setting. */
static const struct {
    int option;
    const char *key;
    const char *flag;
} flags[] = {
    { CLI_OPTION_STATE_DIR, "proxy.state_dir", "--state-dir" },
    { CLI_OPTION_LISTEN, "listener.listen", "--listen" },
    { CLI_OPTION_LOG_LEVEL, "proxy.log_level", "--log-level" },
    { CLI_OPTION_LOG_FORMAT, "proxy.log_format", "--log-format" },
};

/* Always returns false. The text is not the user's: what follows --set may be a secret. */
static bool complain(const char *text)
{
    (void)fprintf(stderr, "countersign: %s\n", text); /* standard error is all there is */
    return false;
}

static bool add_setting(struct cli_config_options *options, const char *key, const char *value, const char *flag)
{
    options->settings[options->setting_count++] = (struct config_setting){ .key = key, .value = value, .flag = flag };
    return true;
}

static bool add_set(struct cli_config_options *options, const char *argument)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument)
        return complain("--set: expected KEY=VALUE, as in --set proxy.workers=2");
    char *key = strndup(argument, (size_t)(equals - argument));
    if (key == NULL)
        return complain("--set: out of memory");
    options->storage[options->setting_count] = key;
    return add_setting(options, key, equals + 1, "--set");
}

bool cli_config_option(struct cli_config_options *options, int option, const char *value)
{
    if (option == 'c') {
        options->file = value;
        return true;
    }
    if (option == '?' || option == ':')
        return false; /* the command has said so: cli_refuse_option */
    if (options->setting_count == CLI_SETTINGS_MAX)
        return complain("more settings on the command line than 64; put them into a file");
    if (option == CLI_OPTION_SET)
        return add_set(options, value);
    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
        if (flags[i].option == option)
            return add_setting(options, flags[i].key, value, flags[i].flag);
    }
    return complain("an option that this command does not know");
}
_Static_assert(CLI_SETTINGS_MAX == 64, "the message above says so");

void cli_config_options_end(struct cli_config_options *options)
{
    for (size_t i = 0; i < CLI_SETTINGS_MAX; i++)
        free(options->storage[i]);
    *options = (struct cli_config_options){ .file = NULL };
}

bool cli_config_load(struct config **config, const struct cli_config_options *options, int *exit_code)
{
    const struct config_sources sources = {
        .file = options->file,
        .environment = environ,
        .settings = options->settings,
        .setting_count = options->setting_count,
    };
    struct error error;
    struct buffer report;
    buffer_init(&report, REPORT_MAX);
    bool loaded = config_load(config, &sources, &report, &error);
    if (!loaded) {
        (void)fprintf(stderr, "%scountersign: %s\n", buffer_text(&report), error.message); /* as in complain */
        *exit_code = error_exit_code(error.kind);
    }
    buffer_free(&report);
    return loaded;
}

/* Messages quote what came over the network or out of files: no terminal is to act on it. */
static void print_text_safely(struct slice text)
{
    struct buffer safe;
    buffer_init(&safe, REPORT_MAX);
    terminal_append_escaped(&safe, text, TERMINAL_LINES);
    (void)fputs(buffer_text(&safe), stderr); /* standard error is all there is */
    buffer_free(&safe);
}

void cli_print_safely(const char *format, va_list arguments)
{
    struct buffer text;
    buffer_init(&text, REPORT_MAX);
    (void)buffer_append_format_list(&text, format, arguments); /* a message cut short is one */
    print_text_safely(buffer_slice(&text));
    buffer_free(&text);
}

int cli_usage_error(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "countersign %s: ", command); /* standard error is all there is, here and below */
    cli_print_safely(format, arguments);
    (void)fprintf(stderr, "\nTry `countersign %s --help`.\n", command);
    va_end(arguments);
    return error_exit_code(ERROR_USAGE);
}

int cli_failure(const char *command, const struct error *error)
{
    (void)fprintf(stderr, "countersign %s: ", command); /* standard error is all there is, here and below */
    print_text_safely(slice_text(error->message));
    (void)fputc('\n', stderr);
    return error_exit_code(error->kind);
}

int cli_report_failure(const char *command, struct slice report, const struct error *error)
{
    struct slice line;
    if (report.length == 0)
        return cli_failure(command, error);
    while (slice_next_part(&report, '\n', &line) && line.length > 0) {
        (void)fprintf(stderr, "countersign %s: ", command); /* as in cli_failure */
        print_text_safely(line);
        (void)fputc('\n', stderr);
    }
    return error_exit_code(error->kind);
}

int cli_refuse_option(const char *command, int problem, const char *written, const char *short_options,
                      const struct option *long_options)
{
    struct error error;
    (void)refused_option_describe(problem, written, short_options, long_options,
                                  &error); /* what it gives back is the text */
    return cli_usage_error(command, "%s", error.message);
}

bool cli_made_up_key(char *text, struct error *error)
{
    unsigned char random[CLI_MADE_UP_KEY_SIZE / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_system(error, errno, "could not read %zu random bytes for a made-up key", sizeof(random));
    hex_encode(text, random, sizeof(random));
    text[CLI_MADE_UP_KEY_SIZE - 1] = '\0';
    return true;
}
