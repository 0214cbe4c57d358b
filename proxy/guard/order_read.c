/* Orders read out of a body: the members that the exchange documents, each once, and nothing else. Pure; any thread.
 *
 * There is no tree: an object's members are noted by name, and which of the documented shapes it has is decided at its end.
 * A member that is none of these is no order, also where it differs in a letter's case alone: whether the exchange's parser
 * heeds it is not known. */
#include "order_read.h"

#include "countersign/json_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUOTED_MAX = 40 }; /* bytes of the client's that a reason shows */

enum member {
    MEMBER_SYMBOL,
    MEMBER_SIDE,
    MEMBER_ORD_TYPE,
    MEMBER_ORD_PRICE,
    MEMBER_ORD_QTY,
    MEMBER_ORD_AMT,
    MEMBER_CL_ORD_ID,
    MEMBER_TIME_IN_FORCE,
    MEMBER_TIMESTAMP,
    MEMBER_ORDERS,
    MEMBER_CONTRACT_ID,
    MEMBER_ORDER_TYPE,
    MEMBER_PRICE,
    MEMBER_QUANTITY,
    MEMBER_ORDER_PRICE,
    MEMBER_ORDER_QTY,
    MEMBER_CLIENT_ORDER_ID,
    MEMBER_POSITION_EFFECT,
    MEMBER_MARGIN_TYPE,
    MEMBER_ORDER_SUB_TYPE,
    MEMBER_MARGIN_RATE,
    MEMBER_INIT_RATE,
    MEMBER_LEVERAGE,
    MEMBER_ACCOUNT_TYPE,
    MEMBER_STOP_PRICE,
    MEMBER_COUNT
};

enum shape {
    SPOT = 1,
    SPOT_BATCH = 2,
    SPOT_ITEM = 4, /* of such a batch */
    CONTRACT = 8,
    CONTRACT_BATCH = 16,
    CONTRACT_ITEM = 32
};

enum value_kind {
    VALUE_TEXT,   /* a string that is not empty */
    VALUE_NUMBER, /* a number of 0 and up, or a string that holds one; null is as if it were not there */
    VALUE_SIDE,   /* a string or a number */
    VALUE_ID,     /* digits, as a number or a string */
    VALUE_SCALAR, /* not judged: anything but an object or an array */
    VALUE_ORDERS
};

static const struct {
    const char *name;
    unsigned shapes;
    enum value_kind kind;
} members[MEMBER_COUNT] = {
    [MEMBER_SYMBOL] = { "symbol", SPOT | SPOT_BATCH, VALUE_TEXT },
    [MEMBER_SIDE] = { "side", SPOT | SPOT_ITEM | CONTRACT | CONTRACT_ITEM, VALUE_SIDE },
    [MEMBER_ORD_TYPE] = { "ordType", SPOT | SPOT_ITEM, VALUE_TEXT },
    [MEMBER_ORD_PRICE] = { "ordPrice", SPOT | SPOT_ITEM, VALUE_NUMBER },
    [MEMBER_ORD_QTY] = { "ordQty", SPOT | SPOT_ITEM, VALUE_NUMBER },
    [MEMBER_ORD_AMT] = { "ordAmt", SPOT | SPOT_ITEM, VALUE_NUMBER },
    [MEMBER_CL_ORD_ID] = { "clOrdId", SPOT | SPOT_ITEM, VALUE_SCALAR },
    [MEMBER_TIME_IN_FORCE] = { "timeInForce", SPOT | SPOT_ITEM, VALUE_SCALAR },
    [MEMBER_TIMESTAMP] = { "timestamp", SPOT | SPOT_BATCH, VALUE_SCALAR },
    [MEMBER_ORDERS] = { "orders", SPOT_BATCH | CONTRACT_BATCH, VALUE_ORDERS },
    [MEMBER_CONTRACT_ID] = { "contractId", CONTRACT | CONTRACT_ITEM, VALUE_ID },
    [MEMBER_ORDER_TYPE] = { "orderType", CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_PRICE] = { "price", CONTRACT, VALUE_NUMBER },
    [MEMBER_QUANTITY] = { "quantity", CONTRACT, VALUE_NUMBER },
    [MEMBER_ORDER_PRICE] = { "orderPrice", CONTRACT_ITEM, VALUE_NUMBER },
    [MEMBER_ORDER_QTY] = { "orderQty", CONTRACT_ITEM, VALUE_NUMBER },
    [MEMBER_CLIENT_ORDER_ID] = { "clientOrderId", CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_POSITION_EFFECT] = { "positionEffect", CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_MARGIN_TYPE] = { "marginType", CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_ORDER_SUB_TYPE] = { "orderSubType", CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_MARGIN_RATE] = { "marginRate", CONTRACT, VALUE_SCALAR },
    [MEMBER_INIT_RATE] = { "initRate", CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_LEVERAGE] = { "leverage", CONTRACT, VALUE_SCALAR },
    [MEMBER_ACCOUNT_TYPE] = { "accountType", CONTRACT, VALUE_SCALAR },
    [MEMBER_STOP_PRICE] = { "stopPrice", CONTRACT, VALUE_SCALAR },
};

#define BIT(member) (1U << (member))

