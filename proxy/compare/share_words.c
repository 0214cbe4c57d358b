/* What stays of texts, paths and queries when an exchange is shared. Pure but for the share's memory; one thread. */
#include "share_private.h"

#include "countersign/http_message.h"

#include <string.h>

enum {
    WORD_MAX = 32,
    WORD_DIGITS_MAX = 4,  /* more are an id */
    SHORT_NUMBER_MAX = 9, /* digits of the longest documented code, 101040502 */
    FIGURE_MAX = 40,
    ID_DIGITS_MIN = 3, /* a shorter number is too often the same by chance */
    PART_MIN = 3,      /* likewise */
    METHOD_MAX = 10
};

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_one_of(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

bool share_is_word(struct slice text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.length; i++) {
        digits += is_digit(text.data[i]);
        if (!is_letter(text.data[i]) && !is_digit(text.data[i]) && !is_one_of(text.data[i], "_-."))
            return false;
    }
    return text.length > 0 && text.length <= WORD_MAX && digits <= WORD_DIGITS_MAX;
}

static bool consists_of(struct slice text, bool (*is_member)(char byte), const char *others)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!is_member(text.data[i]) && !is_one_of(text.data[i], others))
            return false;
    }
    return text.length > 0;
}

bool share_knows_part(const struct share *share, struct slice text)
{
    size_t begin = 0;
    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && !is_one_of(text.data[i], "-_.'"))
            continue;
        if (i - begin >= PART_MIN && share_knows(share, slice_first(slice_from(text, begin), i - begin)))
            return true;
        begin = i + 1;
    }
    return false;
}

bool share_name_stays(const struct share *share, struct slice text)
{
    return share_is_word(text) &&
           (share_is_public_word(text) || !(share_knows(share, text) || share_knows_part(share, text)));
}

static bool is_somebodys(const struct share *share, struct slice text)
{
    bool is_short_number = text.length < ID_DIGITS_MIN && consists_of(text, is_digit, "");
    return !is_short_number && share_knows_as_id(share, text);
}

bool share_stays(const struct share *share, enum share_kind kind, struct slice text)
{
    if (is_somebodys(share, text))
        return false;
    if (kind == SHARE_FIGURE)
        return text.length <= FIGURE_MAX && consists_of(text, is_digit, "+-.eE");
    return kind == SHARE_WORD &&
           (share_is_word(text) || (text.length <= SHORT_NUMBER_MAX && consists_of(text, is_digit, "-")));
}

bool share_is_public_host(struct slice host)
{
    static const struct slice suffix = { "coinstore.com", sizeof("coinstore.com") - 1 };
    if (host.length < suffix.length || !slice_equal_caseless(slice_from(host, host.length - suffix.length), suffix))
        return false;
    struct slice before = slice_first(host, host.length - suffix.length);
    return before.length == 0 || (before.data[before.length - 1] == '.' && share_is_word(before));
}

/* --- addresses --- */

static bool is_hex_digit(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static size_t count_of(struct slice text, char byte)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.data[i] == byte;
    return count;
}

static bool is_address(struct slice text)
{
    return (count_of(text, '.') == 3 && consists_of(text, is_digit, ".")) ||
           (count_of(text, ':') >= 2 && consists_of(text, is_hex_digit, ":."));
}

static bool is_port(struct slice text)
{
    return text.length <= 5 && consists_of(text, is_digit, "");
}

struct endpoint_parts {
    const char *before; /* "[" or "" */
    struct slice host;
    struct slice after; /* "]:443", ":443", or nothing */
};

static struct endpoint_parts split_endpoint(struct slice text)
{
    struct endpoint_parts parts = { .before = "", .host = text };
    size_t close = slice_find(text, ']'), colon = slice_find(text, ':');
    if (text.length > 0 && text.data[0] == '[' && close < text.length) {
        struct slice port = slice_from(text, close + 1);
        if (port.length == 0 || (port.data[0] == ':' && is_port(slice_from(port, 1))))
            parts =
                (struct endpoint_parts){ "[", slice_first(slice_from(text, 1), close - 1), slice_from(text, close) };
    } else if (count_of(text, ':') == 1 && is_port(slice_from(text, colon + 1))) {
        parts = (struct endpoint_parts){ "", slice_first(text, colon), slice_from(text, colon) };
    }
    return parts;
}

void share_append_endpoint(struct buffer *out, struct share *share, struct slice endpoint)
{
    struct endpoint_parts parts = split_endpoint(endpoint);
    if (slice_starts_with(endpoint, "unix:")) {
        buffer_append_text(out, "unix:");
        share_append_token(out, share, SHARE_VALUE, slice_from(endpoint, sizeof("unix:") - 1));
        return;
    }
    buffer_append_text(out, parts.before);
    if (share_is_public_host(parts.host) || slice_equal_text(parts.host, "localhost"))
        buffer_append_slice(out, parts.host);
    else
        share_append_token(out, share, is_address(parts.host) ? SHARE_ADDRESS : SHARE_HOST, parts.host);
    buffer_append_slice(out, parts.after);
}

