/* The query as it was perhaps signed: sorted, decoded, encoded otherwise, or as JSON. Pure. */
#include "recipe_private.h"

#include "countersign/hex.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMETERS_MAX = 1024 /* that are sorted or told apart */ };

struct parameter {
    struct slice text; /* name=value */
    struct slice name;
    struct slice value;
};

static struct parameter parameter_of(struct slice text)
{
    size_t equals = slice_find(text, '=');
    return (struct parameter){ text, slice_first(text, equals), slice_from(text, equals + 1) };
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int order = slice_compare(x->name, y->name);
    return order != 0 ? order : slice_compare(x->value, y->value);
}

/* Cuts the query at each &; 0 where it is empty or has too many parameters. */
static size_t split(struct parameter *parameters, struct slice query, bool is_sorted)
{
    size_t count = 0;
    struct slice rest = query, part;
    if (query.length == 0)
        return 0;
    while (slice_next_part(&rest, '&', &part)) {
        if (count == PARAMETERS_MAX)
            return 0;
        parameters[count++] = parameter_of(part);
    }
    if (is_sorted)
        qsort(parameters, count, sizeof(*parameters), compare_parameters);
    return count;
}

/* --- percent-encoding (RFC 3986 §2.1) --- */

static void append_decoded(struct buffer *out, struct slice text, bool plus_is_blank)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '%' && i + 2 < text.length && hex_decode(&byte, text.data + i + 1, 1))
            i += 2;
        else if (byte == '+' && plus_is_blank)
            byte = ' ';
        buffer_append_byte(out, (char)byte);
    }
}

static void append_hex_case(struct buffer *out, struct slice text, bool is_upper)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte;
        if (text.data[i] == '%' && i + 2 < text.length && hex_decode(&byte, text.data + i + 1, 1)) {
            buffer_append_format(out, is_upper ? "%%%02X" : "%%%02x", byte);
            i += 2;
        } else {
            buffer_append_byte(out, text.data[i]);
        }
    }
}

static void append_replaced(struct buffer *out, struct slice text, const char *from, const char *to)
{
    size_t length = strlen(from);
    while (text.length > 0) {
        bool is_it = slice_starts_with(text, from);
        if (is_it)
            buffer_append_text(out, to);
        else
            buffer_append_byte(out, text.data[0]);
        text = slice_from(text, is_it ? length : 1);
    }
}

struct encoding {
    const char *kept; /* besides letters and digits */
    const char *blank;
};

static void append_encoded(struct buffer *out, struct slice text, const struct encoding *encoding)
{
    struct buffer plain;
    buffer_init(&plain, text.length);
    append_decoded(&plain, text, true);
    for (size_t i = 0; i < plain.length; i++) {
        unsigned char byte = (unsigned char)plain.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        if (byte == ' ')
            buffer_append_text(out, encoding->blank);
        else if (is_letter || (byte != '\0' && strchr(encoding->kept, byte) != NULL))
            buffer_append_byte(out, (char)byte);
        else
            buffer_append_format(out, "%%%02X", byte);
    }
    out->failed = out->failed || plain.failed;
    buffer_free(&plain);
}

static void append_each_encoded(struct buffer *out, struct slice query, const struct encoding *encoding)
{
    struct slice rest = query, part;
    for (bool is_first = true; slice_next_part(&rest, '&', &part); is_first = false) {
        struct parameter parameter = parameter_of(part);
        buffer_append_text(out, is_first ? "" : "&");
        append_encoded(out, parameter.name, encoding);
        if (parameter.name.length < part.length)
            buffer_append_byte(out, '=');
        append_encoded(out, parameter.value, encoding);
    }
}

