/* The lines about what was asked of the exchange: public, signed, signed wrongly. Pure. */
#include "probe_private.h"

#include <string.h>

bool probe_was_asked(const struct probe_answer *answer)
{
    return answer->reply != PROBE_NOT_ASKED;
}

bool probe_answers_are_alike(const struct probe_answer *a, const struct probe_answer *b)
{
    return a->reply == b->reply && a->status == b->status && strcmp(a->code, b->code) == 0;
}

static void text_of_json(char *text, const struct probe_answer *answer)
{
    const char *open = answer->words[0] == '\0' ? "" : " (", *close = answer->words[0] == '\0' ? "" : ")";
    if (answer->code[0] == '\0')
        probe_text(text, "HTTP %d, JSON without a code%s%s%s", answer->status, open, answer->words, close);
    else
        probe_text(text, "HTTP %d, code %s%s%s%s", answer->status, answer->code, open, answer->words, close);
}

void probe_answer_text(char *text, const struct probe_answer *answer)
{
    bool has_words = answer->words[0] != '\0';
    switch (answer->reply) {
    case PROBE_NOT_ASKED:
        probe_text(text, "not asked");
        break;
    case PROBE_NO_ANSWER:
        probe_text(text, "%s", answer->words);
        break;
    case PROBE_JSON:
        text_of_json(text, answer);
        break;
    case PROBE_HTML:
        probe_text(text, "HTTP %d, a web page%s%s%s", answer->status, has_words ? " titled \"" : "", answer->words,
                   has_words ? "\"" : "");
        break;
    case PROBE_REDIRECT:
        probe_text(text, "HTTP %d, a redirection to %s", answer->status, has_words ? answer->words : "nowhere");
        break;
    case PROBE_OTHER:
        probe_text(text, "HTTP %d, neither JSON nor a web page", answer->status);
        break;
    }
}

bool probe_way_is_closed(const struct probes *probes, enum probe_way way)
{
    const struct probe_answer *answer = &probes->answers[way][PROBE_PUBLIC];
    return probe_was_asked(answer) && answer->reply != PROBE_JSON;
}

bool probe_way_is_refused(const struct probes *probes, enum probe_way way)
{
    const struct probe_answer *answer = &probes->answers[way][PROBE_SIGNED];
    return answer->reply == PROBE_JSON && !answer->is_success;
}

/* The address of this machine that a request came from; "" through a proxy, which has its own. */
static void append_addresses(char *says, const struct probe_answer *answer, enum probe_way way)
{
    char text[PROBE_SENTENCE_MAX];
    if (answer->local[0] == '\0' || way == PROBE_PROXY)
        return;
    probe_text(text, "%s; from %s to %s", says, answer->local, answer->remote);
    memcpy(says, text, sizeof(text));
}

static void judge_public(struct probe_line *line, const struct probes *probes, enum probe_way way)
{
    const struct probe_answer *answer = line->answer;
    if (answer->reply == PROBE_NO_ANSWER) {
        bool others_are_open = false;
        for (int other = 0; other < PROBE_WAYS; other++)
            others_are_open = others_are_open || probes->answers[other][PROBE_PUBLIC].reply == PROBE_JSON;
        line->status = others_are_open ? PROBE_WARNING : PROBE_FAILED;
        if (answer->failure == PROBE_FAILURE_REFUSED)
            probe_text(line->todo, "Nothing listens there: compare the upstream's url and port.");
    } else if (answer->reply != PROBE_JSON) {
        line->status = PROBE_FAILED;
        probe_text(line->todo,
                   "This is not the exchange's answer: nothing signed is sent this way. Open %s in a browser "
                   "on this machine.",
                   probes->url);
    } else if (!answer->is_success) {
        line->status = PROBE_WARNING;
        probe_text(line->todo, "A call that needs no key is refused: that is not about the key or the signature.");
    } else {
        append_addresses(line->says, answer, way);
    }
}

static void judge_signed(struct probe_line *line, const struct probes *probes, enum probe_way way)
{
    const struct probe_answer *answer = line->answer;
    append_addresses(line->says, answer, way);
    line->status = answer->is_success ? PROBE_OK : PROBE_FAILED;
    if (!answer->is_success && answer->reply == PROBE_JSON && !probes->is_used[way])
        line->status = PROBE_WARNING;
}

