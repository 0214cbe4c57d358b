/* `countersign log show ID`: one exchange whole, for people, as JSON, or its bytes alone. One thread. */
#include "log_command.h"

#include <string.h>
#include <unistd.h>

static bool find_id(int64_t *id, const struct log_run *run, const char *word, struct error *error)
{
    if (strcmp(word, "last") == 0) {
        if (!capture_reader_last_id(id, run->reader, error))
            return false;
        return *id != 0 || error_set(error, ERROR_INPUT, "no exchange is recorded yet in %s", run->store_path);
    }
    return record_id_parse(id, slice_text(word)) ||
           error_set(error, ERROR_INPUT, "`%s` is not an exchange id: a number, or `last`", word);
}

/* The line feeds that follow a carriage return: heads are full of the pair, and it does a terminal no harm. */
static size_t count_crlf(struct slice bytes)
{
    size_t count = 0;
    for (size_t i = 1; i < bytes.length; i++)
        count += bytes.data[i] == '\n' && bytes.data[i - 1] == '\r';
    return count;
}

static bool is_safe_on_terminal(struct slice bytes)
{
    return terminal_count_escaped(bytes, TERMINAL_LINES) == count_crlf(bytes);
}

static bool show_raw_view(const struct log_run *run, const struct record_message *message, struct error *error)
{
    if (run->terminal.is_terminal && !(is_safe_on_terminal(message->head) && is_safe_on_terminal(message->body)))
        return error_set(error, ERROR_INPUT,
                         "these bytes hold control characters that would act on the terminal: send them to a file or "
                         "a pipe");
    return terminal_write(STDOUT_FILENO, message->head, error) && terminal_write(STDOUT_FILENO, message->body, error);
}

/* The titles go to standard error, the bytes to standard output. */
static bool show_raw(const struct log_run *run, const struct record *record, struct error *error)
{
    bool done = true;
    for (int i = 0; done && i < RECORD_VIEW_COUNT; i++) {
        enum record_view view = (enum record_view)i;
        const struct record_message *message = &record->views[view];
        if (run->options->has_view && run->options->view != view)
            continue;
        if (message->head.length == 0 && message->body.length == 0)
            log_note("%s: nothing", record_view_name(view));
        else if (!run->options->has_view)
            log_note("%s: head %zu bytes, body %zu bytes", record_view_name(view), message->head.length,
                     message->body.length);
        done = show_raw_view(run, message, error);
    }
    return done;
}

static void append_page(struct buffer *out, const struct log_run *run, const struct record *record)
{
    if (run->options->has_view) {
        log_append_view(out, &run->terminal, record, run->options->view, false);
        return;
    }
    log_append_facts(out, &run->terminal, record, run->now_us);
    for (int i = 0; i < RECORD_VIEW_COUNT; i++)
        log_append_view(out, &run->terminal, record, (enum record_view)i, true);
}

static bool show_page(const struct log_run *run, const struct record *record, struct error *error)
{
    struct buffer out;
    bool done = false;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (run->options->json) {
        log_append_json(&out, record, true);
        buffer_append_byte(&out, '\n');
    } else {
        append_page(&out, run, record);
    }
    if (out.failed)
        (void)error_set(error, ERROR_LIMIT, "exchange %lld is too large to be shown: take its bytes with --raw",
                        (long long)record->id);
    else
        done = terminal_write(STDOUT_FILENO, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

bool log_show(const struct log_run *run, struct error *error)
{
    struct record record;
    int64_t id;
    if (!find_id(&id, run, run->options->words[0], error) || !capture_reader_get(&record, run->reader, id, error))
        return false;
    return run->options->raw ? show_raw(run, &record, error) : show_page(run, &record, error);
}
