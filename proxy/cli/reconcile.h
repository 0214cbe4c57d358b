/* `countersign reconcile`: what its files share. Private to these. One thread. */
#ifndef COUNTERSIGN_CLI_RECONCILE_H
#define COUNTERSIGN_CLI_RECONCILE_H

#include "log_command.h"

#include "countersign/endpoint.h"
#include "countersign/running.h"

enum {
    RECONCILE_TEXT_MAX = 128,   /* bytes of an id, a symbol, a number, with their NUL */
    RECONCILE_ORDERS_MAX = 100, /* in one request: more than an account may hold */
    RECONCILE_SEEN_MAX = 16,    /* orders of the exchange that may be the one */
    RECONCILE_PAGES_MAX = 10,   /* of matches, for one order */
    RECONCILE_PAGE_SIZE = 100,
    RECONCILE_LOOKUPS_MAX = 50, /* orders that are looked up because matches name them, for one order */
    RECONCILE_PROBLEM_MAX = 512,
    RECONCILE_REASON_MAX = 1024,
    RECONCILE_LOOKED_MAX = 16384, /* bytes of what was looked at, for one order */
    /* Between an answer and the next call: at most half of the 120 in 3 s that the exchange allows an account, so that its bots have the rest. */
    RECONCILE_GAP_US = 50000,
    /* An order's time may differ so much from this machine's: X-CS-EXPIRES is good for windows of 30 s, and the clocks of
     * both sides differ by less than two of them where a signature was accepted. */
    RECONCILE_SLACK_MS = 60000
};

/* --- what was asked for (reconcile_request.c) --- */

/* One order that a recorded request places or cancels; "" where it does not say. Numbers as written. */
struct reconcile_order {
    bool is_contract; /* of the futures documentation: contractId in place of symbol */
    bool is_market;
    char side[RECONCILE_TEXT_MAX]; /* "BUY", "SELL" */
    char symbol[RECONCILE_TEXT_MAX];
    char client_id[RECONCILE_TEXT_MAX];
    char id[RECONCILE_TEXT_MAX]; /* of a cancel */
    char price[RECONCILE_TEXT_MAX];
    char quantity[RECONCILE_TEXT_MAX];
    char amount[RECONCILE_TEXT_MAX];
};

enum reconcile_kind {
    RECONCILE_LOOKS,       /* changes nothing: there is nothing to find out */
    RECONCILE_PLACES,      /* each of its orders */
    RECONCILE_CANCELS,     /* likewise */
    RECONCILE_CANCELS_ALL, /* of orders[0].symbol, or of all */
    RECONCILE_OTHER,       /* may change something that is no order, or nobody knows */
    RECONCILE_UNREADABLE   /* says so, and what it orders cannot be read */
};

struct reconcile_request {
    int64_t id;
    int64_t received_us;
    int64_t from_ms; /* the exchange's time for it, by this machine's clock and RECONCILE_SLACK_MS to both sides */
    int64_t to_ms;
    char listener[RUNNING_TEXT_MAX];
    char account[RUNNING_TEXT_MAX];
    char host[RUNNING_TEXT_MAX]; /* that it left for; "" where it is not recorded */
    char target[RUNNING_TEXT_MAX];
    char error_name[RECONCILE_TEXT_MAX];
    enum reconcile_kind kind;
    size_t count;
    struct reconcile_order orders[RECONCILE_ORDERS_MAX];
};

/* Reads it out of an exchange with its views; copies all that it keeps. */
void reconcile_request_read(struct reconcile_request *request, const struct record *record);

/* "BUY 0.5 BTCUSDT at 30000, clOrdId abc"; bytes of others are escaped. */
void reconcile_append_order(struct buffer *out, const struct reconcile_order *order);

/* The same for all orders of an exchange in doubt, with its views, each behind two blanks; nothing for another. */
void reconcile_append_orders_of(struct buffer *out, const struct record *record);

/* --- what the exchange has (reconcile_seen.c) --- */

