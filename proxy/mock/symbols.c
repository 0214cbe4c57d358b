/* The pairs this mock lists. Constant; any thread. */
#include "room.h"

/* Prices reach from 40000 to 9.1E-10: whoever reads them as fixed-point or rounds them finds out here. */
const struct symbol symbols[] = {
    { "4", "BTCUSDT", "BTC", "USDT", 40000, 0, "0.000025", "2", "6" },
    { "5", "ETHUSDT", "ETH", "USDT", 2500, 0, "0.0004", "2", "4" },
    { "15", "TIPUSDT", "TIP", "USDT", 25, -3, "40", "6", "1" },
    { "88", "AAAA88USDT", "AAAA88", "USDT", 2, 0, "0.5", "4", "2" },
    { "120", "LUFFYUSDT", "LUFFY", "USDT", 91, -11, "1098901098.901098901", "12", "0" },
    { "131", "SHARPUSDT", "SHARP", "USDT", 2, -2, "50", "5", "12" },
};

const size_t symbol_count = ARRAY_LENGTH(symbols);

const struct symbol *symbol_find(struct slice code)
{
    for (size_t i = 0; i < symbol_count; i++) {
        if (slice_equal_text_caseless(code, symbols[i].code))
            return &symbols[i];
    }
    return NULL;
}
