/* A signed request as a curl command. Pure. Behaviour of curl that this rests on was watched on 7.88: a URL keeps its
 * path and query with --path-as-is and --globoff, but loses a '#' and what follows, and has bytes above ASCII in its
 * path percent-encoded; --data-raw sends its text as it is, also one that begins with '@'. */
#include "sign.h"

#include <string.h>

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x20 || text.data[i] >= 0x7f) /* bytes above ASCII are negative where char is signed */
            return false;
    }
    return true;
}

/* Between single quotes a POSIX shell changes nothing; a single quote itself stands outside of them. */
static void append_within_quotes(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            buffer_append_text(out, "'\\''");
        else
            buffer_append_byte(out, text.data[i]);
    }
}

static bool is_plain_word(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && slice_find(slice_text("./:_-"), byte) == strlen("./:_-"))
            return false;
    }
    return text.length > 0;
}

/* One word of a shell command, in quotes where it needs them. */
static void append_word(struct buffer *out, struct slice text)
{
    const char *quote = is_plain_word(text) ? "" : "'";
    buffer_append_text(out, quote);
    append_within_quotes(out, text);
    buffer_append_text(out, quote);
}

/* A format for printf(1) that prints these bytes, NUL included: what no argument and no terminal carries. */
static void append_printf_format(struct buffer *out, struct slice bytes)
{
    buffer_append_byte(out, '\'');
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (byte == '%')
            buffer_append_text(out, "%%");
        else if (byte == '\\')
            buffer_append_text(out, "\\\\");
        else if (byte < 0x20 || byte >= 0x7f || byte == '\'')
            buffer_append_format(out, "\\%03o", byte);
        else
            buffer_append_byte(out, (char)byte);
    }
    buffer_append_byte(out, '\'');
}

static void append_option(struct buffer *out, const char *option, struct slice value)
{
    buffer_append_format(out, " \\\n  %s ", option);
    append_word(out, value);
}

static void append_option_text(struct buffer *out, const char *option, const char *value)
{
    append_option(out, option, slice_text(value));
}

static void append_method(struct buffer *out, const struct sign_request *request)
{
    if (slice_equal_text(request->method, "HEAD") && request->body.length == 0)
        buffer_append_text(out, " --head"); /* with --request HEAD curl waits for a body */
    else
        append_option(out, "--request", request->method);
}

/* How the proxy would connect: the same HTTP version, addresses, certificates and egress. */
static void append_connection(struct buffer *out, const struct config_upstream *upstream)
{
    if (upstream->http != CONFIG_HTTP_AUTO)
        buffer_append_text(out, upstream->http == CONFIG_HTTP_2 ? " --http2" : " --http1.1");
    if (upstream->ip_family != CONFIG_IP_ANY)
        buffer_append_text(out, upstream->ip_family == CONFIG_IP_V4 ? " --ipv4" : " --ipv6");
    if (upstream->ca_file[0] != '\0')
        append_option_text(out, "--cacert", upstream->ca_file);
    if (upstream->bind_address[0] != '\0')
        append_option_text(out, "--interface", upstream->bind_address);
    if (upstream->proxy[0] != '\0')
        append_option_text(out, "--proxy", upstream->proxy);
}

static void append_target(struct buffer *out, const struct sign_request *request, const char *origin)
{
    struct slice target = request->target;
    if (!is_printable(target) || slice_find(target, '#') < target.length)
        append_option(out, "--request-target", target);
    buffer_append_text(out, " \\\n  '");
    append_within_quotes(out, slice_text(origin));
    append_within_quotes(out, target);
    buffer_append_byte(out, '\'');
}

static void append_fields(struct buffer *out, const struct sign_result *result)
{
    append_option_text(out, "--header", "Content-Type: application/json");
    buffer_append_text(out, " \\\n  --header '" SCHEME_FIELD_APIKEY ": ");
    append_within_quotes(out, result->api_key);
    buffer_append_byte(out, '\'');
    buffer_append_format(out, " \\\n  --header '" SCHEME_FIELD_SIGN ": %.*s'", SCHEME_SIGNATURE_LENGTH,
                         result->signature);
    buffer_append_format(out, " \\\n  --header '" SCHEME_FIELD_EXPIRES ": %lld'", (long long)result->expires_ms);
}

/* The body comes from its file, from the command line, or from a pipe where neither can carry it. */
static void append_body(struct buffer *out, const struct sign_request *request)
{
    if (request->body_file != NULL) {
        buffer_append_text(out, " \\\n  --data-binary @");
        append_word(out, slice_text(request->body_file));
    } else if (!is_printable(request->body)) {
        buffer_append_text(out, " \\\n  --data-binary @-");
    } else if (request->body.length > 0) {
        append_option(out, "--data-raw", request->body);
    }
}

void sign_append_curl(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                      const struct config_upstream *upstream)
{
    if (request->body_file == NULL && !is_printable(request->body)) {
        buffer_append_text(out, "printf ");
        append_printf_format(out, request->body);
        buffer_append_text(out, " | ");
    }
    buffer_append_text(out, "curl --path-as-is --globoff");
    append_connection(out, upstream);
    append_method(out, request);
    append_fields(out, result);
    append_body(out, request);
    append_target(out, request, upstream->url);
    buffer_append_byte(out, '\n');
}
