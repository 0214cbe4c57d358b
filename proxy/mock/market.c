/* Public endpoints: prices that never move, and an order book around them. No key is asked for, and signature fields are
 * not looked at: a documented public call is answered with them as without. */
#include "room.h"

#include <stdio.h>

enum {
    DEPTH_DEFAULT = 20,
    BOOK_STEPS = 1000 /* the book's steps in one unit of a price's last digit */
};

/* The last price, moved by `steps` steps of the book. */
static void write_price(char *text, const struct symbol *symbol, int64_t steps)
{
    uint64_t mantissa = (uint64_t)((int64_t)(symbol->price_mantissa * BOOK_STEPS) + steps);
    struct decimal price = decimal_of(mantissa, symbol->price_exponent - 3); /* BOOK_STEPS is 10^3 */
    (void)decimal_format(text, &price);
}

static void write_last_price(char *text, const struct symbol *symbol)
{
    struct decimal price = decimal_of(symbol->price_mantissa, symbol->price_exponent);
    (void)decimal_format(text, &price);
}

/* A ticker's members that are prices, as steps from the last one. */
static const struct {
    const char *name;
    int64_t steps;
} ticker_prices[] = {
    { "open", -250 }, { "high", 500 }, { "low", -500 }, { "bid", -1 }, { "ask", 1 },
};

/* And those that are the same for every pair: nothing here is traded. */
static const struct {
    const char *name;
    const char *value;
} ticker_sizes[] = {
    { "bidSize", "454.2" },
    { "askSize", "542.6" },
    { "volume", "24121351.85" },
    { "amount", "1693799.10798965" },
};

static void add_ticker(struct answer *answer, const struct symbol *symbol)
{
    char price[DECIMAL_TEXT_MAX];
    cJSON *object = answer_add_object(answer, answer->data);
    answer_put_text(answer, object, "channel", "ticker");
    answer_put_text(answer, object, "symbol", symbol->code);
    answer_put_number(answer, object, "instrumentId", symbol->id);
    write_last_price(price, symbol);
    answer_put_text(answer, object, "close", price);
    for (size_t i = 0; i < ARRAY_LENGTH(ticker_prices); i++) {
        write_price(price, symbol, ticker_prices[i].steps);
        answer_put_text(answer, object, ticker_prices[i].name, price);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(ticker_sizes); i++)
        answer_put_text(answer, object, ticker_sizes[i].name, ticker_sizes[i].value);
    answer_put_number(answer, object, "count", "41723");
}

void market_tickers(const struct call *call, struct answer *answer)
{
    (void)call; /* without parameters */
    (void)answer_list(answer);
    for (size_t i = 0; i < symbol_count; i++)
        add_ticker(answer, &symbols[i]);
}

/* "btcusdt": the form of some answers. Into ORDER_TEXT_MAX bytes. */
static const char *lower_case(char *text, const char *code)
{
    size_t length = 0;
    for (; code[length] != '\0' && length < ORDER_TEXT_MAX - 1; length++)
        text[length] = code[length] >= 'A' && code[length] <= 'Z' ? (char)(code[length] + ('a' - 'A')) : code[length];
    text[length] = '\0';
    return text;
}

static void add_price(struct answer *answer, const struct symbol *symbol)
{
    char code[ORDER_TEXT_MAX], price[DECIMAL_TEXT_MAX];
    cJSON *object = answer_add_object(answer, answer->data);
    answer_put_number(answer, object, "id", symbol->id);
    answer_put_text(answer, object, "symbol", lower_case(code, symbol->code));
    write_last_price(price, symbol);
    answer_put_text(answer, object, "price", price);
}

/* The prices of "btcusdt,eosusdt". */
static void add_named_prices(struct answer *answer, struct slice codes)
{
    struct slice code;
    while (slice_next_part(&codes, ',', &code)) {
        const struct symbol *symbol = symbol_find(code);
        if (symbol == NULL) {
            (void)answer_fail(answer, FAILURE_SYMBOL, "symbol \"%.*s\" is not listed", SLICE_ARGUMENTS(code));
            return;
        }
        add_price(answer, symbol);
    }
}

/* "default: Query all symbols. query the specified symbol: /v1/ticker/price;symbol=btcusdt,eosusdt,autusdt", and `symbol`
 * in the table of request parameters. */
void market_price(const struct call *call, struct answer *answer)
{
    enum { CODES_MAX = 512 };
    char codes[CODES_MAX];
    enum input given = input_query(codes, sizeof(codes), call->parameters, "symbol");
    if (given == INPUT_ABSENT)
        given = input_query(codes, sizeof(codes), call->query, "symbol");
    if (given == INPUT_UNUSABLE) {
        (void)answer_fail(answer, FAILURE_BAD_REQUEST, "symbol is longer than %d bytes or badly encoded",
                          CODES_MAX - 1);
        return;
    }
    (void)answer_list(answer);
    if (given == INPUT_GIVEN) {
        add_named_prices(answer, slice_text(codes));
        return;
    }
    for (size_t i = 0; i < symbol_count; i++)
        add_price(answer, &symbols[i]);
}

