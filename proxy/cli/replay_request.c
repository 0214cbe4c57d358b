/* What is sent is read once more as its receiver will read it: a record can come from a file, and say one thing in its
 * facts and another in its bytes. One thread. */
#include "replay_request.h"

#include "log_command.h"

#include "countersign/http_message.h"
#include "countersign/redaction.h"

#include <string.h>

enum { HEAD_MAX = 1 << 20 };

static bool refuse(struct error *error, const char *why)
{
    return error_set(error, ERROR_INPUT, "it cannot be sent again: %s", why);
}

/* --- the head --- */

/* Fields whose values are masked in the record cannot be sent; the proxy sets X-CS-* itself. */
static bool is_left_out(struct slice line)
{
    size_t colon = slice_find(line, ':');
    if (colon == line.length)
        return false;
    struct slice name = slice_trim_blanks(slice_first(line, colon));
    const struct redaction_rule *rule = redaction_rule_find(name);
    if (!rule->forward && slice_equal_text_caseless(slice_first(name, 5), "X-CS-"))
        return true;
    if (rule->record != REDACTION_KEEP)
        log_note("countersign log replay: %.*s is masked in the record, so it is left out", SLICE_ARGUMENTS(name));
    return rule->record != REDACTION_KEEP;
}

/* Cuts the next line with its CRLF off `rest`. False where it ends otherwise, or is the empty line. */
static bool next_line(struct slice *line, struct slice *rest)
{
    size_t length = slice_find(*rest, '\n');
    *line = slice_first(*rest, length + 1);
    *rest = slice_from(*rest, line->length);
    struct slice text = slice_first(*line, length > 0 ? length - 1 : 0);
    return length > 1 && line->length == length + 1 && line->data[length - 1] == '\r' &&
           slice_find(text, '\r') == text.length && slice_find(text, '\0') == text.length;
}

/* Lines up to the one empty line at the very end. */
static bool make_head(struct buffer *out, struct slice head, struct error *error)
{
    static const char end[] = "\r\n";
    struct slice rest = slice_first(head, head.length < 2 ? 0 : head.length - 2), line;
    if (head.length < 4 || memcmp(head.data + head.length - 2, end, 2) != 0)
        return refuse(error, "its recorded head is not whole");
    while (rest.length > 0) {
        if (!next_line(&line, &rest))
            return refuse(error, "its recorded head has lines that no client ends so, or bytes behind its end");
        if (!is_left_out(line))
            buffer_append_slice(out, line);
    }
    buffer_append_text(out, end);
    return !out->failed || error_set(error, ERROR_LIMIT, "the request's head is larger than %d bytes", HEAD_MAX);
}

/* --- what it says --- */

static bool check_length(struct http_fields fields, struct slice body, struct error *error)
{
    const struct http_field *field = http_field_find(fields, "Content-Length");
    uint64_t length;
    if (http_field_count(fields, "Transfer-Encoding") > 0)
        return refuse(error,
                      "its body came in chunks, whose borders are not recorded; `log export --format curl` sends it "
                      "with a length");
    if (http_field_count(fields, "Content-Length") > 1)
        return refuse(error, "it has more than one Content-Length");
    if (field == NULL)
        return body.length == 0 || refuse(error, "it has a body and no Content-Length");
    return (slice_to_u64(field->value, &length) && length == body.length) ||
           refuse(error, "its Content-Length is not its recorded body's");
}

static bool read_back(struct replay_request *request, const struct record *record, struct error *error)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    if (!http_parse_request_head(&request->method, &request->target, &fields, HTTP_FIELDS_MAX,
                                 buffer_slice(&request->head)))
        return refuse(error, "its recorded head is no HTTP/1.1 request");
    if (!slice_equal(request->method, record->method) || !slice_equal(request->target, record->target))
        return refuse(error, "its recorded bytes are another request than its facts tell of");
    return check_length(fields, request->body, error);
}

bool replay_request_make(struct replay_request *request, const struct record *record, struct error *error)
{
    const struct record_message *message = &record->views[RECORD_CLIENT_REQUEST];
    *request = (struct replay_request){ .body = message->body };
    buffer_init(&request->head, HEAD_MAX);
    if (message->head.length == 0)
        return refuse(error, "what the client sent is not recorded");
    if (slice_equal_text(record->error_name, "body-too-large"))
        return refuse(error, "its body was not read (proxy.body_max)");
    if (!make_head(&request->head, message->head, error) || !read_back(request, record, error))
        return false;
    request->class = endpoint_classify(request->method, request->target);
    return true;
}

void replay_request_free(struct replay_request *request)
{
    buffer_free(&request->head);
}

bool replay_request_moves_something(const struct replay_request *request)
{
    return request->class != ENDPOINT_PUBLIC && request->class != ENDPOINT_READ;
}
