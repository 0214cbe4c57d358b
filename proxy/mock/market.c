/* Public endpoints: prices that never move, whatever is traded. No key is asked for, and signature fields are
 * not looked at: a documented public call is answered with them as without. */
#include "room.h"

#include "match.h"

static void write_price(char *text, const struct symbol *symbol, int64_t steps)
{
    struct decimal price = book_price(symbol, steps);
    (void)decimal_format(text, &price); /* gives the text back */
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

/* And what is made up, the same for every pair: nobody else trades here. */
static const struct constant ticker_constants[] = {
    { "volume", "24121351.85", AS_TEXT },
    { "amount", "1693799.10798965", AS_TEXT },
    { "count", "41723", AS_NUMBER },
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
    answer_put_text(answer, object, "bidSize", symbol->level_quantity);
    answer_put_text(answer, object, "askSize", symbol->level_quantity);
    answer_put_constants(answer, object, ticker_constants, ARRAY_LENGTH(ticker_constants));
}

void market_tickers(const struct call *call, struct answer *answer)
{
    (void)call; /* without parameters */
    (void)answer_list(answer);
    for (size_t i = 0; i < SYMBOL_COUNT; i++)
        add_ticker(answer, &symbols[i]);
}

const char *symbol_lower_case(char *text, const char *code)
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
    answer_put_text(answer, object, "symbol", symbol_lower_case(code, symbol->code));
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
    for (size_t i = 0; i < SYMBOL_COUNT; i++)
        add_price(answer, &symbols[i]);
}

/* The limits and fees of the documentation's example answer, the same for every pair. The limits are not enforced. */
static const struct constant symbol_limits[] = {
    { "minLmtPr", "0.0002", AS_TEXT },        { "minLmtSz", "0.2", AS_TEXT },
    { "minMktVa", "0.1", AS_TEXT },           { "minMktSz", "0.1", AS_TEXT },
    { "makerFee", MATCH_MAKER_FEE, AS_TEXT }, { "takerFee", MATCH_TAKER_FEE, AS_TEXT },
};

static void add_symbol(struct answer *answer, const struct symbol *symbol)
{
    char code[ORDER_TEXT_MAX];
    cJSON *object = answer_add_object(answer, answer->data);
    answer_put_number(answer, object, "symbolId", symbol->id);
    answer_put_text(answer, object, "symbolCode", symbol->code);
    answer_put_text(answer, object, "tradeCurrencyCode", symbol_lower_case(code, symbol->base));
    answer_put_text(answer, object, "quoteCurrencyCode", symbol_lower_case(code, symbol->quote));
    answer_put_number(answer, object, "openTrade", "true");
    answer_put_number(answer, object, "onLineTime", "1609813531019");
    answer_put_number(answer, object, "tickSz", symbol->tick_size);
    answer_put_number(answer, object, "lotSz", symbol->lot_size);
    answer_put_constants(answer, object, symbol_limits, ARRAY_LENGTH(symbol_limits));
}

/* "symbolCodes" and "symbolIds", both optional; a pair named by either is listed. */
void market_symbols(const struct call *call, struct answer *answer)
{
    (void)answer_list(answer);
    for (size_t i = 0; i < SYMBOL_COUNT; i++) {
        bool no_codes, no_ids;
        bool named = input_list_holds(call->body, "symbolCodes", symbols[i].code, &no_codes);
        named = input_list_holds(call->body, "symbolIds", symbols[i].id, &no_ids) || named;
        if (named || (no_codes && no_ids))
            add_symbol(answer, &symbols[i]);
    }
}
