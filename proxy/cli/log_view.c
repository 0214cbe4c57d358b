/* One view of an exchange for people: title, head, body. What came over the network is indented and escaped, so it can
 * neither drive a terminal nor pass for a line of ours. Owns nothing; one thread. */
#include "log_command.h"

#include "countersign/content.h"
#include "countersign/http_message.h"
#include "countersign/json_scan.h"

#include <string.h>

enum {
    DECODED_MAX = 64 << 20, /* bytes that a compressed body may grow to */
    HEX_LINE = 16,          /* bytes of one line */
    HEX_MAX = 128,          /* bytes shown of a binary body */
    TEXT_ESCAPED_PART = 8   /* a body is binary where more than one byte in that many would be escaped */
};

struct view {
    struct buffer *out;
    const struct terminal *terminal;
    const struct record *record;
    enum record_view number;
    bool compare;
};

static const struct record_message *message_of(const struct view *view)
{
    return &view->record->views[view->number];
}

const char *log_view_word(enum record_view view)
{
    static const char *const words[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = "client-request",
        [RECORD_UPSTREAM_REQUEST] = "upstream-request",
        [RECORD_UPSTREAM_RESPONSE] = "upstream-response",
        [RECORD_CLIENT_RESPONSE] = "client-response",
    };
    return (size_t)view < ARRAY_LENGTH(words) ? words[view] : "";
}

bool log_view_parse(enum record_view *view, const char *word)
{
    static const char *const short_words[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = "client",
        [RECORD_UPSTREAM_REQUEST] = "upstream",
    };
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++) {
        bool is_short = short_words[i] != NULL && strcmp(word, short_words[i]) == 0;
        if (is_short || strcmp(word, log_view_word((enum record_view)i)) == 0) {
            *view = (enum record_view)i;
            return true;
        }
    }
    return false;
}

static void append_title(const struct view *view)
{
    static const char *const meanings[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = "as the client sent it",
        [RECORD_UPSTREAM_REQUEST] = "as it left for the exchange",
        [RECORD_UPSTREAM_RESPONSE] = "as it came back",
        [RECORD_CLIENT_RESPONSE] = "as the client got it",
    };
    bool is_dry = view->number == RECORD_UPSTREAM_REQUEST && view->record->outcome == RECORD_DRY_RUN;
    buffer_append_byte(view->out, '\n');
    terminal_style_begin(view->out, view->terminal, TERMINAL_BOLD);
    buffer_append_text(view->out, record_view_name(view->number));
    terminal_style_end(view->out, view->terminal, TERMINAL_BOLD);
    buffer_append_format(view->out, ", %s\n",
                         is_dry ? "as it would have left for the exchange" : meanings[view->number]);
}

static void append_absence(const struct view *view)
{
    static const char *const absences[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = "nothing is recorded",
        [RECORD_UPSTREAM_REQUEST] = "nothing left",
        [RECORD_UPSTREAM_RESPONSE] = "nothing came back",
        [RECORD_CLIENT_RESPONSE] = "the client got no answer",
    };
    bool open = view->record->outcome == RECORD_IN_FLIGHT;
    buffer_append_format(view->out, "  %s\n", open ? "nothing is recorded yet" : absences[view->number]);
}

/* A line for each line of `text`; a last line feed begins none. With `is_head` the CR of a CRLF is not shown. */
static void append_lines(struct buffer *out, struct slice text, bool is_head)
{
    struct slice line;
    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.length--;
    while (slice_next_part(&text, '\n', &line)) {
        if (is_head && line.length > 0 && line.data[line.length - 1] == '\r')
            line.length--;
        buffer_append_text(out, line.length > 0 ? "  " : "");
        terminal_append_escaped(out, line, TERMINAL_LINES);
        buffer_append_byte(out, '\n');
    }
}

static struct slice head_of(const struct record_message *message)
{
    return message->head;
}

static struct slice body_of(const struct record_message *message)
{
    return message->body;
}

/* The first earlier view whose part has the same bytes, or RECORD_VIEW_COUNT. */
static enum record_view same_as(const struct view *view, struct slice (*part)(const struct record_message *message))
{
    struct slice own = part(message_of(view));
    for (int i = 0; view->compare && own.length > 0 && i < (int)view->number; i++)
        if (slice_equal(part(&view->record->views[i]), own))
            return (enum record_view)i;
    return RECORD_VIEW_COUNT;
}

static void append_head(const struct view *view)
{
    struct slice head = message_of(view)->head;
    enum record_view same = same_as(view, head_of);
    if (head.length == 0)
        buffer_append_text(view->out, "  head: not recorded\n\n");
    else if (same != RECORD_VIEW_COUNT)
        buffer_append_format(view->out, "  head: the same %zu bytes as the %s's\n\n", head.length,
                             record_view_name(same));
    else
        append_lines(view->out, head, true); /* ends with the empty line that ends every head */
}

