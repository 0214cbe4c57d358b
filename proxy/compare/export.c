/* Exchanges for other tools: the table of formats, and what holds for all of them. Owned by the caller; one thread. */
#include "export_private.h"

#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/redaction.h"

#include <string.h>

static const struct export_writer *const writers[EXPORT_FORMAT_COUNT] = {
    [EXPORT_HAR] = &export_har,   [EXPORT_JSON_LINES] = &export_json_lines, [EXPORT_HTTP] = &export_http,
    [EXPORT_CURL] = &export_curl, [EXPORT_PYTHON] = &export_python,
};

const char *export_format_name(enum export_format format)
{
    return (size_t)format < ARRAY_LENGTH(writers) ? writers[format]->name : "";
}

bool export_format_parse(enum export_format *format, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(writers); i++) {
        if (slice_equal_text(name, writers[i]->name)) {
            *format = (enum export_format)i;
            return true;
        }
    }
    return false;
}

/* --- what goes with what --- */

static bool is_for_proxy(enum export_format format)
{
    return format == EXPORT_CURL || format == EXPORT_PYTHON;
}

/* "http://127.0.0.1:8787/": a host and a port, and nothing behind. */
static bool is_http_address(struct slice to)
{
    struct slice scheme = slice_starts_with(to, "https://") ? SLICE_LITERAL("https://") : SLICE_LITERAL("http://");
    struct slice rest = slice_from(to, scheme.length);
    size_t end = slice_find(rest, '/'), colon = end;
    uint64_t port;
    for (size_t i = 0; i < end; i++) {
        colon = rest.data[i] == ':' ? i : colon;
        if (rest.data[i] <= ' ' || rest.data[i] >= 0x7f || rest.data[i] == '@')
            return false;
    }
    return slice_starts_with(to, scheme.data) && end + 1 >= rest.length && colon > 0 && colon < end &&
           slice_to_u64(slice_first(slice_from(rest, colon + 1), end - colon - 1), &port) && port > 0 &&
           port <= UINT16_MAX;
}

static bool check(const struct export_options *options, struct error *error)
{
    struct slice to = slice_text(options->to);
    bool is_unix = slice_starts_with(to, "unix:/");
    if ((options->has_view || options->bare) && options->format != EXPORT_HTTP)
        return error_set(error, ERROR_USAGE, "one view alone is for the format http: %s holds what it needs",
                         export_format_name(options->format));
    if (options->bare && !options->has_view)
        return error_set(error, ERROR_USAGE, "bare bytes are those of one view");
    if (!is_for_proxy(options->format))
        return true;
    if (options->format == EXPORT_PYTHON && is_unix)
        return error_set(error, ERROR_USAGE, "requests speaks to no unix socket: give http://HOST:PORT, or take curl");
    return is_unix || is_http_address(to) ||
           error_set(error, ERROR_USAGE,
                     "--to takes the running proxy's address, http://HOST:PORT or unix:/PATH, not `%.*s`",
                     SLICE_ARGUMENTS(slice_first(to, 100)));
}

static bool check_room(const struct buffer *out, const struct export *export, struct error *error)
{
    return !(out->failed || export->masked.failed || export->work.failed) ||
           error_set(error, ERROR_LIMIT, "not enough memory for an exchange of that size");
}

bool export_begin(struct export *export, const struct export_options *options, struct buffer *out, struct error *error)
{
    *export = (struct export){ .options = *options };
    buffer_init(&export->masked, EXPORT_ENTRY_MAX);
    buffer_init(&export->work, EXPORT_ENTRY_MAX);
    if (!check(options, error))
        return false;
    writers[options->format]->begin(export, out);
    return check_room(out, export, error);
}

bool export_append(struct export *export, struct buffer *out, const struct record *record, struct error *error)
{
    struct record masked = *record, shared;
    const struct record *shown = &masked;
    if (!redaction_mask_record(&masked, &export->masked)) /* once more */
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (export->options.share != NULL) {
        if (!share_record(&shared, export->options.share, &masked, error))
            return false;
        shown = &shared;
    }
    if (!writers[export->options.format]->append(export, out, shown, error) || !check_room(out, export, error))
        return false;
    export->count++;
    return true;
}

bool export_end(struct export *export, struct buffer *out, struct error *error)
{
    writers[export->options.format]->end(export, out);
    return check_room(out, export, error);
}

