/* The mock's one account: what it has of each currency. Private to this room. */
#ifndef MOCK_ACCOUNT_H
#define MOCK_ACCOUNT_H

#include "countersign/decimal.h"

enum { CURRENCY_COUNT = 7 };

struct currency {
    const char *id; /* currencyId */
    const char *code;
    const char *available; /* what the account begins with */
    const char *frozen;
    const char *futures;
};

extern const struct currency currencies[CURRENCY_COUNT];

/* One currency's money, each part in its own place; a sum of them changes by trades, fees and withdrawals alone. */
struct balance {
    struct decimal available;
    struct decimal frozen; /* by active orders and withdrawals */
    struct decimal futures;
};

struct account {
    struct balance balances[CURRENCY_COUNT]; /* as in `currencies` */
};

void account_init(struct account *account);

/* By its code, case ignored. NULL where it is not listed. */
const struct currency *currency_find(struct slice code);
struct balance *account_balance(struct account *account, const char *code);

/* Moves `amount`. False, and nothing moved, where `from` has less, or where a sum has too many digits. */
MUST_CHECK bool account_move(struct decimal *from, struct decimal *to, const struct decimal *amount);

/* The account's number in answers. */
const char *account_id(void);

#endif
