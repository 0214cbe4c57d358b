/* `countersign explain`: an entry of the catalogue of causes, by code, name or words. Reads nothing, asks nobody. One
 * thread. */
#include "explain.h"
#include "log_command.h"
#include "options.h"

#include "countersign/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    WORDS_MAX = 256,     /* bytes of what is looked for */
    CANDIDATES_MAX = 512 /* names, messages and causes that a near miss may have meant */
};

static const char help[] =
    "usage: countersign explain [OPTIONS] [CODE|NAME|WORDS]\n"
    "\n"
    "Says what a code of the exchange, an HTTP status or an error of this proxy means, which causes are documented or\n"
    "were found by users, how to tell which it is, and what to do. Without any, lists all of them.\n"
    "\n"
    "  countersign explain 1401              a code; `code 401` where a status has the same number\n"
    "  countersign explain http-429          a status\n"
    "  countersign explain connect           a Countersign-Error\n"
    "  countersign explain symbol not found  a message, or words of one\n"
    "  countersign explain ip-family         a cause; `captive portal`, words of causes\n"
    "  countersign explain not_sent          an outcome\n"
    "\n"
    "      --json       one JSON object a line\n"
    "      --no-pager   no pager ($COUNTERSIGN_PAGER, $PAGER, less) for a long answer\n"
    "      --color WHEN auto, always, never; auto is a terminal's, and NO_COLOR and TERM=dumb hold\n"
    "  -h, --help       this text\n";

struct explain_options {
    struct log_options output; /* what the pager asks for */
    const char *color;         /* as given */
    bool no_pager;
    bool json;
    bool help;
    char words[WORDS_MAX + 1]; /* empty: all */
};

/* --- options --- */

/* Returns 0, or the exit code after having printed what is wrong; as below. */
static int take_words(struct explain_options *options, const struct cli_words *words)
{
    size_t length = 0;
    for (size_t i = 0; i < words->count; i++) {
        int added = snprintf(options->words + length, sizeof(options->words) - length, "%s%s", i == 0 ? "" : " ",
                             words->items[i]);
        if (added < 0 || (size_t)added >= sizeof(options->words) - length)
            return cli_usage_error("explain", "what is looked for is longer than %d bytes", WORDS_MAX);
        length += (size_t)added;
    }
    return 0;
}

static int read_options(struct explain_options *options, int argc, char **argv)
{
    static const struct cli_option table[] = {
        CLI_OPTION(struct explain_options, "json", '\0', json),
        CLI_OPTION(struct explain_options, "no-pager", '\0', no_pager),
        CLI_OPTION(struct explain_options, "color", '\0', color),
        CLI_OPTION(struct explain_options, "help", 'h', help),
    };
    static const struct cli_syntax syntax = { "explain", table, ARRAY_LENGTH(table), WORDS_MAX };
    struct cli_words words;
    if (!cli_options_read(&words, options, NULL, &syntax, argc, argv))
        return error_exit_code(ERROR_USAGE);
    options->output.no_pager = options->no_pager;
    if (options->color != NULL && !terminal_color_parse(&options->output.color, options->color))
        return cli_usage_error("explain", "--color takes auto, always or never, not `%s`", options->color);
    return take_words(options, &words);
}

/* --- what is meant --- */

/* The best way in which any entry fits the words, and how many fit so. */
static enum catalogue_match best_match(size_t *count, struct slice words)
{
    enum catalogue_match best = CATALOGUE_NO_MATCH;
    const struct catalogue_entry *entry;
    *count = 0;
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        enum catalogue_match match = catalogue_match(entry, words);
        if (match > best)
            *count = 0;
        if (match >= best)
            *count += 1;
        best = match > best ? match : best;
    }
    return best;
}

/* Names first: what is as near as a message is more likely one. */
static const char *nearest(const char *word)
{
    const char *candidates[CANDIDATES_MAX + 1];
    size_t count = 0;
    const struct catalogue_entry *entry;
    for (size_t i = 0; count < CANDIDATES_MAX && (entry = catalogue_entry_at(i)) != NULL; i++)
        candidates[count++] = entry->name;
    for (int i = 0; count < CANDIDATES_MAX && i < RECORD_OUTCOME_COUNT; i++)
        candidates[count++] = record_outcome_name((enum record_outcome)i);
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        if (count < CANDIDATES_MAX && entry->message != NULL)
            candidates[count++] = entry->message;
        for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++) {
            if (count < CANDIDATES_MAX)
                candidates[count++] = reason->cause->id;
        }
    }
    candidates[count] = NULL;
    return config_nearest_word(word, candidates);
}

static int refuse_unknown(const char *words)
{
    const char *meant = nearest(words);
    return cli_usage_error("explain", "`%s` is not in the catalogue%s%s%s `countersign explain` lists what is", words,
                           meant == NULL ? ";" : "; did you mean `", meant == NULL ? "" : meant,
                           meant == NULL ? "" : "`?");
}

