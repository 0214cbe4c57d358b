/* The codes that say what is wrong with what is asked for, and the two that say success. Constant data; any thread. */
#include "catalogue_tables.h"

#include "countersign/compiler.h"

/* --- success --- */

static const struct catalogue_cause code_200_elsewhere = {
    .id = "code-200-elsewhere",
    .text =
        "Another endpoint than the transfer answered 200. That this is a success is not documented, so this program "
        "counts it as api_error.",
    .tell = "The path does not end in /v1/future/transfer.",
    .commands = { "countersign log ls --code 200 --outcome api_error" },
    .remedy = "Read the answer's `data`, and look up what was asked for, before it is sent again.",
};

static const struct catalogue_entry success_codes[] = {
    { .kind = CATALOGUE_CODE,
      .name = "0",
      .summary = "Success.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented. It comes as a number or as a string: 0, \"0\"." },
    { .kind = CATALOGUE_CODE,
      .name = "200",
      .summary = "Success of a transfer between spot and futures; of no other endpoint.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented for the transfer endpoint alone.",
      .reasons = { { &code_200_elsewhere, CATALOGUE_CONCLUDED } } },
};

const struct catalogue_table catalogue_success_codes = { .entries = success_codes,
                                                         .count = ARRAY_LENGTH(success_codes) };

/* --- orders and pairs --- */

static const struct catalogue_cause symbol_not_listed = {
    .id = "symbol-not-listed",
    .text = "The pair is not listed.",
    .tell = "The request as it left has the name that was asked for.",
    .commands = { "countersign log show last:3011 --view upstream-request" },
    .remedy = "Take the name from POST /api/v2/public/config/spot/symbols, which needs no key, as it is written there.",
};

static const struct catalogue_cause restricted_pair = {
    .id = "restricted-pair",
    .text = "Trading in this pair is restricted.",
    .tell = "Orders for this pair fail, those for others do not.",
    .commands = { "countersign log ls --code 3012", "countersign log ls --path '/api/trade/order/place*'" },
    .remedy = "Look at the exchange's announcements for the pair. Neither key nor signature is meant.",
};

static const struct catalogue_cause restricted_account = {
    .id = "restricted-account",
    .text = "Trading is restricted for this account.",
    .tell = "Orders for every pair fail.",
    .commands = { "countersign log ls --code 3013", "countersign log ls --path '/api/trade/order/place*'" },
    .remedy = "Ask the exchange's support. Neither key nor signature is meant.",
};

static const struct catalogue_cause restricted_sub_account = {
    .id = "restricted-sub-account",
    .text = "Trading is restricted for this sub-account.",
    .tell = "Orders for every pair fail.",
    .commands = { "countersign log ls --code 3014", "countersign log ls --path '/api/trade/order/place*'" },
    .remedy = "Look at the sub-account's rights on the exchange's site, from its main account.",
};

static const struct catalogue_cause restricted_sub_account_pair = {
    .id = "restricted-sub-account-pair",
    .text = "Trading in this pair is restricted for this sub-account.",
    .tell = "Orders for this pair fail, those for others do not.",
    .commands = { "countersign log ls --code 3015", "countersign log ls --path '/api/trade/order/place*'" },
    .remedy = "Look at the sub-account's rights on the exchange's site, from its main account.",
};

static const struct catalogue_cause no_such_order = {
    .id = "no-such-order",
    .text = "There is no such order, or it is not this account's.",
    .tell = "Look for the answer that named the id, and for the account that placed the order.",
    .commands = { "countersign log show last:3103", "countersign log ls --path '/api/trade/order/place*'" },
    .remedy = "Ask with the key of the account that placed it, and with the id as the answer has it.",
};

static const struct catalogue_cause order_id_rounded = {
    .id = "order-id-rounded",
    .text =
        "The order's id was rounded: ids exceed 2^53, and a JSON parser that turns numbers into doubles changes them.",
    .tell = "The id in the request differs in its last digits from the one in the answer to the order.",
    .commands = { "countersign log show last:3103 --view upstream-request",
                  "countersign log show last:ok --path '/api/trade/order/place*'" },
    .remedy = "Keep ids as text or as whole numbers of 64 bits.",
};

static const struct catalogue_cause too_many_digits = {
    .id = "too-many-digits",
    .text = "A quantity or an amount has more digits than the pair takes.",
    .tell = "Compare the order with one of the same pair that was taken.",
    .commands = { "countersign log show last:api_error --path '/api/trade/order/place*' --view upstream-request",
                  "countersign log diff last:ok last:api_error --path '/api/trade/order/place*'" },
    .remedy = "Round to fewer digits, and send numbers as text, so that no float adds digits of its own.",
};

static const struct catalogue_cause order_sent_twice = {
    .id = "order-sent-twice",
    .text = "The order is there already: the client sent it again, or used its clOrdId for another one.",
    .tell = "Two requests with the same clOrdId. This proxy never sends an order twice by itself.",
    .commands = { "countersign log show last:3111 --view upstream-request",
                  "countersign log ls --path '/api/trade/order/place*'" },
    .remedy =
        "Look the first one up before sending again: GET /api/v2/trade/order/orderInfo?clOrdId=ID. Give each order a "
        "clOrdId of its own.",
};

static const struct catalogue_cause balance_too_small = {
    .id = "balance-too-small",
    .text = "The balance is too small for the order.",
    .tell = "Compare the order with the balances: type 1 or 4, AVAILABLE or FROZEN.",
    .commands = { "countersign log show last:3113 --view upstream-request",
                  "countersign log show last:ok --path /api/spot/accountList" },
    .remedy = "Order less, or cancel orders that hold the balance.",
};

