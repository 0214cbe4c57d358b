/* Why requests are refused, found out by asking: what `countersign doctor` has seen as values, and what follows from it: a
 * line for each check, the causes ranked, one sentence in the end. The asking itself, and every clock, is the caller's.
 * Pure; any thread. Sources: the exchange's documentation, "Request Format", and what its users found. */
#ifndef COUNTERSIGN_PROBES_H
#define COUNTERSIGN_PROBES_H

#include "countersign/compiler.h"
#include "countersign/http_message.h"
#include "countersign/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PROBE_TEXT_MAX = 64,      /* an address with its NUL */
    PROBE_WORDS_MAX = 256,    /* what somebody else says, cut to fit */
    PROBE_ADDRESSES_MAX = 4,  /* of a name in one family that are kept */
    PROBE_SENTENCE_MAX = 640, /* of ours */
    PROBE_CODE_MAX = 24
};

/* --- what was seen --- */

/* A key's or secret's form: counts alone, none of its characters. */
struct probe_form {
    size_t length; /* bytes */
    size_t lower_hex;
    size_t upper_hex;  /* A to F */
    size_t look_alike; /* O, o, l, I, i, S, s: what is taken for a digit when it is copied by eye */
    size_t other;      /* ASCII, neither of these */
    size_t blank;
    size_t beyond_ascii; /* bytes */
    size_t first_odd;    /* position, from 1, of the first that is not lower-case hex; 0: none */
    bool is_quoted;      /* begins and ends with the same quote */
};

void probe_form_measure(struct probe_form *form, struct slice text);

/* The exchange's clock less this machine's, as far as `Date` (whole seconds) of several answers tells. Zero-initialise. */
struct probe_clock {
    unsigned answers;      /* whose Date was read */
    bool is_contradictory; /* no one offset fits all answers: low and high then hold all that were possible */
    int64_t low_us;        /* meaningless while answers is 0 */
    int64_t high_us;
};

/* Takes one answer's Date in: its request left at or after sent_us, its first byte was here at first_byte_us (wall clock).
 * False where `date` is no IMF-fixdate (RFC 9110 §5.6.7). */
bool probe_clock_add(struct probe_clock *clock, struct slice date, int64_t sent_us, int64_t first_byte_us);

/* When, at or within a second after now_us, a request halves what is not known. */
int64_t probe_clock_best_moment(const struct probe_clock *clock, int64_t now_us);

int64_t probe_clock_offset_us(const struct probe_clock *clock); /* the middle */
int64_t probe_clock_bound_us(const struct probe_clock *clock);  /* to either side of it */

enum probe_family { PROBE_FAMILY_4, PROBE_FAMILY_6, PROBE_FAMILIES };

struct probe_names { /* what the exchange's name resolves to, in one family */
    unsigned count;
    char addresses[PROBE_ADDRESSES_MAX][PROBE_TEXT_MAX];
    char error[PROBE_WORDS_MAX]; /* the resolver's words where count is 0 */
    bool does_not_exist;         /* it is sure: no such name, or no address of this family */
};

struct probe_route { /* which address of this machine goes there, in one family */
    bool was_asked;
    char local[PROBE_TEXT_MAX]; /* "" where there is no way */
    char remote[PROBE_TEXT_MAX];
    char error[PROBE_WORDS_MAX];
};

enum probe_trust { /* as upstream_trust, and whose name it is */
                   PROBE_TRUSTED,
                   PROBE_EXPIRED,
                   PROBE_NOT_YET_VALID,
                   PROBE_ISSUER_UNKNOWN,
                   PROBE_CERTIFICATE_REFUSED
};

struct probe_tls {
    bool is_plain;     /* http://: there is none */
    bool was_seen;     /* a certificate came */
    bool is_for_host;  /* and it names the host */
    bool is_connected; /* and the handshake was completed, the host's name checked */
    enum probe_trust trust;
    char version[PROBE_TEXT_MAX];
    char cipher[PROBE_TEXT_MAX];
    char subject[PROBE_WORDS_MAX];
    char issuer[PROBE_WORDS_MAX];
    char reason[PROBE_WORDS_MAX];
    unsigned chain_length;
    int64_t not_before_s; /* since 1970; 0: unknown */
    int64_t not_after_s;
};

enum probe_way { PROBE_IPV4, PROBE_IPV6, PROBE_PROXY, PROBE_WAYS };

enum probe_trial {
    PROBE_PUBLIC,
    PROBE_SIGNED,
    PROBE_WRONG_SIGNATURE, /* one digit of it changed */
    PROBE_THEIR_TIME,      /* signed for the exchange's time instead of this machine's */
    PROBE_MADE_UP_KEY,     /* a key that nobody has */
    PROBE_TRIALS
};

enum probe_reply {
    PROBE_NOT_ASKED,
    PROBE_NO_ANSWER,
    PROBE_JSON,
    PROBE_HTML,
    PROBE_REDIRECT,
    PROBE_OTHER /* an answer that is neither */
};

