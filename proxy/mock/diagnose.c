/* Why a request was refused at the door, in words that help: what is odd about its key and its X-CS-EXPIRES, and what was
 * signed in place of what was sent. The mock knows the secret, so it can try the known mistakes. Says no secret. */
#include "room.h"

#include "countersign/recipe.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    DIAGNOSE_BODY_MAX = 64 * 1024,       /* bytes of a body whose signature is looked into */
    DIAGNOSE_WORK_MAX = 8 * 1024 * 1024, /* bytes hashed for one request: the loop waits for it, 0.1 s or so at most */
    SENTENCE_MAX = 4096,                 /* bytes of what the recipes say, before it is cut to fit */
    MS_PER_S = 1000
};

/* Without quotes around it, where there are. */
static struct slice unquoted(struct slice text)
{
    bool is_quoted =
        text.length >= 2 && (text.data[0] == '"' || text.data[0] == '\'') && text.data[text.length - 1] == text.data[0];
    return is_quoted ? slice_of(text.data + 1, text.length - 2) : text;
}

bool diagnose_key(const struct call *call, struct answer *answer, struct slice key)
{
    struct slice right = slice_text(call->mock->api_key);
    const char *oddity = "";
    if (scheme_equal_constant_time(key, slice_text(call->mock->api_secret)))
        oddity = ": it is the API secret, which never leaves its owner; key and secret are swapped";
    else if (slice_equal_caseless(key, right))
        oddity = ": they differ in upper and lower case alone";
    else if (slice_equal(unquoted(key), right))
        oddity = ": there are quotes around it";
    return answer_fail(answer, FAILURE_API_KEY, SCHEME_FIELD_APIKEY " (%zu bytes) is not this mock's key%s", key.length,
                       oddity);
}

bool diagnose_expires(struct answer *answer, struct slice expires)
{
    struct recipe_request request = { .expires = expires };
    unsigned oddities = recipe_oddities(&request);
    const char *oddity = "";
    if ((oddities & RECIPE_ODD_SECONDS) != 0)
        oddity = "; it looks like seconds, and milliseconds are wanted";
    else if ((oddities & RECIPE_ODD_MICROSECONDS) != 0)
        oddity = "; it looks like microseconds, and milliseconds are wanted";
    return answer_fail(answer, FAILURE_WINDOW, SCHEME_FIELD_EXPIRES " is not %d digits%s", EXPIRES_DIGITS, oddity);
}

bool diagnose_distance(struct answer *answer, int64_t ahead_ms, int64_t windows, int64_t windows_allowed)
{
    bool is_ahead = ahead_ms > 0;
    int64_t off_ms = is_ahead ? ahead_ms : -ahead_ms;
    return answer_fail(answer, FAILURE_WINDOW,
                       SCHEME_FIELD_EXPIRES " is %s by %" PRId64 ".%03" PRId64 " s: it is %" PRId64
                                            " windows of 30 s %s this clock's, %" PRId64 " is the most",
                       is_ahead ? "too far ahead" : "too old", off_ms / MS_PER_S, off_ms % MS_PER_S,
                       windows < 0 ? -windows : windows, is_ahead ? "ahead of" : "behind", windows_allowed);
}

static struct slice field_value(const struct call *call, const char *name)
{
    const struct http_field *field = http_field_find(call->fields, name);
    return field == NULL ? slice_of(NULL, 0) : field->value;
}

static void say_finding(char *text, size_t size, const struct recipe_finding *finding)
{
    struct buffer meaning, names;
    if (finding->verdict != RECIPE_FOUND) {
        (void)snprintf(text, size, "none of %zu known mistakes gives it%s: most likely another secret", finding->tried,
                       finding->is_limited ? " (the body is large: `countersign verify` tries more)" : ""); /* fits */
        return;
    }
    buffer_init(&meaning, SENTENCE_MAX);
    buffer_init(&names, SENTENCE_MAX);
    recipe_append_meaning(&meaning, finding);
    recipe_append_names(&names, finding);
    (void)snprintf(text, size, "%s (%s)", buffer_text(&meaning), buffer_text(&names)); /* a long text is cut */
    buffer_free(&meaning);
    buffer_free(&names);
}

/* What was signed instead, as a clause; "" where it was not looked into. */
static void look_into(char *text, size_t size, const struct call *call)
{
    struct error error = { .kind = ERROR_NONE };
    struct recipe_finding finding;
    struct recipe_request request = {
        .method = call->method,
        .target = call->target,
        .host = field_value(call, "Host"),
        .body = call->body,
        .expires = field_value(call, SCHEME_FIELD_EXPIRES),
        .signature = field_value(call, SCHEME_FIELD_SIGN),
        .api_key = slice_text(call->mock->api_key),
    };
    struct recipe_keys keys = { .has_secret = true, .secret = slice_text(call->mock->api_secret) };
    struct recipe_options options = { .work_max = DIAGNOSE_WORK_MAX };
    if (call->body.length > DIAGNOSE_BODY_MAX) {
        (void)snprintf(text, size, "the body is too large to look into"); /* fits */
        return;
    }
    if (!recipe_judge(&finding, &request, &keys, &options, &error)) {
        (void)snprintf(text, size, "%.*s", (int)size - 1, error.message); /* a long message is cut */
        return;
    }
    say_finding(text, size, &finding);
    recipe_finding_end(&finding);
}

bool diagnose_signature(const struct call *call, struct answer *answer)
{
    char instead[MOCK_REASON_MAX];
    look_into(instead, sizeof(instead), call);
    return answer_fail(
        answer, FAILURE_SIGNATURE,
        "signature differs: expects the HMAC of %zu bytes of query+body (%zu of query, %zu of body); what was signed "
        "instead: %s",
        call->query.length + call->body.length, call->query.length, call->body.length, instead);
}