/* --- messages --- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static const char punctuation[] = "`'\"()<>,;:.!?{}";

/* Letters, and what joins them. */
static bool is_plain(struct slice piece)
{
    return piece.length <= WORD_MAX && consists_of(piece, is_letter, "-_'");
}

static void append_piece(struct buffer *out, struct share *share, struct slice piece)
{
    struct endpoint_parts parts = split_endpoint(piece);
    if (piece.length == 0)
        return;
    if (is_plain(piece) && !share_knows(share, piece) && !share_knows_part(share, piece))
        buffer_append_slice(out, piece);
    else if (is_address(parts.host) || share_is_public_host(parts.host))
        share_append_endpoint(out, share, piece);
    else
        share_append_token(out, share, SHARE_VALUE, piece);
}

/* A piece between blanks: punctuation around it stays. */
static void append_wrapped(struct buffer *out, struct share *share, struct slice piece)
{
    size_t begin = 0, end = piece.length;
    while (begin < end && is_one_of(piece.data[begin], punctuation))
        begin++;
    while (end > begin && is_one_of(piece.data[end - 1], punctuation))
        end--;
    buffer_append_slice(out, slice_first(piece, begin));
    append_piece(out, share, slice_first(slice_from(piece, begin), end - begin));
    buffer_append_slice(out, slice_from(piece, end));
}

void share_append_text(struct buffer *out, struct share *share, struct slice text)
{
    if (share->learns)
        return;
    while (text.length > 0) {
        size_t length = 0;
        while (length < text.length && !is_blank(text.data[length]))
            length++;
        append_wrapped(out, share, slice_first(text, length));
        text = slice_from(text, length);
        for (length = 0; length < text.length && is_blank(text.data[length]);)
            length++;
        buffer_append_slice(out, slice_first(text, length));
        text = slice_from(text, length);
    }
}

/* --- targets --- */

void share_append_method(struct buffer *out, struct share *share, struct slice method)
{
    if (method.length <= METHOD_MAX && consists_of(method, is_letter, "") && !share_knows(share, method))
        buffer_append_slice(out, method);
    else
        share_append_token(out, share, SHARE_VALUE, method);
}

/* RFC 3986 §2.1, so that a value is known again in whatever form it comes. */
static struct slice decode_percent(struct buffer *plain, struct slice text)
{
    buffer_reset(plain);
    (void)http_append_percent_decoded(plain, text); /* the buffer remembers a failure */
    return buffer_slice(plain);
}

static void append_segment(struct buffer *out, struct share *share, struct slice segment)
{
    if (share_name_stays(share, segment)) {
        buffer_append_slice(out, segment);
        return;
    }
    struct slice plain = decode_percent(&share->plain, segment);
    share->failed = share->failed || share->plain.failed;
    share_append_token(out, share, SHARE_VALUE, plain);
}

static void append_path(struct buffer *out, struct share *share, struct slice path)
{
    size_t begin = 0;
    for (size_t i = 0; i <= path.length; i++) {
        if (i < path.length && !is_one_of(path.data[i], "/;=,"))
            continue;
        append_segment(out, share, slice_first(slice_from(path, begin), i - begin));
        if (i < path.length)
            buffer_append_byte(out, path.data[i]);
        begin = i + 1;
    }
}

static void append_parameter(struct buffer *out, struct share *share, struct slice parameter)
{
    size_t equals = slice_find(parameter, '=');
    struct slice name = slice_first(parameter, equals), value = slice_from(parameter, equals + 1);
    bool has_name = equals < parameter.length;
    enum share_kind kind = has_name ? share_kind_of_name(name) : SHARE_VALUE;
    if (has_name) {
        if (share_name_stays(share, name))
            buffer_append_slice(out, name);
        else
            share_append_token(out, share, SHARE_NAME, name);
        buffer_append_byte(out, '=');
    } else {
        value = parameter;
    }
    if (share_stays(share, kind, value)) {
        buffer_append_slice(out, value);
        return;
    }
    struct slice plain = decode_percent(&share->plain, value);
    share->failed = share->failed || share->plain.failed;
    share_append_token(out, share, kind, plain);
}

void share_append_target(struct buffer *out, struct share *share, struct slice target)
{
    size_t question = slice_find(target, '?');
    struct slice query = slice_from(target, question + 1), parameter;
    if (target.length > 0 && target.data[0] != '/' && !slice_equal_text(target, "*")) {
        share_append_token(out, share, SHARE_VALUE, target);
        return;
    }
    append_path(out, share, slice_first(target, question));
    if (question == target.length)
        return;
    buffer_append_byte(out, '?');
    for (bool is_first = true; slice_next_part(&query, '&', &parameter); is_first = false) {
        buffer_append_text(out, is_first ? "" : "&");
        append_parameter(out, share, parameter);
    }
}
