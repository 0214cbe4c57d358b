/* Looking one order up: by its clOrdId, among the active ones, among those that matches name. Each look is a line of
 * finding->looked. One thread. */
#include "reconcile.h"

#include "countersign/clock.h"
#include "countersign/json_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Documented for spot; of futures orders only matches are (queryHisMatch), and orderInfo is tried there. */
#define PATH_INFO          "/api/v2/trade/order/orderInfo"
#define PATH_ACTIVE        "/api/v2/trade/order/active"
#define PATH_INFO_AMOUNT   "/api/trade/order/orderInfo" /* the first version's answers tell ordAmt, too */
#define PATH_ACTIVE_AMOUNT "/api/trade/order/active"
#define PATH_MATCHES       "/api/trade/match/accountMatches"
#define PATH_FUTURES_MATCH "/api/v2/trade/order/queryHisMatch"

enum {
    TARGET_MAX = 4096,
    SECONDS_END = 100000000000 / 1000 /* matchTime is in seconds (spot) below that, in milliseconds (futures) above */
};

void reconcile_note_look(const struct reconcile_search *search, struct slice target, const char *format, ...)
{
    struct buffer *out = &search->finding->looked;
    va_list arguments;
    va_start(arguments, format);
    (void)buffer_append_text(out, "GET "); /* a line that is missing claims nothing, as below */
    (void)buffer_append_slice(out, target);
    (void)buffer_append_text(out, ": ");
    (void)buffer_append_format_list(out, format, arguments);
    (void)buffer_append_byte(out, '\n');
    va_end(arguments);
}

/* Asks, and notes what did not go well. */
static enum reconcile_answer ask(struct reconcile_search *search, struct buffer *target, const char *path,
                                 const struct reconcile_pair *pairs)
{
    reconcile_target(target, path, pairs);
    enum reconcile_answer answer = reconcile_ask(search->asker, buffer_slice(target));
    if (answer == RECONCILE_ANSWER_FAILED)
        reconcile_note_look(search, buffer_slice(target), "%s", search->asker->problem);
    if (answer == RECONCILE_ANSWER_NO_ORDER)
        reconcile_note_look(search, buffer_slice(target), "3103 order-not-found");
    search->has_failed = search->has_failed || answer == RECONCILE_ANSWER_FAILED;
    return answer;
}

/* The same where an order is not what is asked for: that there is none is then no answer. */
static bool ask_for_list(struct reconcile_search *search, struct buffer *target, const char *path,
                         const struct reconcile_pair *pairs)
{
    enum reconcile_answer answer = ask(search, target, path, pairs);
    search->has_failed = search->has_failed || answer == RECONCILE_ANSWER_NO_ORDER;
    return answer == RECONCILE_ANSWER_OK;
}

/* --- what is kept --- */

static bool is_held(const struct reconcile_finding *finding, const char *id)
{
    for (size_t i = 0; i < finding->count; i++) {
        if (strcmp(finding->seen[i].id, id) == 0)
            return true;
    }
    return false;
}

/* Without a clOrdId what is alike counts; what an answer leaves out may be (reconcile_why_unsure). */
static bool may_be_it(const struct reconcile_search *search, const struct reconcile_seen *seen)
{
    const struct reconcile_order *order = search->order;
    if (order->id[0] != '\0')
        return strcmp(seen->id, order->id) == 0;
    if (order->client_id[0] != '\0')
        return strcmp(seen->client_id, order->client_id) == 0;
    bool is_in_time =
        seen->time_ms == 0 || (seen->time_ms >= search->request->from_ms && seen->time_ms <= search->request->to_ms);
    return is_in_time && reconcile_fits(order, seen);
}

static void keep(struct reconcile_search *search, const struct reconcile_seen *seen)
{
    struct reconcile_finding *finding = search->finding;
    if (!may_be_it(search, seen) || is_held(finding, seen->id))
        return;
    if (finding->count == RECONCILE_SEEN_MAX)
        search->is_cut = true;
    else
        finding->seen[finding->count++] = *seen;
}

