/* HAR's request and response as heads and bodies. Pure; any thread. */
#include "import_har.h"

#include "countersign/base64.h"
#include "countersign/compiler.h"

#include <string.h>

/* A head under way. */
struct head_writer {
    struct buffer head;
    struct slice host; /* from the URL, empty for an answer */
    bool has_host;     /* a field Host of its own */
    bool has_authority;
    bool is_coded; /* Content-Encoding or Transfer-Encoding is among the fields */
    bool is_answer;
    size_t count;
    struct buffer name; /* of the field at hand, escapes resolved */
    struct buffer value;
};

static void writer_begin(struct head_writer *writer, bool is_answer)
{
    *writer = (struct head_writer){ .is_answer = is_answer };
    buffer_init(&writer->head, 2 * (size_t)IMPORT_HEAD_MAX);
    buffer_init(&writer->name, IMPORT_HEAD_MAX);
    buffer_init(&writer->value, IMPORT_HEAD_MAX);
}

static void writer_end(struct head_writer *writer)
{
    buffer_free(&writer->head);
    buffer_free(&writer->name);
    buffer_free(&writer->value);
}

/* "HTTP/2" as on the wire; a few writers name it by ALPN. Empty where it is not known. */
static struct slice version_of(const struct import_member *member)
{
    static const struct {
        const char *written;
        const char *version;
    } versions[] = {
        { "\"http/1.0\"", "HTTP/1.0" }, { "\"http/1.1\"", "HTTP/1.1" }, { "\"http/2\"", "HTTP/2" },
        { "\"http/2.0\"", "HTTP/2" },   { "\"h2\"", "HTTP/2" },         { "\"http/3\"", "HTTP/3" },
        { "\"http/3.0\"", "HTTP/3" },   { "\"h3\"", "HTTP/3" },
    };
    for (size_t i = 0; member->kind == JSON_STRING && i < ARRAY_LENGTH(versions); i++) {
        if (slice_equal_text_caseless(member->value, versions[i].written))
            return slice_text(versions[i].version);
    }
    return slice_of(NULL, 0);
}

static void append_version(struct buffer *head, struct slice version)
{
    buffer_append_slice(head, version.length > 0 ? version : SLICE_LITERAL("HTTP/1.1"));
}

static bool is_coding(struct slice name)
{
    return slice_equal_text_caseless(name, "Content-Encoding") || slice_equal_text_caseless(name, "Transfer-Encoding");
}

/* One field; Chrome joins repeated ones with a line feed, which makes several again. */
static bool append_field(struct head_writer *writer, struct slice name, struct slice value, struct error *error)
{
    struct slice part;
    if (slice_equal_text(name, ":authority") && !writer->has_host)
        name = SLICE_LITERAL("Host");
    if (slice_starts_with(name, ":"))
        return true;
    if (writer->is_answer &&
        (is_coding(name) || (writer->is_coded && slice_equal_text_caseless(name, "Content-Length"))))
        return true;
    if (!import_name_is_valid(name))
        return error_set(error, ERROR_INPUT, "a field's name is no token (RFC 9110 5.1)");
    if (value.data == NULL)
        value = SLICE_LITERAL("");
    while (slice_next_part(&value, '\n', &part)) {
        if (!import_value_is_valid(part))
            return error_set(error, ERROR_INPUT, "a field's value has a CR or a NUL in it");
        if (++writer->count > HTTP_FIELDS_MAX || writer->head.length > IMPORT_HEAD_MAX)
            return error_set(error, ERROR_LIMIT, "more than %d fields or %d bytes", HTTP_FIELDS_MAX, IMPORT_HEAD_MAX);
        http_append_field(&writer->head, name, part);
    }
    return true;
}

/* A text of JSON into a scratch buffer. */
static bool read_text(struct buffer *out, struct slice quoted, struct error *error)
{
    buffer_reset(out);
    return json_unescape(out, quoted) ||
           error_set(error, ERROR_INPUT, "a string is no Unicode (half of a surrogate pair) or longer than %d bytes",
                     IMPORT_HEAD_MAX);
}

static bool read_field(struct head_writer *writer, struct slice text, struct error *error)
{
    struct import_member field[] = { { .name = "name" }, { .name = "value" } };
    if (!import_json_members(text, field, ARRAY_LENGTH(field)) || field[0].kind != JSON_STRING ||
        field[1].kind != JSON_STRING)
        return error_set(error, ERROR_INPUT, "it is no object with strings `name` and `value`");
    return read_text(&writer->name, field[0].value, error) && read_text(&writer->value, field[1].value, error);
}

typedef bool take_field(struct head_writer *writer, struct slice name, struct slice value, struct error *error);

