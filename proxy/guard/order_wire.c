/* What a server will take for the body of an order, by target and fields. Pure; any thread. */
#include "order_read.h"

static bool is_coded(struct slice codings)
{
    return codings.length > 0 && !slice_equal_text_caseless(codings, "identity");
}

static bool is_utf8(struct slice charset)
{
    if (charset.length >= 2 && charset.data[0] == '"' && charset.data[charset.length - 1] == '"')
        charset = slice_first(slice_from(charset, 1), charset.length - 2);
    return slice_equal_text_caseless(charset, "utf-8");
}

/* "application/json", with no parameter but `charset=utf-8` (RFC 9110 §8.3.1). */
static bool is_json(struct slice type)
{
    static const struct slice charset = { "charset=", 8 };
    size_t semicolon = slice_find(type, ';');
    struct slice parameter = slice_trim_blanks(slice_from(type, semicolon + 1));
    if (!slice_equal_text_caseless(slice_trim_blanks(slice_first(type, semicolon)), "application/json"))
        return false;
    return parameter.length == 0 || (slice_equal_caseless(slice_first(parameter, charset.length), charset) &&
                                     is_utf8(slice_from(parameter, charset.length)));
}

static bool is_target_plain(struct slice target, struct order_reason *reason)
{
    if (slice_find(target, '?') < target.length)
        return order_reason_set(reason, "the target has a query, which the exchange may read in place of the body");
    return slice_find(target, ';') == target.length ||
           order_reason_set(reason, "the path has parameters (;), which the exchange may read in place of the body");
}

bool order_wire_is_plain(const struct order_request *request, struct order_reason *reason)
{
    const struct http_field *type = http_field_find(request->fields, "Content-Type");
    size_t codings = http_field_count(request->fields, "Content-Encoding");
    const struct http_field *coding = http_field_find(request->fields, "Content-Encoding");
    if (!is_target_plain(request->target, reason))
        return false;
    if (codings > 1 || (codings == 1 && is_coded(coding->value)))
        return order_reason_set(reason, "the body is compressed (Content-Encoding)");
    if (http_field_count(request->fields, "Content-Type") == 1 && is_json(type->value))
        return true;
    return order_reason_set(reason, "Content-Type is not once application/json, in UTF-8%s%.*s",
                            type == NULL ? "" : ": ", type == NULL ? 0 : (int)slice_first(type->value, 64).length,
                            type == NULL ? "" : type->value.data);
}
