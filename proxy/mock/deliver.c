/* Answers on their way out: at once, later, as HTML, or not at all. What is put off is owned by its request, and ends with
 * it. The loop's thread; nothing waits but timers. */
#include "room.h"

#include "countersign/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    DATE_MAX = 96,
    STALL_LOOK_US = 1000 * 1000 /* how often a stalled request looks whether its client is still there */
};

/* What a captive portal or a firewall says in place of the exchange. */
static const char garbage[] = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\n"
                              "<body><h1>Sign in to the network</h1><p>This page is rehearsed.</p></body></html>\n";

static const char out_of_memory[] = "{\"code\":500,\"message\":\"internal server error\",\"data\":null}";

struct delivery {
    struct mock *mock;
    struct front_request *request;
    struct loop_timer timer;
    const struct mock_fault *fault; /* NULL: none */
    int status;
    char reason[MOCK_REASON_MAX]; /* "": nothing was refused */
    char *text;                   /* owned until it is handed to the front; NULL where memory was out */
};

static bool has_fault(const struct delivery *delivery, enum mock_fault_kind kind)
{
    return delivery->fault != NULL && delivery->fault->kind == kind;
}

/* IMF-fixdate (RFC 9110 §5.6.7), by hand: strftime's names are those of the locale. */
static const char *format_date(char *text, int64_t now_ms)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc = { .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };
    (void)gmtime_r(&seconds, &utc); /* fails for years beyond an int alone */
    (void)snprintf(text, DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
                   months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec); /* fits */
    return text;
}

static struct slice body_of(const struct delivery *delivery)
{
    if (has_fault(delivery, MOCK_FAULT_GARBAGE))
        return SLICE_LITERAL(garbage);
    return slice_text(delivery->text == NULL ? out_of_memory : delivery->text);
}

static void send_answer(struct delivery *delivery)
{
    char date[DATE_MAX];
    bool is_garbage = has_fault(delivery, MOCK_FAULT_GARBAGE);
    struct http_field fields[] = {
        { SLICE_LITERAL("Date"), slice_text(format_date(date, mock_now_ms(delivery->mock))) },
        { SLICE_LITERAL("Content-Type"),
          is_garbage ? SLICE_LITERAL("text/html; charset=utf-8") : SLICE_LITERAL("application/json") },
        { SLICE_LITERAL(MOCK_REFUSAL_FIELD), slice_text(delivery->reason) },
    };
    struct front_reply reply = {
        .status = delivery->status,
        .fields = fields,
        .field_count = ARRAY_LENGTH(fields) - (delivery->reason[0] == '\0' ? 1 : 0),
        .body = body_of(delivery),
        .release = cJSON_free, /* takes NULL too */
        .release_context = delivery->text,
    };
    struct error error = { .kind = ERROR_NONE };
    if (front_reply(delivery->request, &reply, &error)) {
        delivery->text = NULL; /* the front's now */
        return;
    }
    log_error("mock: could not answer: %s", error.message);
    front_reset(delivery->request); /* nothing would end its wait */
}

/* Does what is due; true where it is to be called again, STALL_LOOK_US later. */
static bool act(struct delivery *delivery)
{
    if (has_fault(delivery, MOCK_FAULT_STALL)) {
        if (!front_request_client_left(delivery->request))
            return true;
        front_reset(delivery->request);
    } else if (has_fault(delivery, MOCK_FAULT_RESET)) {
        front_reset(delivery->request);
    } else {
        send_answer(delivery);
    }
    return false;
}

static void expired(struct loop_timer *timer)
{
    struct delivery *delivery = timer->context;
    if (act(delivery))
        loop_timer_start(delivery->mock->loop, timer, STALL_LOOK_US);
}

/* Puts it off; it is then the request's. False where memory is out. */
static bool put_off(const struct delivery *delivery, int64_t delay_us)
{
    struct delivery *kept = malloc(sizeof(*kept));
    if (kept == NULL)
        return false;
    *kept = *delivery;
    kept->timer = (struct loop_timer){ .expired = expired, .context = kept };
    front_request_set_context(kept->request, kept);
    loop_timer_start(kept->mock->loop, &kept->timer, delay_us);
    return true;
}

void deliver(struct front_request *request, struct mock *mock, const struct call *call, struct answer *answer,
             const struct mock_fault *fault)
{
    struct delivery delivery = { .mock = mock, .request = request, .fault = fault };
    bool is_garbage = has_fault(&delivery, MOCK_FAULT_GARBAGE);
    delivery.text = is_garbage ? NULL : answer_render(answer, call->route);
    if (delivery.text == NULL && !is_garbage)
        (void)answer_fail(answer, FAILURE_INTERNAL, "out of memory");
    delivery.status = failure_row(answer)->http_status;
    (void)mock_show(delivery.reason, sizeof(delivery.reason), slice_text(answer->reason)); /* gives the text back */
    int64_t delay_us = rehearsal_delay_us(&mock->rehearsing, &mock->rehearsal);
    if (has_fault(&delivery, MOCK_FAULT_STALL) && delay_us == 0)
        delay_us = STALL_LOOK_US;
    if (delay_us > 0 && put_off(&delivery, delay_us))
        return;
    (void)act(&delivery); /* a stall without memory to keep it is not rehearsed */
    cJSON_free(delivery.text);
}

void deliver_end(struct front_request *request)
{
    struct delivery *delivery = front_request_context(request);
    if (delivery == NULL)
        return;
    loop_timer_stop(delivery->mock->loop, &delivery->timer);
    cJSON_free(delivery->text);
    free(delivery);
}
