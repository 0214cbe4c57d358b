/* A judgement in words: the verdict's sentence, the warnings. Owns nothing; one thread. */
#include "verify.h"

#include "countersign/http_message.h"
#include "countersign/json_scan.h"
#include "countersign/policy.h"

#include <string.h>

enum { MS_PER_SECOND = 1000 };

void verify_append_payload(struct buffer *out, const struct verify_case *judged)
{
    buffer_append_slice(out, http_target_query(judged->request.target));
    buffer_append_slice(out, judged->request.body);
}

size_t verify_first_difference(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length, offset = 0;
    while (offset < shorter && a.data[offset] == b.data[offset])
        offset++;
    return offset;
}

const char *verify_verdict_name(enum recipe_verdict verdict)
{
    static const char *const names[] = {
        [RECIPE_RIGHT] = "right",   [RECIPE_FOUND] = "found",         [RECIPE_NONE] = "none",
        [RECIPE_NO_KEY] = "no-key", [RECIPE_NO_FIELDS] = "no-fields", [RECIPE_NO_WINDOW] = "no-window",
    };
    return names[verdict];
}

/* --- the time --- */

/* Which windows the exchange takes is not documented: its own and the next to either side are given the benefit of doubt. */
static bool is_near(const struct verify_case *judged, int64_t moment_ms)
{
    int64_t away = (int64_t)judged->window - moment_ms / SCHEME_WINDOW_MS;
    return away >= -1 && away <= 1;
}

/* The exchange judges by its own clock: where its answer says what that was, ours tells only whose mistake it is. */
enum verify_time verify_time_of(const struct verify_case *judged)
{
    int64_t judge_ms = judged->date_ms != 0 ? judged->date_ms : judged->met_ms;
    if (judge_ms == 0 || judged->window > INT64_MAX || (judged->oddities & ~(unsigned)RECIPE_ODD_SIGNATURE) != 0)
        return VERIFY_TIME_NOT_KNOWN;
    if (is_near(judged, judge_ms))
        return VERIFY_TIME_RIGHT;
    return judged->met_ms != 0 && !is_near(judged, judged->met_ms) ? VERIFY_TIME_OFF_HERE : VERIFY_TIME_OFF_THERE;
}

bool verify_is_usable(const struct verify_case *judged)
{
    return judged->finding.verdict == RECIPE_RIGHT && judged->oddities == 0 && !judged->is_another_key &&
           verify_time_of(judged) <= VERIFY_TIME_RIGHT;
}

/* "X-CS-EXPIRES is 3600 s before it was received" */
static void append_distance(struct buffer *out, const struct verify_case *judged)
{
    bool is_here = verify_time_of(judged) == VERIFY_TIME_OFF_HERE;
    uint64_t expires = 0;
    (void)slice_to_u64(judged->request.expires, &expires); /* it has a window */
    int64_t later_ms = (int64_t)expires - (is_here ? judged->met_ms : judged->date_ms);
    int64_t seconds = (later_ms < 0 ? -later_ms : later_ms) / MS_PER_SECOND;
    buffer_append_format(out, "X-CS-EXPIRES is %lld s %s %s", (long long)seconds, later_ms < 0 ? "before" : "after",
                         is_here ? "it was received" : "the Date of the exchange's answer");
}

static void append_other_time(struct buffer *out, const struct verify_case *judged)
{
    buffer_append_text(out, "The signature is right, but for another time: ");
    append_distance(out, judged);
    buffer_append_text(out, verify_time_of(judged) == VERIFY_TIME_OFF_HERE
                                ? ". Make X-CS-EXPIRES and X-CS-SIGN anew for each request, right before it is sent, "
                                  "keep no fields, and set the clock of the machine that signs (NTP)."
                                : ". Set the clock of the machine that signs (NTP): `countersign doctor` measures it.");
}

static bool is_stale(const struct verify_case *judged)
{
    return judged->finding.verdict == RECIPE_RIGHT && verify_time_of(judged) > VERIFY_TIME_RIGHT;
}

/* --- the body --- */

static bool is_json(struct slice body)
{
    struct json_scan scan;
    struct slice text;
    enum json_token token;
    json_scan_init(&scan, body);
    while ((token = json_scan_next(&scan, &text)) != JSON_END) {
        if (token == JSON_INVALID)
            return false;
    }
    return true;
}

static const char *body_warning(const struct verify_case *judged)
{
    struct slice body = judged->request.body;
    if (body.length == 0)
        return slice_equal_text(judged->request.method, "POST")
                   ? "the body is empty: the exchange's documentation asks for `{}` in a POST without parameters"
                   : NULL;
    if (is_json(body))
        return NULL;
    if (slice_find(body, '=') < body.length)
        return "the body is a form (name=value), the exchange wants JSON: send the JSON text itself, no dict";
    return slice_starts_with(judged->content_type, "application/json") ? "Content-Type says JSON, and the body is none"
                                                                       : NULL;
}

