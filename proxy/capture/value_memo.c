/* See value_memo.h: a direct-mapped table, by what is quickly reckoned of a row. */
#include "value_memo.h"

#include <stdlib.h>
#include <string.h>

struct value_memo {
    struct slot {
        int64_t id; /* 0: empty */
        struct value values[VALUE_MEMO_COLUMNS];
        char bytes[VALUE_MEMO_BYTES]; /* of its texts */
    } slots[VALUE_MEMO_SLOTS];
};

bool value_memo_create(struct value_memo **memo, struct error *error)
{
    *memo = calloc(1, sizeof(**memo));
    return *memo != NULL || error_set(error, ERROR_MEMORY, "out of memory for the capture store");
}

void value_memo_free(struct value_memo *memo)
{
    free(memo);
}

/* Rows differ mostly in a number (a status, a port) or in a text's length. */
static size_t slot_of(const struct value *values, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)values[i].number + values[i].text.length;
    return sum % VALUE_MEMO_SLOTS;
}

static bool is_same(const struct value *a, const struct value *b)
{
    return a->kind == b->kind && a->number == b->number && slice_equal(a->text, b->text);
}

int64_t value_memo_find(const struct value_memo *memo, const struct value *values, size_t count)
{
    const struct slot *slot = &memo->slots[slot_of(values, count)];
    size_t same = 0;
    while (slot->id != 0 && same < count && is_same(&slot->values[same], &values[same]))
        same++;
    return same == count ? slot->id : 0;
}

void value_memo_keep(struct value_memo *memo, const struct value *values, size_t count, int64_t id)
{
    struct slot *slot = &memo->slots[slot_of(values, count)];
    size_t used = 0;
    slot->id = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice text = values[i].text;
        if (text.length > sizeof(slot->bytes) - used)
            return;
        slot->values[i] = values[i];
        slot->values[i].text = slice_of(slot->bytes + used, text.length);
        if (text.length > 0)
            memcpy(slot->bytes + used, text.data, text.length);
        used += text.length;
    }
    slot->id = id;
}

void value_memo_forget(struct value_memo *memo)
{
    for (size_t i = 0; i < VALUE_MEMO_SLOTS; i++)
        memo->slots[i].id = 0;
}