static bool read_depth(uint64_t *depth, const struct call *call, struct answer *answer)
{
    static const uint64_t allowed[] = { 5, 10, 20, 50, 100 };
    char text[24];
    *depth = DEPTH_DEFAULT;
    enum input given = input_query(text, sizeof(text), call->query, "depth");
    if (given == INPUT_ABSENT)
        return true;
    for (size_t i = 0; given == INPUT_GIVEN && i < ARRAY_LENGTH(allowed); i++) {
        if (slice_to_u64(slice_text(text), depth) && *depth == allowed[i])
            return true;
    }
    return answer_fail(answer, FAILURE_BAD_REQUEST, "depth is 5, 10, 20, 50 or 100");
}

/* One side of the book: [[price, quantity, direction], ...], the best price first. */
static void put_side(struct answer *answer, cJSON *object, const struct symbol *symbol, uint64_t depth, int direction)
{
    cJSON *levels = answer_put_list(answer, object, direction < 0 ? "a" : "b");
    for (int64_t level = 1; level <= (int64_t)depth; level++) {
        char price[DECIMAL_TEXT_MAX];
        cJSON *row = cJSON_CreateArray();
        write_price(price, symbol, direction < 0 ? level : -level); /* asks above the last price, bids below */
        answer_put_item(answer, row, cJSON_CreateString(price));
        answer_put_item(answer, row, cJSON_CreateString("0.018144"));
        answer_put_item(answer, row, cJSON_CreateRaw(direction < 0 ? "-1" : "1"));
        answer_put_item(answer, levels, row);
    }
}

void market_depth(const struct call *call, struct answer *answer)
{
    uint64_t depth;
    const struct symbol *symbol = symbol_find(call->symbol);
    if (symbol == NULL) {
        (void)answer_fail(answer, FAILURE_SYMBOL, "symbol \"%.*s\" is not listed", SLICE_ARGUMENTS(call->symbol));
        return;
    }
    if (!read_depth(&depth, call, answer))
        return;
    char channel[ORDER_TEXT_MAX];
    (void)snprintf(channel, sizeof(channel), "%s@depth@%d", symbol->id, (int)depth); /* fits: short constants */
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "channel", channel);
    answer_put_u64(answer, object, "level", depth);
    put_side(answer, object, symbol, depth, -1);
    put_side(answer, object, symbol, depth, 1);
    answer_put_text(answer, object, "symbol", symbol->code);
    answer_put_number(answer, object, "instrumentId", symbol->id);
}

/* The limits and fees of the documentation's example answer, the same for every pair. They are not enforced. */
static const struct {
    const char *name;
    const char *value;
} symbol_limits[] = {
    { "minLmtPr", "0.0002" }, { "minLmtSz", "0.2" },   { "minMktVa", "0.1" },
    { "minMktSz", "0.1" },    { "makerFee", "0.006" }, { "takerFee", "0.003" },
};

static void add_symbol(struct answer *answer, const struct symbol *symbol)
{
    char code[ORDER_TEXT_MAX];
    cJSON *object = answer_add_object(answer, answer->data);
    answer_put_number(answer, object, "symbolId", symbol->id);
    answer_put_text(answer, object, "symbolCode", symbol->code);
    answer_put_text(answer, object, "tradeCurrencyCode", lower_case(code, symbol->base));
    answer_put_text(answer, object, "quoteCurrencyCode", lower_case(code, symbol->quote));
    answer_put_number(answer, object, "openTrade", "true");
    answer_put_number(answer, object, "onLineTime", "1609813531019");
    answer_put_number(answer, object, "tickSz", symbol->tick_size);
    answer_put_number(answer, object, "lotSz", symbol->lot_size);
    for (size_t i = 0; i < ARRAY_LENGTH(symbol_limits); i++)
        answer_put_text(answer, object, symbol_limits[i].name, symbol_limits[i].value);
}

/* "symbolCodes" and "symbolIds", both optional; a pair named by either is listed. */
void market_symbols(const struct call *call, struct answer *answer)
{
    (void)answer_list(answer);
    for (size_t i = 0; i < symbol_count; i++) {
        bool no_codes, no_ids;
        bool named = input_list_holds(call->body, "symbolCodes", symbols[i].code, &no_codes);
        named = input_list_holds(call->body, "symbolIds", symbols[i].id, &no_ids) || named;
        if (named || (no_codes && no_ids))
            add_symbol(answer, &symbols[i]);
    }
}
