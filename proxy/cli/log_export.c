/* `countersign log export`: exchanges for other tools and other people. One thread. */
#include "export_file.h"
#include "log_command.h"
#include "progress.h"

#include "countersign/export.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESS_MAX = 512 };

static const char default_address[] = "127.0.0.1:8787"; /* of the built-in listener */

/* One run. */
struct exporting {
    const struct log_run *run;
    struct export_options options;
    struct export export;
    struct export_file file; /* name NULL: standard output */
    struct buffer out;
    struct buffer escaped; /* JSON, as everywhere in this program harmless to terminals */
    struct progress progress;
    uint64_t total; /* 0: not known */
    struct error *error;
    bool failed; /* `error` says why */
};

static bool is_to_terminal(const struct exporting *exporting)
{
    return exporting->file.name == NULL && exporting->run->terminal.is_terminal;
}

static bool is_json(const struct exporting *exporting)
{
    return exporting->options.format == EXPORT_HAR || exporting->options.format == EXPORT_JSON_LINES;
}

static bool write_out(struct exporting *exporting, struct error *error)
{
    struct slice bytes = buffer_slice(&exporting->out);
    if (is_json(exporting)) {
        buffer_reset(&exporting->escaped);
        terminal_append_json(&exporting->escaped, bytes);
        if (exporting->escaped.failed)
            return error_set(error, ERROR_LIMIT, "not enough memory for an exchange of that size");
        bytes = buffer_slice(&exporting->escaped);
    } else if (is_to_terminal(exporting) && !terminal_is_safe(bytes)) {
        return error_set(error, ERROR_INPUT,
                         "these bytes hold control characters that would act on the terminal: give -o FILE, or a pipe");
    }
    bool done = exporting->file.name != NULL ? export_file_write(&exporting->file, bytes, error)
                                             : terminal_write(STDOUT_FILENO, bytes, error);
    buffer_reset(&exporting->out);
    return done;
}

static bool add(struct exporting *exporting, const struct record *record, struct error *error)
{
    if (!export_append(&exporting->export, &exporting->out, record, error) ||
        (exporting->out.length >= LOG_FLUSH && !write_out(exporting, error)))
        return false;
    if (!is_to_terminal(exporting))
        progress_tell(&exporting->progress, exporting->export.count, exporting->total);
    return true;
}

static bool visit(void *context, const struct record *record)
{
    struct exporting *exporting = context;
    exporting->failed = !add(exporting, record, exporting->error);
    return !exporting->failed;
}

static bool add_found(struct exporting *exporting, struct error *error)
{
    const struct log_options *options = exporting->run->options;
    const struct capture_query query = { .filter = log_filter(exporting->run),
                                         .limit = options->limit > 0 ? options->limit : SIZE_MAX,
                                         .oldest_first = true,
                                         .with_views = true };
    struct capture_stats stats;
    if (!options->has_filter && options->limit == 0 && capture_reader_stats(&stats, exporting->run->reader, NULL))
        exporting->total = (uint64_t)stats.exchanges; /* for the bar alone */
    return capture_reader_list(exporting->run->reader, &query, visit, exporting, error) && !exporting->failed;
}

static bool add_named(struct exporting *exporting, struct log_run *run, struct error *error)
{
    exporting->total = run->options->word_count;
    for (size_t i = 0; i < run->options->word_count; i++) {
        struct record record;
        int64_t id = 0;
        if (!log_id_resolve(&id, run, run->options->words[i], error) ||
            !capture_reader_get(&record, run->reader, id, error) || !add(exporting, &record, error))
            return false;
    }
    return true;
}

static bool add_all(struct exporting *exporting, struct log_run *run, struct error *error)
{
    progress_begin(&exporting->progress, "exporting");
    bool done = export_begin(&exporting->export, &exporting->options, &exporting->out, error);
    done = done && (run->options->word_count > 0 ? add_named(exporting, run, error) : add_found(exporting, error));
    done = done && export_end(&exporting->export, &exporting->out, error) && write_out(exporting, error);
    progress_end(&exporting->progress);
    if (done && exporting->export.count == 0)
        log_note("no exchange in %s fits: nothing is exported", run->store_path);
    export_free(&exporting->export);
    return done;
}

/* --- the options --- */

static bool choose_format(struct export_options *chosen, const struct log_options *options, struct error *error)
{
    if (options->format == NULL)
        return error_set(error, ERROR_USAGE, "which format? --format har, jsonl, http, curl or python");
    if (!export_format_parse(&chosen->format, slice_text(options->format)))
        return error_set(error, ERROR_USAGE, "--format takes har, jsonl, http, curl or python, not `%.64s`",
                         options->format);
    if (options->view == NULL)
        return true;
    if (!log_view_parse(&chosen->view, options->view))
        return error_set(error, ERROR_USAGE,
                         "--view takes client-request, upstream-request, upstream-response or client-response, not "
                         "`%.64s`",
                         options->view);
    chosen->has_view = true;
    chosen->bare = options->word_count == 1;
    return true;
}

