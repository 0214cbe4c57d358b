/* `.http` files: raw HTTP messages pasted from anywhere, and the form that editors send (absolute URL, no version). Pure;
 * any thread. */
#include "import_private.h"

#include "countersign/compiler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where the walk is. */
struct walk {
    struct import *import;
    struct slice bytes;
    struct slice rest;
    size_t line_at;         /* offset of the line at hand */
    bool is_waiting_answer; /* the last record has none yet */
    bool is_head;           /* and its method is HEAD */
    struct error *error;
};

static bool wrong(const struct walk *walk, const char *what)
{
    return error_set(walk->error, ERROR_INPUT, "line %zu: %s", import_line_number(walk->bytes, walk->line_at), what);
}

static bool next_line(struct walk *walk, struct slice *line)
{
    walk->line_at = walk->bytes.length - walk->rest.length;
    return import_next_line(&walk->rest, line);
}

static bool is_remark(struct slice line)
{
    return slice_starts_with(line, "#") || slice_starts_with(line, "//");
}

static bool has_placeholder(struct slice line)
{
    return line.length > 0 && memmem(line.data, line.length, "{{", 2) != NULL;
}

static const char no_request[] = "a request line `METHOD /PATH HTTP/1.1` or `METHOD https://HOST/PATH` was expected";
static const char variables[] = "variables are not read: write the values into the file";

/* To the first line of the next message. False at the end, or with the error. */
static bool find_message(struct walk *walk, struct slice *line, bool *is_wrong)
{
    while (next_line(walk, line)) {
        struct slice text = slice_trim_blanks(*line);
        if (slice_starts_with(text, "@")) {
            *is_wrong = true;
            return wrong(walk, variables);
        }
        if (text.length > 0 && !is_remark(text)) {
            *line = text;
            return true;
        }
    }
    return false;
}

/* One message under way. */
struct message {
    struct buffer head;
    struct slice host; /* from an absolute URL */
    bool has_host;
    bool is_request;
    bool has_length;
    uint64_t length;  /* Content-Length's */
    size_t length_at; /* offset of its line */
    size_t count;     /* fields */
};

static bool append_field(struct walk *walk, struct message *message, struct slice line)
{
    size_t colon = slice_find(line, ':');
    struct slice name = slice_first(line, colon), value = slice_trim_blanks(slice_from(line, colon + 1));
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return wrong(walk, "a line that goes on here (a query or field over several lines) is not read: join them");
    if (colon == line.length || !import_name_is_valid(name))
        return wrong(walk, "a header field `Name: value` was expected, or the empty line before the body");
    if (!import_value_is_valid(line))
        return wrong(walk, "a header field has a CR or a NUL in it");
    if (has_placeholder(line))
        return wrong(walk, variables);
    if (++message->count > HTTP_FIELDS_MAX || message->head.length > IMPORT_HEAD_MAX)
        return wrong(walk, "the head has too many fields or is too long");
    if (slice_equal_text_caseless(name, "Host"))
        message->has_host = true;
    if (slice_equal_text_caseless(name, "Content-Length")) {
        message->has_length = slice_to_u64(value, &message->length);
        message->length_at = walk->line_at;
    }
    buffer_append_slice(&message->head, line);
    buffer_append_text(&message->head, "\r\n");
    return true;
}

static bool at_separator(struct slice rest)
{
    return slice_starts_with(rest, "###");
}

/* Fields up to the empty line; a separator or the end of the file also ends them. */
static bool read_fields(struct walk *walk, struct message *message)
{
    struct slice line;
    while (!at_separator(walk->rest) && next_line(walk, &line) && line.length > 0) {
        if (!is_remark(line) && !append_field(walk, message, line))
            return false;
    }
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1 200", RFC 9112 §4. */
static bool is_status_line(struct slice line)
{
    static const char form[] = "HTTP/0.0 000"; /* 0: any digit */
    if (line.length < sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == '0' ? !is_digit(line.data[i]) : line.data[i] != form[i])
            return false;
    }
    return line.length == sizeof(form) - 1 || line.data[sizeof(form) - 1] == ' ';
}

/* Where a body of unknown length ends: at a separator, at the answer behind an empty line, or with the file. The empty line
 * of the head is before it. */
