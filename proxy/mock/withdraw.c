/* Withdrawals: asked for, cancelled, listed. Nothing leaves; what was asked for stays frozen. The loop's thread. */
#include "room.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LIST_DEFAULT = 500, /* "The maximum is 1000; The default is 500" */
    LIST_MAX = 1000
};

/* The documentation's example, plus one. */
static const uint64_t first_id = 4887;

static bool read_withdrawal(struct withdrawal *made, struct decimal *amount, const struct call *call,
                            struct answer *answer)
{
    char code[ORDER_TEXT_MAX], text[ORDER_TEXT_MAX];
    if (!input_take(code, call->body, "currencyCode", answer) || !input_take(text, call->body, "amount", answer) ||
        !input_take(made->address, call->body, "address", answer) ||
        !input_take(made->tag, call->body, "tag", answer) ||
        !input_take(made->chain, call->body, "chainType", answer) || !input_currency(&made->currency, code, answer) ||
        !input_require(text, "amount", answer) || !input_require(made->address, "address", answer) ||
        !input_require(made->chain, "chainType", answer))
        return false;
    return input_amount(amount, text) ||
           answer_fail(answer, FAILURE_BAD_REQUEST, "amount is not a number above 0 of up to 20 decimal places");
}

void withdraw(const struct call *call, struct answer *answer)
{
    struct withdrawals *withdrawals = &call->mock->withdrawals;
    struct withdrawal made = { .status = WITHDRAWAL_NOT_REVIEWED, .created_ms = call->now_ms };
    if (!read_withdrawal(&made, &made.amount, call, answer))
        return;
    struct balance *balance = account_balance(&call->mock->account, made.currency->code);
    if (withdrawals->count == WITHDRAWALS_MAX) {
        (void)answer_fail(answer, FAILURE_INTERNAL, "the mock keeps %d withdrawals", WITHDRAWALS_MAX);
        return;
    }
    if (!account_move(&balance->available, &balance->frozen, &made.amount)) {
        (void)answer_fail(answer, FAILURE_INSUFFICIENT, "less %s is available", made.currency->code);
        return;
    }
    made.id = first_id + withdrawals->count;
    withdrawals->items[withdrawals->count++] = made;
    answer_put_u64(answer, answer_object(answer), "id", made.id);
}

static struct withdrawal *find_pending(struct withdrawals *withdrawals, const char *id)
{
    uint64_t number;
    for (size_t i = 0; slice_to_u64(slice_text(id), &number) && i < withdrawals->count; i++) {
        if (withdrawals->items[i].id == number && withdrawals->items[i].status != WITHDRAWAL_CANCELLED)
            return &withdrawals->items[i];
    }
    return NULL;
}

/* The answer for an id that is not there is not documented: 3103, "no such order", is the nearest that is. */
void withdraw_cancel(const struct call *call, struct answer *answer)
{
    char id[ORDER_TEXT_MAX];
    if (!input_take(id, call->body, "withdrawId", answer) || !input_require(id, "withdrawId", answer))
        return;
    struct withdrawal *found = find_pending(&call->mock->withdrawals, id);
    struct balance *balance = found == NULL ? NULL : account_balance(&call->mock->account, found->currency->code);
    if (balance == NULL || !account_move(&balance->frozen, &balance->available, &found->amount)) {
        (void)answer_fail(answer, FAILURE_ORDER_NOT_FOUND, "no withdrawal %s that could be cancelled", id);
        return;
    }
    found->status = WITHDRAWAL_CANCELLED;
    answer_put_u64(answer, answer_object(answer), "id", found->id);
}

/* "2024-02-27 18:20:31"; the time zone is not documented: UTC. Into 24 bytes. */
static const char *format_time(char *text, int64_t ms)
{
    enum { TIME_MAX = 24 };
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc = { .tm_mday = 1, .tm_year = 70 };
    (void)gmtime_r(&seconds, &utc);                            /* fails for years beyond an int alone */
    (void)strftime(text, TIME_MAX, "%Y-%m-%d %H:%M:%S", &utc); /* digits alone: no locale plays a part */
    return text;
}

static const struct constant withdrawal_constants[] = {
    { "fee", "0", AS_TEXT },
    { "explorer", "", AS_TEXT },
    { "txId", "", AS_TEXT },
    { "internalType", "0", AS_NUMBER },
};

static void put_withdrawal(struct answer *answer, cJSON *object, const struct withdrawal *withdrawal)
{
    char created[24];
    answer_put_u64(answer, object, "id", withdrawal->id);
    answer_put_text(answer, object, "symbol", withdrawal->currency->code);
    answer_put_decimal(answer, object, "amount", &withdrawal->amount, AS_TEXT);
    answer_put_text(answer, object, "createdAt", format_time(created, withdrawal->created_ms));
    answer_put_u64(answer, object, "status", (uint64_t)withdrawal->status);
    answer_put_u64(answer, object, "showStatus", (uint64_t)withdrawal->status); /* its numbers are not documented */
    answer_put_text(answer, object, "addressTo", withdrawal->address);
    answer_put(answer, object, "tag", withdrawal->tag[0] == '\0' ? "null" : withdrawal->tag,
               withdrawal->tag[0] == '\0' ? AS_NUMBER : AS_TEXT);
    answer_put_text(answer, object, "chainName", withdrawal->chain);
    answer_put_text(answer, object, "chainProtocol", withdrawal->chain);
    answer_put_constants(answer, object, withdrawal_constants, ARRAY_LENGTH(withdrawal_constants));
}

/* `currencyCode`, `fromId` and `limit` are minded; the dates are not, since all were made since the mock began. */
void withdraw_list(const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX], from[ORDER_TEXT_MAX], limit_text[ORDER_TEXT_MAX];
    const struct currency *currency = NULL;
    uint64_t from_id = 1, limit = LIST_DEFAULT;
    if (!input_take(code, call->body, "currencyCode", answer) || !input_take(from, call->body, "fromId", answer) ||
        !input_take(limit_text, call->body, "limit", answer) ||
        (code[0] != '\0' && !input_currency(&currency, code, answer)) ||
        !input_count(&from_id, INT32_MAX, from, "fromId", answer) ||
        !input_count(&limit, LIST_MAX, limit_text, "limit", answer))
        return;
    const struct withdrawals *withdrawals = &call->mock->withdrawals;
    cJSON *object = answer_object(answer);
    cJSON *list = answer_put_list(answer, object, "withdrawList");
    for (size_t i = 0; i < withdrawals->count && limit > 0; i++) {
        const struct withdrawal *item = &withdrawals->items[i];
        if (item->id < from_id || (currency != NULL && item->currency != currency))
            continue;
        put_withdrawal(answer, answer_add_object(answer, list), item);
        limit--;
    }
    answer_put_number(answer, object, "externalId", "null");
    answer_put_number(answer, object, "label", "null");
}