enum probe_failure {
    PROBE_FAILURE_OTHER,
    PROBE_FAILURE_NAME,        /* the host's, or the egress proxy's, does not resolve */
    PROBE_FAILURE_REFUSED,     /* nothing listens */
    PROBE_FAILURE_UNREACHABLE, /* no route, or the address is not to be had */
    PROBE_FAILURE_SILENT,      /* no connection in time */
    PROBE_FAILURE_TLS,
    PROBE_FAILURE_EGRESS, /* the egress proxy gives no way */
    PROBE_FAILURE_SLOW,   /* no whole answer in time */
    PROBE_FAILURE_LOST,   /* the connection ended first */
    PROBE_FAILURE_NOT_HTTP,
    PROBE_FAILURE_BUDGET /* not sent: the bound on requests was met */
};

struct probe_answer {
    enum probe_reply reply;
    enum probe_failure failure;  /* of PROBE_NO_ANSWER */
    char words[PROBE_WORDS_MAX]; /* failure in words; the answer's message; a redirect's place; a page's title */
    int status;
    bool is_success; /* by its `code`, or, where a public answer has none, by its status */
    char code[PROBE_CODE_MAX];
    char local[PROBE_TEXT_MAX]; /* "" where there was no connection */
    char remote[PROBE_TEXT_MAX];
};

/* An answer that came whole. Borrowed. */
struct probe_response {
    struct slice method;
    struct slice target;
    bool is_public;
    int status;
    struct http_fields fields;
    struct slice body;
};

/* Sets reply, words, status, success and code; the rest stays. */
void probe_answer_read(struct probe_answer *answer, const struct probe_response *response);

struct probes {
    const char *file; /* NULL: none, built-in defaults */
    const char *account;
    const char *upstream;
    const char *url;
    char host[PROBE_WORDS_MAX];
    bool is_address;   /* the host is an address, and no name */
    const char *proxy; /* "" for none */
    bool is_offline;

    char form_error[2][PROBE_SENTENCE_MAX]; /* key, secret: why it cannot be read; "" where it was */
    bool form_error_is_white_space[2];
    bool has_forms; /* both could be read */
    struct probe_form forms[2];
    bool same_text; /* key and secret are the same */

    int64_t now_us; /* this machine's wall clock */
    struct probe_clock clock;
    struct probe_names names[PROBE_FAMILIES];
    struct probe_route routes[PROBE_FAMILIES];
    struct probe_tls tls;
    bool is_used[PROBE_WAYS]; /* ways that `serve` may take as it is configured */
    enum probe_way main_way;  /* the one it took here */
    struct probe_answer answers[PROBE_WAYS][PROBE_TRIALS];
    unsigned requests; /* that were sent */
    unsigned requests_max;
};

/* --- what follows --- */

enum probe_status { PROBE_OK, PROBE_WARNING, PROBE_FAILED, PROBE_SKIPPED };

const char *probe_status_name(enum probe_status status);

struct probe_line {
    const char *check; /* a word for scripts; static */
    const char *title; /* for people; static */
    const char *way;   /* "ipv4", "ipv6", "proxy"; NULL where it is about none; static */
    enum probe_status status;
    char says[PROBE_SENTENCE_MAX];     /* what was seen, and what it means */
    char todo[PROBE_SENTENCE_MAX];     /* "" where there is nothing to do */
    const struct probe_answer *answer; /* behind it, or NULL; borrowed from the probes */
};

enum probe_check {
    PROBE_CHECK_CONFIGURATION,
    PROBE_CHECK_KEY,
    PROBE_CHECK_SECRET,
    PROBE_CHECK_CLOCK,
    PROBE_CHECK_NAMES,
    PROBE_CHECK_ROUTE_4,
    PROBE_CHECK_ROUTE_6,
    PROBE_CHECK_TLS,
    PROBE_CHECK_PROXY,
    PROBE_CHECK_COUNT
};

void probe_line_of_check(struct probe_line *line, enum probe_check check, const struct probes *probes);
void probe_line_of_answer(struct probe_line *line, enum probe_way way, enum probe_trial trial,
                          const struct probes *probes);

/* Whether nothing signed is to go this way: it leads to something that is not the exchange, or nowhere. */
bool probe_way_is_closed(const struct probes *probes, enum probe_way way);

/* Whether the exchange itself refused the signed read that went this way. */
bool probe_way_is_refused(const struct probes *probes, enum probe_way way);

/* Whether the clocks differ by more than round trips and whole seconds explain. */
bool probe_clock_is_off(const struct probe_clock *clock);

enum probe_standing { PROBE_RULED_OUT, PROBE_UNLIKELY, PROBE_POSSIBLE, PROBE_LIKELY, PROBE_SHOWN };

const char *probe_standing_name(enum probe_standing standing);

struct probe_cause {
    const char *id; /* of the catalogue of causes */
    enum probe_standing standing;
    char because[PROBE_SENTENCE_MAX];
};

enum { PROBE_CAUSES_MAX = 32 };

enum probe_outcome { PROBE_WELL, PROBE_CAUSE_FOUND, PROBE_UNCLEAR };

struct probe_verdict {
    enum probe_outcome outcome;
    struct probe_cause causes[PROBE_CAUSES_MAX]; /* the likeliest first; empty where all is well */
    size_t cause_count;
    char code[PROBE_CODE_MAX]; /* of the refusal, "" where there was none */
    const char *code_means;    /* the catalogue's sentence on it, NULL where it has none; static */
    char sentence[PROBE_SENTENCE_MAX];
    char todo[PROBE_SENTENCE_MAX];
};

void probe_judge(struct probe_verdict *verdict, const struct probes *probes);

#endif
