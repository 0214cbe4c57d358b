/* Currencies, deposits, and moves between the spot and the futures account. The loop's thread. */
#include "room.h"

#include <stdio.h>
#include <string.h>

/* A currency by its code, or by the code with a chain's name behind it, as "USDTTRX" in the documentation's example. */
static const struct currency *find_currency(const char *code)
{
    const struct currency *found = currency_find(slice_text(code));
    for (size_t i = 0; found == NULL && i < CURRENCY_COUNT; i++) {
        struct slice name = slice_text(currencies[i].code);
        if (slice_equal_caseless(slice_first(slice_text(code), name.length), name))
            found = &currencies[i];
    }
    return found;
}

bool input_currency(const struct currency **currency, const char *code, struct answer *answer)
{
    if (!input_require(code, "currencyCode", answer))
        return false;
    *currency = find_currency(code);
    return *currency != NULL || answer_fail(answer, FAILURE_FIELD_MISSING, "currency \"%s\" is not known", code);
}

/* The documentation's example of one chain: limits and fees are the same for every currency. */
static const struct constant chain_constants[] = {
    { "contractAddress", "", AS_TEXT },
    { "depositOpen", "1", AS_NUMBER },
    { "withdrawOpen", "1", AS_NUMBER },
    { "withdrawFee", "0.00000000", AS_TEXT },
    { "withdrawMin", "0.00010000", AS_TEXT },
    { "withdrawMax", "0.00000000", AS_TEXT },
    { "depositMin", "0.00010000", AS_TEXT },
    { "withdrawFeePlatform", "0.00000000", AS_TEXT },
    { "burningState", "0", AS_NUMBER },
    { "withdrawFeeOnChain", "0.00000000", AS_TEXT },
    { "tagType", "0", AS_NUMBER },
    { "withdrawFeeMin", "0.00000000", AS_TEXT },
};

void currency_info(const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX], name[ORDER_TEXT_MAX];
    const struct currency *currency;
    if (!input_take_query(code, call->query, "currencyCode", answer) || !input_currency(&currency, code, answer))
        return;
    (void)symbol_lower_case(name, currency->code); /* gives the text back */
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "name", name);
    answer_put_text(answer, object, "code", name);
    answer_put_number(answer, object, "showPrecision", "6");
    cJSON *chain = answer_add_object(answer, answer_put_list(answer, object, "chainDataList"));
    answer_put_text(answer, chain, "currencyCode", name);
    answer_put_text(answer, chain, "chainName", name);
    answer_put_constants(answer, chain, chain_constants, ARRAY_LENGTH(chain_constants));
}

/* An address that is none: whoever pays to it by mistake finds that no chain takes it. */
void deposit_address(const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX], chain[ORDER_TEXT_MAX], address[2 * ORDER_TEXT_MAX];
    const struct currency *currency;
    if (!input_take(code, call->body, "currencyCode", answer) || !input_take(chain, call->body, "chain", answer) ||
        !input_currency(&currency, code, answer) || !input_require(chain, "chain", answer))
        return;
    (void)snprintf(address, sizeof(address), "mock-address-%s-%s", currency->code, chain); /* fits: sized for it */
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "address", address);
    answer_put_text(answer, object, "tag", "");
    answer_put_number(answer, object, "depositMin", "0.00010000");
}

/* The documentation's example answer: one deposit that came long ago, in whatever currency is asked for. */
static const struct constant deposit_constants[] = {
    { "amount", "10.61", AS_TEXT },
    { "createdAt", "2024-02-27 17:36:38", AS_TEXT },
    { "status", "1", AS_NUMBER },
    { "explorer", "19ceb820c143ceae503cf6ce5a0c9064721f438099529d041026e062e99a0bdc8", AS_TEXT },
    { "txId", "9ceb820c143ceae503cf6ce5a0c9064721f438099529d041026e062e99a0bdc8", AS_TEXT },
    { "internalType", "0", AS_NUMBER },
    { "lockAccount", "false", AS_NUMBER },
    { "noDepositMsg", "null", AS_NUMBER },
};

void deposit_list(const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX], name[ORDER_TEXT_MAX];
    const struct currency *currency;
    if (!input_take(code, call->body, "currencyCode", answer) || !input_currency(&currency, code, answer))
        return;
    (void)symbol_lower_case(name, currency->code); /* gives the text back */
    cJSON *object = answer_object(answer);
    cJSON *deposit = answer_add_object(answer, answer_put_list(answer, object, "depositList"));
    answer_put_number(answer, deposit, "id", "38948");
    answer_put_text(answer, deposit, "symbol", name);
    answer_put_text(answer, deposit, "chainName", name);
    answer_put_text(answer, deposit, "chainProtocol", name);
    answer_put_constants(answer, deposit, deposit_constants, ARRAY_LENGTH(deposit_constants));
    answer_put_number(answer, object, "externalId", "null");
    answer_put_number(answer, object, "label", "null");
}

/* --- "Fund transfer" --- */

struct transfer_form {
    char type[ORDER_TEXT_MAX];
    char currency[ORDER_TEXT_MAX];
    char amount[ORDER_TEXT_MAX];
    char from[ORDER_TEXT_MAX];
    char to[ORDER_TEXT_MAX];
};

static bool read_transfer(struct transfer_form *form, const struct call *call, struct answer *answer)
{
    return input_take(form->type, call->body, "type", answer) &&
           input_take(form->currency, call->body, "currencyCode", answer) &&
           input_take(form->amount, call->body, "amount", answer) &&
           input_take(form->from, call->body, "from", answer) && input_take(form->to, call->body, "to", answer) &&
           input_require(form->amount, "amount", answer) && input_require(form->from, "from", answer) &&
           input_require(form->to, "to", answer);
}

/* "1: Spot account, 2: Futures account" */
static struct decimal *transfer_account(struct balance *balance, const char *number)
{
    if (strcmp(number, "1") == 0)
        return &balance->available;
    return strcmp(number, "2") == 0 ? &balance->futures : NULL;
}

void transfer(const struct call *call, struct answer *answer)
{
    struct transfer_form form;
    const struct currency *currency;
    struct decimal amount;
    if (!read_transfer(&form, call, answer) || !input_currency(&currency, form.currency, answer))
        return;
    struct balance *balance = account_balance(&call->mock->account, currency->code);
    struct decimal *from = transfer_account(balance, form.from), *to = transfer_account(balance, form.to);
    bool is_within = form.type[0] == '\0' || strcmp(form.type, "0") == 0; /* "The default is 0" */
    if (!is_within || from == NULL || to == NULL || from == to)
        (void)answer_fail(answer, FAILURE_FIELD_MISSING,
                          "the mock moves within the account (type 0), between 1 (spot) and 2 (futures)");
    else if (!input_amount(&amount, form.amount))
        (void)answer_fail(answer, FAILURE_TRANSFER_AMOUNT, "amount is not a number above 0 of up to 20 decimal places");
    else if (!account_move(from, to, &amount))
        (void)answer_fail(answer, FAILURE_TRANSFER_BALANCE, "there is less than %s %s", form.amount, currency->code);
}
