/* The forms of values that protocols and this program make. A record may be imported, so whose value it is does not tell
 * that it is harmless: what has no such form is a token. Pure; any thread. */
#include "share_private.h"

#include "countersign/compiler.h"

#include <string.h>

enum {
    ERROR_NAME_MAX = 32,
    VALUE_MAX = 256,      /* bytes of a field's value */
    NUMBER_MAX = 4,       /* digits of a number among words; more may be an id */
    PARTS_MAX = 16,       /* of a cipher suite's name */
    EXCHANGE_ID_MAX = 10, /* "i" and digits */
    LENGTH_DIGITS_MAX = 9,
};

static bool is_in(struct slice word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_text_caseless(word, list[i]))
            return true;
    }
    return false;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* As `pattern`, in which 0 is any digit. */
static bool has_pattern(struct slice text, const char *pattern)
{
    if (text.length != strlen(pattern))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (pattern[i] == '0' ? !is_digit(text.data[i]) : text.data[i] != pattern[i])
            return false;
    }
    return true;
}

/* Digits, and dots between them: at most `max` digits. */
static bool is_number(struct slice text, size_t max)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.length; i++) {
        digits += is_digit(text.data[i]);
        if (!is_digit(text.data[i]) && text.data[i] != '.')
            return false;
    }
    return digits > 0 && digits <= max && text.length <= 2 * max;
}

/* --- this program's own --- */

static bool is_error_name(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != '-' && (text.data[i] < 'a' || text.data[i] > 'z'))
            return false;
    }
    return text.length <= ERROR_NAME_MAX;
}

bool share_is_error(const struct share *share, struct slice text)
{
    return is_error_name(text) && !share_knows(share, text) && !share_knows_part(share, text);
}

bool share_is_outcome(const struct share *share, struct slice text)
{
    enum record_outcome outcome;
    (void)share;
    return record_outcome_parse(&outcome, text);
}

bool share_is_exchange(const struct share *share, struct slice text)
{
    struct slice number = slice_from(text, slice_starts_with(text, "i") ? 1 : 0);
    return text.length <= EXCHANGE_ID_MAX && slice_find(text, '.') == text.length &&
           is_number(number, EXCHANGE_ID_MAX) && share_stays(share, SHARE_FIGURE, number);
}

/* --- protocols' --- */

bool share_is_http_version(const struct share *share, struct slice text)
{
    (void)share;
    return has_pattern(text, "HTTP/0.0") || has_pattern(text, "HTTP/0");
}

bool share_is_tls_version(const struct share *share, struct slice text)
{
    (void)share;
    return has_pattern(text, "TLSv0.0") || has_pattern(text, "TLSv0");
}

/* OpenSSL's names, and those of RFC 8446. */
bool share_is_cipher(const struct share *share, struct slice text)
{
    static const char *const parts[] = {
        "TLS",    "ECDHE",   "DHE",     "RSA",         "ECDSA",       "PSK",      "AES",
        "AES128", "AES256",  "128",     "256",         "GCM",         "CCM",      "CCM8",
        "CBC",    "SHA",     "SHA256",  "SHA384",      "WITH",        "CHACHA20", "POLY1305",
        "8",      "ARIA128", "ARIA256", "CAMELLIA128", "CAMELLIA256", "SRP",      "NULL",
    };
    size_t begin = 0, count = 0;
    (void)share;
    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && text.data[i] != '-' && text.data[i] != '_')
            continue;
        if (++count > PARTS_MAX || !is_in(slice_first(slice_from(text, begin), i - begin), parts, ARRAY_LENGTH(parts)))
            return false;
        begin = i + 1;
    }
    return true;
}

bool share_is_length(const struct share *share, struct slice text)
{
    return slice_find(text, '.') == text.length && is_number(text, LENGTH_DIGITS_MAX) &&
           share_stays(share, SHARE_FIGURE, text);
}

