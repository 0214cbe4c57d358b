/* One request in, one answer out: the order in which a request is judged, and the line in the log. The loop's thread. */
#include "room.h"

#include "countersign/log.h"

#include <inttypes.h>

#include <stdio.h>

enum {
    METHOD_SHOWN_MAX = 33, /* bytes of a method and of a target in a log line, with their NUL */
    TARGET_SHOWN_MAX = 200
};

static const char *defect_reason(enum front_defect defect)
{
    static const char *const reasons[] = {
        [FRONT_DEFECT_HEADER_TOO_LARGE] = "request line and fields are too large",
        [FRONT_DEFECT_BODY_TOO_LARGE] = "the body is too large",
        [FRONT_DEFECT_NO_ROOM] = "there is no room for the body",
        [FRONT_DEFECT_LATE] = "the request did not come whole in time",
        [FRONT_DEFECT_METHOD_REFUSED] = "CONNECT and TRACE are not for this server",
        [FRONT_DEFECT_AMBIGUOUS_LENGTH] = "the body's length is ambiguous (RFC 9112 §6.3)",
        [FRONT_DEFECT_MALFORMED_TARGET] = "the request target is malformed",
        [FRONT_DEFECT_MALFORMED_FIELD] = "a header field is malformed",
        [FRONT_DEFECT_MALFORMED_REQUEST] = "this is not HTTP/1.1 (RFC 9112)",
    };
    return reasons[defect];
}

static struct call read_call(struct mock *mock, const struct front_request *request)
{
    struct slice target = front_request_target(request);
    const char *peer = front_request_peer(request);
    return (struct call){
        .mock = mock,
        .method = front_request_method(request),
        .target = target,
        .path = http_target_path(target),
        .query = http_target_query(target),
        .fields = front_request_fields(request),
        .body = front_request_body(request),
        .from = mock_address_of_peer(peer),
        .peer = peer,
        .now_ms = mock_now_ms(mock),
    };
}

/* Whether the request gets as far as the exchange's own door. */
static bool pass_rehearsed(const struct call *call, struct answer *answer, const struct mock_fault *fault)
{
    const struct mock_rehearsal *rehearsal = &call->mock->rehearsal;
    if (!rehearsal_counts(&call->mock->rehearsing, rehearsal, &call->from, loop_now_us(call->mock->loop)))
        return answer_fail(answer, FAILURE_TOO_MANY_VISITS, "more than %" PRIu64 " requests in %" PRId64 " ms from %s",
                           rehearsal->rate_limit, rehearsal->rate_period_us / 1000, call->peer);
    if (fault == NULL || fault->kind == MOCK_FAULT_RESET || fault->kind == MOCK_FAULT_STALL)
        return true;
    answer_rehearse(answer, fault);
    return false;
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

const char *mock_show(char *shown, size_t size, struct slice text)
{
    size_t length = 0;
    for (; length < text.length && length + 1 < size; length++)
        shown[length] = text.data[length] >= ' ' && text.data[length] <= '~' ? text.data[length] : '?';
    shown[length] = '\0';
    return shown;
}

/* What became of the answer, for the log. */
static const char *fault_note(const struct mock_fault *fault)
{
    static const char *const notes[] = {
        [MOCK_FAULT_FAIL] = "",
        [MOCK_FAULT_RESET] = " (not sent: the connection is reset, as --reset-after-request says)",
        [MOCK_FAULT_STALL] = " (never sent, as --stall says)",
        [MOCK_FAULT_GARBAGE] = "",
    };
    return fault == NULL ? "" : notes[fault->kind];
}

static void log_call(const struct call *call, const struct answer *answer, const struct mock_fault *fault)
{
    const struct failure_row *row = failure_row(answer);
    char method[METHOD_SHOWN_MAX], target[TARGET_SHOWN_MAX], reason[MOCK_REASON_MAX];
    const struct log_value values[] = {
        { "method", mock_show(method, sizeof(method), call->method), 0 },
        { "target", mock_show(target, sizeof(target), call->target), 0 },
        { "status", NULL, row->http_status },
        { "code", row->code, 0 },
        { "reason", mock_show(reason, sizeof(reason), slice_text(answer->reason)), 0 },
        { NULL, NULL, 0 },
    };
    bool is_well = answer->failure == FAILURE_NONE && fault == NULL;
    log_line_values(is_well ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, values, "mock exchange: %s %s %d code %s%s%s%s",
                    method, target, row->http_status, row->code, reason[0] == '\0' ? "" : ": ", reason,
                    fault_note(fault));
}

static void take_request(void *context, struct front_request *request)
{
    struct mock *mock = context;
    struct call call = read_call(mock, request);
    struct answer answer = { .failure = FAILURE_NONE };
    struct slice path = slice_first(call.path, slice_find(call.path, ';')); /* parameters name no other endpoint */
    const struct mock_fault *fault = rehearsal_fault(&mock->rehearsing, &mock->rehearsal, path);
    if (pass_rehearsed(&call, &answer, fault))
        answer_call(&call, &answer, front_request_defect(request));
    if (answer.failure == FAILURE_TOO_MANY_VISITS)
        fault = NULL; /* it got no further */
    deliver(request, mock, &call, &answer, fault);
    if (mock->log_requests)
        log_call(&call, &answer, fault);
    answer_end(&answer);
}

static void request_finished(void *context, struct front_request *request, bool delivered)
{
    (void)context;
    (void)delivered; /* nothing is kept for a request after its answer */
    deliver_end(request);
}

struct front_handler mock_front_handler(void)
{
    return (struct front_handler){ .request = take_request, .finished = request_finished };
}