/* --- the verdict --- */

static void append_none(struct buffer *out, const struct verify_case *judged)
{
    const struct recipe_finding *finding = &judged->finding;
    if (judged->other_account != NULL) {
        buffer_append_format(out, "The signature is wrong for account %s: it was made with the secret of account %s.",
                             judged->account, judged->other_account);
        return;
    }
    buffer_append_format(out,
                         "The signature is wrong, and no known mistake gives it (none of %zu recipes): another secret "
                         "than that of account %s was used%s, or other bytes were signed than these. Compare with "
                         "`countersign sign --target ... --at MS`.",
                         finding->tried, judged->account, judged->is_another_key ? ", as another API key was" : "");
    if (finding->is_limited)
        buffer_append_text(out, " Not everything could be tried on a request of this size.");
}

static void append_right(struct buffer *out, const struct verify_case *judged)
{
    if (is_stale(judged)) {
        append_other_time(out, judged);
        return;
    }
    if (judged->oddities != 0 || judged->is_another_key || body_warning(judged) != NULL) {
        buffer_append_text(out, "The signature is right, but see the warning.");
        return;
    }
    buffer_append_text(out, "The signature is right");
    if (judged->refusal.length > 0)
        buffer_append_format(out,
                             "%s, and it was refused with %.*s: so it is the address, the key or the clock: "
                             "`countersign doctor`, `countersign log why`",
                             verify_time_of(judged) == VERIFY_TIME_RIGHT ? " and in time" : "",
                             SLICE_ARGUMENTS(judged->refusal));
    buffer_append_byte(out, '.');
}

static void append_verdict(struct buffer *out, const struct verify_case *judged)
{
    switch (judged->finding.verdict) {
    case RECIPE_RIGHT:
        append_right(out, judged);
        break;
    case RECIPE_FOUND:
        buffer_append_text(out, "The signature is wrong: ");
        recipe_append_meaning(out, &judged->finding);
        buffer_append_byte(out, '.');
        break;
    case RECIPE_NONE:
        append_none(out, judged);
        break;
    case RECIPE_NO_KEY:
        buffer_append_text(out, "There is no key for the window of X-CS-EXPIRES.");
        break;
    case RECIPE_NO_FIELDS:
        buffer_append_text(out, judged->request.signature.length == 0
                                    ? "There is no signature to judge: it has no X-CS-SIGN."
                                    : "The signature cannot be judged: it has no X-CS-EXPIRES.");
        break;
    case RECIPE_NO_WINDOW:
        buffer_append_text(out, "The signature cannot be judged: X-CS-EXPIRES is no number of milliseconds.");
        break;
    }
}

void verify_append_sentence(struct buffer *out, const struct verify_case *judged)
{
    struct buffer sentence;
    buffer_init(&sentence, VERIFY_OUTPUT_MAX);
    append_verdict(&sentence, judged);
    if (judged->finding.verdict != RECIPE_RIGHT &&
        endpoint_classify(judged->request.method, judged->request.target) == ENDPOINT_PUBLIC)
        buffer_append_text(&sentence, " This endpoint is public and needs no signature.");
    cli_append_proposal(out, buffer_slice(&sentence), judged->config, judged->store);
    out->failed = out->failed || sentence.failed;
    buffer_free(&sentence);
}

void verify_each_warning(const struct verify_case *judged, void (*visit)(void *context, const char *warning),
                         void *context)
{
    static const struct {
        unsigned oddity;
        const char *warning;
    } oddities[] = {
        { RECIPE_ODD_SECONDS, "X-CS-EXPIRES is in seconds; the exchange wants milliseconds, 13 digits" },
        { RECIPE_ODD_MICROSECONDS, "X-CS-EXPIRES is in microseconds; the exchange wants milliseconds, 13 digits" },
        { RECIPE_ODD_EXPIRES, "X-CS-EXPIRES is no number of 13 digits" },
        { RECIPE_ODD_SIGNATURE, "X-CS-SIGN is not 64 lower-case hex characters" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(oddities); i++) {
        if ((judged->oddities & oddities[i].oddity) != 0)
            visit(context, oddities[i].warning);
    }
    if (judged->is_secret_sent)
        visit(context, "X-CS-APIKEY is the account's secret: key and secret are swapped; make new ones, this was sent");
    else if (judged->is_another_key)
        visit(context, "X-CS-APIKEY is not the account's API key");
    if (is_stale(judged))
        visit(context, "X-CS-EXPIRES is more than one window of 30 s away from the time of the request; how much the "
                       "exchange tolerates is not documented");
    const char *of_body = body_warning(judged);
    if (of_body != NULL)
        visit(context, of_body);
}
