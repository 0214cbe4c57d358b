/* Withdrawals, in memory and bounded. Nothing leaves: the amount stays frozen until it is cancelled. Private to this room. */
#ifndef MOCK_WITHDRAWALS_H
#define MOCK_WITHDRAWALS_H

#include "orders.h"

enum {
    WITHDRAWALS_MAX = 200, /* more are refused */
    WITHDRAWAL_NOT_REVIEWED = 0,
    WITHDRAWAL_CANCELLED = 6 /* "6:Cancelled" */
};

struct currency;

struct withdrawal {
    const struct currency *currency;
    uint64_t id;
    int status;
    int64_t created_ms;
    struct decimal amount;
    char address[ORDER_TEXT_MAX];
    char tag[ORDER_TEXT_MAX];
    char chain[ORDER_TEXT_MAX];
};

struct withdrawals {
    struct withdrawal items[WITHDRAWALS_MAX];
    size_t count;
};

#endif
