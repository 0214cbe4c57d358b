/* The pairs this mock lists. Constant; any thread. */
#include "room.h"

/* Prices reach from 40000 to 9.1E-10: whoever reads them as fixed-point or rounds them finds out here. What stands at one
 * price of the book is small beside what the account has, so that larger orders fill at several prices, or in part. */
const struct symbol symbols[SYMBOL_COUNT] = {
    { "4", "BTCUSDT", "BTC", "USDT", 40000, 0, "0.018144", "2", "6", "100300034" },
    { "5", "ETHUSDT", "ETH", "USDT", 2500, 0, "0.5", "2", "4", "100300027" },
    { "15", "TIPUSDT", "TIP", "USDT", 25, -3, "20000", "6", "1", NULL },
    { "88", "AAAA88USDT", "AAAA88", "USDT", 2, 0, "250", "4", "2", NULL },
    { "120", "LUFFYUSDT", "LUFFY", "USDT", 91, -11, "100000000000", "12", "0", NULL },
    { "131", "SHARPUSDT", "SHARP", "USDT", 2, -2, "1000.5", "5", "12", NULL },
};

const struct symbol *symbol_find(struct slice code)
{
    for (size_t i = 0; i < SYMBOL_COUNT; i++) {
        if (slice_equal_text_caseless(code, symbols[i].code))
            return &symbols[i];
    }
    return NULL;
}

const struct symbol *symbol_find_contract(struct slice id)
{
    for (size_t i = 0; i < SYMBOL_COUNT; i++) {
        if (symbols[i].contract != NULL && slice_equal_text(id, symbols[i].contract))
            return &symbols[i];
    }
    return NULL;
}
