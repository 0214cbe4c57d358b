/* What failures say: the table of those that the mock finds, and of those that it is told to rehearse. Constant; any thread. */
#include "room.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Sources are sections of the exchange's API documentation. "HTTP Status Code" lists what 400, 401, 404, 429 and 500 mean, so
 * these are the HTTP status as well. Every other failure arrives as HTTP 200 with a code: "0: success, other: failure"
 * ("Return Format"); that is how its users met 1401 and 3005. */
static const struct failure_row failures[FAILURE_COUNT] = {
    [FAILURE_NONE] = { 200, "0", "message", "" },
    /* "400 Bad Request - Invalid request format" */
    [FAILURE_BAD_REQUEST] = { 400, "400", "message", "invalid request format" },
    /* "401 signature failed - Invalid API Key"; users' logs show {"message":"signature-failed","code":401} */
    [FAILURE_API_KEY] = { 401, "401", "message", "signature-failed" },
    /* "404 service not found"; a known path with another method is not in the documentation, and is answered so too */
    [FAILURE_NO_SERVICE] = { 404, "404", "message", "service not found" },
    /* "429 too many visits" */
    [FAILURE_TOO_MANY_VISITS] = { 429, "429", "message", "too many visits" },
    /* "500 internal server error" */
    [FAILURE_INTERNAL] = { 500, "500", "message", "internal server error" },
    /* "Request IP is not in the IP whitelist" ("Error Code") */
    [FAILURE_ADDRESS] = { 200, "1401", "message", "unauthorized" },
    /* Causes documented for 1401: address not on the key's list, signature failure, login expired. A time that is absent,
     * no time, or too far from the exchange's is the one of these that can be checked before the signature. */
    [FAILURE_WINDOW] = { 200, "1401", "message", "unauthorized" },
    [FAILURE_SIGNATURE] = { 200, "3005", "message", "signature error" },
    [FAILURE_SYMBOL] = { 200, "3011", "message", "symbol not found" },
    /* The 50 active orders are documented ("Create order"), the answer to the 51st is not. 3013 is "trading restricted:
     * this account". */
    [FAILURE_TOO_MANY_ORDERS] = { 200, "3013", "message", "account trading restricted" },
    [FAILURE_ORDER_NOT_FOUND] = { 200, "3103", "message", "order-not-found" },
    [FAILURE_DUPLICATE] = { 200, "3111", "message", "duplicate-order" },
    [FAILURE_INSUFFICIENT] = { 200, "3113", "message", "account-insufficient" },
    /* "Incorrect transfer quantity", "Possible insufficient balance, duplicate orders" ("Fund transfer") */
    [FAILURE_TRANSFER_AMOUNT] = { 200, "102150400", "msg", "incorrect transfer quantity" },
    [FAILURE_TRANSFER_BALANCE] = { 200, "102150808", "msg", "insufficient balance" },
    /* Documented for "Fund transfer", whose example answer says `msg`: the one code there is for a field that is missing,
     * or a currency that is not known */
    [FAILURE_FIELD_MISSING] = { 200, "101040502", "msg", "request field missing" },
};

/* Messages of documented codes that the mock never finds a reason for ("Error Code", "Fund transfer"). 3104 and 3106 are not
 * documented. */
static const struct failure_row only_rehearsed[] = {
    { 200, "3012", "message", "part-trade-limit" },
    { 200, "3014", "message", "user-trade-limit" },
    { 200, "3015", "message", "user-part-trade-limit" },
    { 200, "6001", "message", "sub-user-operator-business-error" },
};

const struct failure_row *failure_row(const struct answer *answer)
{
    return answer->failure == FAILURE_REHEARSED ? &answer->rehearsed : &failures[answer->failure];
}

static const struct failure_row *documented(const char *code)
{
    for (size_t i = FAILURE_NONE + 1; i < FAILURE_REHEARSED; i++) {
        if (strcmp(failures[i].code, code) == 0)
            return &failures[i];
    }
    for (size_t i = 0; i < ARRAY_LENGTH(only_rehearsed); i++) {
        if (strcmp(only_rehearsed[i].code, code) == 0)
            return &only_rehearsed[i];
    }
    return NULL;
}

void answer_rehearse(struct answer *answer, const struct mock_fault *fault)
{
    if (fault->kind == MOCK_FAULT_GARBAGE) {
        (void)answer_fail(answer, FAILURE_REHEARSED, "HTML in place of an answer, as --garbage says");
        answer->rehearsed = (struct failure_row){ .http_status = fault->status, .code = "none" };
        return;
    }
    const struct failure_row *row = documented(fault->code);
    (void)answer_fail(answer, FAILURE_REHEARSED, "rehearsed, as --fail says");
    answer->rehearsed = (struct failure_row){
        .http_status = fault->status,
        .code = fault->code,
        .message_name = row == NULL ? "message" : row->message_name,
        .message = row == NULL ? "rehearsed failure" : row->message,
    };
}

bool answer_fail(struct answer *answer, enum failure failure, const char *format, ...)
{
    answer->failure = failure;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(answer->reason, sizeof(answer->reason), format, arguments); /* a long reason is cut */
    va_end(arguments);
    return false;
}

void answer_note(struct answer *answer, const char *format, ...)
{
    if (answer->reason[0] != '\0')
        return; /* the first says enough */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(answer->reason, sizeof(answer->reason), format, arguments); /* a long reason is cut */
    va_end(arguments);
}
