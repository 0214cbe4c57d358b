/* The parts that a message's head is put together from: URLs, names, values. Pure; any thread. */
#include "import_private.h"

#include "countersign/compiler.h"

#include <string.h>

bool import_name_is_valid(struct slice name)
{
    enum { TOKEN_STEP = 32 /* http_method_is_valid takes a token of so many bytes at most */ };
    if (name.length == 0)
        return false;
    for (size_t at = 0; at < name.length; at += TOKEN_STEP) {
        if (!http_method_is_valid(slice_first(slice_from(name, at), TOKEN_STEP)))
            return false;
    }
    return true;
}

bool import_method_is_known(struct slice method)
{
    static const char *const known[] = { "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS" };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (slice_equal_text(method, known[i]))
            return true;
    }
    return false;
}

bool import_value_is_valid(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '\r' || value.data[i] == '\n' || value.data[i] == '\0')
            return false;
    }
    return true;
}

static size_t find_text(struct slice s, const char *text)
{
    const char *place = s.length == 0 ? NULL : memmem(s.data, s.length, text, strlen(text));
    return place == NULL ? s.length : (size_t)(place - s.data);
}

/* RFC 3986 §3: the authority ends at the first '/', '?' or '#'. */
static size_t authority_length(struct slice rest)
{
    size_t length = 0;
    while (length < rest.length && rest.data[length] != '/' && rest.data[length] != '?' && rest.data[length] != '#')
        length++;
    return length;
}

void import_url_split(struct import_url *url, struct slice text)
{
    size_t scheme = find_text(text, "://");
    *url = (struct import_url){ .scheme = { NULL, 0 } };
    if (scheme < text.length && scheme == authority_length(text) - 1) {
        url->scheme = slice_first(text, scheme);
        text = slice_from(text, scheme + 3);
    }
    url->host = slice_first(text, authority_length(text));
    struct slice rest = slice_from(text, url->host.length);
    url->target = slice_first(rest, slice_find(rest, '#'));
    for (size_t at = url->host.length; at > 0; at--) {
        if (url->host.data[at - 1] != '@')
            continue;
        url->userinfo = slice_first(url->host, at - 1);
        url->host = slice_from(url->host, at);
        break;
    }
}

bool import_url_is_http(const struct import_url *url)
{
    bool is_http = slice_equal_text_caseless(url->scheme, "http") || slice_equal_text_caseless(url->scheme, "https");
    return is_http && url->host.length > 0 && import_target_is_valid(url->host);
}

void import_append_target(struct buffer *out, struct slice target)
{
    if (!slice_starts_with(target, "/"))
        buffer_append_byte(out, '/');
    buffer_append_slice(out, target);
}

bool import_target_is_valid(struct slice target)
{
    for (size_t i = 0; i < target.length; i++) {
        if ((unsigned char)target.data[i] <= ' ' || target.data[i] == 0x7f)
            return false;
    }
    return true;
}