/* IMF-fixdate (RFC 9110 §5.6.7). */
bool share_is_date(const struct share *share, struct slice text)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    enum { NAME_LENGTH = 3, MONTH_AT = 8, YEAR_AT = 12 };
    (void)share;
    return is_in(slice_first(text, NAME_LENGTH), days, ARRAY_LENGTH(days)) &&
           has_pattern(slice_first(slice_from(text, NAME_LENGTH), MONTH_AT - NAME_LENGTH), ", 00 ") &&
           is_in(slice_first(slice_from(text, MONTH_AT), NAME_LENGTH), months, ARRAY_LENGTH(months)) &&
           has_pattern(slice_from(text, MONTH_AT + NAME_LENGTH), " 0000 00:00:00 GMT");
}

/* Milliseconds since 1970, or seconds where somebody took those. */
bool share_is_time(const struct share *share, struct slice text)
{
    return (has_pattern(text, "0000000000000") || has_pattern(text, "0000000000")) &&
           share_stays(share, SHARE_FIGURE, text);
}

/* "en", "zh-CN", "zh_Hans". */
static bool is_language(struct slice word)
{
    size_t dash = slice_find(word, slice_find(word, '_') < word.length ? '_' : '-');
    if (dash != 2 || (dash < word.length && (word.length < dash + 3 || word.length > dash + 5)))
        return false;
    for (size_t i = 0; i < word.length; i++) {
        char lower = (char)(word.data[i] | 0x20);
        if (i != dash && (lower < 'a' || lower > 'z'))
            return false;
    }
    return true;
}

/* What header fields are made of, in whose values media types, codings, directives and servers are named. */
static const char *const protocol_words[] = {
    "*",
    "q",
    "gzip",
    "deflate",
    "br",
    "zstd",
    "identity",
    "compress",
    "chunked",
    "trailers",
    "close",
    "keep-alive",
    "upgrade",
    "100-continue",
    "no-cache",
    "no-store",
    "max-age",
    "s-maxage",
    "private",
    "public",
    "no-transform",
    "must-revalidate",
    "proxy-revalidate",
    "immutable",
    "stale-while-revalidate",
    "timeout",
    "max",
    "application",
    "text",
    "json",
    "html",
    "plain",
    "xml",
    "javascript",
    "octet-stream",
    "x-www-form-urlencoded",
    "multipart",
    "form-data",
    "problem+json",
    "event-stream",
    "image",
    "charset",
    "utf-8",
    "utf8",
    "us-ascii",
    "iso-8859-1",
    "accept",
    "accept-encoding",
    "accept-language",
    "origin",
    "cookie",
    "user-agent",
    "authorization",
    "access-control-request-method",
    "access-control-request-headers",
    "cloudflare",
    "nginx",
    "openresty",
    "envoy",
    "tengine",
    "istio-envoy",
    "awselb",
    "countersign",
    "hit",
    "miss",
    "dynamic",
    "bypass",
    "expired",
    "stale",
    "revalidated",
    "updating",
    "none",
    "unknown",
};

static bool is_protocol_word(struct slice word)
{
    return is_in(word, protocol_words, ARRAY_LENGTH(protocol_words));
}

static bool is_words(const struct share *share, struct slice text, bool (*is_word)(struct slice word))
{
    size_t begin = 0;
    if (text.length > VALUE_MAX)
        return false;
    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && (text.data[i] == '\0' || strchr(" \t,;=/\"", text.data[i]) == NULL))
            continue;
        struct slice word = slice_first(slice_from(text, begin), i - begin);
        bool is_short_number = is_number(word, NUMBER_MAX) && share_stays(share, SHARE_FIGURE, word);
        if (word.length > 0 && !is_short_number && !is_word(word))
            return false;
        begin = i + 1;
    }
    return true;
}

bool share_is_protocol(const struct share *share, struct slice text)
{
    return is_words(share, text, is_protocol_word);
}

static bool is_language_word(struct slice word)
{
    return slice_equal_text(word, "q") || slice_equal_text(word, "*") || is_language(word);
}

bool share_is_languages(const struct share *share, struct slice text)
{
    return is_words(share, text, is_language_word);
}

bool share_is_delay(const struct share *share, struct slice text)
{
    return is_number(text, NUMBER_MAX) || share_is_date(share, text);
}