struct listing {
    struct reconcile_search *search;
    size_t count;
};

/* An order that cannot be read may be the one. */
static bool take_order(void *context, struct slice object)
{
    struct listing *listing = context;
    struct reconcile_seen seen;
    if (!reconcile_seen_read(&seen, object))
        return false;
    listing->count++;
    keep(listing->search, &seen);
    return true;
}

static bool take_orders(struct reconcile_search *search, struct slice target, size_t *count)
{
    struct listing listing = { .search = search };
    if (!reconcile_each(search->asker->data, take_order, &listing)) {
        search->has_failed = true;
        reconcile_note_look(search, target, "an answer whose orders cannot be read");
        return false;
    }
    *count = listing.count;
    return true;
}

/* --- orderInfo --- */

static bool has_amount(const struct reconcile_search *search)
{
    return search->order->amount[0] != '\0';
}

static enum reconcile_answer look_at_info(struct reconcile_search *search, const char *name, const char *value)
{
    const struct reconcile_pair pairs[] = { { name, value }, { NULL, NULL } };
    struct buffer target;
    size_t before = search->finding->count, count = 0;
    buffer_init(&target, TARGET_MAX);
    enum reconcile_answer answer = ask(search, &target, has_amount(search) ? PATH_INFO_AMOUNT : PATH_INFO, pairs);
    if (answer == RECONCILE_ANSWER_OK && !take_orders(search, buffer_slice(&target), &count))
        answer = RECONCILE_ANSWER_FAILED;
    else if (answer == RECONCILE_ANSWER_OK)
        reconcile_note_look(search, buffer_slice(&target), "%zu order%s, %zu of them may be it", count,
                            count == 1 ? "" : "s", search->finding->count - before);
    buffer_free(&target);
    return answer;
}

bool reconcile_try_client_ids(struct reconcile_search *search, struct error *error)
{
    struct reconcile_finding tried = { .count = 0 };
    struct reconcile_order former = { .is_market = false };
    struct reconcile_search trial = *search;
    int64_t exchange;
    if (!reconcile_former_client_id(former.client_id, &exchange, search->run, search->request, error))
        return false;
    if (exchange == 0)
        return true;
    buffer_init(&tried.looked, RECONCILE_LOOKED_MAX);
    trial.finding = &tried;
    trial.order = &former;
    if (look_at_info(&trial, "clOrdId", former.client_id) == RECONCILE_ANSWER_OK && tried.count > 0)
        search->tried_with = exchange;
    (void)buffer_append_slice(&search->finding->looked, buffer_slice(&tried.looked)); /* as every line there */
    buffer_free(&tried.looked);
    return true;
}

/* --- active orders --- */

static void look_at_active(struct reconcile_search *search)
{
    const struct reconcile_pair pairs[] = { { "symbol", search->order->symbol }, { NULL, NULL } };
    struct buffer target;
    size_t before = search->finding->count, count = 0;
    if (search->order->is_contract)
        return;
    buffer_init(&target, TARGET_MAX);
    if (ask_for_list(search, &target, has_amount(search) ? PATH_ACTIVE_AMOUNT : PATH_ACTIVE, pairs) &&
        take_orders(search, buffer_slice(&target), &count))
        reconcile_note_look(search, buffer_slice(&target), "%zu active, %zu of them may be it", count,
                            search->finding->count - before);
    buffer_free(&target);
}

/* --- matches --- */

struct match_page {
    struct reconcile_search *search;
    size_t count;
    size_t id_count;
    char ids[RECONCILE_LOOKUPS_MAX][RECONCILE_TEXT_MAX]; /* orders that are to be looked up */
    char first[RECONCILE_TEXT_MAX];                      /* of the page: a page that comes again is the last */
    int64_t oldest_ms;
    int64_t last_ms;      /* of the match before */
    bool is_out_of_order; /* not each is as old as the one before it, or older */
    bool descends;        /* one is older */
};

