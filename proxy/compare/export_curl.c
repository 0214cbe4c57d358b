/* Export as curl commands for sh, to the local proxy. One thread. What curl does with these options was watched on 7.88, see
 * also proxy/cli/sign_curl.c: --path-as-is and --globoff keep a URL's bytes but for '#' and what is no ASCII;
 * --data-raw sends its text as it is, '@' at its beginning and line ends included. */
#include "export_private.h"

#include "countersign/compiler.h"
#include "countersign/shell.h"

static void begin(const struct export *export, struct buffer *out)
{
    buffer_append_text(out, "#!/bin/sh\n");
    export_append_warning(out, export);
}

static bool has_nul(struct slice text)
{
    return slice_find(text, '\0') < text.length;
}

static bool is_on_command_line(struct slice body)
{
    return !has_nul(body) && body.length <= EXPORT_ARGUMENT_MAX;
}

/* The script may be run from anywhere: its files are beside it. Without one of them curl would send an empty body. */
static void append_file_check(struct export *export, struct buffer *out, struct slice file)
{
    if (!export->has_files)
        buffer_append_text(out, "CDPATH= cd -- \"$(dirname -- \"$0\")\" || exit 1\n");
    export->has_files = true;
    buffer_append_text(out, "[ -r ");
    shell_append_word(out, file);
    buffer_append_text(out, " ] || { echo 'the file of this body is missing' >&2; exit 1; }\n");
}

/* Where the body is to come from, if not from the command line. Appends the file's name to `file`, which stays empty where
 * it is a pipe from printf. */
static bool place_body(struct buffer *file, struct export *export, struct buffer *out, const struct record *record,
                       struct error *error)
{
    struct slice body = record->views[RECORD_CLIENT_REQUEST].body;
    if (is_on_command_line(body))
        return true;
    if (export->options.keep_file != NULL) {
        if (!export->options.keep_file(export->options.context, file, record->id, body, error))
            return false;
        append_file_check(export, out, buffer_slice(file));
        return true;
    }
    buffer_append_text(out, "printf ");
    shell_append_printf_format(out, body);
    buffer_append_text(out, " | ");
    return true;
}

static void append_method(struct buffer *out, const struct export_message *message, struct slice body)
{
    if (slice_equal_text(message->method, "HEAD") && body.length == 0)
        buffer_append_text(out, " --head"); /* with --request HEAD curl waits for a body */
    else
        shell_append_option(out, "--request", message->method);
}

static void append_field(struct export *export, struct buffer *out, const struct http_field *field)
{
    struct buffer *line = &export->work;
    buffer_reset(line);
    buffer_append_slice(line, field->name);
    if (field->value.length == 0)
        buffer_append_byte(line, ';'); /* curl's way to say: this field, empty */
    else
        buffer_append_text(line, ": ");
    buffer_append_slice(line, field->value);
    shell_append_option(out, "--header", buffer_slice(line));
    out->failed = out->failed || line->failed;
}

static void append_fields(struct export *export, struct buffer *out, const struct export_message *message,
                          bool has_data)
{
    static const struct {
        const char *name;
        const char *without;
        bool with_data; /* added to a request that has data */
    } added_by_curl[] = {
        { "User-Agent", "User-Agent:", false },
        { "Accept", "Accept:", false },
        { "Content-Type", "Content-Type:", true },
        { "Expect", "Expect:", true },
    };
    for (size_t i = 0; i < message->fields.count; i++) {
        const struct http_field *field = &message->fields.items[i];
        if (!export_is_made_anew(field) && export_left_out(field) == NULL)
            append_field(export, out, field);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(added_by_curl); i++) {
        if ((has_data || !added_by_curl[i].with_data) && http_field_count(message->fields, added_by_curl[i].name) == 0)
            shell_append_option(out, "--header", slice_text(added_by_curl[i].without));
    }
}

static void append_body(struct buffer *out, struct slice file, struct slice body, bool has_data)
{
    if (!has_data)
        return;
    if (is_on_command_line(body)) {
        shell_append_option(out, "--data-raw", body);
        return;
    }
    buffer_append_text(out, " \\\n  --data-binary @");
    shell_append_word(out, file.length > 0 ? file : slice_text("-"));
}

/* A URL carries what is printable but for '#', and begins with '/'; what it does not, the request target does. */
static bool fits_url(struct slice target)
{
    return slice_starts_with(target, "/") && shell_is_printable(target) && slice_find(target, '#') == target.length;
}

static void append_url(struct buffer *out, const char *to, struct slice target)
{
    struct slice origin = slice_text(to), path = target;
    if (!fits_url(target)) {
        shell_append_option(out, "--request-target", target);
        path = slice_text("/");
    }
    if (slice_starts_with(origin, "unix:")) {
        shell_append_option(out, "--unix-socket", slice_from(origin, sizeof("unix:") - 1));
        origin = slice_text("http://localhost");
    }
    while (origin.length > 0 && origin.data[origin.length - 1] == '/')
        origin.length--;
    buffer_append_text(out, " \\\n  '");
    shell_append_within_quotes(out, origin);
    shell_append_within_quotes(out, path);
    buffer_append_text(out, "'\n");
}

static bool append_command(struct export *export, struct buffer *out, const struct record *record,
                           const struct export_message *message, struct error *error)
{
    struct slice body = record->views[RECORD_CLIENT_REQUEST].body;
    /* An empty body that was announced is sent as one: without data curl sends no Content-Length. */
    bool has_data = body.length > 0 || http_field_count(message->fields, "Content-Length") > 0;
    struct buffer file;
    char id[RECORD_ID_TEXT_MAX];
    buffer_init(&file, EXPORT_ARGUMENT_MAX);
    buffer_append_format(out, "echo 'exchange %s:'\n", record_id_text(id, record->id));
    bool done = place_body(&file, export, out, record, error);
    if (done) {
        buffer_append_text(out, "curl -sS --path-as-is --globoff --noproxy '*' --write-out '\\n'");
        append_method(out, message, body);
        append_fields(export, out, message, has_data);
        append_body(out, buffer_slice(&file), body, has_data);
        append_url(out, export->options.to, message->target);
    }
    buffer_free(&file);
    return done;
}

static bool append(struct export *export, struct buffer *out, const struct record *record, struct error *error)
{
    struct export_message message;
    export_read_request(&message, record->views[RECORD_CLIENT_REQUEST].head);
    buffer_append_byte(out, '\n');
    export_append_remark(out, record);
    if (!message.is_read || has_nul(message.method) || has_nul(message.target)) {
        buffer_append_text(out, "# The client's request is none that curl can send: take the format http.\n");
        return true;
    }
    export_append_left_out(out, &message);
    return append_command(export, out, record, &message, error);
}

static void end(const struct export *export, struct buffer *out)
{
    (void)export;
    (void)out;
}

const struct export_writer export_curl = { "curl", begin, append, end };