/* Calls `take` for each field of the array `headers`. */
static bool each_field(struct head_writer *writer, struct slice headers, take_field *take, struct error *error)
{
    struct json_scan scan;
    struct slice text;
    enum json_token kind;
    size_t number = 0;
    if (!import_json_array_begin(&scan, headers))
        return true;
    while (import_json_array_next(&scan, &text, &kind)) {
        number++;
        if (!read_field(writer, text, error) ||
            !take(writer, buffer_slice(&writer->name), buffer_slice(&writer->value), error))
            return error_prefix(error, "headers, element %zu", number);
    }
    return true;
}

/* First look: is Host there, is the answer's body decoded? */
static bool look_at_field(struct head_writer *writer, struct slice name, struct slice value, struct error *error)
{
    (void)value;
    (void)error; /* nothing can be wrong yet */
    writer->has_host = writer->has_host || slice_equal_text_caseless(name, "Host");
    writer->has_authority = writer->has_authority || slice_equal_text(name, ":authority");
    writer->is_coded = writer->is_coded || is_coding(name);
    return true;
}

static bool append_fields(struct head_writer *writer, const struct import_member *headers, struct error *error)
{
    struct slice list = headers->kind == JSON_ARRAY_BEGIN ? headers->value : SLICE_LITERAL("[]");
    if (!each_field(writer, list, look_at_field, error))
        return false;
    if (writer->host.length > 0 && !writer->has_host && !writer->has_authority)
        http_append_field(&writer->head, SLICE_LITERAL("Host"), writer->host);
    if (!each_field(writer, list, append_field, error))
        return false;
    buffer_append_text(&writer->head, "\r\n");
    return true;
}

/* The text of postData or content, by its `encoding`. */
static bool take_body(struct import *import, struct slice *body, const struct import_member *text,
                      const struct import_member *encoding, struct error *error)
{
    struct slice written;
    struct buffer bytes;
    if (text->kind != JSON_STRING)
        return true;
    if (!import_json_text(import, &written, text->value, error))
        return error_prefix(error, "the body");
    if (encoding->kind != JSON_STRING || slice_equal_text(encoding->value, "\"\"")) {
        *body = written;
        return true;
    }
    if (!slice_equal_text_caseless(encoding->value, "\"base64\""))
        return error_set(error, ERROR_INPUT, "the body's encoding is not base64, which is the only one");
    buffer_init(&bytes, written.length + 1);
    bool done = base64_decode(&bytes, written) ? import_keep_buffer(import, body, &bytes, error)
                                               : error_set(error, ERROR_INPUT, "the body is no base64");
    buffer_free(&bytes);
    return done;
}

static bool has_elements(const struct import_member *array)
{
    struct json_scan scan;
    struct slice element;
    enum json_token kind;
    return array->kind == JSON_ARRAY_BEGIN && import_json_array_begin(&scan, array->value) &&
           import_json_array_next(&scan, &element, &kind);
}

static bool take_post_data(struct import *import, struct slice *body, const struct import_member *data,
                           const char **left_out, struct error *error)
{
    enum { TEXT, ENCODING, PARAMS, COUNT };
    struct import_member member[COUNT] = { { .name = "text" }, { .name = "encoding" }, { .name = "params" } };
    if (data->kind != JSON_OBJECT_BEGIN || !import_json_members(data->value, member, COUNT))
        return true;
    if (member[TEXT].kind != JSON_STRING && has_elements(&member[PARAMS]))
        *left_out = "the file has the form's fields, not the body's bytes";
    return take_body(import, body, &member[TEXT], &member[ENCODING], error);
}

enum { REQUEST_METHOD, REQUEST_URL, REQUEST_VERSION, REQUEST_HEADERS, REQUEST_DATA, REQUEST_COUNT };

static bool append_request(struct import *import, struct head_writer *writer, const struct import_member *request,
                           const char **left_out, struct error *error)
{
    struct slice method, url_text;
    struct import_url url;
    if (!import_json_text(import, &method, request[REQUEST_METHOD].value, error) ||
        !import_json_text(import, &url_text, request[REQUEST_URL].value, error))
        return false;
    if (!http_method_is_valid(method))
        return error_set(error, ERROR_INPUT, "its method is none (a token of at most 32 letters)");
    import_url_split(&url, url_text);
    if (!import_url_is_http(&url)) {
        *left_out = "its URL is not one of http or https";
        return true;
    }
    if (!import_target_is_valid(url.target))
        return error_set(error, ERROR_INPUT, "its URL has a blank or a control byte in it");
    writer->host = url.host;
    buffer_append_slice(&writer->head, method);
    buffer_append_byte(&writer->head, ' ');
    import_append_target(&writer->head, url.target);
    buffer_append_byte(&writer->head, ' ');
    append_version(&writer->head, version_of(&request[REQUEST_VERSION]));
    buffer_append_text(&writer->head, "\r\n");
    return append_fields(writer, &request[REQUEST_HEADERS], error);
}

