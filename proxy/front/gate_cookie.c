/* The grammar of a Cookie field as libmicrohttpd 0.9.75 takes it apart, as far as its fault depends on it. Pure. */
#include "gate_steps.h"

static bool is_separator(unsigned char byte)
{
    return byte == ';' || byte == ',';
}

enum gate_cookie gate_cookie_step(enum gate_cookie at, unsigned char byte)
{
    bool is_quote = byte == '"';
    switch (at) {
    case GATE_COOKIE_VALUE_FIRST:
        if (is_quote)
            return GATE_COOKIE_LONE_QUOTE;
        return is_separator(byte) ? GATE_COOKIE_NAME : GATE_COOKIE_VALUE;
    case GATE_COOKIE_VALUE:
        if (is_quote)
            return GATE_COOKIE_QUOTED;
        return is_separator(byte) ? GATE_COOKIE_NAME : GATE_COOKIE_VALUE;
    case GATE_COOKIE_LONE_QUOTE:
    case GATE_COOKIE_QUOTED:
        return is_quote ? GATE_COOKIE_VALUE : GATE_COOKIE_QUOTED;
    case GATE_COOKIE_START:
    case GATE_COOKIE_NAME:
    default:
        return byte == '=' ? GATE_COOKIE_VALUE_FIRST : GATE_COOKIE_NAME;
    }
}

bool gate_is_in_lone_quote(const struct gate *gate)
{
    return gate->state == GATE_VALUE && gate->field == GATE_FIELD_COOKIE && gate->matched == GATE_COOKIE_LONE_QUOTE;
}
