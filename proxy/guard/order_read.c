/* Orders read out of a body: the members that the exchange documents, each once, and nothing else. Pure; any thread.
 *
 * There is no tree: an object's members are noted by name, and which of the documented shapes it has is decided at its end.
 * A member that is none of these is no order, also where it differs in a letter's case alone: whether the exchange's parser
 * heeds it is not known. */
#include "order_read.h"

#include "order_members.h"

#include "countersign/json_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUOTED_MAX = 40 }; /* bytes of the client's that a reason shows */

struct value {
    enum json_token token;
    struct slice text; /* without quotes */
};

struct object {
    unsigned seen; /* bits of members */
    struct value values[MEMBER_COUNT];
};

struct reader {
    struct json_scan scan;
    const struct order_visitor *visitor;
    struct order_reason *reason;
    unsigned item_shapes; /* that the batch's orders had */
    size_t count;         /* of orders */
    bool is_in_batch;     /* reads one of a batch's orders */
};

bool order_reason_set(struct order_reason *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason->text, reason->size, format, arguments); /* cut, it is still one */
    va_end(arguments);
    reason->is_set = true;
    return false;
}

/* "orders[2]: " before what is said of a member of one of several. Always returns false. */
static bool refuse(struct reader *reader, const char *member, const char *what, struct slice written)
{
    char place[32] = "";
    if (reader->is_in_batch)
        (void)snprintf(place, sizeof(place), "orders[%zu]: ", reader->count); /* fits: below ORDER_BATCH_MAX */
    struct slice shown = slice_first(written, QUOTED_MAX);
    return order_reason_set(reader->reason, "%s%s %s%s%.*s", place, member, what, shown.length > 0 ? ": " : "",
                            SLICE_ARGUMENTS(shown));
}

static bool refuse_syntax(struct reader *reader)
{
    return order_reason_set(reader->reason, "the body is not one JSON object (see its byte %zu)", reader->scan.offset);
}

static struct slice without_quotes(struct slice text)
{
    return slice_first(slice_from(text, 1), text.length - 2); /* the scanner hands out both */
}

/* --- members --- */

static bool is_scalar(enum json_token token)
{
    return token == JSON_STRING || token == JSON_NUMBER || token == JSON_TRUE || token == JSON_FALSE ||
           token == JSON_NULL;
}

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.length > 0;
}

static bool is_of_kind(enum value_kind kind, const struct value *value)
{
    bool is_written = value->token == JSON_STRING || value->token == JSON_NUMBER;
    switch (kind) {
    case VALUE_TEXT:
        return value->token == JSON_STRING && value->text.length > 0;
    case VALUE_NUMBER:
        return value->token == JSON_NULL || is_written; /* whether it is a number, read_number says */
    case VALUE_SIDE:
        return is_written;
    case VALUE_ID:
        return is_written && is_digits(value->text);
    case VALUE_SCALAR:
        return is_scalar(value->token);
    case VALUE_ORDERS:
        break;
    }
    return false;
}

static const char *kind_expected(enum value_kind kind)
{
    static const char *const words[] = {
        [VALUE_TEXT] = "is no string",
        [VALUE_NUMBER] = "is no number of 0 and up, of at most 40 digits, as JSON writes one",
        [VALUE_SIDE] = "is neither a string nor a number",
        [VALUE_ID] = "is no whole number",
        [VALUE_SCALAR] = "is an object or an array",
        [VALUE_ORDERS] = "is no array",
    };
    return words[kind];
}

static bool read_orders(struct reader *reader, enum json_token first);

static bool read_value(struct reader *reader, struct value *value, enum member member)
{
    value->token = json_scan_next(&reader->scan, &value->text);
    if (value->token == JSON_INVALID)
        return refuse_syntax(reader);
    if (order_members[member].kind == VALUE_ORDERS)
        return reader->is_in_batch ? refuse(reader, "orders", "stands within an order", slice_of(NULL, 0))
                                   : read_orders(reader, value->token);
    struct slice written = value->text;
    if (value->token == JSON_STRING)
        value->text = without_quotes(value->text);
    return is_of_kind(order_members[member].kind, value) ||
           refuse(reader, order_members[member].name, kind_expected(order_members[member].kind), written);
}

