/* The end of it: the causes in their order, and one sentence. Pure. */
#include "probe_rank.h"

#include <string.h>

const char *probe_standing_name(enum probe_standing standing)
{
    static const char *const names[] = { [PROBE_RULED_OUT] = "ruled out",
                                         [PROBE_UNLIKELY] = "unlikely",
                                         [PROBE_POSSIBLE] = "possible",
                                         [PROBE_LIKELY] = "likely",
                                         [PROBE_SHOWN] = "shown" };
    return names[standing];
}

void probe_rank_insert(struct probe_verdict *verdict, struct probe_cause_words *words, const struct probe_cause *cause,
                       struct probe_cause_words its_words)
{
    size_t at = verdict->cause_count;
    if (at == PROBE_CAUSES_MAX)
        return;
    while (at > 0 && verdict->causes[at - 1].standing < cause->standing) {
        verdict->causes[at] = verdict->causes[at - 1];
        words[at] = words[at - 1];
        at--;
    }
    verdict->causes[at] = *cause;
    words[at] = its_words;
    verdict->cause_count++;
}

static void rank(struct probe_verdict *verdict, struct probe_cause_words *words, const struct probe_facts *facts)
{
    static const struct probe_cause_row *const tables[] = { probe_way_causes, probe_refusal_causes };
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++) {
        for (const struct probe_cause_row *row = tables[t]; row->id != NULL; row++) {
            struct probe_cause cause = { .id = row->id };
            if (row->judge(&cause, facts))
                probe_rank_insert(verdict, words, &cause, (struct probe_cause_words){ row->name, row->todo });
        }
    }
    probe_rank_documented(verdict, words, facts);
}

static size_t count_at_top(const struct probe_verdict *verdict)
{
    size_t count = 0;
    while (count < verdict->cause_count && verdict->causes[count].standing == verdict->causes[0].standing)
        count++;
    return count;
}

/* "X"; "X, or Y"; "X, or Y, or Z". The catalogue's are whole sentences. */
static void join_names(char *text, const struct probe_cause_words *words, size_t count)
{
    char before[PROBE_SENTENCE_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i].name);
        int kept = (int)(length > 0 && words[i].name[length - 1] == '.' ? length - 1 : length);
        probe_text(text, "%s%s%.*s", before, i == 0 ? "" : ", or ", kept, words[i].name);
        memcpy(before, text, sizeof(before));
    }
}

/* Of each, in their order; the same advice once. */
static void join_todos(char *text, const struct probe_cause_words *words, size_t count)
{
    char before[PROBE_SENTENCE_MAX];
    probe_text(text, "%s", words[0].todo);
    for (size_t i = 1; i < count; i++) {
        memcpy(before, text, sizeof(before));
        if (strstr(before, words[i].todo) == NULL)
            probe_text(text, "%s %s", before, words[i].todo);
    }
}

static void say_cause(struct probe_verdict *verdict, const struct probe_cause_words *words)
{
    char names[PROBE_SENTENCE_MAX];
    const struct probe_cause *first = &verdict->causes[0];
    size_t count = first->standing == PROBE_SHOWN ? 1 : count_at_top(verdict);
    join_names(names, words, count);
    verdict->outcome = PROBE_CAUSE_FOUND;
    join_todos(verdict->todo, words, count);
    if (count == 1)
        probe_text(verdict->sentence, "%s: %s: %s.",
                   first->standing == PROBE_SHOWN ? "The cause" : "The likeliest cause", names, first->because);
    else
        probe_text(verdict->sentence, "The likeliest causes, which no probe can tell apart: %s. Of the first: %s.",
                   names, first->because);
}

static void say_unclear(struct probe_verdict *verdict, const struct probe_cause_words *words,
                        const struct probe_facts *facts)
{
    char answer[PROBE_SENTENCE_MAX], names[PROBE_SENTENCE_MAX];
    const struct probe_answer *shown =
        facts->closed != NULL ? facts->closed : &facts->probes->answers[facts->way][PROBE_SIGNED];
    verdict->outcome = PROBE_UNCLEAR;
    probe_answer_text(answer, shown);
    probe_text(verdict->todo, "%s", verdict->cause_count > 0 ? words[0].todo : "");
    if (verdict->cause_count == 0) {
        probe_text(verdict->sentence,
                   "Could not tell: a signed read got %s, of which nothing is documented or known.%s", answer,
                   probe_wrong_differs(facts) ? " It is not about the signature: a wrong one gets another answer."
                                              : "");
        return;
    }
    join_names(names, words, count_at_top(verdict));
    probe_text(verdict->sentence, "Could not tell: %s. Possible: %s.", answer, names);
}