void export_free(struct export *export)
{
    buffer_free(&export->masked);
    buffer_free(&export->work);
}

/* --- JSON lines: the least of the formats --- */

static void add_nothing(const struct export *export, struct buffer *out)
{
    (void)export;
    (void)out;
}

static bool append_line(struct export *export, struct buffer *out, const struct record *record, struct error *error)
{
    (void)error; /* the buffer remembers a failure */
    export_append_object(out, record, true, export->options.share != NULL);
    buffer_append_byte(out, '\n');
    return true;
}

const struct export_writer export_json_lines = { "jsonl", add_nothing, append_line, add_nothing };

/* --- messages read --- */

static struct slice first_line(struct slice head)
{
    struct slice line = slice_first(head, slice_find(head, '\n'));
    line.length -= line.length > 0 && line.data[line.length - 1] == '\r';
    return line;
}

static void begin_message(struct export_message *message)
{
    memset(message, 0, offsetof(struct export_message, items));
    message->fields.items = message->items;
}

void export_read_request(struct export_message *message, struct slice head)
{
    begin_message(message);
    message->is_read =
        http_parse_request_head(&message->method, &message->target, &message->fields, HTTP_FIELDS_MAX, head);
    if (message->is_read)
        message->version = slice_from(first_line(head), message->method.length + message->target.length + 2);
    else
        message->fields.count = 0;
}

void export_read_response(struct export_message *message, struct slice head)
{
    enum { STATUS_DIGITS = 3 };
    begin_message(message);
    message->is_read = http_parse_response_head(&message->status, &message->fields, HTTP_FIELDS_MAX, head);
    if (!message->is_read) {
        message->fields.count = 0;
        return;
    }
    struct slice line = first_line(head);
    message->version = slice_first(line, slice_find(line, ' '));
    message->reason = slice_from(line, message->version.length + 1 + STATUS_DIGITS + 1);
}

struct slice export_field(const struct export_message *message, const char *name)
{
    const struct http_field *field = http_field_find(message->fields, name);
    return field != NULL ? field->value : slice_of(NULL, 0);
}

/* --- what the scripts share --- */

static bool is_token(struct slice name)
{
    while (name.length > 0 && http_method_is_valid(slice_first(name, 1))) /* RFC 9110 §5.1: a field name is one */
        name = slice_from(name, 1);
    return name.length == 0;
}

static bool has_control(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return true;
    }
    return false;
}

const char *export_left_out(const struct http_field *field)
{
    if (!is_token(field->name) || has_control(field->value))
        return "a field that no HTTP client can be told to send";
    if (slice_equal_text_caseless(slice_first(field->name, 5), "X-CS-"))
        return "an X-CS field: the proxy signs";
    if (redaction_rule_find(field->name)->record != REDACTION_KEEP)
        return "a field that is masked in the record";
    return NULL;
}

bool export_is_made_anew(const struct http_field *field)
{
    return slice_equal_text_caseless(field->name, "Host") || slice_equal_text_caseless(field->name, "Content-Length") ||
           slice_equal_text_caseless(field->name, "Transfer-Encoding");
}

void export_append_left_out(struct buffer *out, const struct export_message *message)
{
    if (http_field_count(message->fields, "Transfer-Encoding") > 0)
        buffer_append_text(out, "# it came in chunks, and is sent with a Content-Length\n");
    for (size_t i = 0; i < message->fields.count; i++) {
        const char *why = export_left_out(&message->fields.items[i]);
        if (why != NULL)
            buffer_append_format(out, "# left out: %s\n", why);
    }
}

void export_append_remark(struct buffer *out, const struct record *record)
{
    char id[RECORD_ID_TEXT_MAX], time[CLOCK_TEXT_MAX];
    buffer_append_format(out, "# countersign exchange %s, %s", record_id_text(id, record->id),
                         record_outcome_name(record->outcome));
    if (record->received_us != 0)
        buffer_append_format(out, ", %s", clock_format_utc(time, record->received_us));
    buffer_append_byte(out, '\n');
}

void export_append_warning(struct buffer *out, const struct export *export)
{
    buffer_append_text(
        out, "# Made by countersign. Running this sends every request below again, orders among them, to the\n"
             "# local proxy, which signs it afresh. The record's own signature has expired.\n");
    if (export->options.share != NULL)
        buffer_append_text(
            out, "# Shared: ids, balances and addresses are tokens (order-1), so the exchange will refuse it.\n");
}