static size_t find_end(const struct message *message, struct slice rest)
{
    struct slice left = rest, line;
    bool is_behind_empty = true;
    size_t end = 0;
    while (!at_separator(left) && import_next_line(&left, &line)) {
        if (message->is_request && is_behind_empty && is_status_line(line))
            return end;
        is_behind_empty = line.length == 0;
        end = rest.length - left.length;
    }
    return end;
}

static struct slice without_blank_lines(struct slice rest)
{
    while (rest.length > 0 &&
           (rest.data[0] == '\r' || rest.data[0] == '\n' || rest.data[0] == ' ' || rest.data[0] == '\t'))
        rest = slice_from(rest, 1);
    return rest;
}

/* A body that Content-Length tells the length of is taken so where the message ends behind it. */
static bool length_fits(const struct message *message, struct slice rest)
{
    if (!message->has_length || message->length > rest.length)
        return false;
    struct slice behind = without_blank_lines(slice_from(rest, message->length));
    return behind.length == 0 || at_separator(behind) || slice_starts_with(behind, "HTTP/");
}

static struct slice without_line_end(struct slice text)
{
    if (text.length == 0 || text.data[text.length - 1] != '\n')
        return text;
    text.length--;
    if (text.length > 0 && text.data[text.length - 1] == '\r')
        text.length--;
    return text;
}

/* The body's last line end is the file's, and so is an empty line behind it: before a separator or an answer people write
 * one, before the end of the file they do not, and the same body is meant. */
static struct slice without_gap(struct slice body)
{
    return without_line_end(without_line_end(body));
}

static struct slice cut_body(struct walk *walk, const struct message *message)
{
    struct slice rest = walk->rest, body;
    struct slice text = without_blank_lines(rest);
    if (length_fits(message, rest)) {
        body = slice_first(rest, message->length);
        walk->rest = slice_from(rest, message->length);
    } else if (slice_starts_with(text, "HTTP/")) { /* no body: the answer follows at once */
        body = slice_first(rest, 0);
        walk->rest = text;
    } else {
        body = slice_first(rest, find_end(message, rest));
        walk->rest = slice_from(rest, body.length);
        body = without_gap(body);
    }
    return body;
}

static bool check_length(const struct walk *walk, const struct message *message, struct slice body)
{
    if (!message->has_length || message->length == body.length)
        return true;
    return error_set(walk->error, ERROR_INPUT,
                     "line %zu: Content-Length is %" PRIu64
                     ", but the length of the body here is %zu: correct the field "
                     "or leave it out",
                     import_line_number(walk->bytes, message->length_at), message->length, body.length);
}

static bool keep_message(struct walk *walk, struct message *message, struct record_message *kept)
{
    buffer_append_text(&message->head, "\r\n");
    size_t body_at = walk->bytes.length - walk->rest.length;
    struct slice body = cut_body(walk, message);
    walk->line_at = body_at;
    if (slice_starts_with(body, "< ") || slice_starts_with(body, "<@ "))
        return wrong(walk, "the body is in a file that is not here");
    return check_length(walk, message, body) &&
           import_keep_buffer(walk->import, &kept->head, &message->head, walk->error) &&
           import_keep(walk->import, &kept->body, body, walk->error);
}

/* "POST https://host/path HTTP/1.1", "POST /path HTTP/1.1", "https://host/path": what stands behind the method and
 * before the version, if any. */
static bool append_request_line(struct walk *walk, struct message *message, struct slice line)
{
    struct slice method = SLICE_LITERAL("GET"), version = { NULL, 0 }, text = line;
    struct import_url url;
    if (!slice_starts_with(line, "http://") && !slice_starts_with(line, "https://")) {
        method = slice_first(line, slice_find(line, ' '));
        text = slice_trim_blanks(slice_from(line, method.length));
    }
    size_t blank = slice_find(text, ' ');
    if (blank < text.length) {
        version = slice_trim_blanks(slice_from(text, blank));
        text = slice_first(text, blank);
    }
    if (has_placeholder(line))
        return wrong(walk, variables);
    import_url_split(&url, text);
    if (!http_method_is_valid(method) || !import_target_is_valid(text) ||
        (!slice_starts_with(text, "/") && !import_url_is_http(&url)))
        return wrong(walk, no_request);
    if (version.length == 0 && !import_method_is_known(method))
        return wrong(walk, "a request line without HTTP/1.1 at its end begins with " IMPORT_METHODS);
    if (version.length == 0)
        version = SLICE_LITERAL("HTTP/1.1");
    if (!slice_starts_with(version, "HTTP/") || !import_target_is_valid(version))
        return wrong(walk, "behind the request's target nothing but a version as in HTTP/1.1 is expected");
    if (import_url_is_http(&url)) {
        message->host = url.host;
        text = url.target;
    }
    buffer_append_slice(&message->head, method);
    buffer_append_byte(&message->head, ' ');
    import_append_target(&message->head, text);
    buffer_append_byte(&message->head, ' ');
    buffer_append_slice(&message->head, version);
    buffer_append_text(&message->head, "\r\n");
    return true;
}

