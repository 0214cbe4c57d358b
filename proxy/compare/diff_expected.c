/* What must differ from one exchange to the next, or between the two sides of this proxy: three tables. Pure; any
 * thread. */
#include "diff_private.h"

enum { IN_REQUEST = 1, IN_ANSWER = 2, IN_BOTH = 3 };

struct expectation {
    const char *name; /* a trailing '*' matches any ending */
    unsigned where;
    const char *reason;
};

static bool name_matches(const struct expectation *expectation, struct slice name)
{
    struct slice pattern = slice_text(expectation->name);
    if (pattern.data[pattern.length - 1] != '*')
        return slice_equal_caseless(name, pattern);
    pattern.length--;
    return slice_equal_caseless(slice_first(name, pattern.length), pattern);
}

static const char *find_reason(const struct expectation *table, size_t count, struct slice name, bool is_request)
{
    unsigned where = is_request ? IN_REQUEST : IN_ANSWER;
    for (size_t i = 0; i < count; i++)
        if ((table[i].where & where) != 0 && name_matches(&table[i], name))
            return table[i].reason;
    return NULL;
}

const char *diff_expected_field(struct slice name, bool is_request)
{
    static const struct expectation fields[] = {
        { "X-CS-EXPIRES", IN_REQUEST, "the time of signing" },
        { "X-CS-SIGN", IN_REQUEST, "covers the time of signing" },
        { "Date", IN_BOTH, "a time" },
        { "Age", IN_ANSWER, "a time" },
        { "Countersign-Exchange", IN_ANSWER, "an id" },
        { "X-Request-Id", IN_BOTH, "an id" },
        { "Request-Id", IN_BOTH, "an id" },
        { "traceparent", IN_BOTH, "an id" }, /* W3C Trace Context */
        { "CF-RAY", IN_ANSWER, "an id of the exchange's gateway" },
        { "X-Amz-Cf-Id", IN_ANSWER, "an id of the exchange's gateway" },
        { "X-Amzn-Trace-Id", IN_BOTH, "an id of the exchange's gateway" },
        { "Set-Cookie", IN_ANSWER, "a session's id, masked" },
        { "Server-Timing", IN_ANSWER, "a time" },
    };
    return find_reason(fields, ARRAY_LENGTH(fields), name, is_request);
}

/* Ids in a query say which order is asked for. */
const char *diff_expected_parameter(struct slice name)
{
    return slice_equal_text(name, "timestamp") ? "a time" : NULL;
}

/* An `ordId` in a request says which order is meant: there another one is another request. */
const char *diff_expected_member(struct slice name, bool is_request)
{
    static const struct expectation members[] = {
        { "timestamp", IN_BOTH, "a time" },      { "clOrdId", IN_BOTH, "the client's id" },
        { "clientOrderId", IN_ANSWER, "an id" }, { "ordId", IN_ANSWER, "an id" },
        { "order_id", IN_ANSWER, "an id" },      { "orderId", IN_ANSWER, "an id" },
        { "tradeId", IN_ANSWER, "an id" },       { "matchId", IN_ANSWER, "an id" },
        { "matchTime", IN_ANSWER, "a time" },    { "traceId", IN_ANSWER, "an id" },
        { "requestId", IN_BOTH, "an id" },
    };
    return find_reason(members, ARRAY_LENGTH(members), name, is_request);
}

const char *diff_expected_between_views(struct http_fields fields, struct slice name, bool is_request)
{
    static const struct expectation set_here[] = {
        { "Host", IN_REQUEST, "countersign names the exchange's host" },
        { "X-CS-*", IN_REQUEST, "countersign sets these" },
        { "Countersign-*", IN_BOTH, "countersign's own" },
        { "Content-Length", IN_BOTH, "countersign says the length itself" },
    };
    if (http_field_is_hop_by_hop(fields, name))
        return "for one connection alone";
    return find_reason(set_here, ARRAY_LENGTH(set_here), name, is_request);
}

/* --- the form of what may differ --- */

static size_t count_of(struct slice text, bool (*is_one)(char byte))
{
    size_t count = 0;
    while (count < text.length && is_one(text.data[count]))
        count++;
    return count;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower_hex(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f');
}

/* A time in seconds beside one in milliseconds, a signature in upper case: these are the mistakes that are looked for. */
const char *diff_other_form(struct slice name, struct slice a, struct slice b)
{
    static const struct {
        const char *name;
        bool (*is_one)(char byte);
        const char *note;
    } forms[] = {
        { "X-CS-EXPIRES", is_digit, "a time, but of another form: milliseconds since 1970 have 13 digits" },
        { "timestamp", is_digit, "a time, but of another form: seconds against milliseconds?" },
        { "X-CS-SIGN", is_lower_hex, "a signature, but of another form: 64 lower-case hexadecimal characters" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        if (!slice_equal_text_caseless(name, forms[i].name))
            continue;
        bool is_same = a.length > 0 && a.length == b.length && count_of(a, forms[i].is_one) == a.length &&
                       count_of(b, forms[i].is_one) == b.length;
        return is_same ? NULL : forms[i].note;
    }
    return NULL;
}
