/* The payload as it was perhaps signed: the pieces that a choice names, one behind the other. Pure. */
#include "recipe_private.h"

#include "countersign/http_message.h"

#include <string.h>

enum { API_LENGTH = sizeof("/api") - 1, BOM_LENGTH = 3 };

bool recipe_shapes_payload(enum recipe_dimension dimension)
{
    return dimension <= RECIPE_PREFIX;
}

/* --- the body --- */

static const char byte_order_mark[] = "\xEF\xBB\xBF";

static struct slice trim(struct slice body)
{
    if (slice_starts_with(body, byte_order_mark))
        body = slice_from(body, BOM_LENGTH);
    while (body.length > 0 && strchr(" \t\r\n", body.data[0]) != NULL && body.data[0] != '\0')
        body = slice_from(body, 1);
    while (body.length > 0 && strchr(" \t\r\n", body.data[body.length - 1]) != NULL &&
           body.data[body.length - 1] != '\0')
        body.length--;
    return body;
}

struct slice recipe_body_trim(struct slice body)
{
    return trim(body);
}

/* What is signed in place of any body; NULL where the body's own bytes matter. */
static const char *stand_in(unsigned form)
{
    static const char *const texts[] = {
        [BODY_LEFT_OUT] = "",
        [BODY_BRACES] = "{}",
        [BODY_NULL] = "null",
        [BODY_QUOTES] = "\"\"",
        [BODY_NONE] = "None",
        [BODY_UNDEFINED] = "undefined",
        [BODY_OBJECT] = "[object Object]",
    };
    return form < ARRAY_LENGTH(texts) ? texts[form] : NULL;
}

static bool is_written_again(const struct recipe_choice *choice)
{
    unsigned form = choice->value[RECIPE_BODY];
    return choice->value[RECIPE_SPACING] != 0 || choice->value[RECIPE_ORDER] != 0 ||
           choice->value[RECIPE_ESCAPES] != 0 || choice->value[RECIPE_NUMBERS] != 0 || form == BODY_FORM ||
           form == BODY_PYTHON_TEXT || form == BODY_JAVA_TEXT;
}

static bool append_content(struct buffer *out, const struct recipe_source *source, const struct recipe_choice *choice)
{
    const char *text = stand_in(choice->value[RECIPE_BODY]);
    if (text != NULL) {
        buffer_append_text(out, text);
    } else if (!is_written_again(choice)) {
        buffer_append_slice(out, source->request->body);
    } else {
        if (source->json.nodes == NULL)
            return false;
        recipe_json_append(out, &source->json, choice);
    }
    return true;
}

/* A JSON string of what would have been signed. */
static bool append_twice(struct buffer *out, const struct recipe_source *source, const struct recipe_choice *choice)
{
    struct buffer once;
    buffer_init(&once, out->maximum);
    bool applies = source->json.nodes != NULL && append_content(&once, source, choice) &&
                   recipe_json_append_string(out, buffer_slice(&once), choice->value[RECIPE_ESCAPES] == ESCAPES_ASCII);
    out->failed = out->failed || once.failed;
    buffer_free(&once);
    return applies;
}

static bool append_body(struct buffer *out, const struct recipe_source *source, const struct recipe_choice *choice)
{
    size_t begin = out->length;
    unsigned ending = choice->value[RECIPE_ENDING];
    if (ending == ENDING_BOM)
        buffer_append_text(out, byte_order_mark);
    bool applies = choice->value[RECIPE_BODY] == BODY_TWICE ? append_twice(out, source, choice)
                                                            : append_content(out, source, choice);
    if (ending == ENDING_NEWLINE || ending == ENDING_CRLF)
        buffer_append_text(out, ending == ENDING_CRLF ? "\r\n" : "\n");
    if (ending == ENDING_TRIMMED) {
        struct slice trimmed = trim(slice_from(buffer_slice(out), begin));
        if (trimmed.length > 0)
            memmove(out->data + begin, trimmed.data, trimmed.length);
        out->length = begin + trimmed.length;
    }
    return applies;
}

/* --- what stands before it --- */

/* The pieces of a prefix, in the order in which they are signed. */
enum piece {
    PIECE_EXPIRES = 1 << 0,
    PIECE_KEY = 1 << 1,
    PIECE_METHOD = 1 << 2,
    PIECE_SCHEME = 1 << 3,
    PIECE_HOST = 1 << 4,
    PIECE_PATH = 1 << 5,
    PIECE_PATH_BELOW_API = 1 << 6,
    PIECE_MARK = 1 << 7, /* a ? where a query follows */
    PIECE_EXPIRES_BEHIND = 1 << 8
};

