/* The mock exchange: one request in, one answer out. Owns its front and its orders; runs on the loop's thread. */
#include "room.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DATE_MAX = 96,
    METHOD_SHOWN_MAX = 33, /* bytes of a method and of a target in a log line, with their NUL */
    TARGET_SHOWN_MAX = 200
};

static const char *defect_reason(enum front_defect defect)
{
    static const char *const reasons[] = {
        [FRONT_DEFECT_HEADER_TOO_LARGE] = "request line and fields are too large",
        [FRONT_DEFECT_BODY_TOO_LARGE] = "the body is too large",
        [FRONT_DEFECT_METHOD_REFUSED] = "CONNECT and TRACE are not for this server",
        [FRONT_DEFECT_AMBIGUOUS_LENGTH] = "the body's length is ambiguous (RFC 9112 §6.3)",
        [FRONT_DEFECT_MALFORMED_TARGET] = "the request target is malformed",
        [FRONT_DEFECT_MALFORMED_FIELD] = "a header field is malformed",
    };
    return reasons[defect];
}

static struct call read_call(struct mock *mock, const struct front_request *request)
{
    struct slice target = front_request_target(request);
    return (struct call){
        .mock = mock,
        .method = front_request_method(request),
        .target = target,
        .query = http_target_query(target),
        .fields = front_request_fields(request),
        .body = front_request_body(request),
        .now_ms = mock->wall_us() / 1000,
    };
}

/* The signature is checked before the body is looked at: an exchange does not read what a stranger sent. */
static void answer_call(struct call *call, struct answer *answer, enum front_defect defect)
{
    if (defect != FRONT_DEFECT_NONE)
        (void)answer_fail(answer, FAILURE_BAD_REQUEST, "%s", defect_reason(defect));
    else if (!route_find(call))
        (void)answer_fail(answer, FAILURE_NO_SERVICE, "no such endpoint");
    else if ((call->route->route_class == ROUTE_PUBLIC || auth_check(call, answer)) &&
             (!slice_equal_text(call->method, "POST") || input_check_post(call, answer)))
        call->route->handler(call, answer);
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

/* Answers in JSON; where memory is out, with the failure of the server itself. Sets answer->failure accordingly. */
static void send_answer(struct front_request *request, const struct call *call, struct answer *answer)
{
    static const char out_of_memory[] = "{\"code\":500,\"message\":\"internal server error\",\"data\":null}";
    char *text = answer_render(answer, call->route);
    if (text == NULL)
        (void)answer_fail(answer, FAILURE_INTERNAL, "out of memory");
    char date[DATE_MAX];
    struct http_field fields[] = {
        { SLICE_LITERAL("Date"), slice_text(format_date(date, call->now_ms)) },
        { SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json") },
    };
    struct front_reply reply = {
        .status = failure_row(answer->failure)->http_status,
        .fields = fields,
        .field_count = ARRAY_LENGTH(fields),
        .body = slice_text(text == NULL ? out_of_memory : text),
        .release = cJSON_free, /* takes NULL too */
        .release_context = text,
    };
    struct error error = { .kind = ERROR_NONE };
    if (!front_reply(request, &reply, &error)) {
        cJSON_free(text);
        log_error("mock: could not answer: %s", error.message);
    }
}

/* A client's bytes for a log line: visible ASCII as it is, anything else as '?'; a long text is cut. */
static const char *show(char *shown, size_t size, struct slice text)
{
    size_t length = 0;
    for (; length < text.length && length + 1 < size; length++)
        shown[length] = text.data[length] >= ' ' && text.data[length] <= '~' ? text.data[length] : '?';
    shown[length] = '\0';
    return shown;
}

static void log_call(const struct call *call, const struct answer *answer)
{
    const struct failure_row *row = failure_row(answer->failure);
    char method[METHOD_SHOWN_MAX], target[TARGET_SHOWN_MAX], reason[MOCK_REASON_MAX];
    const struct log_value values[] = {
        { "method", show(method, sizeof(method), call->method), 0 },
        { "target", show(target, sizeof(target), call->target), 0 },
        { "status", NULL, row->http_status },
        { "code", row->code, 0 },
        { "reason", show(reason, sizeof(reason), slice_text(answer->reason)), 0 },
        { NULL, NULL, 0 },
    };
    enum log_level level = answer->failure == FAILURE_NONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;
    log_line_values(level, values, "mock exchange: %s %s %d code %s%s%s", method, target, row->http_status, row->code,
                    reason[0] == '\0' ? "" : ": ", reason);
}

static void take_request(void *context, struct front_request *request)
{
    struct mock *mock = context;
    struct call call = read_call(mock, request);
    struct answer answer = { .failure = FAILURE_NONE };
    answer_call(&call, &answer, front_request_defect(request));
    send_answer(request, &call, &answer);
    if (mock->log_requests)
        log_call(&call, &answer);
    answer_end(&answer);
}

static void request_finished(void *context, struct front_request *request, bool delivered)
{
    (void)context; /* nothing is kept for a request after its answer */
    (void)request;
    (void)delivered;
}

static bool open_front(struct mock *mock, const struct mock_options *options, struct error *error)
{
    struct front_options front = {
        .loop = options->loop,
        .listen_fd = options->listen_fd,
        .header_max = MOCK_HEADER_MAX,
        .body_max = MOCK_BODY_MAX,
        .connections_max = MOCK_CONNECTIONS_MAX,
        .idle_timeout_us = MOCK_IDLE_TIMEOUT_US,
        .tls_certificate = options->tls_certificate,
        .tls_key = options->tls_key,
        .handler = { .request = take_request, .finished = request_finished },
        .context = mock,
    };
    return front_open(&mock->front, &front, error);
}

bool mock_open(struct mock **mock, const struct mock_options *options, struct error *error)
{
    struct mock *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the mock exchange");
    made->log_requests = options->log_requests;
    made->wall_us = clock_wall_us;
    orders_init(&made->orders);
    made->api_key = strdup(options->api_key);
    made->api_secret = strdup(options->api_secret);
    if (made->api_key == NULL || made->api_secret == NULL) {
        (void)error_set(error, ERROR_MEMORY, "out of memory for the mock exchange's key");
        goto fail;
    }
    if (!scheme_hmac_create(&made->hmac, error) || !open_front(made, options, error))
        goto fail;
    *mock = made;
    return true;
fail:
    mock_close(made);
    return false;
}

void mock_close(struct mock *mock)
{
    if (mock == NULL)
        return;
    front_close(mock->front);
    scheme_hmac_free(mock->hmac);
    if (mock->api_secret != NULL)
        explicit_bzero(mock->api_secret, strlen(mock->api_secret));
    free(mock->api_secret);
    free(mock->api_key);
    free(mock);
}
