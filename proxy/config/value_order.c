/* Parsers of limits: for orders an amount, symbols, sides; and a rate of requests. The amount stays text: it is reckoned with
 * exactly. Pure; any thread. */
#include "value.h"

#include "problems.h"

#include "countersign/decimal.h"
#include "countersign/pace.h"

#include <string.h>

enum { SYMBOLS_MAX = 64, SYMBOL_LENGTH_MAX = 32 }; /* as in order_limit.h, whose room reads the list */

bool config_parse_amount(struct config_value *value, const struct config_parse *parse)
{
    struct decimal amount;
    if (!decimal_parse(&amount, slice_text(parse->text)) || decimal_is_zero(&amount))
        return config_refuse(parse, NULL);
    return config_value_copy(value, parse, parse->text);
}

static bool is_symbol(struct slice part)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (size_t i = 0; i < part.length; i++) {
        if (slice_find(SLICE_LITERAL(letters), part.data[i]) == sizeof(letters) - 1)
            return false;
    }
    return part.length > 0 && part.length <= SYMBOL_LENGTH_MAX;
}

bool config_parse_symbols(struct config_value *value, const struct config_parse *parse)
{
    struct slice rest = slice_text(parse->text), part;
    size_t count = 0;
    while (slice_next_part(&rest, ',', &part)) {
        if (!is_symbol(slice_trim_blanks(part)) || ++count > SYMBOLS_MAX)
            return config_refuse(parse, NULL);
    }
    return count > 0 ? config_value_copy(value, parse, parse->text) : config_refuse(parse, NULL);
}

/* "buy" is what many would write; the exchange writes BUY, and so does every message. */
bool config_parse_sides(struct config_value *value, const struct config_parse *parse)
{
    static const char *const words[] = { "BUY", "SELL" };
    struct slice rest = slice_text(parse->text), part;
    size_t count = 0;
    while (slice_next_part(&rest, ',', &part)) {
        part = slice_trim_blanks(part);
        for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
            if (slice_equal_text_caseless(part, words[i]) && !slice_equal_text(part, words[i]))
                return config_refuse(parse, words[i]);
        }
        if (!slice_equal_text(part, words[0]) && !slice_equal_text(part, words[1]))
            return config_refuse(parse, NULL);
        count++;
    }
    return count > 0 ? config_value_copy(value, parse, parse->text) : config_refuse(parse, NULL);
}

bool config_parse_rate(struct config_value *value, const struct config_parse *parse)
{
    struct pace_rate rate;
    if (!pace_rate_parse(&rate, slice_text(parse->text)))
        return config_refuse(parse, NULL);
    return config_value_copy(value, parse, parse->text);
}