/* An order as an answer has it; "" where it does not say. */
struct reconcile_seen {
    char id[RECONCILE_TEXT_MAX];
    char client_id[RECONCILE_TEXT_MAX];
    char symbol[RECONCILE_TEXT_MAX];
    char side[RECONCILE_TEXT_MAX];
    char state[RECONCILE_TEXT_MAX];
    char type[RECONCILE_TEXT_MAX]; /* "LIMIT", "MARKET", "POST_ONLY" */
    char price[RECONCILE_TEXT_MAX];
    char quantity[RECONCILE_TEXT_MAX];
    char amount[RECONCILE_TEXT_MAX];
    char executed[RECONCILE_TEXT_MAX]; /* quantity */
    int64_t time_ms;                   /* 0: not told */
};

/* Copies a member's value, of a string without quotes and escapes, of a number as written. False where it is neither there
 * nor null, or does not fit; `text` is then "". */
MUST_CHECK bool reconcile_take_text(char *text, struct slice object, const char *name);

/* Visits each object of an array, or the one object that it is. False where it is neither, or ended by a visit. */
MUST_CHECK bool reconcile_each(struct slice data, bool (*visit)(void *context, struct slice object), void *context);

/* False where it has no id. */
MUST_CHECK bool reconcile_seen_read(struct reconcile_seen *seen, struct slice object);

/* Whether symbol, side, type and numbers are those that were sent, compared as decimals; what the answer does not say does
 * not differ. */
bool reconcile_fits(const struct reconcile_order *order, const struct reconcile_seen *seen);

/* What keeps one that fits from being taken for the order that was sent without a clOrdId; NULL: nothing. */
const char *reconcile_why_unsure(const struct reconcile_order *order, const struct reconcile_seen *seen);

/* The same for two that were sent. */
bool reconcile_is_alike(const struct reconcile_order *order, const struct reconcile_order *other);

/* --- asking (reconcile_ask.c) --- */

enum reconcile_answer {
    RECONCILE_ANSWER_OK,
    RECONCILE_ANSWER_NO_ORDER, /* code 3103: no such order, or not this account's */
    RECONCILE_ANSWER_FAILED
};

struct reconcile_asker {
    const struct log_options *options;
    struct running_listener listener;
    struct endpoint endpoint;
    struct buffer answer;
    struct buffer decoded;
    int64_t next_us;   /* monotonic: no call before */
    struct slice data; /* of the last answer that was OK: its `data` as written; valid until the next */
    char problem[RECONCILE_PROBLEM_MAX]; /* why the last one failed */
};

void reconcile_asker_init(struct reconcile_asker *asker, const struct log_options *options);
void reconcile_asker_end(struct reconcile_asker *asker);

/* The listener that the request went through, or the one of --listener: of the very proxy that records here, with the
 * request's account and exchange, and able to sign. */
MUST_CHECK bool reconcile_asker_aim(struct reconcile_asker *asker, const struct log_run *run,
                                    const struct reconcile_request *request, struct error *error);

/* "PATH?NAME=value&NAME=value", values percent-encoded; a value of "" is left out. NULL ends the pairs. */
struct reconcile_pair {
    const char *name;
    const char *value;
};
void reconcile_target(struct buffer *target, const char *path, const struct reconcile_pair *pairs);

/* One GET through the proxy, once. A target that is not of class read is refused here, before anything is sent. */
enum reconcile_answer reconcile_ask(struct reconcile_asker *asker, struct slice target);

/* --- what the record knows (reconcile_record.c) --- */

struct reconcile_finding;

/* What was found that belongs to another recorded order goes from the finding: its answer names the id, or it carried the
 * clOrdId. *rivals gets how many other orders in doubt, of that time, are alike. For orders without a clOrdId. */
MUST_CHECK bool reconcile_sort_out(struct reconcile_finding *finding, size_t *rivals, const struct log_run *run,
                                   const struct reconcile_request *request, const struct reconcile_order *order,
                                   struct error *error);

