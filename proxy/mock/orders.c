/* The mock's orders: a table in which ended ones make room. The loop's thread. */
#include "orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The documentation's example of an id, plus one: odd and above 2^53, so a client that reads ids as doubles changes it. */
static const uint64_t first_id = UINT64_C(11594964764657881);

void orders_init(struct orders *orders)
{
    orders->count = 0;
    orders->next = 0;
    orders->next_id = first_id;
}

bool order_is_active(const struct order *order)
{
    return order->state == ORDER_SUBMITTED || order->state == ORDER_PARTIAL_FILLED;
}

size_t orders_active_count(const struct orders *orders)
{
    size_t active = 0;
    for (size_t i = 0; i < orders->count; i++)
        active += order_is_active(&orders->items[i]);
    return active;
}

static struct order *free_slot(struct orders *orders)
{
    if (orders->count < ORDERS_KEPT_MAX)
        return &orders->items[orders->count++];
    while (order_is_active(&orders->items[orders->next])) /* ends: fewer are active than kept */
        orders->next = (orders->next + 1) % ORDERS_KEPT_MAX;
    struct order *slot = &orders->items[orders->next];
    orders->next = (orders->next + 1) % ORDERS_KEPT_MAX;
    return slot;
}

_Static_assert(ORDERS_ACTIVE_MAX < ORDERS_KEPT_MAX, "free_slot needs an order that has ended");

struct order *orders_add(struct orders *orders, const struct order *order)
{
    struct order *slot = free_slot(orders);
    *slot = *order;
    (void)snprintf(slot->id, sizeof(slot->id), "%" PRIu64, orders->next_id); /* fits: at most 20 digits */
    if (slot->client_id[0] == '\0') /* "If not sent, it is automatically generated" */
        (void)snprintf(slot->client_id, sizeof(slot->client_id), "%032" PRIx64, orders->next_id);
    slot->placed = orders->next_id++;
    return slot;
}

struct order *orders_find(struct orders *orders, const char *id)
{
    for (size_t i = 0; i < orders->count; i++) {
        if (strcmp(orders->items[i].id, id) == 0)
            return &orders->items[i];
    }
    return NULL;
}

struct order *orders_find_client_id(struct orders *orders, const char *client_id)
{
    for (size_t i = 0; i < orders->count; i++) {
        if (strcmp(orders->items[i].client_id, client_id) == 0)
            return &orders->items[i];
    }
    return NULL;
}
