/* curl's options: which there are, which of them shape the request, and which name what is not in the command. Owns the
 * data put together from them; one thread. Source: curl(1), 7.88. */
#include "import_curl.h"

#include "countersign/compiler.h"

#include <string.h>

bool curl_option_wrong(const struct curl_reading *reading, const char *what)
{
    return error_set(reading->shell->error, ERROR_INPUT, "line %zu: --%s: %s", reading->shell->command_line,
                     reading->option->name, what);
}

static bool take_url(struct curl_reading *reading, struct slice value)
{
    if (reading->command->url.length > 0)
        return curl_option_wrong(reading, "a second URL; one request a command is read");
    reading->command->url = value;
    return true;
}

static bool take_method(struct curl_reading *reading, struct slice value)
{
    reading->command->method = value;
    return http_method_is_valid(value) || curl_option_wrong(reading, "this is no method");
}

static bool take_target(struct curl_reading *reading, struct slice value)
{
    reading->command->target = value;
    return (value.length > 0 && import_target_is_valid(value)) ||
           curl_option_wrong(reading, "this is no request target");
}

static bool take_field(struct curl_reading *reading, struct slice value)
{
    if (slice_starts_with(value, "@"))
        return curl_option_wrong(reading, "the fields are in a file that is not here");
    if (!import_value_is_valid(value))
        return curl_option_wrong(reading, "a field has a line end in it");
    if (reading->command->field_count == HTTP_FIELDS_MAX)
        return curl_option_wrong(reading, "too many fields");
    reading->command->fields[reading->command->field_count++] = value;
    return true;
}

static bool append_data(struct curl_reading *reading, struct slice value)
{
    struct curl_command *command = reading->command;
    if (command->data.length > 0)
        buffer_append_byte(&command->data, '&');
    buffer_append_slice(&command->data, value);
    command->has_data = true;
    return !command->data.failed || import_out_of_memory(reading->shell->error);
}

static bool take_data(struct curl_reading *reading, struct slice value)
{
    if (slice_starts_with(value, "@"))
        return curl_option_wrong(reading, "the body is in a file that is not here (@)");
    return append_data(reading, value);
}

/* This program's own export puts long bodies and those with a NUL into files. */
static bool take_data_binary(struct curl_reading *reading, struct slice value)
{
    if (slice_starts_with(value, "@"))
        return curl_option_wrong(reading, "the body is in a file that is not here (@); " CURL_BODIES_KEPT);
    return append_data(reading, value);
}

/* Pieces of --json follow each other with nothing between. */
static bool take_json(struct curl_reading *reading, struct slice value)
{
    struct curl_command *command = reading->command;
    if (slice_starts_with(value, "@"))
        return curl_option_wrong(reading, "the body is in a file that is not here (@)");
    buffer_append_slice(&command->data, value);
    command->has_data = command->is_json = true;
    return !command->data.failed || import_out_of_memory(reading->shell->error);
}

static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("-._~", byte) != NULL);
}

static void append_encoded(struct buffer *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (is_unreserved(text.data[i])) {
            buffer_append_byte(out, text.data[i]);
            continue;
        }
        buffer_append_byte(out, '%');
        buffer_append_byte(out, digits[byte >> 4]);
        buffer_append_byte(out, digits[byte & 15]);
    }
}

/* "content", "=content", "name=content": the content is percent-encoded. */
static bool take_data_urlencode(struct curl_reading *reading, struct slice value)
{
    size_t equals = slice_find(value, '=');
    struct slice name = slice_first(value, equals < value.length ? equals : 0);
    struct slice content = equals < value.length ? slice_from(value, equals + 1) : value;
    struct buffer out;
    if (equals == value.length && slice_find(value, '@') < value.length)
        return curl_option_wrong(reading, "the body is in a file that is not here (@)");
    if (slice_find(content, ' ') < content.length)
        return curl_option_wrong(
            reading, "versions of curl write a blank as + or as %20: give the encoded data with --data-raw");
    buffer_init(&out, 4 * value.length + 1);
    buffer_append_slice(&out, name);
    if (name.length > 0)
        buffer_append_byte(&out, '=');
    append_encoded(&out, content);
    bool done = out.failed ? import_out_of_memory(reading->shell->error) : append_data(reading, buffer_slice(&out));
    buffer_free(&out);
    return done;
}

