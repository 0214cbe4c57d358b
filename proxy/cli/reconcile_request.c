/* What a recorded request ordered: read for people and for looking it up, never to be sent. It is read more kindly than the
 * guard reads (order_limit.h): what it has beside the documented members does not matter here. Pure. */
#include "reconcile.h"

#include "countersign/http_message.h"
#include "countersign/json_scan.h"
#include "countersign/order_action.h"
#include "countersign/policy.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void copy(char *text, size_t size, struct slice from)
{
    (void)snprintf(text, size, "%.*s", SLICE_ARGUMENTS(from)); /* cut is fine: it is for people, or then not found */
}

/* --- orders --- */

/* Members of the spot and the futures documentation; the first that is there. */
static const struct {
    size_t offset;
    const char *names[3];
} order_members[] = {
    { offsetof(struct reconcile_order, side), { "side" } },
    { offsetof(struct reconcile_order, symbol), { "symbol", "contractId" } },
    { offsetof(struct reconcile_order, client_id), { "clOrdId", "clientOrderId" } },
    { offsetof(struct reconcile_order, id), { "ordId", "originalOrderId" } },
    { offsetof(struct reconcile_order, price), { "ordPrice", "orderPrice", "price" } },
    { offsetof(struct reconcile_order, quantity), { "ordQty", "orderQty", "quantity" } },
    { offsetof(struct reconcile_order, amount), { "ordAmt" } },
};

/* "1" and "-1" are the futures documentation's BUY and SELL. */
static void name_side(char *side)
{
    if (strcmp(side, "1") == 0 || strcmp(side, "-1") == 0)
        (void)snprintf(side, RECONCILE_TEXT_MAX, "%s", side[0] == '-' ? "SELL" : "BUY"); /* fits */
}

/* False where a member has a value that is none, or is too long. */
static bool read_order(struct reconcile_order *order, struct slice object)
{
    char type[RECONCILE_TEXT_MAX];
    *order = (struct reconcile_order){ .is_contract = json_member(object, "contractId", NULL, NULL) };
    for (size_t i = 0; i < ARRAY_LENGTH(order_members); i++) {
        char *text = (char *)order + order_members[i].offset;
        for (size_t j = 0; j < ARRAY_LENGTH(order_members[i].names) && order_members[i].names[j] != NULL; j++) {
            if (text[0] == '\0' && !reconcile_take_text(text, object, order_members[i].names[j]))
                return false;
        }
    }
    name_side(order->side);
    bool has_type = reconcile_take_text(type, object, order->is_contract ? "orderType" : "ordType");
    order->is_market = has_type && strcmp(type, order->is_contract ? "3" : "MARKET") == 0;
    return true;
}

static struct reconcile_order *next_order(struct reconcile_request *request)
{
    return request->count < RECONCILE_ORDERS_MAX ? &request->orders[request->count++] : NULL;
}

static bool add_order(void *context, struct slice object)
{
    struct reconcile_order *order = next_order(context);
    return order != NULL && read_order(order, object);
}

static bool read_batch(struct reconcile_request *request, struct slice body)
{
    struct slice orders;
    enum json_token kind;
    char symbol[RECONCILE_TEXT_MAX];
    if (!json_member(body, "orders", &orders, &kind) || kind != JSON_ARRAY_BEGIN ||
        !reconcile_take_text(symbol, body, "symbol") || !reconcile_each(orders, add_order, request))
        return false;
    for (size_t i = 0; i < request->count; i++) {
        if (request->orders[i].symbol[0] == '\0')
            memcpy(request->orders[i].symbol, symbol, sizeof(symbol));
    }
    return request->count > 0;
}

/* --- cancels --- */

/* Each scalar of an array is the id of an order to be cancelled. */
static bool read_ids(struct reconcile_request *request, struct slice array, const struct reconcile_order *common,
                     bool is_client_id)
{
    struct json_scan scan;
    struct slice text;
    enum json_token token;
    json_scan_init(&scan, array);
    if (json_scan_next(&scan, NULL) != JSON_ARRAY_BEGIN)
        return false;
    while ((token = json_scan_next(&scan, &text)) == JSON_STRING || token == JSON_NUMBER) {
        struct reconcile_order *order = next_order(request);
        if (token == JSON_STRING)
            text = slice_first(slice_from(text, 1), text.length - 2);
        if (order == NULL || text.length >= RECONCILE_TEXT_MAX)
            return false;
        *order = *common;
        copy(is_client_id ? order->client_id : order->id, RECONCILE_TEXT_MAX, text);
    }
    return token == JSON_ARRAY_END;
}

/* The documented forms: one id, a list of ids, a list of client ids, a list of objects (futures), or none for all. */
static enum reconcile_kind read_cancels(struct reconcile_request *request, struct slice body)
{
    struct reconcile_order common;
    struct slice list;
    if (!read_order(&common, body))
        return RECONCILE_UNREADABLE;
    bool is_read = true;
    if (json_member(body, "orderIds", &list, NULL))
        is_read = read_ids(request, list, &common, false);
    else if (json_member(body, "clientOrderIds", &list, NULL))
        is_read = read_ids(request, list, &common, true);
    else if (json_member(body, "cancels", &list, NULL))
        is_read = reconcile_each(list, add_order, request);
    else
        *next_order(request) = common; /* the first: there is room */
    if (!is_read || request->count == 0)
        return RECONCILE_UNREADABLE;
    const struct reconcile_order *first = &request->orders[0];
    return first->id[0] == '\0' && first->client_id[0] == '\0' ? RECONCILE_CANCELS_ALL : RECONCILE_CANCELS;
}

