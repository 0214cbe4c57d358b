/* What the judging of every cause begins with: which way was refused, which accepted, what is alike. Pure. */
#include "probe_rank.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_any_open(const struct probes *probes, enum probe_trial trial)
{
    for (int way = 0; way < PROBE_WAYS; way++) {
        if (probes->is_used[way] && probes->answers[way][trial].reply == PROBE_JSON)
            return true;
    }
    return false;
}

/* What came in the exchange's place on the main way, where no way that is used leads to the exchange. */
static void find_closed(struct probe_facts *facts, const struct probes *probes)
{
    static const enum probe_trial trials[] = { PROBE_PUBLIC, PROBE_SIGNED };
    for (size_t i = 0; i < ARRAY_LENGTH(trials) && facts->closed == NULL; i++) {
        const struct probe_answer *answer = &probes->answers[probes->main_way][trials[i]];
        if (!probe_was_asked(answer) || is_any_open(probes, trials[i]))
            continue;
        facts->closed = answer;
        facts->closed_to = trials[i] == PROBE_PUBLIC ? "a call that needs no key" : "a signed read";
    }
}

static const struct probe_answer *answered(const struct probes *probes, enum probe_way way, enum probe_trial trial)
{
    const struct probe_answer *answer = &probes->answers[way][trial];
    return answer->reply == PROBE_JSON ? answer : NULL;
}

/* The main way before the others. */
static bool find_refused_way(enum probe_way *refused, const struct probes *probes)
{
    if (probe_way_is_refused(probes, probes->main_way)) {
        *refused = probes->main_way;
        return true;
    }
    for (int way = 0; way < PROBE_WAYS; way++) {
        if (probes->is_used[way] && probe_way_is_refused(probes, (enum probe_way)way)) {
            *refused = (enum probe_way)way;
            return true;
        }
    }
    return false;
}

void probe_facts_gather(struct probe_facts *facts, const struct probes *probes)
{
    *facts = (struct probe_facts){ .probes = probes, .way = probes->main_way };
    find_closed(facts, probes);
    facts->is_refused = find_refused_way(&facts->way, probes);
    facts->right = answered(probes, facts->way, PROBE_SIGNED);
    facts->wrong = answered(probes, facts->way, PROBE_WRONG_SIGNATURE);
    facts->their_time = answered(probes, facts->way, PROBE_THEIR_TIME);
    facts->is_accepted_at_their_time = facts->their_time != NULL && facts->their_time->is_success;
    facts->made_up = answered(probes, facts->way, PROBE_MADE_UP_KEY);
    for (int way = 0; way < PROBE_WAYS && !facts->is_accepted; way++) {
        facts->is_accepted = probes->answers[way][PROBE_SIGNED].is_success;
        facts->accepted_way = (enum probe_way)way;
    }
}

bool probe_code_is(const struct probe_facts *facts, const char *code)
{
    return facts->is_refused && strcmp(facts->right->code, code) == 0;
}

bool probe_wrong_is_alike(const struct probe_facts *facts)
{
    return facts->wrong != NULL && facts->right != NULL && probe_answers_are_alike(facts->wrong, facts->right);
}

bool probe_wrong_differs(const struct probe_facts *facts)
{
    return facts->wrong != NULL && facts->right != NULL && !probe_answers_are_alike(facts->wrong, facts->right);
}

bool probe_made_up_is_alike(const struct probe_facts *facts)
{
    return facts->made_up != NULL && facts->right != NULL && probe_answers_are_alike(facts->made_up, facts->right);
}

bool probe_made_up_differs(const struct probe_facts *facts)
{
    return facts->made_up != NULL && facts->right != NULL && !probe_answers_are_alike(facts->made_up, facts->right);
}

bool probe_stands(struct probe_cause *cause, enum probe_standing standing, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cause->standing = standing;
    (void)vsnprintf(cause->because, sizeof(cause->because), format, arguments); /* cut to fit */
    va_end(arguments);
    return true;
}