bool import_har_request(struct import *import, struct record *record, struct slice text, const char **left_out,
                        struct error *error)
{
    struct import_member request[REQUEST_COUNT] = { { .name = "method" },
                                                    { .name = "url" },
                                                    { .name = "httpVersion" },
                                                    { .name = "headers" },
                                                    { .name = "postData" } };
    if (!import_json_members(text, request, REQUEST_COUNT) || request[REQUEST_METHOD].kind != JSON_STRING ||
        request[REQUEST_URL].kind != JSON_STRING)
        return error_set(error, ERROR_INPUT, "request: strings `method` and `url` are needed");
    struct head_writer writer;
    struct record_message message = { .head = { NULL, 0 } };
    writer_begin(&writer, false);
    bool done = append_request(import, &writer, request, left_out, error) &&
                take_post_data(import, &message.body, &request[REQUEST_DATA], left_out, error);
    done = done ? *left_out != NULL || import_keep_buffer(import, &message.head, &writer.head, error)
                : error_prefix(error, "request");
    writer_end(&writer);
    import_set_request(record, message);
    record->connection.http_version = version_of(&request[REQUEST_VERSION]);
    return done;
}

enum {
    RESPONSE_STATUS,
    RESPONSE_TEXT,
    RESPONSE_VERSION,
    RESPONSE_HEADERS,
    RESPONSE_CONTENT,
    RESPONSE_ERROR,
    RESPONSE_COUNT
};

static bool append_response(struct import *import, struct head_writer *writer, const struct import_member *response,
                            struct error *error)
{
    struct slice reason = { NULL, 0 };
    if (response[RESPONSE_TEXT].kind == JSON_STRING &&
        !import_json_text(import, &reason, response[RESPONSE_TEXT].value, error))
        return false;
    if (!import_value_is_valid(reason))
        return error_set(error, ERROR_INPUT, "statusText has a line end or a NUL in it");
    append_version(&writer->head, version_of(&response[RESPONSE_VERSION]));
    buffer_append_byte(&writer->head, ' ');
    buffer_append_slice(&writer->head, response[RESPONSE_STATUS].value);
    buffer_append_byte(&writer->head, ' ');
    buffer_append_slice(&writer->head, reason);
    buffer_append_text(&writer->head, "\r\n");
    return append_fields(writer, &response[RESPONSE_HEADERS], error);
}

static bool take_content(struct import *import, struct record *record, struct slice *body,
                         const struct import_member *content, struct error *error)
{
    enum { TEXT, ENCODING, SIZE, COUNT };
    struct import_member member[COUNT] = { { .name = "text" }, { .name = "encoding" }, { .name = "size" } };
    uint64_t size;
    if (content->kind != JSON_OBJECT_BEGIN || !import_json_members(content->value, member, COUNT))
        return true;
    if (member[TEXT].kind != JSON_STRING && member[SIZE].kind == JSON_NUMBER &&
        slice_to_u64(member[SIZE].value, &size) && size > 0)
        record->error_message = SLICE_LITERAL("the file does not have the answer's body");
    return take_body(import, body, &member[TEXT], &member[ENCODING], error);
}

/* Browsers write status 0 where no answer came, and why beside it. */
static bool take_failure(struct import *import, struct record *record, const struct import_member *why,
                         struct error *error)
{
    return why->kind != JSON_STRING || why->value.length == 2 ||
           import_json_text(import, &record->error_message, why->value, error);
}

bool import_har_response(struct import *import, struct record *record, struct slice text, struct error *error)
{
    struct import_member response[RESPONSE_COUNT] = {
        [RESPONSE_STATUS] = { .name = "status" },       [RESPONSE_TEXT] = { .name = "statusText" },
        [RESPONSE_VERSION] = { .name = "httpVersion" }, [RESPONSE_HEADERS] = { .name = "headers" },
        [RESPONSE_CONTENT] = { .name = "content" },     [RESPONSE_ERROR] = { .name = "_error" },
    };
    uint64_t status;
    if (!import_json_members(text, response, RESPONSE_COUNT) || response[RESPONSE_STATUS].kind != JSON_NUMBER ||
        !slice_to_u64(response[RESPONSE_STATUS].value, &status) || (status != 0 && (status < 100 || status > 999)))
        return error_set(error, ERROR_INPUT, "response: status is no number from 100 to 999, nor 0 for none");
    if (status == 0)
        return take_failure(import, record, &response[RESPONSE_ERROR], error);
    struct head_writer writer;
    struct record_message message = { .head = { NULL, 0 } };
    writer_begin(&writer, true);
    bool done = append_response(import, &writer, response, error) &&
                take_content(import, record, &message.body, &response[RESPONSE_CONTENT], error) &&
                import_keep_buffer(import, &message.head, &writer.head, error);
    writer_end(&writer);
    import_set_response(record, message);
    return done || error_prefix(error, "response");
}