static bool take_cookie(struct curl_reading *reading, struct slice value)
{
    struct buffer *cookies = &reading->command->cookies;
    if (slice_find(value, '=') == value.length)
        return curl_option_wrong(reading, "the cookies are in a file that is not here");
    if (!import_value_is_valid(value))
        return curl_option_wrong(reading, "a cookie has a line end in it");
    if (cookies->length > 0)
        buffer_append_byte(cookies, ';');
    buffer_append_slice(cookies, value);
    return !cookies->failed || import_out_of_memory(reading->shell->error);
}

static bool take_agent(struct curl_reading *reading, struct slice value)
{
    reading->command->agent = value;
    reading->command->has_agent = true;
    return import_value_is_valid(value) || curl_option_wrong(reading, "a line end is in it");
}

static bool take_referer(struct curl_reading *reading, struct slice value)
{
    reading->command->referer = value;
    return import_value_is_valid(value) || curl_option_wrong(reading, "a line end is in it");
}

static bool take_user(struct curl_reading *reading, struct slice value)
{
    reading->command->user = value;
    return true;
}

static bool take_bearer(struct curl_reading *reading, struct slice value)
{
    reading->command->bearer = value;
    return true;
}

#define TAKE_FLAG(name, member)                                                                                        \
    static bool name(struct curl_reading *reading, struct slice value)                                                 \
    {                                                                                                                  \
        (void)value;                                                                                                   \
        reading->command->member = true;                                                                               \
        return true;                                                                                                   \
    }
TAKE_FLAG(take_get, is_get)
TAKE_FLAG(take_head, is_head)
TAKE_FLAG(take_compressed, is_compressed)
TAKE_FLAG(take_glob_off, is_glob_off)
TAKE_FLAG(take_path_as_is, is_path_as_is)
TAKE_FLAG(take_http_1_0, is_http_1_0)

static bool refuse_form(struct curl_reading *reading, struct slice value)
{
    (void)value;
    return curl_option_wrong(reading, "a multipart form is not read: its boundary is made anew for each request");
}

static bool refuse_file(struct curl_reading *reading, struct slice value)
{
    (void)value;
    return curl_option_wrong(reading, "what is sent is in a file that is not here");
}

static bool refuse_next(struct curl_reading *reading, struct slice value)
{
    (void)value;
    return curl_option_wrong(reading, "one request a command is read: make it two commands");
}

static bool refuse_authentication(struct curl_reading *reading, struct slice value)
{
    (void)value;
    return curl_option_wrong(reading,
                             "what this puts into the request is made anew each time, and is not in the command");
}

static bool refuse_range(struct curl_reading *reading, struct slice value)
{
    (void)value;
    return curl_option_wrong(reading, "not read: give the field with --header");
}

#define FLAG(letter, name)                                                                                             \
    {                                                                                                                  \
        letter, name, false, NULL                                                                                      \
    }
#define VALUE(letter, name)                                                                                            \
    {                                                                                                                  \
        letter, name, true, NULL                                                                                       \
    }

