/* The futures endpoints. Contracts are quoted and money can be moved there; positions are not kept: nothing fills on
 * margin here. Shapes are those of the futures documentation's examples. The loop's thread. */
#include "room.h"

#include <inttypes.h>
#include <stdio.h>

enum { CONTRACT_DEPTH = 20 /* prices on each side of a snapshot; not documented */ };

static const struct constant contract_constants[] = {
    { "currencyId", "30", AS_NUMBER },
    { "quoteAsset", "USDT", AS_TEXT },
    { "marginAsset", "USDT", AS_TEXT },
    { "tickSize", "0.5", AS_NUMBER },
    { "priceScale", "1", AS_NUMBER },
    { "maxOrderSize", "20000", AS_NUMBER },
    { "minOrderSize", "1", AS_NUMBER },
    { "takerFeeRate", "0.0006", AS_NUMBER },
    { "makerFeeRate", "0.00025", AS_NUMBER },
    { "contractSize", "0.001", AS_NUMBER },
    { "minMaintRate", "0.003", AS_NUMBER },
    { "fundingInterval", "3", AS_NUMBER },
    { "tags", "", AS_TEXT },
    { "weight", "0", AS_NUMBER },
};

static const struct constant risk_limit[] = { { "maxSize", "40000", AS_NUMBER },
                                              { "maintRate", "0.005", AS_NUMBER },
                                              { "leverage", "100", AS_NUMBER } };

static const struct constant margin_currency[] = {
    { "currencyId", "30", AS_NUMBER },
    { "name", "USDT", AS_TEXT },
    { "disableTransferIn", "0", AS_NUMBER },
    { "disableTransferOut", "0", AS_NUMBER },
};

void futures_configs(const struct call *call, struct answer *answer)
{
    (void)call; /* without parameters */
    cJSON *object = answer_object(answer);
    cJSON *contracts = answer_put_list(answer, object, "contracts");
    for (size_t i = 0; i < SYMBOL_COUNT; i++) {
        if (symbols[i].contract == NULL)
            continue;
        cJSON *contract = answer_add_object(answer, contracts);
        answer_put_number(answer, contract, "contractId", symbols[i].contract);
        answer_put_text(answer, contract, "name", symbols[i].code);
        answer_put_text(answer, contract, "baseAsset", symbols[i].base);
        answer_put_constants(answer, contract, contract_constants, ARRAY_LENGTH(contract_constants));
        cJSON *limits = answer_put_list(answer, contract, "riskLimits");
        answer_put_constants(answer, answer_add_object(answer, limits), risk_limit, ARRAY_LENGTH(risk_limit));
    }
    cJSON *listed = answer_put_list(answer, object, "currencies");
    answer_put_constants(answer, answer_add_object(answer, listed), margin_currency, ARRAY_LENGTH(margin_currency));
    answer_put_number(answer, object, "version", "3");
}

/* --- quotes --- */

/* The quotes' answers are no envelopes: two have `success` in place of a code, and one neither. */

static bool find_contract(const struct symbol **symbol, const struct call *call, struct answer *answer)
{
    char id[ORDER_TEXT_MAX];
    return input_take_query(id, call->query, "contractId", answer) && input_require(id, "contractId", answer) &&
           input_contract(symbol, id, answer);
}

static void put_text_item(struct answer *answer, cJSON *row, const struct decimal *number)
{
    char text[DECIMAL_TEXT_MAX];
    answer_put_item(answer, row, cJSON_CreateString(decimal_format(text, number)));
}

static void put_number_item(struct answer *answer, cJSON *row, const char *number)
{
    answer_put_item(answer, row, cJSON_CreateRaw(number));
}

/* {"success": true, "data": {}}; returns the inner object. */
static cJSON *put_success(struct answer *answer)
{
    cJSON *object = answer_object(answer);
    answer_put_number(answer, object, "success", "true");
    return answer_put_object(answer, object, "data");
}

/* "[timestamp, open price, high price, low price, close price, trade volume]": one, of the minute under way. */
void futures_candlestick(const struct call *call, struct answer *answer)
{
    enum { MINUTE_MS = 60000, PRICES = 4 };
    const struct symbol *symbol;
    char start[24];
    if (!find_contract(&symbol, call, answer))
        return;
    struct decimal price = decimal_of(symbol->price_mantissa, symbol->price_exponent), none = { .count = 0 };
    (void)snprintf(start, sizeof(start), "%" PRId64, call->now_ms - call->now_ms % MINUTE_MS); /* fits: 20 characters */
    cJSON *object = put_success(answer), *row = cJSON_CreateArray();
    answer_put_item(answer, answer_put_list(answer, object, "lines"), row);
    put_number_item(answer, row, start);
    for (int i = 0; i < PRICES; i++)
        put_text_item(answer, row, &price);
    put_text_item(answer, row, &none);
    answer_put_number(answer, object, "contractId", symbol->contract);
}