/* Host is the first field where only the URL has it, as clients send it. */
static bool put_host(struct message *message)
{
    if (message->has_host || message->host.length == 0)
        return true;
    struct buffer whole;
    struct slice head = buffer_slice(&message->head);
    size_t line = slice_find(head, '\n') + 1;
    buffer_init(&whole, 2 * (size_t)IMPORT_HEAD_MAX);
    buffer_append_slice(&whole, slice_first(head, line));
    http_append_field(&whole, SLICE_LITERAL("Host"), message->host);
    buffer_append_slice(&whole, slice_from(head, line));
    bool done = !whole.failed;
    buffer_free(&message->head);
    message->head = whole;
    return done;
}

static bool finish_last(struct walk *walk)
{
    char what[48];
    if (walk->import->count == 0)
        return true;
    (void)snprintf(what, sizeof(what), "request %zu", walk->import->count); /* fits */
    return import_finish(walk->import, &walk->import->records[walk->import->count - 1], what, walk->error);
}

static bool read_request(struct walk *walk, struct message *message, struct slice line)
{
    struct record_message kept = { .head = { NULL, 0 } };
    message->is_request = true;
    if (!finish_last(walk) || !append_request_line(walk, message, line) || !read_fields(walk, message))
        return false;
    if (!put_host(message))
        return import_out_of_memory(walk->error);
    struct record *record = import_add(walk->import, walk->error);
    if (record == NULL || !keep_message(walk, message, &kept))
        return false;
    import_set_request(record, kept);
    walk->is_head = slice_starts_with(kept.head, "HEAD ");
    walk->is_waiting_answer = true;
    return true;
}

/* Content-Length tells what a GET would have had, RFC 9110 §8.6. */
static bool has_no_body(const struct walk *walk, struct slice status_line)
{
    return walk->is_head || (is_status_line(status_line) && slice_starts_with(slice_from(status_line, 9), "304"));
}

static bool read_answer(struct walk *walk, struct message *message, struct slice line)
{
    struct record_message kept = { .head = { NULL, 0 } };
    if (!walk->is_waiting_answer)
        return wrong(walk, "an answer (HTTP/...) without a request before it");
    buffer_append_slice(&message->head, line);
    buffer_append_text(&message->head, "\r\n");
    if (!import_value_is_valid(line))
        return wrong(walk, "the status line has a CR or a NUL in it");
    if (!read_fields(walk, message))
        return false;
    if (has_no_body(walk, line))
        message->has_length = false;
    if (!keep_message(walk, message, &kept))
        return false;
    import_set_response(&walk->import->records[walk->import->count - 1], kept);
    walk->is_waiting_answer = false;
    return true;
}

static bool read_message(struct walk *walk, struct slice line)
{
    struct message message = { .count = 0 };
    buffer_init(&message.head, 2 * (size_t)IMPORT_HEAD_MAX);
    bool done =
        slice_starts_with(line, "HTTP/") ? read_answer(walk, &message, line) : read_request(walk, &message, line);
    buffer_free(&message.head);
    return done;
}

bool import_read_http(struct import *import, struct slice bytes, struct error *error)
{
    struct walk walk = { .import = import, .bytes = bytes, .rest = bytes, .error = error };
    struct slice line;
    bool is_wrong = false;
    if (import_is_own_http(bytes))
        return import_read_own_http(import, bytes, error);
    while (find_message(&walk, &line, &is_wrong)) {
        if (!read_message(&walk, line))
            return false;
    }
    if (is_wrong || !finish_last(&walk))
        return false;
    if (import->count > 0)
        return true;
    return error_set(error, ERROR_INPUT, "there is no request in it: %s", no_request);
}
