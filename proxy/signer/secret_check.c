/* Whether what a source gave can be a secret. Keys and secrets are pasted by people: a blank that came along makes every
 * signature wrong and is seen nowhere later. Pure. Messages never show any byte of the secret. */
#include "secret_parts.h"

#include "countersign/buffer.h"

#include <string.h>

/* White space as it comes along with a paste: ASCII's, and what web pages and editors add (UTF-8). */
static const struct space {
    const char *bytes;
    const char *one;
    const char *many;
} spaces[] = {
    { " ", "blank", "blanks" },
    { "\t", "tab", "tabs" },
    { "\n", "line feed", "line feeds" },
    { "\r", "carriage return", "carriage returns" },
    { "\v", "vertical tab", "vertical tabs" },
    { "\f", "form feed", "form feeds" },
    { "\xc2\xa0", "no-break space", "no-break spaces" },
    { "\xe2\x80\x8b", "zero-width space", "zero-width spaces" },
    { "\xe2\x80\xaf", "narrow no-break space", "narrow no-break spaces" },
    { "\xe2\x81\xa0", "word joiner", "word joiners" },
    { "\xe3\x80\x80", "ideographic space", "ideographic spaces" },
    { "\xef\xbb\xbf", "byte order mark", "byte order marks" },
};

enum { SPACE_COUNT = sizeof(spaces) / sizeof(spaces[0]), DESCRIPTION_MAX = 512 };

/* What stands at one end of a secret. */
struct edge {
    size_t length; /* bytes */
    size_t counts[SPACE_COUNT];
};

static bool ends_with(struct slice s, const char *ending)
{
    size_t length = strlen(ending);
    return s.length >= length && slice_equal_text(slice_from(s, s.length - length), ending);
}

static size_t space_at(struct slice rest, bool at_end)
{
    for (size_t i = 0; i < SPACE_COUNT; i++) {
        if (rest.length > 0 && (at_end ? ends_with(rest, spaces[i].bytes) : slice_starts_with(rest, spaces[i].bytes)))
            return i;
    }
    return SPACE_COUNT;
}

static struct edge measure_edge(struct slice content, bool at_end)
{
    struct edge edge = { .length = 0 };
    struct slice rest = content;
    for (size_t i = space_at(rest, at_end); i < SPACE_COUNT; i = space_at(rest, at_end)) {
        size_t length = strlen(spaces[i].bytes);
        rest = at_end ? slice_first(rest, rest.length - length) : slice_from(rest, length);
        edge.length += length;
        edge.counts[i]++;
    }
    return edge;
}

/* Appends "2 blanks and 1 tab"; a full description is cut. */
static void describe_edge(struct buffer *text, const struct edge *edge)
{
    bool first = true;
    for (size_t i = 0; i < SPACE_COUNT; i++) {
        if (edge->counts[i] == 0)
            continue;
        const char *name = edge->counts[i] == 1 ? spaces[i].one : spaces[i].many;
        (void)buffer_append_format(text, "%s%zu %s", first ? "" : " and ", edge->counts[i], name);
        first = false;
    }
}

static bool refuse_edges(const struct edge *start, const struct edge *end, struct error *error)
{
    struct buffer text;
    buffer_init(&text, DESCRIPTION_MAX);
    describe_edge(&text, start);
    if (start->length > 0)
        (void)buffer_append_text(&text, " at the start");
    if (start->length > 0 && end->length > 0)
        (void)buffer_append_text(&text, " and ");
    describe_edge(&text, end);
    if (end->length > 0)
        (void)buffer_append_text(&text, " at the end");
    (void)error_set(error, ERROR_CONFIG,
                    "it has %s: take that " SECRET_WHITE_SPACE " out, or set trim = yes for this account",
                    buffer_text(&text));
    buffer_free(&text);
    return false;
}

static bool refuse_control_bytes(struct slice content, struct error *error)
{
    for (size_t i = 0; i < content.length; i++) {
        unsigned char byte = (unsigned char)content.data[i];
        if (byte == '\n' || byte == '\r')
            return error_set(error, ERROR_CONFIG, "it has more than one line: the secret must stand there alone");
        if (byte < 0x20 || byte == 0x7f)
            return error_set(error, ERROR_CONFIG,
                             "it has a control byte at position %zu: no key has one; copy it again", i + 1);
    }
    return true;
}

bool secret_check(struct secret *secret, bool trim, struct error *error)
{
    struct slice content = secret_slice(secret);
    struct edge start = measure_edge(content, false);
    struct slice rest = slice_from(content, start.length);
    struct edge end = measure_edge(rest, true);
    rest = slice_first(rest, rest.length - end.length);

    if (rest.length == 0)
        return error_set(error, ERROR_CONFIG, "it is empty%s",
                         content.length > 0 ? " but for " SECRET_WHITE_SPACE : "");
    if (!trim && (start.length > 0 || end.length > 0))
        return refuse_edges(&start, &end, error);
    if (rest.length > SECRET_MAX)
        return error_set(error, ERROR_CONFIG, "it is longer than %d bytes: this is no key or secret", SECRET_MAX);
    if (!refuse_control_bytes(rest, error))
        return false;
    memmove(secret->bytes, rest.data, rest.length);
    secret->length = rest.length;
    return true;
}
