/* Endpoint classes and policies over them. Pure; any thread. */
#include "countersign/policy.h"

#include "countersign/compiler.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"

#include "endpoint_path.h"

#include <string.h>

struct endpoint_rule {
    const char *method;
    const char *path; /* normal form: lower case; a trailing '*' matches the rest */
    enum endpoint_class endpoint_class;
};

/* The exchange's API documentation, by class. The first match counts. */
static const struct endpoint_rule endpoints[] = {
    { "GET", "/api/v1/market/*", ENDPOINT_PUBLIC },
    { "GET", "/api/v1/ticker/price", ENDPOINT_PUBLIC },
    { "POST", "/api/v2/public/config/spot/symbols", ENDPOINT_PUBLIC },
    { "GET", "/api/configs/public", ENDPOINT_PUBLIC },
    { "GET", "/api/v1/futurequot/*", ENDPOINT_PUBLIC },

    { "POST", "/api/spot/accountlist", ENDPOINT_READ },
    { "GET", "/api/trade/order/active", ENDPOINT_READ },
    { "GET", "/api/v2/trade/order/active", ENDPOINT_READ },
    { "GET", "/api/trade/order/orderinfo", ENDPOINT_READ },
    { "GET", "/api/v2/trade/order/orderinfo", ENDPOINT_READ },
    { "GET", "/api/trade/match/accountmatches", ENDPOINT_READ },
    { "GET", "/api/fi/v1/common/currency", ENDPOINT_READ },
    { "POST", "/api/fi/v3/asset/deposit/do", ENDPOINT_READ },
    { "POST", "/api/fi/v3/asset/deposit/record/list", ENDPOINT_READ },
    { "POST", "/api/fi/v3/asset/withdraw/record/list", ENDPOINT_READ },
    { "GET", "/api/v2/trade/order/queryhismatch", ENDPOINT_READ },
    { "GET", "/api/future/*", ENDPOINT_READ },

    { "POST", "/api/trade/order/place", ENDPOINT_TRADE },
    { "POST", "/api/trade/order/placebatch", ENDPOINT_TRADE },
    { "POST", "/api/trade/order/cancel", ENDPOINT_TRADE },
    { "POST", "/api/trade/order/cancelbatch", ENDPOINT_TRADE },
    { "POST", "/api/trade/order/cancelbatchbyclordid", ENDPOINT_TRADE },
    { "POST", "/api/trade/order/cancelall", ENDPOINT_TRADE },
    { "POST", "/api/trade/orders/del", ENDPOINT_TRADE },

    /* Whatever the method and whatever comes behind: a path below these moves money or may, until shown otherwise. */
    { "*", "/api/fi/v3/asset/dowithdraw*", ENDPOINT_FUNDS },
    { "*", "/api/fi/v3/asset/cancelwithdraw*", ENDPOINT_FUNDS },
    { "*", "/api/v1/future/transfer*", ENDPOINT_FUNDS },
    { "*", "/api/fi/*", ENDPOINT_FUNDS },
    { "*", "/fi/*", ENDPOINT_FUNDS },
    { "*", "/v1/future/transfer*", ENDPOINT_FUNDS },
};

static const struct {
    const char *name;
    const char *summary;
    bool allows[ENDPOINT_DOUBTFUL + 1];
} policies[] = {
    [POLICY_TRADE] = { "trade",
                       "reads and orders pass, moving funds is refused",
                       { [ENDPOINT_PUBLIC] = true,
                         [ENDPOINT_READ] = true,
                         [ENDPOINT_TRADE] = true,
                         [ENDPOINT_UNKNOWN] = true } },
    [POLICY_READ_ONLY] = { "read-only",
                           "reads pass, everything else is refused",
                           { [ENDPOINT_PUBLIC] = true, [ENDPOINT_READ] = true } },
    [POLICY_ALL] = { "all",
                     "everything passes, moving funds included",
                     { [ENDPOINT_PUBLIC] = true,
                       [ENDPOINT_READ] = true,
                       [ENDPOINT_TRADE] = true,
                       [ENDPOINT_FUNDS] = true,
                       [ENDPOINT_UNKNOWN] = true,
                       [ENDPOINT_DOUBTFUL] = true } },
};

const char *endpoint_class_name(enum endpoint_class endpoint_class)
{
    static const char *const names[] = { "public", "read", "trade", "funds", "unknown", "doubtful" };
    return (size_t)endpoint_class < ARRAY_LENGTH(names) ? names[endpoint_class] : "unknown";
}