static const struct catalogue_cause sub_account_business = {
    .id = "sub-account-business",
    .text = "The sub-account may not take part in this business.",
    .tell = "The same request with the main account's key does not answer 6001.",
    .commands = { "countersign log ls --code 6001" },
    .remedy = "Look at the sub-account's rights on the exchange's site, from its main account.",
};

/* A code with a message, documented with one cause. */
#define DOCUMENTED(code, words, sentence, reason)                                                                      \
    {                                                                                                                  \
        .kind = CATALOGUE_CODE, .name = (code), .message = (words), .summary = (sentence),                             \
        .basis = CATALOGUE_DOCUMENTED, .source = "Documented, with this cause.", .reasons = {                          \
            { (reason), CATALOGUE_DOCUMENTED }                                                                         \
        }                                                                                                              \
    }

static const struct catalogue_entry trading_codes[] = {
    DOCUMENTED("3011", "symbol not found", "The exchange lists no pair of this name.", &symbol_not_listed),
    DOCUMENTED("3012", NULL, "Trading in this pair is restricted.", &restricted_pair),
    DOCUMENTED("3013", NULL, "Trading is restricted for this account.", &restricted_account),
    DOCUMENTED("3014", NULL, "Trading is restricted for this sub-account.", &restricted_sub_account),
    DOCUMENTED("3015", NULL, "Trading in this pair is restricted for this sub-account.", &restricted_sub_account_pair),
    { .kind = CATALOGUE_CODE,
      .name = "3103",
      .message = "order-not-found",
      .summary = "There is no such order, or it is not this account's.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented, with the first cause.",
      .reasons = { { &no_such_order, CATALOGUE_DOCUMENTED }, { &order_id_rounded, CATALOGUE_CONCLUDED } } },
    { .kind = CATALOGUE_CODE,
      .name = "3104",
      .summary = "Users report it for a quantity or an amount with too many digits; it is not documented.",
      .basis = CATALOGUE_REPORTED,
      .source = "Not documented. Users report 3104 and 3106 for the precision of quantity and amount.",
      .reasons = { { &too_many_digits, CATALOGUE_REPORTED } } },
    { .kind = CATALOGUE_CODE,
      .name = "3106",
      .summary = "Users report it for a quantity or an amount with too many digits; it is not documented.",
      .basis = CATALOGUE_REPORTED,
      .source = "Not documented. Users report 3104 and 3106 for the precision of quantity and amount.",
      .reasons = { { &too_many_digits, CATALOGUE_REPORTED } } },
    { .kind = CATALOGUE_CODE,
      .name = "3111",
      .message = "duplicate-order",
      .summary = "The exchange has this order already.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented as a duplicate order. What makes two orders the same is not.",
      .reasons = { { &order_sent_twice, CATALOGUE_CONCLUDED } } },
    DOCUMENTED("3113", "account-insufficient", "The balance is too small for the order.", &balance_too_small),
    DOCUMENTED("6001", NULL, "The sub-account may not take part in this business.", &sub_account_business),
};

const struct catalogue_table catalogue_trading_codes = { .entries = trading_codes,
                                                         .count = ARRAY_LENGTH(trading_codes) };

/* --- transfers --- */

static const struct catalogue_cause transfer_field = {
    .id = "transfer-field",
    .text = "A field of the transfer is missing.",
    .tell = "The answer's message may name it; the request as it left has what was sent.",
    .commands = { "countersign log show last:api_error --path /api/v1/future/transfer" },
    .remedy = "Send every field that the transfer's documentation lists.",
};

static const struct catalogue_cause transfer_refused = {
    .id = "transfer-refused",
    .text = "The transfer's quantity is wrong, the balance is too small, or the transfer is a duplicate. Which of "
            "them, the "
            "code alone does not tell.",
    .tell = "The answer's message, beside the request as it left.",
    .commands = { "countersign log show last:api_error --path /api/v1/future/transfer",
                  "countersign log ls --path /api/v1/future/transfer" },
    .remedy = "Look both balances up before transferring again: the first one may have been done.",
};

static const struct catalogue_entry transfer_codes[] = {
    { .kind = CATALOGUE_CODE,
      .name = "101040502",
      .message = "request field missing",
      .summary = "A field of the transfer is missing.",
      .basis = CATALOGUE_DOCUMENTED,
      .source =
          "Documented for transfers, together with 102150400 and 102150808: field, quantity, balance or duplicate.",
      .reasons = { { &transfer_field, CATALOGUE_DOCUMENTED } } },
    { .kind = CATALOGUE_CODE,
      .name = "102150400",
      .summary = "The exchange refused the transfer: quantity, balance, or a duplicate.",
      .basis = CATALOGUE_DOCUMENTED,
      .source =
          "Documented for transfers, together with 101040502 and 102150808: field, quantity, balance or duplicate.",
      .reasons = { { &transfer_refused, CATALOGUE_DOCUMENTED } } },
    { .kind = CATALOGUE_CODE,
      .name = "102150808",
      .summary = "The exchange refused the transfer: quantity, balance, or a duplicate.",
      .basis = CATALOGUE_DOCUMENTED,
      .source =
          "Documented for transfers, together with 101040502 and 102150400: field, quantity, balance or duplicate.",
      .reasons = { { &transfer_refused, CATALOGUE_DOCUMENTED } } },
};

const struct catalogue_table catalogue_transfer_codes = { .entries = transfer_codes,
                                                          .count = ARRAY_LENGTH(transfer_codes) };
