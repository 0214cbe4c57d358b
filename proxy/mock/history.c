/* Public endpoints of what was: candles of prices that never moved, and the latest trades. The loop's thread. */
#include "room.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CANDLES_MAX = 2000, /* "[1,2000]" */
    CANDLES_DEFAULT = 20,
    TRADES_MAX = 100, /* "[1,100]" */
    TRADES_DEFAULT = 20
};

/* `period`, the interval's name in the answer, and its seconds. Their names differ in the documentation, too. */
static const struct period {
    const char *name;
    const char *interval;
    uint64_t seconds;
} periods[] = {
    { "1min", "min_1", 60 },        { "5min", "min_5", 300 },    { "15min", "min_15", 900 },
    { "30min", "min_30", 1800 },    { "60min", "hour_1", 3600 }, { "4hour", "hour_4", 14400 },
    { "12hour", "hour_12", 43200 }, { "1day", "day_1", 86400 },  { "1week", "week_1", 604800 },
};

static bool find_symbol(const struct symbol **symbol, const struct call *call, struct answer *answer)
{
    *symbol = symbol_find(call->symbol);
    if (*symbol != NULL)
        return true;
    (void)answer_fail(answer, FAILURE_SYMBOL, "symbol \"%.*s\" is not listed", SLICE_ARGUMENTS(call->symbol));
    return false;
}

/* The default is not documented (where it should stand there is that of `size`): the shortest. */
static bool read_period(const struct period **period, const struct call *call, struct answer *answer)
{
    char name[ORDER_TEXT_MAX];
    if (!input_take_query(name, call->query, "period", answer))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(periods); i++) {
        *period = &periods[i];
        if (name[0] == '\0' || strcmp(name, periods[i].name) == 0)
            return true;
    }
    return answer_fail(answer, FAILURE_BAD_REQUEST,
                       "period is 1min, 5min, 15min, 30min, 60min, 4hour, 12hour, 1day or 1week");
}

static bool read_size(uint64_t *size, uint64_t maximum, const struct call *call, struct answer *answer)
{
    char text[ORDER_TEXT_MAX];
    return input_take_query(text, call->query, "size", answer) && input_count(size, maximum, text, "size", answer);
}

static void put_candle(struct answer *answer, cJSON *object, const struct symbol *symbol, const struct period *period,
                       uint64_t start)
{
    static const char *const prices[] = { "close", "open", "high", "low" };
    struct decimal price = decimal_of(symbol->price_mantissa, symbol->price_exponent);
    answer_put_u64(answer, object, "endTime", start + period->seconds - 1);
    answer_put_text(answer, object, "amount", "0");
    answer_put_text(answer, object, "interval", period->interval);
    answer_put_u64(answer, object, "startTime", start);
    answer_put_number(answer, object, "firstTradeId", "0");
    answer_put_number(answer, object, "lastTradeId", "0");
    answer_put_text(answer, object, "volume", "0");
    for (size_t i = 0; i < ARRAY_LENGTH(prices); i++)
        answer_put_decimal(answer, object, prices[i], &price, AS_TEXT);
}

/* Oldest first; the last one is under way. */
void market_kline(const struct call *call, struct answer *answer)
{
    const struct symbol *symbol;
    const struct period *period;
    uint64_t size = CANDLES_DEFAULT;
    char channel[ORDER_TEXT_MAX];
    if (!find_symbol(&symbol, call, answer) || !read_period(&period, call, answer) ||
        !read_size(&size, CANDLES_MAX, call, answer))
        return;
    (void)snprintf(channel, sizeof(channel), "%s@kline@%s", symbol->id, period->interval); /* fits: short constants */
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "channel", channel);
    cJSON *items = answer_put_list(answer, object, "item");
    uint64_t now = (uint64_t)call->now_ms / 1000, last = now - now % period->seconds;
    for (uint64_t i = size; i > 0; i--)
        put_candle(answer, answer_add_object(answer, items), symbol, period, last - (i - 1) * period->seconds);
    answer_put_text(answer, object, "symbol", symbol->code);
    answer_put_number(answer, object, "instrumentId", symbol->id);
}

static void put_trade(struct answer *answer, cJSON *object, const struct trade *trade)
{
    char channel[ORDER_TEXT_MAX];
    (void)snprintf(channel, sizeof(channel), "%s@trade", trade->symbol->id); /* fits: a short constant */
    answer_put_text(answer, object, "channel", channel);
    answer_put_u64(answer, object, "time", (uint64_t)trade->time_ms / 1000);
    answer_put_decimal(answer, object, "volume", &trade->quantity, AS_TEXT);
    answer_put_decimal(answer, object, "price", &trade->price, AS_TEXT);
    answer_put_u64(answer, object, "tradeId", trade->match_id);
    answer_put_text(answer, object, "takerSide", trade->buys ? "BUY" : "SELL");
    answer_put_u64(answer, object, "seq", trade->match_id);
    answer_put_u64(answer, object, "ts", (uint64_t)trade->time_ms);
    answer_put_text(answer, object, "symbol", trade->symbol->code);
    answer_put_number(answer, object, "instrumentId", trade->symbol->id);
}

/* What somebody else traded long ago, so that there is always one to read: the documentation's time, id and volume. */
static struct trade first_trade(const struct symbol *symbol)
{
    return (struct trade){
        .symbol = symbol,
        .match_id = 14867136,
        .buys = true,
        .time_ms = INT64_C(1642495112000),
        .price = decimal_of(symbol->price_mantissa, symbol->price_exponent),
        .quantity = decimal_of(11102, -6),
    };
}

/* The account's own trades are the market's: newest first, each match once, from its taker's side. */
void market_trades(const struct call *call, struct answer *answer)
{
    const struct symbol *symbol;
    const struct trade *trade;
    uint64_t size = TRADES_DEFAULT, count = 0;
    if (!find_symbol(&symbol, call, answer) || !read_size(&size, TRADES_MAX, call, answer))
        return;
    cJSON *items = answer_list(answer);
    for (uint64_t back = 0; count < size && (trade = trades_recent(&call->mock->trades, back)) != NULL; back++) {
        if (trade->symbol != symbol || trade->is_maker)
            continue;
        put_trade(answer, answer_add_object(answer, items), trade);
        count++;
    }
    struct trade first = first_trade(symbol);
    if (count < size)
        put_trade(answer, answer_add_object(answer, items), &first);
}
