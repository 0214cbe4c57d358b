/* A judgement in words: the verdict's sentence, the warnings. Owns nothing; one thread. */
#include "verify.h"

#include "countersign/http_message.h"

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

static void append_none(struct buffer *out, const struct verify_case *judged)
{
    const struct recipe_finding *finding = &judged->finding;
    if (judged->other_account != NULL) {
        buffer_append_format(out, "The signature is wrong for account %s: it was made with the secret of account %s.",
                             judged->account, judged->other_account);
        return;
    }
    buffer_append_format(out,
                         "The signature is wrong, and none of %zu recipes gives it: most likely another secret than "
                         "that of account %s was used",
                         finding->tried, judged->account);
    if (judged->is_another_key)
        buffer_append_text(out, ", as another API key was");
    buffer_append_byte(out, '.');
    if (finding->is_limited)
        buffer_append_text(out, " Not everything could be tried on a request of this size.");
}

void verify_append_sentence(struct buffer *out, const struct verify_case *judged)
{
    switch (judged->finding.verdict) {
    case RECIPE_RIGHT:
        buffer_append_format(out, "The signature is right%s.",
                             judged->oddities != 0 || judged->is_another_key ? ", but see the warning" : "");
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
}