/* --- answers --- */

static void append_entries(struct buffer *out, const struct explain_options *options, const struct terminal *terminal,
                           enum catalogue_match match, bool whole)
{
    const struct catalogue_entry *entry;
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        if (catalogue_match(entry, slice_text(options->words)) != match)
            continue;
        if (options->json) {
            explain_append_entry_json(out, entry);
        } else if (whole) {
            buffer_append_text(out, out->length > 0 ? "\n\n" : "");
            explain_append_entry(out, terminal, entry);
        } else {
            explain_append_line(out, terminal, entry);
        }
    }
}

/* "not_sent", "Not sent", "not-sent" */
static bool find_outcome(enum record_outcome *outcome, const char *words)
{
    char name[WORDS_MAX + 1];
    size_t length = strlen(words);
    for (size_t i = 0; i <= length; i++) {
        bool is_upper = words[i] >= 'A' && words[i] <= 'Z';
        bool is_gap = words[i] == ' ' || words[i] == '-';
        name[i] = is_gap ? '_' : (char)(is_upper ? words[i] - 'A' + 'a' : words[i]);
    }
    return record_outcome_parse(outcome, slice_of(name, length));
}

static size_t count_causes(struct slice words)
{
    const struct catalogue_cause *cause;
    size_t count = 0;
    for (size_t i = 0; (cause = catalogue_cause_at(i)) != NULL; i++)
        count += catalogue_cause_matches(cause, words) ? 1 : 0;
    return count;
}

/* Causes in whose sentences the words are: where no entry has them, for an entry shows its causes. */
static bool append_causes(struct buffer *out, const struct explain_options *options, const struct terminal *terminal)
{
    struct slice words = slice_text(options->words);
    const struct catalogue_cause *cause;
    size_t count = count_causes(words);
    for (size_t i = 0; (cause = catalogue_cause_at(i)) != NULL; i++) {
        if (!catalogue_cause_matches(cause, words))
            continue;
        if (options->json)
            explain_append_cause_json(out, cause);
        else if (count == 1)
            explain_append_cause(out, terminal, cause);
        else
            explain_append_cause_line(out, terminal, cause);
    }
    return count > 0;
}

static void append_outcome(struct buffer *out, const struct explain_options *options, const struct terminal *terminal,
                           enum record_outcome outcome)
{
    if (options->json)
        explain_append_outcome_json(out, outcome);
    else
        explain_append_outcome(out, terminal, outcome);
}

/* False where nothing is meant by the words. */
static bool append_answer(struct buffer *out, const struct explain_options *options, const struct terminal *terminal)
{
    struct slice words = slice_text(options->words);
    size_t count;
    enum record_outcome outcome;
    enum catalogue_match match = best_match(&count, words);
    const struct catalogue_cause *cause = match == CATALOGUE_BY_NAME ? NULL : catalogue_cause_find(words);
    if (words.length == 0 && !options->json)
        explain_append_list(out, terminal);
    else if (words.length == 0)
        append_entries(out, options, terminal, CATALOGUE_NO_MATCH, true);
    else if (cause != NULL && options->json)
        explain_append_cause_json(out, cause);
    else if (cause != NULL)
        explain_append_cause(out, terminal, cause);
    else if (match == CATALOGUE_BY_NAME)
        append_entries(out, options, terminal, match, true);
    else if (find_outcome(&outcome, options->words))
        append_outcome(out, options, terminal, outcome);
    else if (match != CATALOGUE_NO_MATCH)
        append_entries(out, options, terminal, match, count == 1);
    else
        return append_causes(out, options, terminal);
    return true;
}

static int answer(const struct explain_options *options)
{
    const struct error no_memory = { .kind = ERROR_MEMORY, .message = "out of memory" };
    struct error error = { .kind = ERROR_NONE };
    const struct log_run run = { .options = &options->output,
                                 .terminal = terminal_detect(STDOUT_FILENO, options->output.color) };
    struct buffer out;
    int exit_code = 0;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (!append_answer(&out, options, &run.terminal))
        exit_code = refuse_unknown(options->words);
    else if (out.failed)
        exit_code = cli_failure("explain", &no_memory);
    else if (!log_print(&run, buffer_slice(&out), &error))
        exit_code = cli_failure("explain", &error);
    buffer_free(&out);
    return exit_code;
}

int cli_explain(int argc, char **argv)
{
    struct explain_options options = { .json = false };
    /* `explain | head` ends as other tools do: quietly. */
    (void)signal(SIGPIPE, SIG_DFL);
    int exit_code = read_options(&options, argc, argv);
    if (exit_code == 0 && options.help)
        (void)fputs(help, stdout); /* its reader sees a failure */
    else if (exit_code == 0)
        exit_code = answer(&options);
    return exit_code;
}
