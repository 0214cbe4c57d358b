/* What a request does with orders: places them, cancels them, or neither. For what must hold for orders placed and must
 * never stand in a cancel's way. Pure; any thread. Source: the exchange's API documentation, spot and futures, which use the
 * same paths. */
#ifndef COUNTERSIGN_ORDER_ACTION_H
#define COUNTERSIGN_ORDER_ACTION_H

#include "countersign/http_message.h"
#include "countersign/policy.h"

enum order_action {
    ORDER_ACTION_NONE,         /* places no order: public, reads, moves funds */
    ORDER_ACTION_CANCELS,      /* documented to cancel orders, and nothing else */
    ORDER_ACTION_ADJUSTS,      /* margin and leverage of a position; places none */
    ORDER_ACTION_PLACES,       /* one order */
    ORDER_ACTION_PLACES_BATCH, /* several */
    ORDER_ACTION_MAY_PLACE /* not known to place none: an undocumented endpoint, another method on a documented path, a
                                  path in doubt, a field that may turn it into another request */
};

/* `fields` are those that will be sent. The path is read as endpoint_classify reads it, in all its readings but the one that
 * keeps an oddity: where they do not agree, it may place. `endpoint_class` is what endpoint_classify said. A GET or HEAD of an undocumented path is taken to place none (RFC 9110 §9.2.1), but where the path says "place". */
enum order_action order_action_of(struct slice method, struct slice target, enum endpoint_class endpoint_class,
                                  struct http_fields fields);

/* The first field that some servers let override method or path (X-HTTP-Method-Override, X-Original-URL, ...), or NULL. */
const struct http_field *order_action_overriding_field(struct http_fields fields);

/* Whether a stop of trading refuses it: all that is of class trade but for cancels, and all that may be. */
bool order_action_is_trading(enum order_action action);

#endif