/* What each shape cannot do without. */
static const struct {
    enum shape shape;
    unsigned required;
} shapes[] = {
    { SPOT, BIT(MEMBER_SYMBOL) | BIT(MEMBER_SIDE) | BIT(MEMBER_ORD_TYPE) },
    { SPOT_BATCH, BIT(MEMBER_SYMBOL) | BIT(MEMBER_ORDERS) },
    { SPOT_ITEM, BIT(MEMBER_SIDE) | BIT(MEMBER_ORD_TYPE) },
    { CONTRACT, BIT(MEMBER_CONTRACT_ID) | BIT(MEMBER_SIDE) | BIT(MEMBER_ORDER_TYPE) | BIT(MEMBER_QUANTITY) },
    { CONTRACT_BATCH, BIT(MEMBER_ORDERS) },
    { CONTRACT_ITEM, BIT(MEMBER_CONTRACT_ID) | BIT(MEMBER_SIDE) | BIT(MEMBER_ORDER_TYPE) | BIT(MEMBER_ORDER_QTY) },
};

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

/* MEMBER_COUNT where there is none of that name. */
static enum member member_find(struct slice name)
{
    enum member member = MEMBER_SYMBOL;
    while (member < MEMBER_COUNT && !slice_equal_text(name, members[member].name))
        member++;
    return member;
}

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
    struct decimal number;
    switch (kind) {
    case VALUE_TEXT:
        return value->token == JSON_STRING && value->text.length > 0;
    case VALUE_NUMBER:
        return value->token == JSON_NULL || (is_written && decimal_parse(&number, value->text));
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
    if (members[member].kind == VALUE_ORDERS)
        return reader->is_in_batch ? refuse(reader, "orders", "stands within an order", slice_of(NULL, 0))
                                   : read_orders(reader, value->token);
    struct slice written = value->text;
    if (value->token == JSON_STRING)
        value->text = without_quotes(value->text);
    return is_of_kind(members[member].kind, value) ||
           refuse(reader, members[member].name, kind_expected(members[member].kind), written);
}

/* Behind the '{': to its '}'. */
static bool read_object(struct reader *reader, struct object *object)
{
    struct slice text;
    enum json_token token;
    object->seen = 0;
    while ((token = json_scan_next(&reader->scan, &text)) == JSON_NAME) {
        struct slice name = without_quotes(text);
        enum member member = member_find(name);
        if (member == MEMBER_COUNT)
            return refuse(reader, "a member", "is not among those that are documented for an order", text);
        if ((object->seen & BIT(member)) != 0)
            return refuse(reader, members[member].name, "stands twice", slice_of(NULL, 0));
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
            allowed &= members[member].shapes;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
        if ((allowed & shapes[i].shape) != 0 && (object->seen & shapes[i].required) == shapes[i].required)
            return shapes[i].shape;
    }
    return 0;
}

/* --- orders --- */

static struct order_number number_of(const struct object *object, enum member member)
{
    struct order_number number = { .is_given = false };
    const struct value *value = &object->values[member];
    if ((object->seen & BIT(member)) == 0 || value->token == JSON_NULL)
        return number;
    number.text = value->text;
    number.is_given = decimal_parse(&number.value, value->text); /* it is one: read_value has looked */
    return number;
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
    return refuse(reader, members[member].name, "is none that is documented", text);
}

static bool read_spot(struct order *order, struct reader *reader, const struct object *object)
{
    static const char *const sides[] = { "BUY", "SELL" };
    struct slice type = text_of(object, MEMBER_ORD_TYPE);
    order->symbol = text_of(object, MEMBER_SYMBOL);
    order->client_id = text_of(object, MEMBER_CL_ORD_ID);
    order->price = number_of(object, MEMBER_ORD_PRICE);
    order->quantity = number_of(object, MEMBER_ORD_QTY);
    order->amount = number_of(object, MEMBER_ORD_AMT);
    order->is_market = slice_equal_text(type, "MARKET");
    if (!order->is_market && !slice_equal_text(type, "LIMIT") && !slice_equal_text(type, "POST_ONLY"))
        return refuse(reader, "ordType", "is neither LIMIT, MARKET nor POST_ONLY", type);
    return read_choice(&order->buys, reader, object, MEMBER_SIDE, sides);
}

static bool read_contract(struct order *order, struct reader *reader, const struct object *object, bool is_item)
{
    static const char *const sides[] = { "1", "-1" }, *const types[] = { "3", "1" };
    order->is_contract = true;
    order->symbol = text_of(object, MEMBER_CONTRACT_ID);
    order->client_id = text_of(object, MEMBER_CLIENT_ORDER_ID);
    order->price = number_of(object, is_item ? MEMBER_ORDER_PRICE : MEMBER_PRICE);
    order->quantity = number_of(object, is_item ? MEMBER_ORDER_QTY : MEMBER_QUANTITY);
    return read_choice(&order->is_market, reader, object, MEMBER_ORDER_TYPE, types) &&
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
    struct order order = { .index = reader->count };
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
    if (body.length > ORDER_BODY_MAX)
        return order_reason_set(reason, "the body is larger than %d KiB", ORDER_BODY_MAX / 1024);
    for (size_t i = 0; i < body.length; i++) {
        if ((unsigned char)body.data[i] >= 0x80 || body.data[i] == '\0')
            return order_reason_set(reason, "byte %zu of the body is outside ASCII", i);
        if (body.data[i] == '\\')
            return order_reason_set(reason, "byte %zu of the body is a backslash: orders are read without escapes", i);
    }
    return true;
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
