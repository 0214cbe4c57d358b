/* The wait for a turn to leave: the exchange allows so many requests in a time, and this proxy sends none too many (turns.h). It
 * comes before the disk, the key and the connection: nothing is held meanwhile, and the request is signed after it. The worker's
 * thread. */
#include "exchange_internal.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { RATE_TEXT_MAX = 48 };

static struct turns *turns_of(const struct exchange *exchange)
{
    return exchange->listener->worker->turns;
}

static bool is_paced(const struct exchange *exchange)
{
    return exchange->listener->pace.is_on && exchange->listener->mode != EXCHANGE_DRY_RUN;
}

/* What a client signed itself counts for the account as what this proxy signs. */
static size_t lane_of(const struct exchange *exchange)
{
    const struct exchange_pace *pace = &exchange->listener->pace;
    bool is_signed = exchange->listener->mode == EXCHANGE_OBSERVE ? exchange->endpoint_class != ENDPOINT_PUBLIC
                                                                  : exchange_is_to_be_signed(exchange);
    return is_signed ? pace->lane_signed : pace->lane_unsigned;
}

/* "120/3s" */
static void append_rate(char *text, const struct pace_rate *rate)
{
    bool is_whole = rate->window_us % 1000000 == 0;
    (void)snprintf(text, RATE_TEXT_MAX, "%u/%" PRId64 "%s", rate->count, rate->window_us / (is_whole ? 1000000 : 1000),
                   is_whole ? "s" : "ms"); /* fits */
}

/* The text is one for all of its kind, as the store keeps each once: how long it takes, Retry-After says. */
static void refuse(struct exchange *exchange, const struct turn_delay *delay, int64_t now_us)
{
    char rate[RATE_TEXT_MAX], detail[EXCHANGE_DETAIL_MAX];
    const struct exchange_listener *listener = exchange->listener;
    int64_t left_us = delay->ready_us - now_us;
    append_rate(rate, &delay->rate);
    if (delay->is_pause)
        (void)snprintf(detail, sizeof(detail),
                       "it answered 429, so that nothing leaves for a while (see the log)"); /* fits, as below */
    else if (delay->limit == TURN_ACCOUNT)
        (void)snprintf(detail, sizeof(detail),
                       "account %s has used its rate = %s, and no turn is free in time (proxy.pace)",
                       signer_client_account_name(listener->worker->signer, listener->account), rate);
    else
        (void)snprintf(detail, sizeof(detail),
                       "this address has used its ip_rate = %s at %s, and no turn is free in time (proxy.pace)", rate,
                       upstream_host(listener->upstream));
    exchange->retry_after_s = left_us <= 0 ? 1 : (left_us + 999999) / 1000000;
    exchange_count_pace_refused(exchange, delay->limit);
    exchange_refuse(exchange, REFUSAL_PACE, detail);
}

/* --- waiting --- */

static void look_no_later_than(struct exchange_worker *worker, int64_t delay_us)
{
    struct loop_timer *timer = &worker->turn_timer;
    if (timer->slot == 0 || timer->deadline_us > clock_monotonic_us() + delay_us)
        loop_timer_start(worker->loop, timer, delay_us);
}

static void end_wait(struct exchange *exchange)
{
    struct exchange_worker *worker = exchange->listener->worker;
    int64_t waited_us = clock_monotonic_us() - exchange->waiting_since_us;
    loop_timer_stop(worker->loop, &exchange->timer);
    worker->waiting_for_turn--;
    exchange->state = EXCHANGE_RECEIVED;
    exchange->record.waited_us = waited_us > 0 ? waited_us : 1;
    exchange_count_wait_ended(exchange);
}

/* Orders may have been stopped while it waited: it need not be connected for to hear of it. */
static void turn_came(struct exchange *exchange)
{
    char detail[EXCHANGE_DETAIL_MAX];
    end_wait(exchange);
    if (exchange_is_stopped(exchange, detail, sizeof(detail)))
        exchange_refuse(exchange, REFUSAL_TRADING_STOPPED, detail);
    else
        exchange_set_out(exchange);
}

static void patience_ended(struct loop_timer *timer)
{
    struct exchange *exchange = timer->context;
    struct turn_delay delay;
    int64_t now_us = clock_boot_us();
    if (!turns_give_up(turns_of(exchange), &exchange->turn, now_us, &delay)) {
        turn_came(exchange);
        return;
    }
    end_wait(exchange);
    refuse(exchange, &delay, now_us);
}

static void begin_to_wait(struct exchange *exchange, int64_t look_in_us)
{
    struct exchange_worker *worker = exchange->listener->worker;
    exchange->state = EXCHANGE_WAITING_FOR_TURN;
    exchange->waiting_since_us = clock_monotonic_us();
    exchange->timer = (struct loop_timer){ .expired = patience_ended, .context = exchange };
    loop_timer_start(worker->loop, &exchange->timer, exchange->listener->pace.patience_us);
    worker->waiting_for_turn++;
    exchange_count_wait_begun(exchange);
    look_no_later_than(worker, look_in_us);
}

