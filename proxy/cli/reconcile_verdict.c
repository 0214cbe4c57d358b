/* What the answers say of one order, and what they do not say. No claim here goes beyond them. One thread. */
#include "reconcile.h"

#include "countersign/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void conclude(struct reconcile_search *search, enum reconcile_verdict verdict, bool is_settled,
                     const char *format, ...) PRINTF_LIKE(4, 5);

static void conclude(struct reconcile_search *search, enum reconcile_verdict verdict, bool is_settled,
                     const char *format, ...)
{
    struct reconcile_finding *finding = search->finding;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->reason, sizeof(finding->reason), format, arguments); /* cut, it is still one */
    va_end(arguments);
    finding->verdict = verdict;
    finding->is_settled = is_settled;
}

static void could_not_ask(struct reconcile_search *search)
{
    conclude(search, RECONCILE_NOT_ASKED, false, "not everything that had to be asked was answered: %s",
             search->asker->problem[0] != '\0' ? search->asker->problem : "an answer could not be read");
}

/* Whether it may still be on its way. */
static bool is_fresh(const struct reconcile_search *search)
{
    return clock_wall_us() / 1000 < search->request->to_ms;
}

/* --- placed or not --- */

static void settle_by_client_id(struct reconcile_search *search)
{
    const struct reconcile_finding *finding = search->finding;
    if (finding->count > 1)
        conclude(search, RECONCILE_AMBIGUOUS, false, "several orders have its clOrdId");
    else if (!reconcile_fits(search->order, &finding->seen[0]))
        conclude(search, RECONCILE_AMBIGUOUS, false,
                 "one order has its clOrdId, but another symbol, side, price or quantity than was sent");
    else
        conclude(search, RECONCILE_PLACED, true, "by its clOrdId");
}

/* "%s" for each doubt. */
static void add_doubt(struct buffer *doubts, bool applies, const char *text)
{
    if (applies)
        (void)buffer_append_format(doubts, "%s%s", doubts->length > 0 ? "; " : "",
                                   text); /* fits, or is cut for a person */
}

static void not_found(struct reconcile_search *search)
{
    char back[CLOCK_TEXT_MAX] = "their beginning";
    bool has_client_id = search->order->client_id[0] != '\0';
    struct buffer doubts;
    buffer_init(&doubts, RECONCILE_REASON_MAX);
    add_doubt(&doubts, is_fresh(search), "it was sent less than a minute ago and may still arrive");
    add_doubt(&doubts, search->is_cut, "there were more matches, or orders that they name, than are read here");
    add_doubt(&doubts, search->has_unknown, "orderInfo does not know an order that a match names");
    add_doubt(&doubts, search->order->is_contract, "active futures orders cannot be listed by what is documented");
    add_doubt(&doubts, !has_client_id,
              "it carried no clOrdId, and an order that was cancelled or expired unfilled is in neither list");
    add_doubt(&doubts, has_client_id && !search->says_none, "orderInfo did not answer that there is no such order");
    add_doubt(&doubts, has_client_id && search->tried_with == 0,
              "whether orderInfo finds orders by clOrdId could not be tried with a former one, and an order that was "
              "cancelled or expired unfilled is in neither list");
    if (search->back_to_ms != 0)
        (void)clock_format_utc(back, search->back_to_ms * 1000); /* gives the text back */
    if (doubts.length > 0)
        conclude(search, RECONCILE_NOT_FOUND, false,
                 "not among active orders, nor among matches back to %s. No proof: %s", back, buffer_text(&doubts));
    else
        conclude(search, RECONCILE_NOT_FOUND, true,
                 "orderInfo says that no order has its clOrdId, and found that of exchange %lld; not among active "
                 "orders, nor among matches back to %s: by all that was asked, it was not placed",
                 (long long)search->tried_with, back);
    buffer_free(&doubts);
}