/* --- the request --- */

static enum reconcile_kind read_orders(struct reconcile_request *request, enum order_action action, struct slice body)
{
    switch (action) {
    case ORDER_ACTION_PLACES:
        return add_order(request, body) && request->orders[0].symbol[0] != '\0' ? RECONCILE_PLACES
                                                                                : RECONCILE_UNREADABLE;
    case ORDER_ACTION_PLACES_BATCH:
        return read_batch(request, body) ? RECONCILE_PLACES : RECONCILE_UNREADABLE;
    case ORDER_ACTION_CANCELS:
        return read_cancels(request, body);
    case ORDER_ACTION_NONE:
    case ORDER_ACTION_ADJUSTS:
    case ORDER_ACTION_MAY_PLACE:
        break;
    }
    return RECONCILE_OTHER;
}

static const struct record_message *message_of(const struct record *record)
{
    const struct record_message *left = &record->views[RECORD_UPSTREAM_REQUEST];
    return left->body.length > 0 ? left : &record->views[RECORD_CLIENT_REQUEST];
}

/* The fields that left; the client's where these are not recorded. */
static struct http_fields fields_of(struct http_field *items, const struct record *record)
{
    struct http_fields fields = { .items = items };
    struct slice method, target, head = record->views[RECORD_UPSTREAM_REQUEST].head;
    if (head.length == 0)
        head = record->views[RECORD_CLIENT_REQUEST].head;
    if (!http_parse_request_head(&method, &target, &fields, HTTP_FIELDS_MAX, head))
        fields.count = 0;
    return fields;
}

static enum reconcile_kind read_kind(struct reconcile_request *request, const struct record *record)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = fields_of(items, record);
    enum endpoint_class class = endpoint_classify(record->method, record->target);
    const struct http_field *host = http_field_find(fields, "Host");
    if (host != NULL && record->views[RECORD_UPSTREAM_REQUEST].head.length > 0)
        copy(request->host, sizeof(request->host), host->value);
    if (slice_equal_text(record->method, "GET") || slice_equal_text(record->method, "HEAD") || class == ENDPOINT_READ ||
        class == ENDPOINT_PUBLIC)
        return RECONCILE_LOOKS;
    return read_orders(request, order_action_of(record->method, record->target, class, fields),
                       message_of(record)->body);
}

static int64_t latest(const struct record *record)
{
    const int64_t moments[] = { record->signed_us, record->sent_us, record->complete_us };
    int64_t last = record->received_us;
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        last = moments[i] > last ? moments[i] : last;
    return last;
}

void reconcile_request_read(struct reconcile_request *request, const struct record *record)
{
    request->id = record->id;
    request->received_us = record->received_us;
    request->from_ms = record->received_us / 1000 - RECONCILE_SLACK_MS;
    request->to_ms = latest(record) / 1000 + RECONCILE_SLACK_MS;
    request->count = 0;
    request->host[0] = '\0';
    copy(request->listener, sizeof(request->listener), record->listener);
    copy(request->account, sizeof(request->account), record->account);
    copy(request->target, sizeof(request->target), record->target);
    copy(request->error_name, sizeof(request->error_name), record->error_name);
    request->kind = read_kind(request, record);
}

/* --- for people --- */

static void append_part(struct buffer *out, const char *before, const char *text)
{
    if (text[0] == '\0')
        return;
    (void)buffer_append_text(out, before); /* `failed` is checked at the end of the run, here and below */
    terminal_append_escaped(out, slice_text(text), TERMINAL_ONE_LINE);
}

void reconcile_append_order(struct buffer *out, const struct reconcile_order *order)
{
    size_t begin = out->length;
    append_part(out, "", order->side);
    append_part(out, " ", order->quantity);
    append_part(out, out->length > begin ? " " : "", order->symbol);
    append_part(out, " for ", order->amount);
    append_part(out, " at ", order->is_market ? "" : order->price);
    if (order->is_market)
        (void)buffer_append_text(out, " at the market");
    append_part(out, out->length > begin ? ", ordId " : "ordId ", order->id);
    append_part(out, out->length > begin ? ", clOrdId " : "clOrdId ", order->client_id);
}

void reconcile_append_orders_of(struct buffer *out, const struct record *record)
{
    static struct reconcile_request request; /* large, and this program's one thread's */
    if (record->outcome != RECORD_UNKNOWN || record->id < 0)
        return;
    reconcile_request_read(&request, record);
    for (size_t i = 0; i < request.count && request.kind != RECONCILE_UNREADABLE; i++) {
        (void)buffer_append_text(out, "  ");
        reconcile_append_order(out, &request.orders[i]);
    }
}
