/* The table of features: what is looked at of each exchange, how it is named, and how its value reads. A value stands behind
 * a count: "41 of 41 over IPv6". Pure; any thread. */
#include "why_private.h"

#include "countersign/compiler.h"

static bool put(struct buffer *out, const char *text)
{
    return buffer_append_text(out, text);
}

/* "BEFORE VALUE"; false where there is no value. */
static bool put_known(struct buffer *out, const char *before, struct slice value)
{
    return value.length > 0 && put(out, before) && buffer_append_slice(out, value);
}

/* As above, where none is a value, too. */
static bool put_or(struct buffer *out, const char *before, struct slice value, const char *none)
{
    return value.length > 0 ? put_known(out, before, value) : put(out, none);
}

/* --- the request --- */

static bool write_endpoint(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "to ", look->record->method) && put_known(out, " ", look->path);
}

static bool write_signed(struct buffer *out, const struct why_look *look)
{
    if (!look->has_left)
        return false;
    if (look->record->is_signed)
        return put(out, "signed by countersign");
    return put(out, look->is_signed ? "signed by the client" : "not signed");
}

/* As judged in mode observe: where this program signs, the client's own signature is replaced. */
static bool write_client_signature(struct buffer *out, const struct why_look *look)
{
    enum record_client_signature judged = look->record->client_signature;
    if (look->record->is_signed || judged == RECORD_CLIENT_SIGNATURE_NOT_CHECKED ||
        judged == RECORD_CLIENT_SIGNATURE_NONE)
        return false;
    return buffer_append_format(out, "with a client's signature that is judged as `%s`",
                                record_client_signature_name(judged));
}

static bool write_method(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "with method ", look->record->method);
}

static bool write_query(struct buffer *out, const struct why_look *look)
{
    return put(out, look->query.length > 0 ? "with a query" : "without a query");
}

static bool write_body_form(struct buffer *out, const struct why_look *look)
{
    static const char *const texts[WHY_FORM_COUNT] = {
        [WHY_BODY_NONE] = "with no body",
        [WHY_BODY_EMPTY_OBJECT] = "with the body {}",
        [WHY_BODY_COMPACT] = "with compact JSON",
        [WHY_BODY_SPACED] = "with JSON spaced as Python's json.dumps does",
        [WHY_BODY_INDENTED] = "with JSON in several lines",
        [WHY_BODY_OTHERWISE] = "with JSON spaced in another way",
        [WHY_BODY_NOT_JSON] = "with a body that is not JSON",
    };
    return look->has_left && put(out, texts[look->body.form]);
}

static bool write_timestamp(struct buffer *out, const struct why_look *look)
{
    return look->has_left && put(out, look->body.members[WHY_TIMESTAMP].is_there ? "with a timestamp in the body"
                                                                                 : "without a timestamp in the body");
}

/* A member's value: that of several orders where all have the same. */
static bool write_member(struct buffer *out, const struct why_look *look, enum why_member_name name, const char *label)
{
    const struct why_member *member = &look->body.members[name];
    if (!look->has_left)
        return false;
    if (!member->is_there)
        return buffer_append_format(out, "without %s", label);
    if (member->is_mixed)
        return buffer_append_format(out, "with several values of %s", label);
    return buffer_append_format(out, "with %s ", label) && buffer_append_slice(out, member->value);
}

static bool write_order_type(struct buffer *out, const struct why_look *look)
{
    return write_member(out, look, WHY_ORDER_TYPE, "ordType");
}

static bool write_side(struct buffer *out, const struct why_look *look)
{
    return write_member(out, look, WHY_SIDE, "side");
}

/* The query's parameter, where the body names none. */
static bool write_symbol(struct buffer *out, const struct why_look *look)
{
    struct slice rest = look->query, part;
    if (look->body.members[WHY_SYMBOL].is_there || rest.length == 0)
        return write_member(out, look, WHY_SYMBOL, "symbol");
    while (slice_next_part(&rest, '&', &part)) {
        if (slice_starts_with(part, "symbol="))
            return put_or(out, "with symbol ", slice_from(part, slice_find(part, '=') + 1), "with an empty symbol");
    }
    return put(out, "without symbol");
}

/* Whether a number is written as a string. */
static bool write_number(struct buffer *out, const struct why_look *look, enum why_member_name name, const char *label)
{
    const struct why_member *member = &look->body.members[name];
    if (!look->has_left)
        return false;
    if (!member->is_there)
        return buffer_append_format(out, "without %s", label);
    if (member->has_kinds)
        return buffer_append_format(out, "with %s now as a string, now not", label);
    return buffer_append_format(out, "with %s as a %s", label,
                                member->kind == JSON_STRING   ? "string"
                                : member->kind == JSON_NUMBER ? "JSON number"
                                                              : "value that is no number");
}

static bool write_price(struct buffer *out, const struct why_look *look)
{
    return write_number(out, look, WHY_PRICE, "ordPrice");
}

static bool write_quantity(struct buffer *out, const struct why_look *look)
{
    return write_number(out, look, WHY_QUANTITY, "ordQty");
}

