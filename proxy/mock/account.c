/* The mock's one account. Its balances stay as they are whatever is traded: they are there to be listed, and for orders
 * to be refused that are larger. */
#include "room.h"

#include <string.h>

static const char user_id[] = "315";

struct balance {
    const char *currency;
    const char *available;
    const char *frozen;
};

static const struct balance balances[] = {
    { "USDT", "13297.94999", "0.05001" },     { "BTC", "1.5", "0" },     { "ETH", "20", "0" },
    { "TIP", "40.900000000000000000", "0" },  { "AAAA88", "1000", "0" }, { "LUFFY", "500000000000", "0" },
    { "SHARP", "1000000.193512614361", "0" },
};

const char *account_id(void)
{
    return "1134971";
}

const char *account_available(const char *currency)
{
    for (size_t i = 0; i < ARRAY_LENGTH(balances); i++) {
        if (strcmp(balances[i].currency, currency) == 0)
            return balances[i].available;
    }
    return "0";
}

static void add_balance(struct answer *answer, const char *currency, const char *balance, const char *type,
                        const char *type_name)
{
    cJSON *object = answer_add_object(answer, answer->data);
    answer_put_number(answer, object, "uid", user_id);
    answer_put_number(answer, object, "accountId", account_id());
    answer_put_text(answer, object, "currency", currency);
    answer_put_text(answer, object, "balance", balance);
    answer_put_number(answer, object, "type", type);
    answer_put_text(answer, object, "typeName", type_name);
}

void account_list(const struct call *call, struct answer *answer)
{
    (void)call; /* no parameter of this endpoint changes its answer here */
    (void)answer_list(answer);
    for (size_t i = 0; i < ARRAY_LENGTH(balances); i++) {
        add_balance(answer, balances[i].currency, balances[i].frozen, "4", "FROZEN");
        add_balance(answer, balances[i].currency, balances[i].available, "1", "AVAILABLE");
    }
}