static void append_coded(struct buffer *out, struct slice query, enum recipe_query_coding coding)
{
    /* urllib.parse.quote_plus, and encodeURIComponent (ECMA-262 §19.2.6.4) */
    static const struct encoding urlencode = { "_.-~", "+" }, component = { "-_.!~*'()", "%20" };
    switch (coding) {
    case QUERY_DECODED:
    case QUERY_DECODED_KEEPS_PLUS:
        append_decoded(out, query, coding == QUERY_DECODED);
        break;
    case QUERY_BLANK_AS_PLUS:
        append_replaced(out, query, "%20", "+");
        break;
    case QUERY_PLUS_AS_BLANK:
        append_replaced(out, query, "+", "%20");
        break;
    case QUERY_HEX_LOWER:
    case QUERY_HEX_UPPER:
        append_hex_case(out, query, coding == QUERY_HEX_UPPER);
        break;
    case QUERY_URLENCODE:
    case QUERY_ENCODE_COMPONENT:
        append_each_encoded(out, query, coding == QUERY_URLENCODE ? &urlencode : &component);
        break;
    case QUERY_CODING_AS_SENT:
        buffer_append_slice(out, query);
        break;
    }
}

/* --- as JSON --- */

/* False for what is no UTF-8: no language would have made JSON of it. */
static bool append_json_text(struct buffer *out, struct slice text, bool ascii)
{
    struct buffer plain;
    buffer_init(&plain, text.length);
    append_decoded(&plain, text, true);
    bool is_text = recipe_json_append_string(out, buffer_slice(&plain), ascii);
    out->failed = out->failed || plain.failed;
    buffer_free(&plain);
    return is_text;
}

static bool append_json(struct buffer *out, const struct parameter *parameters, size_t count, bool is_python)
{
    bool is_text = true;
    buffer_append_byte(out, '{');
    for (size_t i = 0; is_text && i < count; i++) {
        buffer_append_text(out, i == 0 ? "" : is_python ? ", " : ",");
        is_text = append_json_text(out, parameters[i].name, is_python);
        buffer_append_text(out, is_python ? ": " : ":");
        is_text = is_text && append_json_text(out, parameters[i].value, is_python);
    }
    buffer_append_byte(out, '}');
    return is_text;
}

/* Sorted, then joined again or written as JSON. */
static bool append_parameters(struct buffer *out, struct slice query, const struct recipe_choice *choice)
{
    struct parameter *parameters = calloc(PARAMETERS_MAX, sizeof(*parameters));
    unsigned form = choice->value[RECIPE_QUERY];
    size_t count = parameters == NULL ? 0 : split(parameters, query, choice->value[RECIPE_QUERY_ORDER] == QUERY_SORTED);
    bool applies = count > 0;
    if (form == QUERY_JSON_PYTHON || form == QUERY_JSON_COMPACT) {
        applies = applies && append_json(out, parameters, count, form == QUERY_JSON_PYTHON);
    } else {
        for (size_t i = 0; i < count; i++) {
            buffer_append_text(out, i == 0 ? "" : "&");
            buffer_append_slice(out, parameters[i].text);
        }
    }
    free(parameters);
    return applies;
}

bool recipe_query_append(struct buffer *out, struct slice query, const struct recipe_choice *choice)
{
    unsigned form = choice->value[RECIPE_QUERY], coding = choice->value[RECIPE_QUERY_CODING];
    bool is_sorted = choice->value[RECIPE_QUERY_ORDER] == QUERY_SORTED;
    if (form == QUERY_LEFT_OUT)
        return true;
    if (form == QUERY_JSON_PYTHON || form == QUERY_JSON_COMPACT)
        return append_parameters(out, query, choice);
    if (!is_sorted) {
        append_coded(out, query, (enum recipe_query_coding)coding);
        return true;
    }
    struct buffer sorted;
    buffer_init(&sorted, query.length);
    bool done = append_parameters(&sorted, query, choice);
    append_coded(out, buffer_slice(&sorted), (enum recipe_query_coding)coding);
    out->failed = out->failed || sorted.failed;
    buffer_free(&sorted);
    return done;
}
