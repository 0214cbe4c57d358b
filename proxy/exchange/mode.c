/* The modes' names. Constant; any thread. */
#include "countersign/exchange.h"

#include "countersign/compiler.h"

static const struct {
    const char *name;
    const char *summary;
} modes[EXCHANGE_MODE_COUNT] = {
    [EXCHANGE_SIGN] = { "sign", "signs and forwards" },
    [EXCHANGE_OBSERVE] = { "observe", "forwards untouched what clients sign themselves" },
    [EXCHANGE_DRY_RUN] = { "dry-run", "sends nothing, answers with what would have been sent" },
};

const char *exchange_mode_name(enum exchange_mode mode)
{
    return (size_t)mode < ARRAY_LENGTH(modes) ? modes[mode].name : "?";
}

const char *exchange_mode_summary(enum exchange_mode mode)
{
    return (size_t)mode < ARRAY_LENGTH(modes) ? modes[mode].summary : "?";
}
