/* What a request does with orders. Pure; any thread. */
#include "countersign/order_action.h"

#include "countersign/compiler.h"
#include "countersign/endpoint_path.h"

#include <string.h>

/* All with POST. Another method on one of these paths is not documented, and may place. */
static const struct {
    const char *path; /* normal form */
    enum order_action action;
} documented[] = {
    { "/api/trade/order/place", ORDER_ACTION_PLACES },
    { "/api/trade/order/placebatch", ORDER_ACTION_PLACES_BATCH },
    { "/api/trade/order/cancel", ORDER_ACTION_CANCELS },
    { "/api/trade/order/cancelbatch", ORDER_ACTION_CANCELS },
    { "/api/trade/order/cancelbatchbyclordid", ORDER_ACTION_CANCELS },
    { "/api/trade/order/cancelall", ORDER_ACTION_CANCELS },
    { "/api/trade/orders/del", ORDER_ACTION_CANCELS },
    { "/api/future/adjustmargin", ORDER_ACTION_ADJUSTS },
    { "/api/configs/adjustpositionconfig", ORDER_ACTION_ADJUSTS },
    { "/api/future/queryavail", ORDER_ACTION_NONE },
};

/* Some servers and frameworks let these stand for the method or the path of the request line. */
static const char *const overriding[] = {
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL",
    "X-Original-URI",         "X-Rewrite-URL", "X-Forwarded-Uri",   "X-Original-Method",
};

const struct http_field *order_action_overriding_field(struct http_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        struct slice name = fields.items[i].name;
        if (name.length < 2 || (name.data[0] | 0x20) != 'x' || name.data[1] != '-')
            continue; /* most fields are told apart by two bytes */
        for (size_t j = 0; j < ARRAY_LENGTH(overriding); j++) {
            if (slice_equal_text_caseless(name, overriding[j]))
                return &fields.items[i];
        }
    }
    return NULL;
}

static bool says(struct slice path, const char *word)
{
    return memmem(path.data, path.length, word, strlen(word)) != NULL;
}

static enum order_action action_of_undocumented(bool is_safe, struct slice path, enum endpoint_class endpoint_class)
{
    switch (endpoint_class) {
    case ENDPOINT_PUBLIC:
        return ORDER_ACTION_NONE;
    case ENDPOINT_FUNDS: /* what undocumented paths are for is guessed from their words: two guesses, the stricter counts */
        return says(path, "order") ? ORDER_ACTION_MAY_PLACE : ORDER_ACTION_NONE;
    case ENDPOINT_READ:
    case ENDPOINT_UNKNOWN:
        if (is_safe || endpoint_class == ENDPOINT_READ)
            return says(path, "place") ? ORDER_ACTION_MAY_PLACE : ORDER_ACTION_NONE;
        return ORDER_ACTION_MAY_PLACE;
    case ENDPOINT_TRADE:
    case ENDPOINT_DOUBTFUL:
        break;
    }
    return ORDER_ACTION_MAY_PLACE;
}

static enum order_action action_of_reading(struct slice method, struct slice path, enum endpoint_class endpoint_class)
{
    bool is_safe = slice_equal_text(method, "GET") || slice_equal_text(method, "HEAD");
    for (size_t i = 0; i < ARRAY_LENGTH(documented); i++) {
        if (!slice_equal_text(path, documented[i].path))
            continue;
        if (slice_equal_text(method, "POST"))
            return documented[i].action;
        return documented[i].action == ORDER_ACTION_NONE && is_safe ? ORDER_ACTION_NONE : ORDER_ACTION_MAY_PLACE;
    }
    return action_of_undocumented(is_safe, path, endpoint_class);
}

enum order_action order_action_of(struct slice method, struct slice target, enum endpoint_class endpoint_class,
                                  struct http_fields fields)
{
    struct endpoint_path path;
    endpoint_path_read(&path, target);
    if (order_action_overriding_field(fields) != NULL || path.count == 0)
        return ORDER_ACTION_MAY_PLACE;
    /* The first of several has the path's oddity, which no documented path has: a router that keeps it finds nothing there. */
    size_t first = path.count > 1 ? 1 : 0;
    enum order_action action = action_of_reading(method, endpoint_path_reading(&path, first), endpoint_class);
    for (size_t i = first + 1; i < path.count; i++) {
        if (action_of_reading(method, endpoint_path_reading(&path, i), endpoint_class) != action)
            return ORDER_ACTION_MAY_PLACE;
    }
    return action;
}

bool order_action_is_trading(enum order_action action)
{
    return action != ORDER_ACTION_NONE && action != ORDER_ACTION_CANCELS;
}
