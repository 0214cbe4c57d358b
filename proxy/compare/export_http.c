/* Export as raw messages; the grammar is in export.h. One thread. */
#include "export_private.h"

#include "countersign/compiler.h"

static void begin(const struct export *export, struct buffer *out)
{
    if (export->options.share != NULL && !export->options.bare)
        buffer_append_text(out,
                           "# shared: ids, balances and addresses are tokens (order-1); lengths and signatures fit no "
                           "longer\n");
}

static void append_message(struct buffer *out, const struct record *record, enum record_view view)
{
    static const char *const words[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = "client-request",
        [RECORD_UPSTREAM_REQUEST] = "upstream-request",
        [RECORD_UPSTREAM_RESPONSE] = "upstream-response",
        [RECORD_CLIENT_RESPONSE] = "client-response",
    };
    const struct record_message *message = &record->views[view];
    char id[RECORD_ID_TEXT_MAX];
    buffer_append_format(out, "### countersign exchange %s %s %zu+%zu\n", record_id_text(id, record->id), words[view],
                         message->head.length, message->body.length);
    buffer_append_slice(out, message->head);
    buffer_append_slice(out, message->body);
    buffer_append_byte(out, '\n');
}

static bool append(struct export *export, struct buffer *out, const struct record *record, struct error *error)
{
    const struct export_options *options = &export->options;
    (void)error; /* the buffer remembers a failure */
    if (options->bare) {
        buffer_append_slice(out, record->views[options->view].head);
        buffer_append_slice(out, record->views[options->view].body);
        return true;
    }
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++) {
        bool is_there = record->views[i].head.length > 0 || record->views[i].body.length > 0;
        if (is_there && (!options->has_view || options->view == i))
            append_message(out, record, (enum record_view)i);
    }
    return true;
}

static void end(const struct export *export, struct buffer *out)
{
    (void)export;
    (void)out;
}

const struct export_writer export_http = { "http", begin, append, end };