/* The Content-Encoding of a head, empty where there is none (RFC 9110 §8.4). */
static struct slice content_encoding(struct slice head)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice method, target;
    int status;
    if (!http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, head) &&
        !http_parse_request_head(&method, &target, &fields, HTTP_FIELDS_MAX, head))
        return SLICE_LITERAL("");
    const struct http_field *field = http_field_find(fields, "Content-Encoding");
    return field != NULL ? field->value : SLICE_LITERAL("");
}

static bool is_binary(struct slice body)
{
    return slice_find(body, '\0') < body.length ||
           terminal_count_escaped(body, TERMINAL_LINES) > body.length / TEXT_ESCAPED_PART;
}

static void append_hex_line(struct buffer *out, struct slice bytes, size_t offset)
{
    buffer_append_format(out, "  %04zx ", offset);
    for (size_t i = 0; i < HEX_LINE; i++) {
        if (i < bytes.length)
            buffer_append_format(out, " %02x", (unsigned)(unsigned char)bytes.data[i]);
        else
            buffer_append_text(out, "   ");
    }
    buffer_append_text(out, "  ");
    for (size_t i = 0; i < bytes.length; i++)
        buffer_append_byte(out, bytes.data[i] >= ' ' && bytes.data[i] <= '~' ? bytes.data[i] : '.');
    buffer_append_byte(out, '\n');
}

static void append_hex(struct buffer *out, struct slice body)
{
    struct slice shown = slice_first(body, HEX_MAX);
    for (size_t offset = 0; offset < shown.length; offset += HEX_LINE)
        append_hex_line(out, slice_first(slice_from(shown, offset), HEX_LINE), offset);
    if (body.length > shown.length)
        buffer_append_format(out, "  ... %zu more bytes\n", body.length - shown.length);
}

/* JSON indented, other text as it is, anything else as hex. */
static void append_content(struct buffer *out, struct slice body)
{
    struct buffer indented;
    buffer_init(&indented, LOG_OUTPUT_MAX / 2);
    if (json_indent(&indented, body))
        append_lines(out, buffer_slice(&indented), false);
    else if (is_binary(body))
        append_hex(out, body);
    else
        append_lines(out, body, false);
    buffer_free(&indented);
}

/* Ends the title of a body, saying how it is encoded, and shows it: decoded where that can be done. */
static void append_encoded(const struct view *view, struct slice body, struct slice encoding)
{
    static const char *const troubles[] = {
        [CONTENT_UNKNOWN] = "not read here",
        [CONTENT_BROKEN] = "broken or cut short",
        [CONTENT_TOO_LARGE] = "too large to be decoded",
    };
    struct buffer decoded;
    buffer_init(&decoded, DECODED_MAX);
    enum content_result result = content_decode(&decoded, encoding, body);
    if (result != CONTENT_IDENTITY) {
        buffer_append_text(view->out, " of ");
        terminal_append_escaped(view->out, encoding, TERMINAL_ONE_LINE);
    }
    if (result == CONTENT_DECODED)
        buffer_append_format(view->out, ", decoded to %zu bytes\n", decoded.length);
    else if (result == CONTENT_IDENTITY)
        buffer_append_byte(view->out, '\n');
    else
        buffer_append_format(view->out, " (%s), as they came\n", troubles[result]);
    append_content(view->out, result == CONTENT_DECODED ? buffer_slice(&decoded) : body);
    buffer_free(&decoded);
}

static void append_body(const struct view *view)
{
    struct slice body = message_of(view)->body;
    enum record_view same = same_as(view, body_of);
    if (body.length == 0) {
        bool is_refused =
            view->number == RECORD_CLIENT_REQUEST && slice_equal_text(view->record->error_name, "body-too-large");
        buffer_append_text(view->out,
                           is_refused ? "  body: not read, it is larger than proxy.body_max\n" : "  no body\n");
        return;
    }
    if (same != RECORD_VIEW_COUNT) {
        buffer_append_format(view->out, "  body: the same %zu bytes as the %s's\n", body.length,
                             record_view_name(same));
        return;
    }
    buffer_append_format(view->out, "  body: %zu bytes", body.length);
    append_encoded(view, body, content_encoding(message_of(view)->head));
}

void log_append_view(struct buffer *out, const struct terminal *terminal, const struct record *record,
                     enum record_view view_number, bool compare)
{
    const struct view view = {
        .out = out, .terminal = terminal, .record = record, .number = view_number, .compare = compare
    };
    append_title(&view);
    if (message_of(&view)->head.length == 0 && message_of(&view)->body.length == 0) {
        append_absence(&view);
        return;
    }
    append_head(&view);
    append_body(&view);
}

struct slice log_decoded_body(struct buffer *decoded, const struct record_message *message)
{
    struct slice coding = content_encoding(message->head);
    return content_decode(decoded, coding, message->body) == CONTENT_DECODED ? buffer_slice(decoded) : message->body;
}
