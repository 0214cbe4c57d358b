/* Answers: the table of failures and the exchange's JSON envelope. Numbers go in as text and never become doubles. */
#include "room.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Sources are sections of the exchange's API documentation. "HTTP Status Code" lists what 400, 401, 404 and 500 mean, so
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
    /* "500 internal server error" */
    [FAILURE_INTERNAL] = { 500, "500", "message", "internal server error" },
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
    /* Documented for "Fund transfer", whose example answer says `msg`: the one code there is for a field that is missing */
    [FAILURE_FIELD_MISSING] = { 200, "101040502", "msg", "request field missing" },
};

const struct failure_row *failure_row(enum failure failure)
{
    return &failures[failure];
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

/* Notes a failed addition; returns what it was given. */
static cJSON *noted(struct answer *answer, cJSON *item)
{
    if (item == NULL)
        answer->out_of_memory = true;
    return item;
}

/* Makes `item` the answer's data. */
static cJSON *put_data(struct answer *answer, cJSON *item)
{
    cJSON_Delete(answer->data);
    answer->data = noted(answer, item);
    return item;
}

cJSON *answer_list(struct answer *answer)
{
    return put_data(answer, cJSON_CreateArray());
}

cJSON *answer_object(struct answer *answer)
{
    return put_data(answer, cJSON_CreateObject());
}

void answer_put_item(struct answer *answer, cJSON *list, cJSON *item)
{
    if (cJSON_AddItemToArray(list, item))
        return;
    answer->out_of_memory = true;
    cJSON_Delete(item);
}

cJSON *answer_add_object(struct answer *answer, cJSON *list)
{
    cJSON *object = cJSON_CreateObject();
    if (object != NULL && cJSON_AddItemToArray(list, object))
        return object;
    answer->out_of_memory = true;
    cJSON_Delete(object);
    return NULL;
}

cJSON *answer_put_list(struct answer *answer, cJSON *object, const char *name)
{
    return noted(answer, cJSON_AddArrayToObject(object, name));
}

void answer_put_text(struct answer *answer, cJSON *object, const char *name, const char *text)
{
    (void)noted(answer, cJSON_AddStringToObject(object, name, text));
}

void answer_put_number(struct answer *answer, cJSON *object, const char *name, const char *number)
{
    (void)noted(answer, cJSON_AddRawToObject(object, name, number));
}

void answer_put_u64(struct answer *answer, cJSON *object, const char *name, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, number); /* fits: at most 20 digits */
    answer_put_number(answer, object, name, text);
}

static void put_failure(struct answer *answer, cJSON *envelope)
{
    const struct failure_row *row = failure_row(answer->failure);
    answer_put_number(answer, envelope, "code", row->code);
    answer_put_text(answer, envelope, row->message_name, row->message);
    (void)noted(answer, cJSON_AddNullToObject(envelope, "data"));
}

static void put_success(struct answer *answer, cJSON *envelope, const struct route *route)
{
    answer_put_number(answer, envelope, "code", route->success_code);
    if (route->success_message != NULL)
        answer_put_text(answer, envelope, "message", route->success_message);
    if (cJSON_AddItemToObject(envelope, "data", answer->data))
        answer->data = NULL; /* the envelope's now */
    else
        answer->out_of_memory = true;
}

char *answer_render(struct answer *answer, const struct route *route)
{
    cJSON *envelope = noted(answer, cJSON_CreateObject());
    if (answer->failure == FAILURE_NONE)
        put_success(answer, envelope, route);
    else
        put_failure(answer, envelope);
    char *text = answer->out_of_memory ? NULL : cJSON_PrintUnformatted(envelope);
    cJSON_Delete(envelope);
    return text;
}

void answer_end(struct answer *answer)
{
    cJSON_Delete(answer->data);
    answer->data = NULL;
}
