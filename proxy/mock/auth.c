/* Who sent a private request: API key, then address, then window, then signature, as the exchange's documentation ("Signature
 * Authentication", "Request Format") describes them. Reasons go to the log and never hold a secret. */
#include "room.h"

/* A field that comes twice can be read in two ways: what one end signs need not be what the other checks. */
static bool check_repeats(const struct call *call, struct answer *answer)
{
    static const char *const names[] = { SCHEME_FIELD_APIKEY, SCHEME_FIELD_EXPIRES, SCHEME_FIELD_SIGN };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        size_t count = http_field_count(call->fields, names[i]);
        if (count > 1)
            return answer_fail(answer, FAILURE_BAD_REQUEST, "%s came %zu times", names[i], count);
    }
    return true;
}

static bool check_api_key(const struct call *call, struct answer *answer)
{
    const struct http_field *field = http_field_find(call->fields, SCHEME_FIELD_APIKEY);
    if (field == NULL)
        return answer_fail(answer, FAILURE_API_KEY, SCHEME_FIELD_APIKEY " is absent");
    return scheme_equal_constant_time(field->value, slice_text(call->mock->api_key)) ||
           diagnose_key(call, answer, field->value);
}

/* "A key bound to addresses works from those alone." */
static bool check_address(const struct call *call, struct answer *answer)
{
    return rehearsal_allows(&call->mock->rehearsal, &call->from) ||
           answer_fail(answer, FAILURE_ADDRESS, "the request came from %s, which is not on the key's IP whitelist",
                       call->peer);
}

static bool check_window(uint64_t *window, const struct call *call, struct answer *answer)
{
    const struct http_field *field = http_field_find(call->fields, SCHEME_FIELD_EXPIRES);
    uint64_t expires_ms = 0;
    if (field == NULL)
        return answer_fail(answer, FAILURE_WINDOW, SCHEME_FIELD_EXPIRES " is absent");
    if (field->value.length != EXPIRES_DIGITS || !slice_to_u64(field->value, &expires_ms))
        return diagnose_expires(answer, field->value);
    *window = scheme_window((int64_t)expires_ms);
    int64_t distance = (int64_t)*window - (int64_t)scheme_window(call->now_ms);
    int64_t allowed = call->mock->rehearsal.windows_allowed;
    bool is_near = distance >= -allowed && distance <= allowed;
    return is_near || diagnose_distance(answer, (int64_t)expires_ms - call->now_ms, distance, allowed);
}

/* The signature this request should carry. */
static bool expected_signature(char *signature, uint64_t window, const struct call *call, struct answer *answer)
{
    struct scheme_window_key key;
    struct error error = { .kind = ERROR_NONE };
    if (!scheme_window_key_derive(&key, slice_text(call->mock->api_secret), window, &error) ||
        !scheme_sign(signature, call->mock->hmac, &key, call->query, call->body, &error))
        return answer_fail(answer, FAILURE_INTERNAL, "%s", error.message);
    return true;
}

static bool check_signature(uint64_t window, const struct call *call, struct answer *answer)
{
    const struct http_field *field = http_field_find(call->fields, SCHEME_FIELD_SIGN);
    char expected[SCHEME_SIGNATURE_LENGTH];
    if (field == NULL)
        return answer_fail(answer, FAILURE_SIGNATURE, SCHEME_FIELD_SIGN " is absent");
    if (!expected_signature(expected, window, call, answer))
        return false;
    return scheme_equal_constant_time(field->value, slice_of(expected, sizeof(expected))) ||
           diagnose_signature(call, answer);
}

bool auth_check(const struct call *call, struct answer *answer)
{
    uint64_t window = 0;
    return check_repeats(call, answer) && check_api_key(call, answer) && check_address(call, answer) &&
           check_window(&window, call, answer) && check_signature(window, call, answer);
}