const char *endpoint_class_meaning(enum endpoint_class endpoint_class)
{
    static const char *const meanings[] = {
        [ENDPOINT_PUBLIC] = "this is public",
        [ENDPOINT_READ] = "this reads the account",
        [ENDPOINT_TRADE] = "this places or cancels orders",
        [ENDPOINT_FUNDS] = "this moves funds, or may",
        [ENDPOINT_UNKNOWN] = "this endpoint is not a documented one",
        [ENDPOINT_DOUBTFUL] = "this path can be read in two ways (an encoded slash, a dot segment, odd bytes)",
    };
    return (size_t)endpoint_class < ARRAY_LENGTH(meanings) ? meanings[endpoint_class] : "this is of no known class";
}

const char *policy_name(enum policy policy)
{
    return policies[policy].name;
}

const char *policy_summary(enum policy policy)
{
    return policies[policy].summary;
}

bool policy_allows(enum policy policy, enum endpoint_class endpoint_class)
{
    return policies[policy].allows[endpoint_class];
}

/* Takes one byte of the path, percent-decoded. False where two routers could read it in two ways: an encoded slash,
 * backslash, percent sign, semicolon, question mark, dot or control byte, a bad escape, anything outside ASCII. */
static bool path_byte(struct slice *rest, char *byte)
{
    static const char two_ways[] = "/\\%;?.#";
    unsigned char value = (unsigned char)rest->data[0];
    if (value != '%') {
        *byte = rest->data[0];
        *rest = slice_from(*rest, 1);
        return value > 0x20 && value < 0x7f && value != '\\' && value != '#';
    }
    if (rest->length < 3 || !hex_decode(&value, rest->data + 1, 1))
        return false;
    *byte = (char)value;
    *rest = slice_from(*rest, 3);
    return value > 0x20 && value < 0x7f && slice_find(SLICE_LITERAL(two_ways), *byte) == sizeof(two_ways) - 1;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* Whether the last segment of what is there is "." or "..". */
static bool ends_in_dot_segment(const char *path, size_t length)
{
    size_t begin = length;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    size_t segment = length - begin;
    return (segment == 1 && path[begin] == '.') || (segment == 2 && path[begin] == '.' && path[begin + 1] == '.');
}

bool endpoint_path_normalise(char *normal, size_t *normal_length, struct slice path)
{
    size_t length = 0;
    bool in_parameter = false;
    while (path.length > 0) {
        char byte;
        if (length == ENDPOINT_PATH_MAX || !path_byte(&path, &byte))
            return false;
        if (byte == '/') {
            in_parameter = false;
            if (ends_in_dot_segment(normal, length))
                return false;
            if (length > 0 && normal[length - 1] == '/')
                continue;
        }
        in_parameter = in_parameter || byte == ';';
        if (!in_parameter)
            normal[length++] = lower(byte);
    }
    if (ends_in_dot_segment(normal, length))
        return false;
    if (length > 1 && normal[length - 1] == '/')
        length--;
    *normal_length = length;
    return length > 0 && normal[0] == '/';
}

static bool rule_matches(const struct endpoint_rule *rule, struct slice method, struct slice path)
{
    if (rule->method[0] != '*' && !slice_equal_text(method, rule->method))
        return false;
    size_t length = strlen(rule->path);
    if (rule->path[length - 1] == '*')
        return path.length >= length - 1 && memcmp(path.data, rule->path, length - 1) == 0;
    return slice_equal(path, slice_of(rule->path, length));
}

/* An endpoint that is not documented, or not yet, but says what it does. */
static bool names_funds(struct slice path)
{
    static const char *const words[] = { "withdraw", "transfer" };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (memmem(path.data, path.length, words[i], strlen(words[i])) != NULL)
            return true;
    }
    return false;
}

enum endpoint_class endpoint_classify(struct slice method, struct slice target)
{
    char normal[ENDPOINT_PATH_MAX];
    size_t length;
    if (!endpoint_path_normalise(normal, &length, http_target_path(target)))
        return ENDPOINT_DOUBTFUL;
    struct slice path = slice_of(normal, length);
    for (size_t i = 0; i < ARRAY_LENGTH(endpoints); i++) {
        if (!rule_matches(&endpoints[i], method, path))
            continue;
        bool is_exact = endpoints[i].path[strlen(endpoints[i].path) - 1] != '*';
        return !is_exact && names_funds(path) ? ENDPOINT_FUNDS : endpoints[i].endpoint_class;
    }
    return names_funds(path) ? ENDPOINT_FUNDS : ENDPOINT_UNKNOWN;
}
