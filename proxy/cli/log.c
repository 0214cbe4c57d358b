/* `countersign log`: its subcommands, and the store they read. One thread; nothing of it runs beside a proxy process in
 * this program. */
#include "log_command.h"

#include "countersign/cli.h"
#include "countersign/clock.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first is meant where none is named. */
static const struct log_command *const commands[] = {
    &log_command_list,   &log_command_show,   &log_command_tail,   &log_command_diff,
    &log_command_export, &log_command_import, &log_command_replay, &log_command_stats,
    &log_command_why,    &log_command_sql,    &log_command_prune,  &log_command_migrate,
};

static const struct log_command *find_command(const char *word)
{
    for (size_t i = 0; word != NULL && i < ARRAY_LENGTH(commands); i++) {
        if (strcmp(word, commands[i]->word) == 0)
            return commands[i];
    }
    return NULL;
}

const char *log_command_name(const struct log_command *command)
{
    static char name[64];
    if (command == commands[0])
        return "log";
    (void)snprintf(name, sizeof(name), "%s%s", command->is_top_level ? "" : "log ", command->word); /* fits */
    return name;
}

static void append_words(struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        (void)buffer_append_format(out, "%s%s", i == 0 ? "" : ", ", commands[i]->word); /* a list cut short is one */
}

static int refuse_word(const char *word)
{
    const char *words[ARRAY_LENGTH(commands) + 1] = { NULL };
    struct buffer list;
    char meant[128] = "";
    if (find_command(word) != NULL)
        return cli_usage_error("log", "the subcommand comes first: `countersign log %s ...`", word);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        words[i] = commands[i]->word;
    const char *near = config_nearest_word(word, words);
    if (log_id_is_one(word))
        (void)snprintf(meant, sizeof(meant), " (`countersign log show %.64s`)", word); /* cut is fine, as below */
    else if (near != NULL)
        (void)snprintf(meant, sizeof(meant), "; did you mean `%s`?", near);
    buffer_init(&list, LOG_PROBLEM_MAX);
    append_words(&list);
    int code = cli_usage_error("log", "`%s` is not a subcommand: %s%s", word, buffer_text(&list), meant);
    buffer_free(&list);
    return code;
}

static int check_words(const struct log_options *options, const struct log_command *command)
{
    if (options->word_count < command->words_min)
        return cli_usage_error(log_command_name(command), "%s", command->what_words);
    if (options->word_count <= command->words_max)
        return 0;
    const char *word = options->words[command->words_max];
    return command == commands[0]
               ? refuse_word(word)
               : cli_usage_error(log_command_name(command), "what is `%s`? %s", word, command->what_words);
}

static void print_subcommands(void)
{
    (void)fputs("\nSubcommands (each has a --help of its own):\n", stdout); /* its reader sees a failure, as below */
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        (void)printf("  %-8s %s\n", commands[i]->word, commands[i]->summary);
}

/* --- the store --- */

/* The store's path, the caller frees it; NULL where the configuration is wrong, which was printed. */
static char *find_store(const struct log_options *options, const struct log_command *command, int *exit_code)
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
        *exit_code = cli_failure(log_command_name(command), &no_memory);
    return path;
}

/* The demo's record is in a folder of its own below the one that was asked for. */
static void point_at_demo(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX], file[PATH_MAX];
    struct stat status;
    int length = snprintf(folder, sizeof(folder), "%.*s/demo", slash == NULL ? 0 : (int)(slash - path), path);
    if (length <= 0 || (size_t)length >= sizeof(folder) ||
        snprintf(file, sizeof(file), "%s/capture.db", folder) >= (int)sizeof(file) || stat(file, &status) != 0 ||
        status.st_uid != geteuid()) /* another user's demo is none of ours */
        return;
    (void)fprintf(stderr, "The demo's record is there: add --state-dir '%s'\n", folder); /* nowhere else to say it */
}

static int run_on_store(const struct log_options *options, const struct log_command *command)
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
        .now_us = options->now_us,
    };
    bool is_open = command->opens_itself || capture_reader_open(&run.reader, path, &error);
    if (is_open && command->run(&run, &error))
        exit_code = run.exit_code;
    else
        exit_code = cli_failure(log_command_name(command), &error);
    if (!is_open)
        point_at_demo(path);
    capture_reader_close(run.reader);
    free(path);
    return exit_code;
}

int cli_log(int argc, char **argv)
{
    const struct log_command *command = argc > 1 ? find_command(argv[1]) : NULL;
    int skipped = command != NULL ? 1 : 0;
    return log_run_command(command != NULL ? command : commands[0], argc - skipped, argv + skipped);
}

int log_run_command(const struct log_command *command, int argc, char **argv)
{
    struct log_options options = { .now_us = clock_wall_us() };
    /* `log | head` ends as other tools do: quietly. */
    (void)signal(SIGPIPE, SIG_DFL);
    int exit_code = log_options_read(&options, command, argc, argv);
    if (exit_code == 0 && options.help) {
        log_help(command);
        if (command == commands[0])
            print_subcommands();
    } else if (exit_code == 0) {
        exit_code = check_words(&options, command);
        if (exit_code == 0)
            exit_code = run_on_store(&options, command);
    }
    cli_config_options_end(&options.config);
    return exit_code;
}
