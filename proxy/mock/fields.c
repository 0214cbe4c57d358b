/* What a request must hold, and how it is refused where it does not. Pure. */
#include "room.h"

bool input_take(char *text, struct slice object, const char *name, struct answer *answer)
{
    return input_body(text, ORDER_TEXT_MAX, object, name) != INPUT_UNUSABLE ||
           answer_fail(answer, FAILURE_BAD_REQUEST, "%s is not a string or number of up to %d bytes", name,
                       ORDER_TEXT_MAX - 1);
}

bool input_take_query(char *text, struct slice query, const char *name, struct answer *answer)
{
    return input_query(text, ORDER_TEXT_MAX, query, name) != INPUT_UNUSABLE ||
           answer_fail(answer, FAILURE_BAD_REQUEST, "the query parameter %s is longer than %d bytes or badly encoded",
                       name, ORDER_TEXT_MAX - 1);
}

bool input_require(const char *text, const char *name, struct answer *answer)
{
    return text[0] != '\0' || answer_fail(answer, FAILURE_FIELD_MISSING, "%s is missing", name);
}

bool input_symbol(const struct symbol **symbol, const char *code, struct answer *answer)
{
    *symbol = symbol_find(slice_text(code));
    return *symbol != NULL || answer_fail(answer, FAILURE_SYMBOL, "symbol \"%s\" is not listed", code);
}

bool input_contract(const struct symbol **symbol, const char *id, struct answer *answer)
{
    *symbol = symbol_find_contract(slice_text(id));
    return *symbol != NULL || answer_fail(answer, FAILURE_SYMBOL, "contract \"%s\" is not listed", id);
}

bool input_count(uint64_t *number, uint64_t maximum, const char *text, const char *name, struct answer *answer)
{
    if (text[0] == '\0')
        return true;
    return (slice_to_u64(slice_text(text), number) && *number >= 1 && *number <= maximum) ||
           answer_fail(answer, FAILURE_BAD_REQUEST, "%s is not a whole number from 1 to %d", name, (int)maximum);
}

bool input_amount(struct decimal *amount, const char *text)
{
    return decimal_parse(amount, slice_text(text)) && !decimal_is_zero(amount) &&
           amount->exponent >= -INPUT_DECIMALS_MAX;
}

bool input_list_begin(struct input_list *list, struct slice object, const char *name, size_t maximum,
                      struct answer *answer)
{
    struct slice text;
    enum json_token kind;
    if (!json_member(object, name, &text, &kind) || kind != JSON_ARRAY_BEGIN)
        return answer_fail(answer, FAILURE_FIELD_MISSING, "%s is missing, or no list", name);
    struct slice item;
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) { /* once to count, and once more to begin */
        json_scan_init(&list->scan, text);
        (void)json_scan_next(&list->scan, NULL); /* the bracket: json_member said so */
        while (pass == 0 && input_list_next(list, &item))
            count++;
    }
    return count <= maximum ||
           answer_fail(answer, FAILURE_BAD_REQUEST, "%s holds %zu items, more than %zu", name, count, maximum);
}

bool input_list_next(struct input_list *list, struct slice *item)
{
    enum json_token kind = json_scan_next(&list->scan, item);
    if (kind == JSON_ARRAY_END || kind == JSON_END || kind == JSON_INVALID || !json_scan_skip(&list->scan, kind))
        return false;
    const char *end = list->scan.text.data + list->scan.offset;
    item->length = (size_t)(end - item->data);
    return true;
}

bool input_list_next_text(struct input_list *list, char *text)
{
    struct slice item;
    while (input_list_next(list, &item)) {
        if (input_value(text, ORDER_TEXT_MAX, item) == INPUT_GIVEN)
            return true;
    }
    return false;
}
