/* The causes and what the probes say of each. Private to this room. */
#ifndef COUNTERSIGN_DOCTOR_PROBE_RANK_H
#define COUNTERSIGN_DOCTOR_PROBE_RANK_H

#include "probe_private.h"

/* What the judging of every cause begins with. */
struct probe_facts {
    const struct probes *probes;
    const struct probe_answer
        *closed;           /* what came in the exchange's place, on every way that is used; NULL: it answered */
    const char *closed_to; /* in a sentence: what that was asked; static */
    bool is_refused;       /* a signed read was refused on a way that is used; the rest is of that way */
    enum probe_way way;
    const struct probe_answer *right;
    const struct probe_answer *wrong; /* NULL where it brought no answer of the exchange, and likewise below */
    const struct probe_answer *their_time;
    const struct probe_answer *made_up;
    bool is_accepted; /* on some way */
    enum probe_way accepted_way;
    bool is_accepted_at_their_time; /* signed for the exchange's time, that is */
};

void probe_facts_gather(struct probe_facts *facts, const struct probes *probes);

/* Whether the refusal has this code. */
bool probe_code_is(const struct probe_facts *facts, const char *code);

/* A changed signature, or a made-up key, gets the same answer, or another one; both false where it was not asked. */
bool probe_wrong_is_alike(const struct probe_facts *facts);
bool probe_wrong_differs(const struct probe_facts *facts);
bool probe_made_up_is_alike(const struct probe_facts *facts);
bool probe_made_up_differs(const struct probe_facts *facts);

/* One row for each cause. `judge` sets standing and because, or returns false: the cause has nothing to do with this. */
struct probe_cause_row {
    const char *id;
    const char *name; /* in a sentence */
    bool (*judge)(struct probe_cause *cause, const struct probe_facts *facts);
    const char *todo;
};

/* Always true: `return probe_stands(cause, PROBE_LIKELY, "...")`. */
bool probe_stands(struct probe_cause *cause, enum probe_standing standing, const char *format, ...) PRINTF_LIKE(3, 4);

/* Nothing of the exchange was reached; and what it can mean when it refuses. The last row's id is NULL. */
extern const struct probe_cause_row probe_way_causes[];
extern const struct probe_cause_row probe_refusal_causes[];

/* What the verdict says of a cause beside its probe_cause. */
struct probe_cause_words {
    const char *name;
    const char *todo;
};

/* Puts a cause in its place, after its equals. `words` has PROBE_CAUSES_MAX. What does not fit is left out. */
void probe_rank_insert(struct probe_verdict *verdict, struct probe_cause_words *words, const struct probe_cause *cause,
                       struct probe_cause_words its_words);

/* Adds what is documented for the refusal's code, and was not judged yet; sets code_means. */
void probe_rank_documented(struct probe_verdict *verdict, struct probe_cause_words *words,
                           const struct probe_facts *facts);

#endif