static void judge_wrong(struct probe_line *line, const struct probes *probes, enum probe_way way)
{
    const struct probe_answer *right = &probes->answers[way][PROBE_SIGNED];
    if (line->answer->reply != PROBE_JSON) { /* no word of the exchange's on it */
        line->status = PROBE_WARNING;
    } else if (line->answer->is_success) {
        line->status = PROBE_WARNING;
        probe_text(line->todo, "It was accepted: whoever answers checks no signatures, so this is not the exchange.");
    } else if (right->is_success) {
        probe_text(line->todo, "Refused, as it must be: the right signature is what was accepted.");
    } else if (right->reply != PROBE_JSON) {
        line->status = PROBE_WARNING;
        probe_text(line->todo, "The right one brought no answer of the exchange's to compare this with.");
    } else if (probe_answers_are_alike(line->answer, right)) {
        line->status = PROBE_WARNING;
        probe_text(line->todo,
                   "The same answer as for the right one: either the signature was no better, or it was not "
                   "looked at.");
    } else {
        probe_text(line->todo, "Another answer than for the right one: so that one was taken for right, and something "
                               "else is refused.");
    }
}

static void judge_their_time(struct probe_line *line, const struct probes *probes, enum probe_way way)
{
    (void)probes; /* what the clocks say stands in their line */
    (void)way;
    if (line->answer->reply != PROBE_JSON) {
        line->status = PROBE_WARNING;
        return;
    }
    line->status = line->answer->is_success ? PROBE_FAILED : PROBE_OK;
    probe_text(line->todo, "%s",
               line->answer->is_success ? "It was accepted: this machine's clock is what makes its signatures wrong."
                                        : "Refused all the same: the clock alone is not the cause.");
}

static void judge_made_up(struct probe_line *line, const struct probes *probes, enum probe_way way)
{
    bool is_alike = probe_answers_are_alike(line->answer, &probes->answers[way][PROBE_SIGNED]);
    line->status = line->answer->reply == PROBE_JSON && !is_alike ? PROBE_OK : PROBE_WARNING;
    if (line->answer->reply == PROBE_JSON)
        probe_text(line->todo, "%s",
                   is_alike ? "The same answer as for yours: the exchange does not know your key, or refuses before it "
                              "looks at any."
                            : "Another answer than for yours: the exchange knows your key.");
}

static const struct {
    const char *check;
    const char *titles[PROBE_WAYS];
    void (*judge)(struct probe_line *line, const struct probes *probes, enum probe_way way);
} trials[PROBE_TRIALS] = {
    [PROBE_PUBLIC] = { "public", { "public, IPv4", "public, IPv6", "public, proxy" }, judge_public },
    [PROBE_SIGNED] = { "signed", { "signed, IPv4", "signed, IPv6", "signed, proxy" }, judge_signed },
    [PROBE_WRONG_SIGNATURE] = { "wrong-signature",
                                { "wrong signature, IPv4", "wrong signature, IPv6", "wrong signature, proxy" },
                                judge_wrong },
    [PROBE_THEIR_TIME] = { "their-time",
                           { "their time, IPv4", "their time, IPv6", "their time, proxy" },
                           judge_their_time },
    [PROBE_MADE_UP_KEY] = { "made-up-key",
                            { "made-up key, IPv4", "made-up key, IPv6", "made-up key, proxy" },
                            judge_made_up },
};

void probe_line_of_answer(struct probe_line *line, enum probe_way way, enum probe_trial trial,
                          const struct probes *probes)
{
    static const char *const ways[PROBE_WAYS] = {
        [PROBE_IPV4] = "ipv4", [PROBE_IPV6] = "ipv6", [PROBE_PROXY] = "proxy"
    };
    *line = (struct probe_line){ .check = trials[trial].check,
                                 .way = ways[way],
                                 .title = trials[trial].titles[way],
                                 .answer = &probes->answers[way][trial] };
    probe_answer_text(line->says, line->answer);
    trials[trial].judge(line, probes, way);
}
