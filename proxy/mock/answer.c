/* Answers: the exchange's JSON envelope. Numbers go in as text and never become doubles. */
#include "room.h"

#include <inttypes.h>
#include <stdio.h>

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

cJSON *answer_put_object(struct answer *answer, cJSON *object, const char *name)
{
    return noted(answer, cJSON_AddObjectToObject(object, name));
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

void answer_put_decimal(struct answer *answer, cJSON *object, const char *name, const struct decimal *number,
                        enum written_as kind)
{
    char text[DECIMAL_TEXT_MAX];
    answer_put(answer, object, name, decimal_format(text, number), kind);
}

void answer_put(struct answer *answer, cJSON *object, const char *name, const char *text, enum written_as kind)
{
    if (kind == AS_NUMBER)
        answer_put_number(answer, object, name, text);
    else
        answer_put_text(answer, object, name, text);
}

void answer_put_constants(struct answer *answer, cJSON *object, const struct constant *constants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        answer_put(answer, object, constants[i].name, constants[i].value, constants[i].kind);
}

void answer_text(struct answer *answer, const char *text)
{
    (void)put_data(answer, cJSON_CreateString(text)); /* out of memory is noted */
}

static void put_failure(struct answer *answer, cJSON *envelope)
{
    const struct failure_row *row = failure_row(answer);
    answer_put_number(answer, envelope, "code", row->code);
    answer_put_text(answer, envelope, row->message_name, row->message);
    (void)noted(answer, cJSON_AddNullToObject(envelope, "data"));
}

static void put_success(struct answer *answer, cJSON *envelope, const struct route *route)
{
    answer_put_number(answer, envelope, "code", route->success_code);
    if (route->success_message != NULL)
        answer_put_text(answer, envelope, "message", route->success_message);
    if (answer->data == NULL)
        return; /* an answer without data */
    if (cJSON_AddItemToObject(envelope, "data", answer->data))
        answer->data = NULL; /* the envelope's now */
    else
        answer->out_of_memory = true;
}

char *answer_render(struct answer *answer, const struct route *route)
{
    if (answer->failure == FAILURE_NONE && route->success_code == NULL)
        return answer->out_of_memory ? NULL : cJSON_PrintUnformatted(answer->data);
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