static const struct curl_option options[] = {
    { 'X', "request", true, take_method },
    { 'H', "header", true, take_field },
    { 'd', "data", true, take_data },
    { 0, "data-ascii", true, take_data },
    { 0, "data-raw", true, append_data },
    { 0, "data-binary", true, take_data_binary },
    { 0, "data-urlencode", true, take_data_urlencode },
    { 0, "json", true, take_json },
    { 0, "url", true, take_url },
    { 0, "request-target", true, take_target },
    { 'b', "cookie", true, take_cookie },
    { 'A', "user-agent", true, take_agent },
    { 'e', "referer", true, take_referer },
    { 'u', "user", true, take_user },
    { 0, "oauth2-bearer", true, take_bearer },
    { 'G', "get", false, take_get },
    { 'I', "head", false, take_head },
    { 0, "compressed", false, take_compressed },
    { 'g', "globoff", false, take_glob_off },
    { 0, "path-as-is", false, take_path_as_is },
    { '0', "http1.0", false, take_http_1_0 },
    { 'F', "form", true, refuse_form },
    { 0, "form-string", true, refuse_form },
    { 'T', "upload-file", true, refuse_file },
    { 'K', "config", true, refuse_file },
    { ':', "next", false, refuse_next },
    { 0, "digest", false, refuse_authentication },
    { 0, "ntlm", false, refuse_authentication },
    { 0, "negotiate", false, refuse_authentication },
    { 0, "anyauth", false, refuse_authentication },
    { 0, "aws-sigv4", true, refuse_authentication },
    { 'n', "netrc", false, refuse_authentication },
    { 0, "netrc-file", true, refuse_authentication },
    { 'r', "range", true, refuse_range },
    { 'C', "continue-at", true, refuse_range },
    { 'z', "time-cond", true, refuse_range },
    FLAG(0, "basic"),
    FLAG('k', "insecure"),
    FLAG('s', "silent"),
    FLAG('S', "show-error"),
    FLAG('v', "verbose"),
    FLAG('i', "include"),
    FLAG('L', "location"),
    FLAG(0, "location-trusted"),
    FLAG('f', "fail"),
    FLAG(0, "fail-with-body"),
    FLAG(0, "fail-early"),
    FLAG('N', "no-buffer"),
    FLAG('#', "progress-bar"),
    FLAG(0, "progress-meter"),
    FLAG('O', "remote-name"),
    FLAG('J', "remote-header-name"),
    FLAG('R', "remote-time"),
    FLAG('a', "append"),
    FLAG('q', "disable"),
    FLAG('Z', "parallel"),
    FLAG('j', "junk-session-cookies"),
    FLAG('p', "proxytunnel"),
    FLAG('4', "ipv4"),
    FLAG('6', "ipv6"),
    FLAG('1', "tlsv1"),
    FLAG(0, "tlsv1.0"),
    FLAG(0, "tlsv1.1"),
    FLAG(0, "tlsv1.2"),
    FLAG(0, "tlsv1.3"),
    FLAG(0, "http1.1"),
    FLAG(0, "http2"),
    FLAG(0, "http2-prior-knowledge"),
    FLAG(0, "http3"),
    FLAG(0, "ssl-no-revoke"),
    FLAG(0, "ssl"),
    FLAG(0, "ssl-reqd"),
    FLAG(0, "tcp-nodelay"),
    FLAG(0, "tcp-fastopen"),
    FLAG(0, "keepalive"),
    FLAG(0, "alpn"),
    FLAG(0, "sessionid"),
    FLAG(0, "raw"),
    FLAG(0, "create-dirs"),
    FLAG(0, "styled-output"),
    FLAG(0, "retry-all-errors"),
    FLAG(0, "retry-connrefused"),
    FLAG(0, "post301"),
    FLAG(0, "post302"),
    FLAG(0, "post303"),
    FLAG(0, "trace-time"),
    VALUE('o', "output"),
    VALUE(0, "output-dir"),
    VALUE('D', "dump-header"),
    VALUE('c', "cookie-jar"),
    VALUE('w', "write-out"),
    VALUE('m', "max-time"),
    VALUE(0, "connect-timeout"),
    VALUE(0, "expect100-timeout"),
    VALUE(0, "keepalive-time"),
    VALUE(0, "max-redirs"),
    VALUE(0, "max-filesize"),
    VALUE(0, "limit-rate"),
    VALUE('y', "speed-time"),
    VALUE('Y', "speed-limit"),
    VALUE(0, "retry"),
    VALUE(0, "retry-delay"),
    VALUE(0, "retry-max-time"),
    VALUE('x', "proxy"),
    VALUE('U', "proxy-user"),
    VALUE(0, "proxy-header"),
    VALUE(0, "noproxy"),
    VALUE(0, "socks5"),
    VALUE(0, "socks5-hostname"),
    VALUE(0, "resolve"),
    VALUE(0, "connect-to"),
    VALUE(0, "unix-socket"),
    VALUE(0, "interface"),
    VALUE(0, "local-port"),
    VALUE(0, "dns-servers"),
    VALUE(0, "doh-url"),
    VALUE('E', "cert"),
    VALUE(0, "cert-type"),
    VALUE(0, "key"),
    VALUE(0, "key-type"),
    VALUE(0, "pass"),
    VALUE(0, "cacert"),
    VALUE(0, "capath"),
    VALUE(0, "pinnedpubkey"),
    VALUE(0, "ciphers"),
    VALUE(0, "tls13-ciphers"),
    VALUE(0, "curves"),
    VALUE(0, "tls-max"),
    VALUE(0, "proto"),
    VALUE(0, "proto-default"),
    VALUE(0, "proto-redir"),
    VALUE(0, "stderr"),
    VALUE(0, "trace"),
    VALUE(0, "trace-ascii"),
    VALUE(0, "rate"),
};

const struct curl_option *curl_option_find_long(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        if (slice_equal_text(name, options[i].name))
            return &options[i];
    }
    return NULL;
}

const struct curl_option *curl_option_find_short(char letter)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        if (letter != '\0' && options[i].letter == letter)
            return &options[i];
    }
    return NULL;
}
