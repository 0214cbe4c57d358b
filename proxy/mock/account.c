/* The mock's one account: its balances, and the answer that lists them. The loop's thread. */
#include "room.h"

static const char user_id[] = "315";

/* The ids of USDT and TIP are those of the documentation's examples; so are the balances of USDT. */
const struct currency currencies[CURRENCY_COUNT] = {
    { "30", "USDT", "13297.94999", "0.05001", "5000" },
    { "3", "BTC", "1.5", "0", "0" },
    { "4", "ETH", "20", "0", "0" },
    { "44", "TIP", "40.900000000000000000", "0", "0" },
    { "88", "AAAA88", "1000", "0", "0" },
    { "120", "LUFFY", "500000000000", "0", "0" },
    { "131", "SHARP", "1000000.193512614361", "0", "0" },
};

const char *account_id(void)
{
    return "1134971";
}

void account_init(struct account *account)
{
    for (size_t i = 0; i < CURRENCY_COUNT; i++)
        account->balances[i] = (struct balance){ .available = decimal_constant(currencies[i].available),
                                                 .frozen = decimal_constant(currencies[i].frozen),
                                                 .futures = decimal_constant(currencies[i].futures) };
}

const struct currency *currency_find(struct slice code)
{
    for (size_t i = 0; i < CURRENCY_COUNT; i++) {
        if (slice_equal_text_caseless(code, currencies[i].code))
            return &currencies[i];
    }
    return NULL;
}

struct balance *account_balance(struct account *account, const char *code)
{
    const struct currency *currency = currency_find(slice_text(code));
    return currency == NULL ? NULL : &account->balances[currency - currencies];
}

bool account_move(struct decimal *from, struct decimal *to, const struct decimal *amount)
{
    struct decimal less, more;
    if (!decimal_subtract(&less, from, amount) || !decimal_add(&more, to, amount))
        return false;
    *from = less;
    *to = more;
    return true;
}

static void add_balance(struct answer *answer, const char *currency, const struct decimal *balance, const char *type,
                        const char *type_name)
{
    cJSON *object = answer_add_object(answer, answer->data);
    answer_put_number(answer, object, "uid", user_id);
    answer_put_number(answer, object, "accountId", account_id());
    answer_put_text(answer, object, "currency", currency);
    answer_put_decimal(answer, object, "balance", balance, AS_TEXT);
    answer_put_number(answer, object, "type", type);
    answer_put_text(answer, object, "typeName", type_name);
}

void account_list(const struct call *call, struct answer *answer)
{
    (void)answer_list(answer);
    for (size_t i = 0; i < CURRENCY_COUNT; i++) {
        const struct balance *balance = &call->mock->account.balances[i];
        add_balance(answer, currencies[i].code, &balance->frozen, "4", "FROZEN");
        add_balance(answer, currencies[i].code, &balance->available, "1", "AVAILABLE");
    }
}