/* --- all is well --- */

static void join_accepted(char *text, const struct probes *probes)
{
    char before[PROBE_SENTENCE_MAX];
    text[0] = '\0';
    for (int way = 0; way < PROBE_WAYS; way++) {
        if (!probes->answers[way][PROBE_SIGNED].is_success)
            continue;
        memcpy(before, text, sizeof(before));
        probe_text(text, "%s%s%s", before, before[0] == '\0' ? "" : " and ", probe_way_name((enum probe_way)way));
    }
}

/* Of a way that is not used. 1401 alone is documented for addresses. */
static void add_refused(char *text, const struct probe_answer *answer, enum probe_way way)
{
    char before[PROBE_SENTENCE_MAX];
    memcpy(before, text, sizeof(before));
    probe_text(text, "%s%sIt is refused with %s over %s, which this configuration does not use%s.", before,
               before[0] == '\0' ? "" : " ", answer->code, probe_way_name(way),
               strcmp(answer->code, "1401") == 0 ? ": the key's IP whitelist does not hold that address" : "");
}

static void say_well(struct probe_verdict *verdict, const struct probe_facts *facts)
{
    const struct probes *probes = facts->probes;
    char ways[PROBE_SENTENCE_MAX];
    join_accepted(ways, probes);
    verdict->outcome = PROBE_WELL;
    probe_text(verdict->sentence, "All is well: a signed read is accepted over %s.", ways);
    if (probe_clock_is_off(&probes->clock))
        probe_text(verdict->todo, "Set this machine's clock all the same: it is off, see above.");
    for (int way = 0; way < PROBE_WAYS; way++) {
        if (!probes->is_used[way] && probe_way_is_refused(probes, (enum probe_way)way))
            add_refused(verdict->todo, &probes->answers[way][PROBE_SIGNED], (enum probe_way)way);
    }
}

static void say_offline(struct probe_verdict *verdict, const struct probes *probes)
{
    bool is_odd = false;
    for (int which = 0; which < 2; which++)
        is_odd = is_odd || probe_form_oddity(&probes->forms[which]) != PROBE_FORM_USUAL;
    verdict->outcome = PROBE_WELL;
    probe_text(verdict->sentence, "%s",
               is_odd ? "Key and secret can be read, and have an unusual form, see above. Nothing "
                        "was asked over the network."
                      : "Nothing is wrong with configuration, key and secret as far as that can "
                        "be seen without the network.");
}

static bool is_unreadable(const struct probes *probes)
{
    return probes->form_error[0][0] != '\0' || probes->form_error[1][0] != '\0';
}

static void say_unreadable(struct probe_verdict *verdict)
{
    verdict->outcome = PROBE_UNCLEAR;
    probe_text(verdict->sentence, "Could not tell: key or secret cannot be read, see above. Nothing was asked.");
}

void probe_judge(struct probe_verdict *verdict, const struct probes *probes)
{
    struct probe_cause_words words[PROBE_CAUSES_MAX];
    struct probe_facts facts;
    *verdict = (struct probe_verdict){ .outcome = PROBE_UNCLEAR };
    probe_facts_gather(&facts, probes);
    if (facts.is_refused)
        memcpy(verdict->code, facts.right->code, sizeof(verdict->code));
    rank(verdict, words, &facts);
    if (verdict->cause_count > 0 && verdict->causes[0].standing >= PROBE_LIKELY)
        say_cause(verdict, words);
    else if (is_unreadable(probes))
        say_unreadable(verdict);
    else if (probes->is_offline)
        say_offline(verdict, probes);
    else if (facts.is_accepted && !facts.is_refused)
        say_well(verdict, &facts);
    else
        say_unclear(verdict, words, &facts);
}
