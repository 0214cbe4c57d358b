/* Orders as the exchange's answers have them, and whether one may be the one that was sent. Numbers are compared as decimals,
 * and nothing passes through a double. Pure. */
#include "reconcile.h"

#include "countersign/decimal.h"
#include "countersign/json_scan.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

bool reconcile_take_text(char *text, struct slice object, const char *name)
{
    struct slice value;
    enum json_token kind;
    struct buffer plain;
    text[0] = '\0';
    if (!json_member(object, name, &value, &kind) || kind == JSON_NULL)
        return true;
    buffer_init(&plain, RECONCILE_TEXT_MAX - 1);
    bool is_read =
        kind == JSON_STRING ? json_unescape(&plain, value) : kind == JSON_NUMBER && buffer_append_slice(&plain, value);
    is_read = is_read && slice_find(buffer_slice(&plain), '\0') == plain.length;
    if (is_read)
        (void)snprintf(text, RECONCILE_TEXT_MAX, "%.*s", SLICE_ARGUMENTS(buffer_slice(&plain))); /* was bounded */
    buffer_free(&plain);
    return is_read;
}

/* --- lists --- */

static bool each_item(struct slice array, bool (*visit)(void *context, struct slice object), void *context)
{
    struct json_scan scan;
    enum json_token token;
    json_scan_init(&scan, array);
    if (json_scan_next(&scan, NULL) != JSON_ARRAY_BEGIN)
        return false;
    while ((token = json_scan_next(&scan, NULL)) == JSON_OBJECT_BEGIN) {
        size_t begin = scan.offset - 1; /* behind the brace that was read */
        if (!json_scan_skip(&scan, token) ||
            !visit(context, slice_first(slice_from(array, begin), scan.offset - begin)))
            return false;
    }
    return token == JSON_ARRAY_END;
}

bool reconcile_each(struct slice data, bool (*visit)(void *context, struct slice object), void *context)
{
    if (data.length > 0 && data.data[0] == '{')
        return visit(context, data);
    return each_item(data, visit, context);
}

/* --- one order --- */

/* Of "Get order information" and "Get current orders", both versions, and of the futures documentation's. */
static const struct {
    size_t offset;
    const char *names[3];
} seen_members[] = {
    { offsetof(struct reconcile_seen, id), { "ordId", "orderId" } },
    { offsetof(struct reconcile_seen, client_id), { "clOrdId", "clientOrderId" } },
    { offsetof(struct reconcile_seen, symbol), { "symbol", "contractId" } },
    { offsetof(struct reconcile_seen, side), { "side" } },
    { offsetof(struct reconcile_seen, state), { "ordState", "ordStatus", "orderStatus" } },
    { offsetof(struct reconcile_seen, type), { "ordType" } },
    { offsetof(struct reconcile_seen, price), { "ordPrice", "orderPrice", "price" } },
    { offsetof(struct reconcile_seen, quantity), { "ordQty", "orderQty", "quantity" } },
    { offsetof(struct reconcile_seen, amount), { "ordAmt" } },
    { offsetof(struct reconcile_seen, executed), { "cumQty" } },
};

bool reconcile_seen_read(struct reconcile_seen *seen, struct slice object)
{
    char text[RECONCILE_TEXT_MAX];
    uint64_t time_ms = 0;
    *seen = (struct reconcile_seen){ .time_ms = 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(seen_members); i++) {
        char *member = (char *)seen + seen_members[i].offset;
        for (size_t j = 0; j < ARRAY_LENGTH(seen_members[i].names) && seen_members[i].names[j] != NULL; j++) {
            if (member[0] == '\0' && !reconcile_take_text(member, object, seen_members[i].names[j]))
                return false;
        }
    }
    if (strcmp(seen->side, "1") == 0 || strcmp(seen->side, "-1") == 0)
        (void)snprintf(seen->side, sizeof(seen->side), "%s", seen->side[0] == '-' ? "SELL" : "BUY"); /* fits */
    if (reconcile_take_text(text, object, "timestamp") && slice_to_u64(slice_text(text), &time_ms) &&
        time_ms <= INT64_MAX)
        seen->time_ms = (int64_t)time_ms;
    return seen->id[0] != '\0';
}

/* --- comparing --- */

/* Whether both are the same number; what is not said does not differ. */
static bool is_same_number(const char *wanted, const char *given)
{
    struct decimal a, b;
    if (wanted[0] == '\0' || given[0] == '\0')
        return true;
    return decimal_parse(&a, slice_text(wanted)) && decimal_parse(&b, slice_text(given)) &&
           decimal_compare(&a, &b) == 0;
}

static bool is_same_word(const char *wanted, const char *given)
{
    return wanted[0] == '\0' || given[0] == '\0' || slice_equal_text_caseless(slice_text(wanted), given);
}

/* Futures name their types by numbers, which are told apart by their price alone. */
static bool is_same_type(const struct reconcile_order *order, const struct reconcile_seen *seen)
{
    bool is_told = !order->is_contract && seen->type[0] != '\0';
    return !is_told || order->is_market == (strcmp(seen->type, "MARKET") == 0);
}

bool reconcile_fits(const struct reconcile_order *order, const struct reconcile_seen *seen)
{
    return is_same_word(order->symbol, seen->symbol) && is_same_word(order->side, seen->side) &&
           is_same_type(order, seen) && is_same_number(order->quantity, seen->quantity) &&
           (order->is_market ? is_same_number(order->amount, seen->amount) : is_same_number(order->price, seen->price));
}

static bool is_left_out(const char *wanted, const char *given)
{
    return wanted[0] != '\0' && given[0] == '\0';
}

/* A clOrdId that was not sent says nothing: "If not sent, it is automatically generated". */
const char *reconcile_why_unsure(const struct reconcile_order *order, const struct reconcile_seen *seen)
{
    bool has_gap =
        is_left_out(order->symbol, seen->symbol) || is_left_out(order->side, seen->side) ||
        is_left_out(order->quantity, seen->quantity) ||
        is_left_out(order->is_market ? order->amount : order->price, order->is_market ? seen->amount : seen->price);
    if (has_gap)
        return "the answer does not tell all that was sent";
    return seen->time_ms == 0 ? "its time is not told" : NULL;
}

bool reconcile_is_alike(const struct reconcile_order *order, const struct reconcile_order *other)
{
    return is_same_word(order->symbol, other->symbol) && is_same_word(order->side, other->side) &&
           is_same_number(order->quantity, other->quantity) && is_same_number(order->price, other->price) &&
           is_same_number(order->amount, other->amount);
}