/* The first listener's address where the configuration has one that is known before it starts. */
static void find_address(char *address, const struct log_options *options)
{
    struct config *config = NULL;
    int exit_code;
    (void)snprintf(address, ADDRESS_MAX, "%s", default_address); /* fits */
    if (options->store != NULL || !cli_config_load(&config, &options->config, &exit_code))
        return;
    const char *listen = config->listener_count > 0 ? config->listeners[0].listen : default_address;
    size_t length = strlen(listen);
    if (length < ADDRESS_MAX && (length < 2 || strcmp(listen + length - 2, ":0") != 0))
        memcpy(address, listen, length + 1);
    config_free(config);
}

static bool choose_address(char *url, const struct log_options *options, struct error *error)
{
    char address[ADDRESS_MAX];
    if (options->to == NULL)
        find_address(address, options);
    else if (snprintf(address, sizeof(address), "%s", options->to) >= (int)sizeof(address))
        return error_set(error, ERROR_USAGE, "--to: that is no address");
    bool has_scheme = strstr(address, "://") != NULL || strncmp(address, "unix:", 5) == 0;
    int length = snprintf(url, ADDRESS_MAX, "%s%s", has_scheme ? "" : "http://", address);
    return length < ADDRESS_MAX || error_set(error, ERROR_USAGE, "--to: that is no address");
}

static bool is_file_named(const struct log_options *options)
{
    return options->output != NULL && strcmp(options->output, "-") != 0;
}

static void tell_files(const struct exporting *exporting)
{
    size_t exchanges = exporting->export.count, bodies = exporting->file.body_count;
    const char *name = exporting->file.name, *plural = exchanges == 1 ? "" : "s";
    if (bodies == 0)
        log_note("wrote %zu exchange%s to %s", exchanges, plural, name);
    else
        log_note("wrote %zu exchange%s to %s, and %zu of the bodies to %s.body-ID: they go together", exchanges, plural,
                 name, bodies, name);
}

static bool export_to_file(struct exporting *exporting, struct log_run *run, struct error *error)
{
    bool done = export_file_begin(&exporting->file, run->options->output, run->options->force, error);
    exporting->options.keep_file = export_file_keep_body;
    exporting->options.context = &exporting->file;
    done = done && add_all(exporting, run, error) && export_file_finish(&exporting->file, error);
    if (done)
        tell_files(exporting);
    export_file_end(&exporting->file);
    return done;
}

static bool export_somewhere(struct exporting *exporting, struct log_run *run, struct error *error)
{
    if (is_file_named(run->options))
        return export_to_file(exporting, run, error);
    if (is_to_terminal(exporting) && exporting->options.format == EXPORT_HAR)
        return error_set(error, ERROR_USAGE, "a HAR is for other programs: give -o FILE, or a pipe");
    return add_all(exporting, run, error);
}

static bool run_export(struct log_run *run, struct error *error)
{
    char url[ADDRESS_MAX];
    struct exporting exporting = { .run = run, .error = error, .options = { .to = url } };
    if (!choose_format(&exporting.options, run->options, error) || !choose_address(url, run->options, error))
        return false;
    if (run->options->share && !share_create(&exporting.options.share, error))
        return false;
    buffer_init(&exporting.out, EXPORT_ENTRY_MAX);
    buffer_init(&exporting.escaped, 2 * (size_t)EXPORT_ENTRY_MAX);
    bool done = export_somewhere(&exporting, run, error);
    buffer_free(&exporting.out);
    buffer_free(&exporting.escaped);
    share_free(exporting.options.share);
    return done;
}

const struct log_command log_command_export = {
    .word = "export",
    .synopsis = "--format FORMAT [-o FILE] [--share] [FILTERS] [ID...]",
    .summary = "exchanges for other tools: HAR, JSON lines, raw HTTP, curl, Python",
    .help =
        "Writes the exchanges named, or all that fit, oldest first. The values of header fields that carry keys and\n"
        "credentials (X-CS-APIKEY, Authorization, Cookie and the like) are masked; targets and bodies are whole, so\n"
        "keep what you export to yourself. For the eyes of others there is --share.\n"
        "\n"
        "har     HAR 1.2, for browsers and proxies; `log import` reads every byte and fact of it\n"
        "jsonl   the object of `log show --json`, one a line\n"
        "http    raw messages with a line between them; with --view and one ID the bytes alone, for nc\n"
        "curl    a shell script that sends the clients' requests to the running proxy, signed afresh\n"
        "python  the same as a script for requests\n"
        "\n"
        "--share makes it fit to be posted: account and order ids, balances, addresses and what is not known to be\n"
        "harmless become tokens (order-1), the same wherever the value is the same. Prices, quantities, symbols,\n"
        "times and codes stay. Lengths, hash and signature fit no longer. Read it before you post it.",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_LIMIT | LOG_TAKES_VIEW | LOG_TAKES_EXPORT,
    .words_max = SIZE_MAX,
    .what_words = "give ids, or none for all that fit",
    .run = run_export,
};
