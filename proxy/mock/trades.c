/* The account's trades: a ring. The loop's thread. */
#include "trades.h"

/* The documentation's examples, plus one. */
static const uint64_t first_id = 3984988, first_match = 258338867;

void trades_add(struct trades *trades, const struct trade *trade)
{
    struct trade *slot = &trades->items[trades->count % TRADES_KEPT_MAX];
    *slot = *trade;
    slot->id = first_id + trades->count++;
}

const struct trade *trades_recent(const struct trades *trades, uint64_t back)
{
    if (back >= trades->count || back >= TRADES_KEPT_MAX)
        return NULL;
    return &trades->items[(trades->count - 1 - back) % TRADES_KEPT_MAX];
}

uint64_t trades_next_match(struct trades *trades)
{
    return first_match + trades->matches++;
}
