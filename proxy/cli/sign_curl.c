/* A signed request as a curl command. Pure. Behaviour of curl that this rests on was watched on 7.88: a URL keeps its
 * path and query with --path-as-is and --globoff, but loses a '#' and what follows, and has bytes above ASCII in its
 * path percent-encoded; --data-raw sends its text as it is, also one that begins with '@'. */
#include "sign.h"

#include "countersign/shell.h"

static void append_option_text(struct buffer *out, const char *option, const char *value)
{
    shell_append_option(out, option, slice_text(value));
}

static void append_method(struct buffer *out, const struct sign_request *request)
{
    if (slice_equal_text(request->method, "HEAD") && request->body.length == 0)
        buffer_append_text(out, " --head"); /* with --request HEAD curl waits for a body */
    else
        shell_append_option(out, "--request", request->method);
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
    if (!shell_is_printable(target) || slice_find(target, '#') < target.length)
        shell_append_option(out, "--request-target", target);
    buffer_append_text(out, " \\\n  '");
    shell_append_within_quotes(out, slice_text(origin));
    shell_append_within_quotes(out, target);
    buffer_append_byte(out, '\'');
}

static void append_fields(struct buffer *out, const struct sign_result *result)
{
    append_option_text(out, "--header", "Content-Type: application/json");
    buffer_append_text(out, " \\\n  --header '" SCHEME_FIELD_APIKEY ": ");
    shell_append_within_quotes(out, result->api_key);
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
        shell_append_word(out, slice_text(request->body_file));
    } else if (!shell_is_printable(request->body)) {
        buffer_append_text(out, " \\\n  --data-binary @-");
    } else if (request->body.length > 0) {
        shell_append_option(out, "--data-raw", request->body);
    }
}

void sign_append_curl(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                      const struct config_upstream *upstream)
{
    if (request->body_file == NULL && !shell_is_printable(request->body)) {
        buffer_append_text(out, "printf ");
        shell_append_printf_format(out, request->body);
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