static void put_quotes(struct answer *answer, cJSON *object, struct mock *mock, const struct symbol *symbol,
                       enum book_side side)
{
    struct book_walk walk;
    struct quote quote;
    cJSON *levels = answer_put_list(answer, object, side == BOOK_ASKS ? "asks" : "bids");
    book_walk_begin(&walk, mock, symbol, side);
    for (int i = 0; i < CONTRACT_DEPTH && book_walk_next(&walk, &quote); i++) {
        cJSON *row = cJSON_CreateArray();
        put_text_item(answer, row, &quote.price);
        put_text_item(answer, row, &quote.quantity);
        answer_put_item(answer, levels, row);
    }
}

static const struct constant snapshot_constants[] = {
    { "fr", "0.000033", AS_TEXT }, { "pv", "2158", AS_NUMBER },    { "tv", "116", AS_TEXT },
    { "tt", "5916.096", AS_TEXT }, { "pfr", "0.000033", AS_TEXT }, { "pcr", "0.00003922", AS_TEXT },
};

void futures_snapshot(const struct call *call, struct answer *answer)
{
    static const char *const prices[] = { "mp", "ph", "pl", "ip", "lp" };
    const struct symbol *symbol;
    if (!find_contract(&symbol, call, answer))
        return;
    struct decimal price = decimal_of(symbol->price_mantissa, symbol->price_exponent);
    cJSON *object = answer_object(answer);
    answer_put_number(answer, object, "contractId", symbol->contract);
    cJSON *result = answer_put_object(answer, object, "result");
    put_quotes(answer, result, call->mock, symbol, BOOK_BIDS);
    put_quotes(answer, result, call->mock, symbol, BOOK_ASKS);
    answer_put_number(answer, result, "cid", symbol->contract);
    for (size_t i = 0; i < ARRAY_LENGTH(prices); i++)
        answer_put_decimal(answer, result, prices[i], &price, AS_TEXT);
    answer_put_constants(answer, result, snapshot_constants, ARRAY_LENGTH(snapshot_constants));
}

/* "[timestamp, price, transaction quantity, side (1 long; -1 short)]": one, of the documentation's example. */
void futures_ticks(const struct call *call, struct answer *answer)
{
    const struct symbol *symbol;
    if (!find_contract(&symbol, call, answer))
        return;
    struct decimal price = decimal_of(symbol->price_mantissa, symbol->price_exponent), one = decimal_of(1, 0);
    cJSON *row = cJSON_CreateArray();
    answer_put_item(answer, answer_put_list(answer, put_success(answer), "trades"), row);
    put_number_item(answer, row, "1631779278982000");
    put_text_item(answer, row, &price);
    put_text_item(answer, row, &one);
    put_number_item(answer, row, "1");
}

/* --- the futures account --- */

static const struct constant available_constants[] = {
    { "frozenForTrade", "0", AS_TEXT },  { "initMargin", "0", AS_TEXT },      { "frozenInitMargin", "0", AS_TEXT },
    { "closeProfitLoss", "0", AS_TEXT }, { "dailyProfitLoss", "0", AS_TEXT }, { "unRealizedProfit", "0", AS_TEXT },
    { "leverLevel", "0", AS_TEXT },      { "toBtc", "0", AS_TEXT },           { "accountType", "1", AS_NUMBER },
    { "contractId", "null", AS_NUMBER },
};

void futures_available(const struct call *call, struct answer *answer)
{
    static const char *const amounts[] = { "totalBalance", "available", "accountEquity" };
    cJSON *list = answer_list(answer);
    for (size_t i = 0; i < CURRENCY_COUNT; i++) {
        const struct decimal *amount = &call->mock->account.balances[i].futures;
        if (decimal_is_zero(amount))
            continue;
        cJSON *object = answer_add_object(answer, list);
        answer_put_number(answer, object, "currencyId", currencies[i].id);
        for (size_t j = 0; j < ARRAY_LENGTH(amounts); j++)
            answer_put_decimal(answer, object, amounts[j], amount, AS_TEXT);
        answer_put_constants(answer, object, available_constants, ARRAY_LENGTH(available_constants));
        answer_put_number(answer, object, "accountId", account_id());
    }
}

/* Positions are not kept: the list is empty. */
void futures_positions(const struct call *call, struct answer *answer)
{
    (void)call;
    (void)answer_list(answer); /* out of memory shows in `answer` */
}

/* Forced reductions and liquidations: there were none. */
void futures_closings(const struct call *call, struct answer *answer)
{
    (void)call;
    (void)answer_put_list(answer, answer_object(answer), "list"); /* likewise */
}

/* Margin and leverage: taken, and of no effect. */
void futures_adjust(const struct call *call, struct answer *answer)
{
    char id[ORDER_TEXT_MAX];
    const struct symbol *symbol;
    (void)(input_take(id, call->body, "contractId", answer) && input_require(id, "contractId", answer) &&
           input_contract(&symbol, id, answer)); /* where it is refused, the answer says so; else it has no data */
}