static const unsigned prefix_pieces[PREFIX_COUNT] = {
    [PREFIX_PATH] = PIECE_PATH,
    [PREFIX_TARGET] = PIECE_PATH | PIECE_MARK,
    [PREFIX_PATH_BELOW_API] = PIECE_PATH_BELOW_API,
    [PREFIX_METHOD] = PIECE_METHOD,
    [PREFIX_METHOD_TARGET] = PIECE_METHOD | PIECE_PATH | PIECE_MARK,
    [PREFIX_HOST] = PIECE_HOST,
    [PREFIX_URL] = PIECE_SCHEME | PIECE_HOST | PIECE_PATH | PIECE_MARK,
    [PREFIX_EXPIRES] = PIECE_EXPIRES,
    [PREFIX_EXPIRES_METHOD_TARGET] = PIECE_EXPIRES | PIECE_METHOD | PIECE_PATH | PIECE_MARK,
    [PREFIX_EXPIRES_BEHIND] = PIECE_EXPIRES_BEHIND,
    [PREFIX_KEY] = PIECE_KEY,
};

static bool append_prefix(struct buffer *out, const struct recipe_request *request, unsigned pieces)
{
    struct slice path = http_target_path(request->target);
    if (((pieces & PIECE_HOST) != 0 && request->host.length == 0) ||
        ((pieces & PIECE_KEY) != 0 && request->api_key.length == 0) ||
        ((pieces & PIECE_PATH_BELOW_API) != 0 && !slice_starts_with(path, "/api/")))
        return false;
    if ((pieces & PIECE_EXPIRES) != 0)
        buffer_append_slice(out, request->expires);
    if ((pieces & PIECE_KEY) != 0)
        buffer_append_slice(out, request->api_key);
    if ((pieces & PIECE_METHOD) != 0)
        buffer_append_slice(out, request->method);
    if ((pieces & PIECE_SCHEME) != 0) {
        buffer_append_slice(out, request->scheme.length > 0 ? request->scheme : SLICE_LITERAL("https"));
        buffer_append_text(out, "://");
    }
    if ((pieces & PIECE_HOST) != 0)
        buffer_append_slice(out, request->host);
    if ((pieces & PIECE_PATH) != 0)
        buffer_append_slice(out, path);
    if ((pieces & PIECE_PATH_BELOW_API) != 0)
        buffer_append_slice(out, slice_from(path, API_LENGTH));
    return true;
}

/* The query with the ? before it, where one is signed. */
static bool append_query(struct buffer *out, const struct recipe_source *source, const struct recipe_choice *choice,
                         unsigned pieces)
{
    struct buffer query;
    buffer_init(&query, out->maximum);
    bool applies = recipe_query_append(&query, http_target_query(source->request->target), choice);
    bool has_mark = choice->value[RECIPE_QUERY] == QUERY_MARK || ((pieces & PIECE_MARK) != 0 && query.length > 0);
    if (has_mark)
        buffer_append_byte(out, '?');
    buffer_append_slice(out, buffer_slice(&query));
    out->failed = out->failed || query.failed;
    buffer_free(&query);
    return applies;
}

bool recipe_payload_append(struct buffer *out, const struct recipe_source *source, const struct recipe_choice *choice)
{
    static const char *const joiners[] = { [JOINER_NONE] = "", [JOINER_AMPERSAND] = "&", [JOINER_NEWLINE] = "\n" };
    unsigned pieces = prefix_pieces[choice->value[RECIPE_PREFIX]], joiner = choice->value[RECIPE_JOINER];
    if (!append_prefix(out, source->request, pieces))
        return false;
    bool applies;
    if (joiner == JOINER_BODY_FIRST) {
        applies = append_body(out, source, choice) && append_query(out, source, choice, pieces);
    } else {
        applies = append_query(out, source, choice, pieces);
        buffer_append_text(out, joiners[joiner]);
        applies = applies && append_body(out, source, choice);
    }
    if ((pieces & PIECE_EXPIRES_BEHIND) != 0)
        buffer_append_slice(out, source->request->expires);
    return applies;
}