static int64_t match_ms(struct slice object)
{
    char text[RECONCILE_TEXT_MAX];
    uint64_t time;
    if (!reconcile_take_text(text, object, "matchTime") || !slice_to_u64(slice_text(text), &time) || time > INT64_MAX)
        return 0;
    return (int64_t)(time < SECONDS_END * UINT64_C(1000) ? time * 1000 : time);
}

/* Whether a match of that time and side can be of the order: a later one always can. */
static bool concerns(const struct reconcile_search *search, struct slice object, int64_t time_ms)
{
    char side[RECONCILE_TEXT_MAX], client_id[RECONCILE_TEXT_MAX];
    bool has_side = reconcile_take_text(side, object, "side") && side[0] != '\0' && search->order->side[0] != '\0';
    const char *wanted = strcmp(search->order->side, "SELL") == 0 ? "-1" : "1";
    bool is_other = has_side && (side[0] == '1' || side[0] == '-') && strcmp(side, wanted) != 0;
    bool is_others = reconcile_take_text(client_id, object, "clOrdId") && client_id[0] != '\0' &&
                     search->order->client_id[0] != '\0' && strcmp(client_id, search->order->client_id) != 0;
    return !is_other && !is_others && (time_ms == 0 || time_ms >= search->request->from_ms);
}

static void note_id(struct match_page *page, const char *id)
{
    for (size_t i = 0; i < page->id_count; i++) {
        if (strcmp(page->ids[i], id) == 0)
            return;
    }
    if (page->id_count == RECONCILE_LOOKUPS_MAX)
        page->search->is_cut = true;
    else
        memcpy(page->ids[page->id_count++], id, RECONCILE_TEXT_MAX);
}

static bool take_match(void *context, struct slice object)
{
    struct match_page *page = context;
    char id[RECONCILE_TEXT_MAX], match[RECONCILE_TEXT_MAX];
    if (!reconcile_take_text(id, object, "orderId") || id[0] == '\0' || !reconcile_take_text(match, object, "tradeId"))
        return false;
    int64_t time_ms = match_ms(object);
    if (page->count++ == 0)
        memcpy(page->first, match, sizeof(match));
    if (time_ms != 0 && (page->oldest_ms == 0 || time_ms < page->oldest_ms))
        page->oldest_ms = time_ms;
    page->is_out_of_order = page->is_out_of_order || time_ms == 0 || (page->last_ms != 0 && time_ms > page->last_ms);
    page->descends = page->descends || time_ms < page->last_ms;
    page->last_ms = time_ms;
    if (concerns(page->search, object, time_ms))
        note_id(page, id);
    return true;
}

/* Whether what follows is older than the order. That matches come newest first is not documented, but these did. */
static bool is_behind(const struct match_page *page)
{
    return page->descends && !page->is_out_of_order && page->last_ms < page->search->request->from_ms;
}

/* One page; false at the last: an empty one, one that came before or reaches back behind the order, or one that was not
 * answered. */
static bool look_at_page(struct match_page *page, unsigned number)
{
    struct reconcile_search *search = page->search;
    bool is_contract = search->order->is_contract;
    char number_text[16], before[RECONCILE_TEXT_MAX];
    struct buffer target;
    const struct reconcile_pair pairs[] = { { is_contract ? "contractId" : "symbol", search->order->symbol },
                                            { "pageNum", number_text },
                                            { "pageSize", "100" },
                                            { NULL, NULL } };
    _Static_assert(RECONCILE_PAGE_SIZE == 100, "the pair above says so");
    (void)snprintf(number_text, sizeof(number_text), "%u", number); /* fits */
    memcpy(before, page->first, sizeof(before));
    page->count = 0;
    buffer_init(&target, TARGET_MAX);
    bool goes_on = false;
    bool is_answered = ask_for_list(search, &target, is_contract ? PATH_FUTURES_MATCH : PATH_MATCHES, pairs);
    if (is_answered && !reconcile_each(search->asker->data, take_match, page)) {
        search->has_failed = true;
        reconcile_note_look(search, buffer_slice(&target), "an answer whose matches cannot be read");
    } else if (is_answered) {
        reconcile_note_look(search, buffer_slice(&target), "%zu match%s", page->count, page->count == 1 ? "" : "es");
        bool came_before = number > 1 && before[0] != '\0' && strcmp(before, page->first) == 0;
        goes_on = page->count > 0 && !came_before && !is_behind(page);
    }
    buffer_free(&target);
    return goes_on;
}