static bool write_amount(struct buffer *out, const struct why_look *look)
{
    return write_number(out, look, WHY_AMOUNT, "ordAmt");
}

static bool write_content_type(struct buffer *out, const struct why_look *look)
{
    return look->has_left &&
           put_or(out, "with Content-Type ", why_left_value(look, "Content-Type"), "without Content-Type");
}

static bool write_accept_encoding(struct buffer *out, const struct why_look *look)
{
    return look->has_left &&
           put_or(out, "with Accept-Encoding ", why_left_value(look, "Accept-Encoding"), "without Accept-Encoding");
}

static bool write_language(struct buffer *out, const struct why_look *look)
{
    return look->has_left &&
           put_or(out, "with exch-language ", why_left_value(look, "exch-language"), "without exch-language");
}

static bool write_user_agent(struct buffer *out, const struct why_look *look)
{
    return look->has_left && put_or(out, "with User-Agent ", why_left_value(look, "User-Agent"), "without User-Agent");
}

/* --- the connection --- */

static bool write_ip_family(struct buffer *out, const struct why_look *look)
{
    int family = look->record->connection.ip_family;
    return (family == 4 || family == 6) && put(out, family == 4 ? "over IPv4" : "over IPv6");
}

/* The way out: where it begins and where it leads, which an egress proxy changes. */
static bool write_egress(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "from ", look->record->connection.local_address) &&
           put_known(out, " by way of ", look->record->connection.remote_address);
}

static bool write_local_address(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "from ", look->record->connection.local_address);
}

static bool write_remote_address(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "to ", look->record->connection.remote_address);
}

static bool write_reused(struct buffer *out, const struct why_look *look)
{
    return look->record->connection.ip_family != 0 &&
           put(out, look->record->connection.reused ? "on a connection used before" : "on a new connection");
}

static bool write_tls_version(struct buffer *out, const struct why_look *look)
{
    return look->record->connection.ip_family != 0 &&
           put_or(out, "over ", look->record->connection.tls_version, "without TLS");
}

static bool write_http_version(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "over ", look->record->connection.http_version);
}

/* --- the parties --- */

static bool write_account(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "for account ", look->record->account);
}

static bool write_api_key(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "with key ", look->record->api_key_masked);
}

static bool write_listener(struct buffer *out, const struct why_look *look)
{
    return put_known(out, "through listener ", look->record->listener);
}

const struct why_feature why_features[] = {
    [WHY_ENDPOINT] = { { "endpoint", "endpoint", { NULL, 0 } }, write_endpoint },
    { { "signed", "signature", { NULL, 0 } }, write_signed },
    { { "client-signature", "client's own signature", { NULL, 0 } }, write_client_signature },
    { { "ip-family", "IP family", { NULL, 0 } }, write_ip_family },
    { { "egress", "egress", { NULL, 0 } }, write_egress },
    { { "local-address", "local address", { NULL, 0 } }, write_local_address },
    { { "remote-address", "remote address", { NULL, 0 } }, write_remote_address },
    { { "clock-offset", "clock", { NULL, 0 } }, why_write_clock_offset },
    { { "signature-age", "age of the signature", { NULL, 0 } }, why_write_signature_age },
    { { "order-type", "order type", { NULL, 0 } }, write_order_type },
    { { "order-price", "ordPrice", { NULL, 0 } }, write_price },
    { { "order-quantity", "ordQty", { NULL, 0 } }, write_quantity },
    { { "order-amount", "ordAmt", { NULL, 0 } }, write_amount },
    { { "body-form", "body form", { NULL, 0 } }, write_body_form },
    { { "timestamp-distance", "timestamp", { NULL, 0 } }, why_write_timestamp_distance },
    { { "timestamp", "presence of timestamp", { NULL, 0 } }, write_timestamp },
    { { "side", "side", { NULL, 0 } }, write_side },
    { { "symbol", "symbol", { NULL, 0 } }, write_symbol },
    { { "method", "method", { NULL, 0 } }, write_method },
    { { "query", "query", { NULL, 0 } }, write_query },
    { { "content-type", "Content-Type", { NULL, 0 } }, write_content_type },
    { { "exch-language", "exch-language", { NULL, 0 } }, write_language },
    { { "accept-encoding", "Accept-Encoding", { NULL, 0 } }, write_accept_encoding },
    { { "user-agent", "User-Agent", { NULL, 0 } }, write_user_agent },
    { { "api-key", "API key", { NULL, 0 } }, write_api_key },
    { { "account", "account", { NULL, 0 } }, write_account },
    { { "listener", "listener", { NULL, 0 } }, write_listener },
    { { "http-version", "HTTP version", { NULL, 0 } }, write_http_version },
    { { "tls-version", "TLS version", { NULL, 0 } }, write_tls_version },
    { { "reused", "connection", { NULL, 0 } }, write_reused },
    { { "window-age", "age of the window", { NULL, 0 } }, why_write_window_age },
    { { "hour", "hour of day", { NULL, 0 } }, why_write_hour },
};
const size_t why_feature_count = ARRAY_LENGTH(why_features);
_Static_assert(ARRAY_LENGTH(why_features) <= WHY_FIXED_MAX, "a cell for each");