/* The clOrdId of a recorded order of this account that was placed; "" where there is none among the latest. */
MUST_CHECK bool reconcile_former_client_id(char *client_id, int64_t *exchange, const struct log_run *run,
                                           const struct reconcile_request *request, struct error *error);

/* --- finding (reconcile_find.c, reconcile_verdict.c) --- */

enum reconcile_verdict {
    RECONCILE_NOT_ASKED, /* something that had to be asked was not answered */
    RECONCILE_PLACED,
    RECONCILE_STATE, /* of an order that was to be cancelled */
    RECONCILE_NONE_ACTIVE,
    RECONCILE_NOT_FOUND,
    RECONCILE_AMBIGUOUS,
    RECONCILE_VERDICT_COUNT
};

struct reconcile_finding {
    enum reconcile_verdict verdict;
    bool is_settled;                   /* nothing is in doubt any more */
    char reason[RECONCILE_REASON_MAX]; /* how it was found, or why it is in doubt */
    struct buffer looked;              /* a line for each call: what it was and what came */
    size_t count;
    struct reconcile_seen seen[RECONCILE_SEEN_MAX];
};

/* Asks for one order of the request. What fails on the way is the finding's; false is a failure of this program's. */
MUST_CHECK bool reconcile_find(struct reconcile_finding *finding, struct reconcile_asker *asker,
                               const struct log_run *run, const struct reconcile_request *request,
                               const struct reconcile_order *order, struct error *error);

/* How a search went, for the verdict. */
struct reconcile_search {
    struct reconcile_finding *finding;
    struct reconcile_asker *asker;
    const struct log_run *run;
    const struct reconcile_request *request;
    const struct reconcile_order *order;
    bool has_failed;    /* a call was not answered */
    bool is_cut;        /* a bound of ours ended the reading, or there are more than can be held */
    bool says_none;     /* orderInfo answered 3103 for its clOrdId */
    bool has_unknown;   /* orderInfo answered 3103 for an order that a match names, and that may be it */
    int64_t back_to_ms; /* how far back matches were read */
    int64_t tried_with; /* the exchange whose clOrdId orderInfo was tried with, and found; 0: none */
    size_t rivals;      /* other orders in doubt that are alike */
};

MUST_CHECK bool reconcile_settle_placed(struct reconcile_search *search, struct error *error);
void reconcile_settle_cancel(struct reconcile_search *search);
void reconcile_settle_cancel_all(struct reconcile_search *search);

/* What one call was about and what came of it: a line of finding->looked. */
void reconcile_note_look(const struct reconcile_search *search, struct slice target, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Whether orderInfo finds by clOrdId here: tried with a former order's. reconcile_find.c. */
MUST_CHECK bool reconcile_try_client_ids(struct reconcile_search *search, struct error *error);

/* --- printing (reconcile_print.c) --- */

const char *reconcile_verdict_name(enum reconcile_verdict verdict); /* "placed", "not_found", ... */

/* "placed", "not found", "CANCELED", "2 of 3 placed": for a listing. */
void reconcile_append_summary(struct buffer *out, const struct reconcile_request *request,
                              const struct reconcile_finding *findings);

/* "placed: ordId 17, SUBMITTED, executed 0 of 0.5", for each order, without colour. */
void reconcile_append_detail(struct buffer *out, const struct reconcile_request *request,
                             const struct reconcile_finding *findings);

void reconcile_append_heading(struct buffer *out, const struct log_run *run, const struct reconcile_request *request);
void reconcile_append_page(struct buffer *out, const struct log_run *run, const struct reconcile_request *request,
                           const struct reconcile_finding *findings);
void reconcile_append_json(struct buffer *out, const struct reconcile_request *request,
                           const struct reconcile_finding *findings);

/* The same object without orders, for an exchange that was not asked about: why not. */
void reconcile_append_json_remark(struct buffer *out, const struct reconcile_request *request, bool is_settled,
                                  const char *remark);

#endif