/* Behind the '{': to its '}'. */
static bool read_object(struct reader *reader, struct object *object)
{
    struct slice text;
    enum json_token token;
    object->seen = 0;
    while ((token = json_scan_next(&reader->scan, &text)) == JSON_NAME) {
        struct slice name = without_quotes(text);
        enum member member = order_member_find(name);
        if (member == MEMBER_COUNT)
            return refuse(reader, "a member", "is not among those that are documented for an order", text);
        if ((object->seen & BIT(member)) != 0)
            return refuse(reader, order_members[member].name, "stands twice", slice_of(NULL, 0));
        object->seen |= BIT(member);
        if (!read_value(reader, &object->values[member], member))
            return false;
    }
    return token == JSON_OBJECT_END || refuse_syntax(reader);
}

/* The documented shape of what was seen, one of `allowed`; 0 where it has none. */
static unsigned shape_of(const struct object *object, unsigned allowed)
{
    for (enum member member = MEMBER_SYMBOL; member < MEMBER_COUNT; member++) {
        if ((object->seen & BIT(member)) != 0)
            allowed &= order_members[member].shapes;
    }
    for (size_t i = 0; i < ORDER_SHAPE_COUNT; i++) {
        if ((allowed & order_shapes[i].shape) != 0 &&
            (object->seen & order_shapes[i].required) == order_shapes[i].required)
            return order_shapes[i].shape;
    }
    return 0;
}

/* --- orders --- */

/* What is absent or null is not given. */
static bool read_number(struct order_number *number, struct reader *reader, const struct object *object,
                        enum member member)
{
    const struct value *value = &object->values[member];
    number->is_given = (object->seen & BIT(member)) != 0 && value->token != JSON_NULL;
    if (!number->is_given)
        return true;
    number->text = value->text;
    return decimal_parse(&number->value, value->text) ||
           refuse(reader, order_members[member].name, kind_expected(VALUE_NUMBER), value->text);
}

static struct slice text_of(const struct object *object, enum member member)
{
    const struct value *value = &object->values[member];
    bool is_text = (object->seen & BIT(member)) != 0 && (value->token == JSON_STRING || value->token == JSON_NUMBER);
    return is_text ? value->text : slice_of(NULL, 0);
}

/* Which of two words `member` says; false where neither. */
static bool read_choice(bool *is_first, struct reader *reader, const struct object *object, enum member member,
                        const char *const words[2])
{
    struct slice text = text_of(object, member);
    *is_first = slice_equal_text(text, words[0]);
    if (*is_first || slice_equal_text(text, words[1]))
        return true;
    return refuse(reader, order_members[member].name, "is none that is documented", text);
}

static bool read_spot(struct order *order, struct reader *reader, const struct object *object)
{
    static const char *const sides[] = { "BUY", "SELL" };
    struct slice type = text_of(object, MEMBER_ORD_TYPE);
    order->is_contract = false;
    order->symbol = text_of(object, MEMBER_SYMBOL);
    order->client_id = text_of(object, MEMBER_CL_ORD_ID);
    order->is_market = slice_equal_text(type, "MARKET");
    if (!order->is_market && !slice_equal_text(type, "LIMIT") && !slice_equal_text(type, "POST_ONLY"))
        return refuse(reader, "ordType", "is neither LIMIT, MARKET nor POST_ONLY", type);
    return read_number(&order->price, reader, object, MEMBER_ORD_PRICE) &&
           read_number(&order->quantity, reader, object, MEMBER_ORD_QTY) &&
           read_number(&order->amount, reader, object, MEMBER_ORD_AMT) &&
           read_choice(&order->buys, reader, object, MEMBER_SIDE, sides);
}

static bool read_contract(struct order *order, struct reader *reader, const struct object *object, bool is_item)
{
    static const char *const sides[] = { "1", "-1" }, *const types[] = { "3", "1" };
    order->is_contract = true;
    order->symbol = text_of(object, MEMBER_CONTRACT_ID);
    order->client_id = text_of(object, MEMBER_CLIENT_ORDER_ID);
    order->amount.is_given = false;
    return read_number(&order->price, reader, object, is_item ? MEMBER_ORDER_PRICE : MEMBER_PRICE) &&
           read_number(&order->quantity, reader, object, is_item ? MEMBER_ORDER_QTY : MEMBER_QUANTITY) &&
           read_choice(&order->is_market, reader, object, MEMBER_ORDER_TYPE, types) &&
           read_choice(&order->buys, reader, object, MEMBER_SIDE, sides);
}

