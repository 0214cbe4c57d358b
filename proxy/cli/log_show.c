/* `countersign log show ID`: one exchange whole, for people, as JSON, or its bytes alone. One thread. */
#include "log_command.h"

#include <string.h>
#include <unistd.h>

/* The view asked for; RECORD_VIEW_COUNT: all. */
static bool chosen_view(enum record_view *view, const struct log_run *run, struct error *error)
{
    *view = RECORD_VIEW_COUNT;
    return run->options->view == NULL || log_view_parse(view, run->options->view) ||
           error_set(error, ERROR_USAGE,
                     "--view takes client-request, upstream-request, upstream-response or client-response, not `%.64s`",
                     run->options->view);
}

static bool show_raw_view(const struct log_run *run, const struct record_message *message, struct error *error)
{
    if (run->terminal.is_terminal && !(terminal_is_safe(message->head) && terminal_is_safe(message->body)))
        return error_set(error, ERROR_INPUT,
                         "these bytes hold control characters that would act on the terminal: send them to a file or "
                         "a pipe");
    return terminal_write(STDOUT_FILENO, message->head, error) && terminal_write(STDOUT_FILENO, message->body, error);
}

/* The titles go to standard error, the bytes to standard output. */
static bool show_raw(const struct log_run *run, const struct record *record, enum record_view chosen,
                     struct error *error)
{
    bool done = true;
    for (int i = 0; done && i < RECORD_VIEW_COUNT; i++) {
        enum record_view view = (enum record_view)i;
        const struct record_message *message = &record->views[view];
        if (chosen != RECORD_VIEW_COUNT && chosen != view)
            continue;
        if (message->head.length == 0 && message->body.length == 0)
            log_note("%s: nothing", record_view_name(view));
        else if (chosen == RECORD_VIEW_COUNT)
            log_note("%s: head %zu bytes, body %zu bytes", record_view_name(view), message->head.length,
                     message->body.length);
        done = show_raw_view(run, message, error);
    }
    return done;
}

static void append_page(struct buffer *out, const struct log_run *run, const struct record *record,
                        enum record_view chosen)
{
    if (chosen != RECORD_VIEW_COUNT) {
        log_append_view(out, &run->terminal, record, chosen, false);
        return;
    }
    log_append_facts(out, &run->terminal, record, run->now_us);
    for (int i = 0; i < RECORD_VIEW_COUNT; i++)
        log_append_view(out, &run->terminal, record, (enum record_view)i, true);
}

static bool show_page(const struct log_run *run, const struct record *record, enum record_view chosen,
                      struct error *error)
{
    struct buffer out;
    bool done = false;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (run->options->json) {
        log_append_json(&out, record, true);
        buffer_append_byte(&out, '\n');
    } else {
        append_page(&out, run, record, chosen);
    }
    if (out.failed)
        (void)error_set(error, ERROR_LIMIT, "exchange %lld is too large to be shown: take its bytes with --raw",
                        (long long)record->id);
    else
        done = log_print(run, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

static bool show(struct log_run *run, struct error *error)
{
    struct record record;
    enum record_view chosen;
    int64_t id;
    if (!chosen_view(&chosen, run, error) || !log_id_resolve(&id, run, run->options->words[0], error) ||
        !capture_reader_get(&record, run->reader, id, error))
        return false;
    return run->options->raw ? show_raw(run, &record, chosen, error) : show_page(run, &record, chosen, error);
}

const struct log_command log_command_show = {
    .word = "show",
    .synopsis = "[OPTIONS] ID|last",
    .summary = "one exchange whole: facts and the four views",
    .help =
        "Shows one exchange: what happened, its facts, and its bytes in four views: as the client sent it, as it left\n"
        "for the exchange, as it came back, as the client got it. JSON is indented, every value as written. Control\n"
        "characters and bytes that are no UTF-8 are shown as \\xNN.\n"
        "\n"
        "ID: 17, i3 (the third imported one), last, last~3 (three before), last:api_error, last:1401; the filters hold "
        "for\n"
        "the last forms. --json gives one object: the facts, heads as strings, bodies as text or base64 "
        "(bodyEncoding).",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_JSON | LOG_TAKES_VIEW | LOG_TAKES_RAW | LOG_TAKES_PAGER,
    .words_min = 1,
    .words_max = 1,
    .what_words = "which exchange? Give its id, or `last`",
    .run = show,
};
