/* What sets the exchanges that failed apart from those that went well. Exchanges are handed in one by one; of each, a value
 * per feature is kept (over which IP family, how its body was written, whether a header field was there, ...), never the
 * exchange itself. At the end the features are searched for values that failures have and successes have not.
 *
 * What is compared with what. The failures of one code are compared with the successes that could have had that code: on
 * public endpoints all of them; on private ones those of the same endpoint class (policy.h) that were signed as the
 * failures were. Where an endpoint alone sets them apart, that is told first, and the search goes on within the endpoint.
 *
 * What counts as a fact. Each value of a feature splits the exchanges in two. How likely so uneven a split is by chance is
 * Fisher's exact test, two-sided, times the number of splits that could have been told at all (R. E. Tarone, "A Modified
 * Bonferroni Method for Discrete Data", Biometrics 46, 1990). Values that split the exchanges in the same way are one split,
 * and are told together: these exchanges cannot tell them apart.
 *
 * Exchanges that come in a burst have their time, and the state of the connections, in common: features of these are counted
 * by moments, and not by exchanges, before chance is judged. Moments of connections are seen where the latest comes first.
 *
 * Pure; one thread at a time for each struct why. */
#ifndef COUNTERSIGN_WHY_H
#define COUNTERSIGN_WHY_H

#include "countersign/error.h"
#include "countersign/record.h"

enum {
    WHY_EXCHANGES_MAX = 1000000, /* exchanges looked at; about 170 bytes each */
    WHY_SECTIONS_MAX = 5,        /* codes explained, the most frequent */
    WHY_FACTS_MAX = 8,           /* facts told of one comparison, the strongest */
    WHY_TOGETHER_MAX = 16,       /* features named beside a fact's own; more are counted */
    WHY_SHOWN_MAX = 3,           /* values of a side that are told; more are counted */
    WHY_EACH_MIN = 3             /* failures, and successes, below which nothing is told */
};

/* Below this probability a split is no chance: once in so many searches of exchanges between which there is no difference. */
#define WHY_CHANCE_MAX 0.001

/* Which failures are to be explained; successes are always looked at. Zeroed: all. Borrowed for the life of struct why. */
struct why_failures {
    struct slice code; /* the answer's code as written; empty: any */
    unsigned outcomes; /* 1u << enum record_outcome for each; 0: any */
    int status_from;   /* HTTP status; both 0: any */
    int status_to;
};

struct why;

MUST_CHECK bool why_create(struct why **why, const struct why_failures *failures, struct error *error);
void why_free(struct why *why); /* NULL is allowed */

/* Looks at one exchange, with its views. The later an exchange was, the sooner it should come: of exchanges that show a fact
 * equally well, the first is named. One that neither went well nor failed at the exchange or on the way there (in flight,
 * refused by this program, a dry run, an imported request without an answer) is counted and left out.
 * ERROR_LIMIT beyond WHY_EXCHANGES_MAX, ERROR_MEMORY. */
MUST_CHECK bool why_add(struct why *why, const struct record *record, struct error *error);

/* One value and how many exchanges of a side have it. */
struct why_value {
    struct slice text; /* as it reads behind "41 of 41": "over IPv6", "with the field Accept"; bytes from outside */
    uint32_t count;
};

/* What one side of a comparison has of a feature: the most frequent values; of the failures' side, first the one that sets
 * them apart: whose share exceeds that among the successes most. */
struct why_side {
    uint32_t known; /* exchanges of which it is known */
    uint32_t others;
    size_t count;
    struct why_value values[WHY_SHOWN_MAX];
};

/* A feature's name in two forms. A field's name is a subject of its own: bytes from outside. */
struct why_name {
    const char *word;     /* for scripts: "ip-family" */
    const char *label;    /* "IP family" */
    struct slice subject; /* "User-Agent"; empty but for header fields */
};

struct why_fact {
    struct why_name name;
    struct why_side failures;
    struct why_side successes;
    double chance; /* how often a split as clear comes without a cause, in one search; 0: less than any number here */
    double effect; /* 1: it divides them without exception; 0: not at all */
    struct why_name together[WHY_TOGETHER_MAX]; /* what splits them in the same way */
    size_t together_count;
    size_t together_more; /* not listed */
    const char *next;     /* what to do, as a sentence's end: "set ..."; NULL: nothing is known but to look */
    int64_t pair[2];      /* a failure and a success that differ in this and in little else; 0: none */
};

enum why_verdict {
    WHY_SET_APART,  /* there are facts */
    WHY_NOTHING,    /* nothing sets them apart */
    WHY_TOO_FEW,    /* even a perfect split could be chance */
    WHY_NO_SUCCESS, /* there is nothing to compare them with */
    WHY_VERDICT_COUNT
};

const char *why_verdict_name(enum why_verdict verdict); /* "set-apart", "nothing", "too-few", "no-success" */

struct why_comparison {
    struct slice endpoint; /* "POST /api/...": within this one; empty: all that can be compared */
    uint32_t failures;
    uint32_t successes;
    uint32_t needed; /* of each, so that a perfect split would be told; with WHY_TOO_FEW and WHY_NO_SUCCESS */
    uint32_t splits; /* different ones that were tried */
    enum why_verdict verdict;
    size_t fact_count;
    struct why_fact facts[WHY_FACTS_MAX]; /* strongest first */
    size_t facts_more;                    /* not listed */
    int64_t pair[2];                      /* the failure and the success that are most alike; 0: none */
};

struct why_section {
    struct slice code;    /* "1401", "HTTP 503", "unknown (connection-lost)" */
    struct slice message; /* the exchange's words, empty where there were none */
    uint32_t failures;    /* all of this code on such endpoints */
    bool is_public;       /* on public endpoints; else on private ones */
    bool is_widened;      /* no success had the failures' class, so all that were signed alike are compared */
    unsigned classes;     /* 1u << enum endpoint_class of the failures */
    bool is_signed;       /* some of the failures were signed, or would have been */
    bool is_unsigned;     /* some were not, or would not have been */
    size_t count;
    struct why_comparison comparisons[2]; /* all; then within an endpoint, where that alone sets them apart */
};

struct why_report {
    uint32_t exchanges; /* looked at */
    uint32_t successes;
    uint32_t failures;
    uint32_t left_out; /* neither */
    size_t count;
    struct why_section sections[WHY_SECTIONS_MAX]; /* most frequent first */
    uint32_t codes_more;                           /* not explained, and their failures */
    uint32_t failures_more;
};

/* Searches. The report borrows from `why`; free it with free(). ERROR_MEMORY. */
MUST_CHECK bool why_conclude(struct why_report **report, const struct why *why, struct error *error);

/* Whether there is a fact in it. */
bool why_report_tells(const struct why_report *report);

#endif
