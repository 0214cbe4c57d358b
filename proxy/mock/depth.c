/* The order book as it is shown: what others offer and the account's own orders, one line for each price. The loop's
 * thread. */
#include "room.h"

#include <stdio.h>

enum { DEPTH_DEFAULT = 20 };

static bool read_depth(uint64_t *depth, const struct call *call, struct answer *answer)
{
    static const uint64_t allowed[] = { 5, 10, 20, 50, 100 };
    char text[24];
    *depth = DEPTH_DEFAULT;
    enum input given = input_query(text, sizeof(text), call->query, "depth");
    if (given == INPUT_ABSENT)
        return true;
    for (size_t i = 0; given == INPUT_GIVEN && i < ARRAY_LENGTH(allowed); i++) {
        if (slice_to_u64(slice_text(text), depth) && *depth == allowed[i])
            return true;
    }
    return answer_fail(answer, FAILURE_BAD_REQUEST, "depth is 5, 10, 20, 50 or 100");
}

static void put_level(struct answer *answer, cJSON *levels, const struct quote *quote, enum book_side side)
{
    char text[DECIMAL_TEXT_MAX];
    cJSON *row = cJSON_CreateArray();
    answer_put_item(answer, row, cJSON_CreateString(decimal_format(text, &quote->price)));
    answer_put_item(answer, row, cJSON_CreateString(decimal_format(text, &quote->quantity)));
    answer_put_item(answer, row, cJSON_CreateRaw(side == BOOK_ASKS ? "-1" : "1"));
    answer_put_item(answer, levels, row);
}

/* One side: [[price, quantity, direction], ...], the best price first. */
static void put_side(struct answer *answer, cJSON *object, struct book_walk *walk, uint64_t depth)
{
    cJSON *levels = answer_put_list(answer, object, walk->side == BOOK_ASKS ? "a" : "b");
    struct quote level, next;
    bool has_level = book_walk_next(walk, &level);
    for (uint64_t count = 0; has_level && count < depth; count++) {
        bool has_next;
        while ((has_next = book_walk_next(walk, &next)) && decimal_compare(&next.price, &level.price) == 0 &&
               decimal_add(&level.quantity, &level.quantity, &next.quantity))
            continue; /* one line for each price */
        put_level(answer, levels, &level, walk->side);
        level = next;
        has_level = has_next;
    }
}

void market_depth(const struct call *call, struct answer *answer)
{
    uint64_t depth;
    const struct symbol *symbol = symbol_find(call->symbol);
    if (symbol == NULL) {
        (void)answer_fail(answer, FAILURE_SYMBOL, "symbol \"%.*s\" is not listed", SLICE_ARGUMENTS(call->symbol));
        return;
    }
    if (!read_depth(&depth, call, answer))
        return;
    char channel[ORDER_TEXT_MAX];
    (void)snprintf(channel, sizeof(channel), "%s@depth@%d", symbol->id, (int)depth); /* fits: short constants */
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "channel", channel);
    answer_put_u64(answer, object, "level", depth);
    for (int side = BOOK_ASKS; side <= BOOK_BIDS; side++) {
        struct book_walk walk;
        book_walk_begin(&walk, call->mock, symbol, (enum book_side)side);
        put_side(answer, object, &walk, depth);
    }
    answer_put_text(answer, object, "symbol", symbol->code);
    answer_put_number(answer, object, "instrumentId", symbol->id);
}