/* Behind the order's '{'. */
static bool read_order(struct reader *reader, unsigned allowed)
{
    struct object object;
    if (!read_object(reader, &object))
        return false;
    unsigned shape = shape_of(&object, allowed);
    if (shape == 0)
        return refuse(reader, "this",
                      "has neither the members that a spot order must have nor those of a futures order",
                      slice_of(NULL, 0));
    struct order order;
    order.index = reader->count;
    reader->item_shapes |= shape;
    bool is_read = (shape & (SPOT | SPOT_ITEM)) != 0 ? read_spot(&order, reader, &object)
                                                     : read_contract(&order, reader, &object, shape == CONTRACT_ITEM);
    return is_read && reader->visitor->visit(reader->visitor->context, &order);
}

static bool read_orders(struct reader *reader, enum json_token first)
{
    enum json_token token = JSON_INVALID;
    if (first != JSON_ARRAY_BEGIN)
        return refuse(reader, "orders", kind_expected(VALUE_ORDERS), slice_of(NULL, 0));
    reader->is_in_batch = true;
    for (; (token = json_scan_next(&reader->scan, NULL)) == JSON_OBJECT_BEGIN; reader->count++) {
        if (reader->count == ORDER_BATCH_MAX)
            return refuse(reader, "this", "is one more than a batch may have here", slice_of(NULL, 0));
        if (!read_order(reader, SPOT_ITEM | CONTRACT_ITEM))
            return false;
    }
    if (token == JSON_INVALID)
        return refuse_syntax(reader);
    if (token != JSON_ARRAY_END)
        return refuse(reader, "this", "is no object", slice_of(NULL, 0));
    reader->is_in_batch = false;
    return true;
}

/* Behind the batch's '{'. */
static bool read_batch(struct slice *batch_symbol, struct reader *reader)
{
    struct object object;
    if (!read_object(reader, &object))
        return false;
    unsigned shape = shape_of(&object, SPOT_BATCH | CONTRACT_BATCH);
    unsigned needed = shape == SPOT_BATCH ? SPOT_ITEM : CONTRACT_ITEM;
    if (shape == 0 || reader->count == 0 || reader->item_shapes != needed)
        return refuse(reader, "this", "is neither a batch of spot orders (symbol, orders) nor one of futures orders",
                      slice_of(NULL, 0));
    *batch_symbol = text_of(&object, MEMBER_SYMBOL);
    return true;
}

/* --- the body --- */

/* Bytes that parsers differ on: what lies outside ASCII by the charset that is assumed, and escapes. No member of an order
 * needs either. */
static bool is_plain(struct slice body, struct order_reason *reason)
{
    unsigned char all = 0;
    if (body.length > ORDER_BODY_MAX)
        return order_reason_set(reason, "the body is larger than %d KiB", ORDER_BODY_MAX / 1024);
    for (size_t i = 0; i < body.length; i++)
        all |= (unsigned char)body.data[i];
    if (all >= 0x80)
        return order_reason_set(reason, "the body has bytes outside ASCII");
    size_t backslash = slice_find(body, '\\');
    return backslash == body.length ||
           order_reason_set(reason, "byte %zu of the body is a backslash: orders are read without escapes", backslash);
}

bool order_read(struct slice *batch_symbol, const struct order_visitor *visitor, struct slice body, bool is_batch,
                struct order_reason *reason)
{
    struct reader reader = { .visitor = visitor, .reason = reason };
    *batch_symbol = slice_of(NULL, 0);
    if (!is_plain(body, reason))
        return false;
    json_scan_init(&reader.scan, body);
    if (json_scan_next(&reader.scan, NULL) != JSON_OBJECT_BEGIN)
        return refuse_syntax(&reader);
    bool is_read = is_batch ? read_batch(batch_symbol, &reader) : read_order(&reader, SPOT | CONTRACT);
    return is_read && (json_scan_next(&reader.scan, NULL) == JSON_END || refuse_syntax(&reader));
}