static void settle_alike(struct reconcile_search *search)
{
    size_t count = search->finding->count;
    const char *unsure = count == 1 ? reconcile_why_unsure(search->order, &search->finding->seen[0]) : NULL;
    bool is_whole = !search->is_cut && !search->has_failed && !search->has_unknown;
    bool is_sure = count == 1 && search->rivals == 0 && unsure == NULL && is_whole;
    if (is_sure)
        conclude(search, RECONCILE_PLACED, true,
                 "by symbol, side, quantity, price and time; it carried no clOrdId, so that one like it that another "
                 "program placed in that minute could not be told from it");
    else if (search->rivals > 0)
        conclude(search, RECONCILE_AMBIGUOUS, false,
                 "%zu order%s in doubt of that time %s alike, none with a clOrdId: whose is whose cannot be told",
                 search->rivals + 1, search->rivals == 0 ? "" : "s", search->rivals == 0 ? "is" : "are");
    else if (count > 1)
        conclude(search, RECONCILE_AMBIGUOUS, false, "several fit, and it carried no clOrdId to tell them apart");
    else if (unsure != NULL)
        conclude(search, RECONCILE_AMBIGUOUS, false, "one fits, but %s", unsure);
    else
        conclude(search, RECONCILE_AMBIGUOUS, false, "one fits, but not everything could be looked at");
}

bool reconcile_settle_placed(struct reconcile_search *search, struct error *error)
{
    bool has_client_id = search->order->client_id[0] != '\0';
    if (!has_client_id && search->finding->count > 0 &&
        !reconcile_sort_out(search->finding, &search->rivals, search->run, search->request, search->order, error))
        return false;
    if (has_client_id && search->finding->count > 0) {
        settle_by_client_id(search);
    } else if (search->finding->count > 0) {
        settle_alike(search);
    } else if (search->has_failed) {
        could_not_ask(search);
    } else {
        if (has_client_id && search->says_none && !reconcile_try_client_ids(search, error))
            return false;
        not_found(search);
    }
    return true;
}

/* --- cancels --- */

static bool is_one_of(const char *state, const char *const *states, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(state, states[i]) == 0)
            return true;
    }
    return false;
}

/* States are those that the documentation of orderInfo lists. */
void reconcile_settle_cancel(struct reconcile_search *search)
{
    static const char *const over[] = { "CANCELED", "FILLED", "EXPIRED", "REJECTED", "STOPPED" };
    static const char *const stands[] = { "SUBMITTED", "PARTIAL_FILLED" };
    const struct reconcile_finding *finding = search->finding;
    if (finding->count == 0 && search->says_none) {
        bool has_id = search->order->id[0] != '\0';
        conclude(search, RECONCILE_NOT_FOUND, has_id, "the exchange knows no such order of this account%s",
                 has_id ? ", so there is none to cancel" : "; that it finds orders by clOrdId is not certain");
    } else if (finding->count != 1) {
        could_not_ask(search);
    } else if (is_one_of(finding->seen[0].state, over, ARRAY_LENGTH(over))) {
        conclude(search, RECONCILE_STATE, true, "the order is over");
    } else if (is_one_of(finding->seen[0].state, stands, ARRAY_LENGTH(stands)) && !is_fresh(search)) {
        conclude(search, RECONCILE_STATE, true, "the order stands: the cancel did not take effect");
    } else {
        conclude(search, RECONCILE_STATE, false,
                 "the order is on its way to another state, or the cancel is: ask again");
    }
}

void reconcile_settle_cancel_all(struct reconcile_search *search)
{
    if (search->has_failed)
        could_not_ask(search);
    else if (search->finding->count == 0)
        conclude(search, RECONCILE_NONE_ACTIVE, !is_fresh(search), "no order is active%s",
                 is_fresh(search) ? "; the cancel left less than a minute ago, and may still arrive" : "");
    else
        conclude(search, RECONCILE_STATE, !is_fresh(search),
                 "these are active; whether they were placed before the cancel, their times may tell");
}