void exchange_take_turn(struct exchange *exchange)
{
    const struct exchange_listener *listener = exchange->listener;
    if (!is_paced(exchange)) {
        exchange_set_out(exchange);
        return;
    }
    int64_t now_us = clock_boot_us();
    enum turns_answer answer = TURNS_TAKEN;
    struct turn_delay delay;
    exchange->turn.context = exchange;
    if (!turns_take(turns_of(exchange), &exchange->turn, lane_of(exchange), now_us)) {
        const struct turns_wish wish = { .lane = lane_of(exchange),
                                         .rank = exchange_rank(exchange),
                                         .worker = listener->worker->index,
                                         .patience_us = listener->pace.patience_us };
        answer = turns_wait(turns_of(exchange), &exchange->turn, &wish, now_us, &delay);
    }
    if (answer == TURNS_TAKEN)
        exchange_set_out(exchange);
    else if (answer == TURNS_WAITING)
        begin_to_wait(exchange, delay.ready_us - now_us);
    else
        refuse(exchange, &delay, now_us);
}

void exchange_look_for_turns(struct exchange_worker *worker)
{
    int64_t look_us = INT64_MAX;
    struct turn *turn;
    while (worker->waiting_for_turn > 0 &&
           (turn = turns_next(worker->turns, worker->index, clock_boot_us(), &look_us)) != NULL)
        turn_came(turn->context);
    loop_timer_stop(worker->loop, &worker->turn_timer);
    if (worker->waiting_for_turn > 0 && look_us != INT64_MAX)
        look_no_later_than(worker, look_us - clock_boot_us());
}

/* --- leaving --- */

void exchange_turn_left(struct exchange *exchange)
{
    if (exchange->turn.state == TURN_HELD)
        turns_sent(turns_of(exchange), &exchange->turn, clock_boot_us());
}

/* It is a GET whose connection was lost: what is known of the exchange's count is that the first may be in it, and so that the
 * repeat needs a turn of its own. It does not wait for one: who waits was first. */
bool exchange_turn_repeats(struct exchange *exchange)
{
    if (exchange->turn.state == TURN_NONE)
        return true; /* not paced */
    exchange_turn_left(exchange);
    return turns_take(turns_of(exchange), &exchange->turn, exchange->turn.lane, clock_boot_us());
}

void exchange_end_turn(struct exchange *exchange)
{
    enum record_outcome outcome = exchange->record.outcome;
    bool is_at_home = outcome == RECORD_REFUSED || outcome == RECORD_NOT_SENT || outcome == RECORD_DRY_RUN;
    bool waits = exchange->state == EXCHANGE_WAITING_FOR_TURN;
    if (waits)
        end_wait(exchange);
    else if (exchange->turn.state != TURN_HELD)
        return;
    if (waits || is_at_home)
        turns_give_back(turns_of(exchange), &exchange->turn, clock_boot_us());
    else
        exchange_turn_left(exchange);
}

/* --- the exchange's own word --- */

static void report_too_many(const struct exchange *exchange, int64_t pause_us)
{
    const struct exchange_listener *listener = exchange->listener;
    const char *account = signer_client_account_name(listener->worker->signer, listener->account);
    const struct log_value values[] = { { "event", "too-many-requests", 0 }, { "id", NULL, exchange->record.id },
                                        { "listener", listener->name, 0 },   { "account", account, 0 },
                                        { "pause_us", NULL, pause_us },      { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_WARNING, values,
                    "listener %s: the exchange answered 429, too many requests, to #%" PRId64
                    ": nothing more leaves for account %s, or from this address to %s, for %" PRId64 ".%03" PRId64
                    " s. Other programs of this account, or behind this address, count, too: give this one its share "
                    "(rate of the account, ip_rate of the upstream)",
                    listener->name, exchange->record.id, account, upstream_host(listener->upstream), pause_us / 1000000,
                    pause_us / 1000 % 1000);
}

void exchange_heed_too_many(struct exchange *exchange, const struct upstream_result *result)
{
    bool is_told = result->status == 429 || slice_equal_text(exchange->record.api_code, "429");
    if (!is_told || exchange->turn.state == TURN_NONE)
        return;
    const struct http_field *field = http_field_find(result->response_fields, "Retry-After");
    int64_t retry_after_us = field == NULL ? -1 : pace_retry_after_us(field->value, clock_wall_us());
    int64_t now_us = clock_boot_us(), until_us = now_us;
    exchange_turn_left(exchange);
    if (!turns_told_too_many(turns_of(exchange), &exchange->turn, now_us, retry_after_us, &until_us))
        return;
    exchange_count_pause(exchange);
    report_too_many(exchange, until_us - now_us);
}