static void look_at_matches(struct reconcile_search *search)
{
    static struct match_page page; /* large, and this program's one thread's */
    page = (struct match_page){ .search = search };
    unsigned number = 1;
    while (number <= RECONCILE_PAGES_MAX && look_at_page(&page, number))
        number++;
    search->is_cut = search->is_cut || number > RECONCILE_PAGES_MAX;
    search->back_to_ms = page.oldest_ms;
    bool is_named = search->order->client_id[0] != '\0';
    for (size_t i = 0; i < page.id_count && !(is_named && search->finding->count > 0); i++) {
        if (!is_held(search->finding, page.ids[i]) &&
            look_at_info(search, "ordId", page.ids[i]) == RECONCILE_ANSWER_NO_ORDER)
            search->has_unknown = true;
    }
}

/* --- one order --- */

/* Each is asked in the order in which it tells most; what a clOrdId found ends it. */
static bool find_placed(struct reconcile_search *search, struct error *error)
{
    bool has_client_id = search->order->client_id[0] != '\0';
    if (has_client_id)
        search->says_none = look_at_info(search, "clOrdId", search->order->client_id) == RECONCILE_ANSWER_NO_ORDER;
    if (!has_client_id || search->finding->count == 0)
        look_at_active(search);
    if (!has_client_id || search->finding->count == 0)
        look_at_matches(search);
    return reconcile_settle_placed(search, error);
}

static void find_cancelled(struct reconcile_search *search)
{
    const struct reconcile_order *order = search->order;
    bool has_id = order->id[0] != '\0';
    enum reconcile_answer answer =
        look_at_info(search, has_id ? "ordId" : "clOrdId", has_id ? order->id : order->client_id);
    search->says_none = answer == RECONCILE_ANSWER_NO_ORDER;
    reconcile_settle_cancel(search);
}

static bool keep_active(void *context, struct slice object)
{
    struct listing *listing = context;
    struct reconcile_finding *finding = listing->search->finding;
    struct reconcile_seen seen;
    if (!reconcile_seen_read(&seen, object))
        return false;
    listing->count++;
    if (finding->count < RECONCILE_SEEN_MAX)
        finding->seen[finding->count++] = seen;
    else
        listing->search->is_cut = true;
    return true;
}

static void find_all_cancelled(struct reconcile_search *search)
{
    const struct reconcile_pair pairs[] = { { "symbol", search->order->symbol }, { NULL, NULL } };
    struct listing listing = { .search = search };
    struct buffer target;
    buffer_init(&target, TARGET_MAX);
    if (ask_for_list(search, &target, PATH_ACTIVE, pairs)) {
        search->has_failed = !reconcile_each(search->asker->data, keep_active, &listing);
        reconcile_note_look(search, buffer_slice(&target),
                            search->has_failed ? "an answer that cannot be read (%zu)" : "%zu active", listing.count);
    }
    buffer_free(&target);
    reconcile_settle_cancel_all(search);
}

bool reconcile_find(struct reconcile_finding *finding, struct reconcile_asker *asker, const struct log_run *run,
                    const struct reconcile_request *request, const struct reconcile_order *order, struct error *error)
{
    struct reconcile_search search = {
        .finding = finding, .asker = asker, .run = run, .request = request, .order = order
    };
    buffer_init(&finding->looked, RECONCILE_LOOKED_MAX);
    if (request->kind == RECONCILE_PLACES)
        return find_placed(&search, error);
    if (request->kind == RECONCILE_CANCELS)
        find_cancelled(&search);
    else
        find_all_cancelled(&search);
    return true;
}
