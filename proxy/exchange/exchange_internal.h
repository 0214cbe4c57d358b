/* The exchange room's own parts: the state of one exchange, and the steps that work on it. */
#ifndef COUNTERSIGN_EXCHANGE_INTERNAL_H
#define COUNTERSIGN_EXCHANGE_INTERNAL_H

#include "countersign/digits.h"
#include "countersign/envelope.h"
#include "countersign/exchange.h"

enum exchange_state {
    EXCHANGE_RECEIVED,         /* handed over by the front */
    EXCHANGE_WAITING_FOR_TURN, /* as many requests have left as the exchange allows */
    EXCHANGE_WAITING_FOR_SYNC, /* its intent is on its way to the disk (durability = power) */
    EXCHANGE_WAITING_FOR_KEY,  /* the window's key is on its way from the signer */
    EXCHANGE_FORWARDED,        /* with the upstream */
    EXCHANGE_WAITING_FOR_ROOM, /* ended, but the journal has no room for the outcome yet */
    EXCHANGE_ANSWERED          /* outcome in the journal, reply given to the front */
};

enum {
    EXCHANGE_SYNC_WAIT_US = 5000000,          /* how long the disk may take for an intent */
    EXCHANGE_KEY_RETRY_US = 5000,             /* how often to look for a key that is on its way */
    EXCHANGE_KEY_WAIT_US = 1000000,           /* and how long */
    EXCHANGE_ROOM_RETRY_US = 5000,            /* how often to look for room in the journal */
    EXCHANGE_ROOM_WAIT_US = 2000000,          /* and how long, before the answer's bytes are left out of the record */
    EXCHANGE_ANSWER_FIELDS_EXTRA = 5,         /* fields this proxy adds to an answer */
    EXCHANGE_REQUEST_FIELDS_EXTRA = 5,        /* fields this proxy adds to a request */
    EXCHANGE_DETAIL_MAX = RULING_REFUSAL_MAX, /* bytes of what exactly is against a request: a ruling says most */
    EXCHANGE_SCRATCH_MAX = 512 * 1024         /* bytes of heads and texts kept for one exchange */
};

/* Why the proxy answers by itself. One row each in refusal.c. */
enum refusal {
    REFUSAL_NONE = 0,
    REFUSAL_HEADER_TOO_LARGE,
    REFUSAL_BODY_TOO_LARGE,
    REFUSAL_NO_ROOM,
    REFUSAL_LATE,
    REFUSAL_METHOD,
    REFUSAL_AMBIGUOUS_LENGTH,
    REFUSAL_MALFORMED_TARGET,
    REFUSAL_MALFORMED_FIELD,
    REFUSAL_MALFORMED_REQUEST,
    REFUSAL_OTHER_HOST,
    REFUSAL_UNSENDABLE,
    REFUSAL_BROWSER,
    REFUSAL_HOST,
    REFUSAL_PEER,
    REFUSAL_TOKEN,
    REFUSAL_POLICY,
    REFUSAL_RULE,
    REFUSAL_TRADING_STOPPED,
    REFUSAL_ORDER_LIMIT,
    REFUSAL_ORDER_UNREADABLE,
    REFUSAL_RECORD_FULL,
    REFUSAL_NOT_SYNCED,
    REFUSAL_TOO_MANY,
    REFUSAL_NO_PLACE,
    REFUSAL_PACE,
    REFUSAL_SIGNER_GONE,
    REFUSAL_SHUTTING_DOWN,
    REFUSAL_INTERNAL,
    REFUSAL_COUNT
};

/* What one attempt was signed with. */
struct exchange_signing {
    int64_t signed_us;
    int64_t expires_ms;
    uint64_t window;
    char signature[SCHEME_SIGNATURE_LENGTH];
    struct signer_client_api_key api_key;
};

struct exchange {
    struct exchange_listener *listener;
    struct front_request *request; /* NULL once the front is done with it */
    struct upstream_call *call;    /* NULL when none is under way */
    enum exchange_state state;
    enum endpoint_class endpoint_class;
    bool admitted;        /* the journal has a reservation for it */
    bool has_outcome;     /* and that is used up */
    bool dropped;         /* it had no room, and goes unrecorded (when_full = drop) */
    bool is_stopped_late; /* trading was stopped before its first byte left */
    bool has_missed_key;  /* a connection was at hand, and the window's key was not */
    bool has_place;       /* among the requests under way */
    bool must_close;      /* the client's connection ends with this answer */
    enum refusal refusal; /* for metrics, as what follows */
    enum upstream_failure failure;
    struct turn turn;
    int64_t retry_after_s;    /* of an answer of the proxy's own; 0: 1 */
    struct loop_timer timer;  /* turn, sync, key and room waits */
    uint64_t sync_ticket;     /* what is waited for */
    int64_t waiting_since_us; /* monotonic */

    struct record record; /* borrows from the request, scratch and the fields below */
    struct upstream_request sending;
    struct http_field *request_fields;
    struct buffer client_head;
    struct buffer upstream_head;
    struct buffer response_head;
    struct buffer reply_head;
    struct buffer error_message;
    struct buffer own_body; /* the body of an answer of the proxy's own */
    struct buffer api_message;
    char *response_body; /* malloc'ed; what came from the exchange */
    size_t response_body_length;
    size_t charged; /* bytes of the answer that the worker's room counts */

    struct signer_client_api_key api_key; /* what signed it; the account's may be another one by now */
    char api_key_masked[SIGNER_WIRE_API_KEY_MAX];
    struct exchange_signing earlier; /* of the attempt that is being repeated */
    char expires_text[DIGITS_MAX];
    char length_text[DIGITS_MAX];
    char id_text[DIGITS_MAX];
    char outcome_text[64];
    char waited_text[DIGITS_MAX];
    char retry_after_text[DIGITS_MAX];
    char api_code[ENVELOPE_CODE_MAX];
    struct upstream_connection connection; /* the record's texts point into it */
    unsigned attempts;

    int reply_status;
    struct http_field *reply_fields;
    size_t reply_field_count;
    struct slice reply_body;
    bool reply_has_length;
    uint64_t reply_length;

    struct exchange *previous;
    struct exchange *next;
};

/* exchange.c: the ways on */

/* Has its turn, or needs none: goes on to the disk, or to exchange_forward. */
void exchange_set_out(struct exchange *exchange);

/* Goes on to the upstream, or waits for the window's key. */
void exchange_forward(struct exchange *exchange);

/* Whether this proxy puts its signature on the request. */
bool exchange_is_to_be_signed(const struct exchange *exchange);

/* Ends it by an answer of the proxy's own; `detail` says what exactly (may be empty). */
void exchange_refuse(struct exchange *exchange, enum refusal refusal, const char *detail);

/* Whether its method changes nothing (RFC 9110 §9.2.1): GET or HEAD. */
bool exchange_is_safe(const struct exchange *exchange);

/* turn.c: waiting for a turn to leave */

/* Goes on by exchange_set_out, at once or when its turn comes, or is refused. */
void exchange_take_turn(struct exchange *exchange);

/* It has left with its turn; it is about to be sent a second time (false: no turn is free, so it must not be); it is over. */
void exchange_turn_left(struct exchange *exchange);
MUST_CHECK bool exchange_turn_repeats(struct exchange *exchange);
void exchange_end_turn(struct exchange *exchange);

/* Where the answer says that there were too many requests, none leaves for a while. */
void exchange_heed_too_many(struct exchange *exchange, const struct upstream_result *result);

/* durable.c: waiting for the disk */

bool exchange_is_to_be_synced(const struct exchange *exchange);

/* Writes the intent as far as it is known and asks for a sync; then goes on by exchange_look_for_syncs. */
void exchange_wait_for_sync(struct exchange *exchange);

/* request.c: what leaves for the exchange */

/* Writes the client's request head into exchange->client_head and the record's first view. */
bool exchange_take_client_request(struct exchange *exchange);

/* Builds exchange->sending from the client's request: fields in order, hop-by-hop and X-CS-* left out, a POST's defaults
 * added; in mode observe X-CS-* stay and nothing is added. Returns why it must be refused, or REFUSAL_NONE. */
enum refusal exchange_build_request(struct exchange *exchange);

/* Notes the account and the API key that signed it, masked. */
void exchange_note_api_key(struct exchange *exchange, struct slice api_key);

/* Takes the one reading of the clock, signs, and puts the three fields at the end of `request`'s. */
enum signer_client_key exchange_sign(struct exchange *exchange, struct upstream_request *request);

/* Before a repeat is signed: keeps what the attempt before was signed with. And where nothing of the repeat left: makes that what
 * the record tells again. */
void exchange_keep_signing(struct exchange *exchange);
void exchange_take_signing_back(struct exchange *exchange);

/* client_signature.c: the client's own signature */

/* Checks it over query and body as they came, and notes the verdict. In mode observe the record takes over what the client
 * signed with. Never waits, stops nothing. */
void exchange_look_at_client_signature(struct exchange *exchange);

/* dry_run.c */

/* Signs, and ends it by an answer that shows what would have been sent. Anything but SIGNER_CLIENT_KEY_READY: nothing is
 * done, the key is still to be waited for. */
enum signer_client_key exchange_run_dry(struct exchange *exchange);

/* answer.c: what comes back */

/* Reads the envelope of an answer that came whole, and gives the outcome. Writes api_code and api_message. */
enum record_outcome exchange_classify(struct exchange *exchange, const struct upstream_result *result);

/* Builds the reply from the exchange's answer: its status, its fields but hop-by-hop, and Countersign-*. */
bool exchange_reply_with_answer(struct exchange *exchange, const struct upstream_result *result);

/* refusal.c: answers of the proxy's own, in the exchange's envelope */

/* Builds the reply for a refusal; `detail` says what exactly (may be empty). */
bool exchange_reply_with_refusal(struct exchange *exchange, enum refusal refusal, const char *detail);

/* Builds the reply for a request that failed on its way, and sets the outcome by whether bytes had left. */
bool exchange_reply_with_failure(struct exchange *exchange, const struct upstream_result *result);

/* Builds the reply for an answer that came whole and that the front cannot pass on (a status outside 200 to 599, a head
 * over FRONT_REPLY_HEAD_MAX). The outcome stays what the answer says. */
bool exchange_reply_with_unsendable_answer(struct exchange *exchange);

/* As above for one that is given up at shutdown. `bytes_may_have_left` decides between unknown and not_sent. */
bool exchange_reply_with_abandonment(struct exchange *exchange, bool bytes_may_have_left);

/* Builds the reply from what exchange->own_body holds and the record's outcome. */
bool exchange_reply_with_own_body(struct exchange *exchange, int status, bool retry_after);

enum refusal exchange_refusal_of_defect(enum front_defect defect);

/* Adds Countersign-Exchange and Countersign-Outcome to the reply's fields; with a name, Countersign-Error;
 * Countersign-Waited where it waited for its turn; and Countersign-Record where it goes unrecorded. */
void exchange_add_own_fields(struct exchange *exchange);

/* lifetime.c */

struct exchange *exchange_create(struct exchange_listener *listener, struct front_request *request);

/* Frees it when the front is done with it, no call is under way and the outcome is written. */
void exchange_free_if_over(struct exchange *exchange);

/* admission.c: the first reason against this request, in the order in which a person would want to hear it. Builds the
 * upstream request on the way. `detail` may get more words. */
enum refusal exchange_reason_to_refuse(struct exchange *exchange, char *detail, size_t detail_size);

/* who_asks.c: whether this client may ask. `detail` says what exactly where it may not. */
enum refusal exchange_judge_caller(struct exchange *exchange, char *detail, size_t detail_size);
/* judgement.c: what may pass, by rules and policy. Notes the endpoint's class. `detail` gets what a person can do. */
enum refusal exchange_judge(struct exchange *exchange, char *detail, size_t detail_size);
/* orders.c */

/* Whether this request trades and trading is stopped at this moment; `detail` then says since when, by whom, and why. No
 * system call. Needs exchange->sending and the endpoint's class. */
bool exchange_is_stopped(const struct exchange *exchange, char *detail, size_t detail_size);

/* Who goes first where there are too many. */
enum turn_rank exchange_rank(const struct exchange *exchange);

/* As exchange_is_stopped, and then whether what it orders is within the listener's limits. */
enum refusal exchange_judge_orders(const struct exchange *exchange, char *detail, size_t detail_size);

/* facts.c */

/* Takes heads, timings and attempts over. False when out of memory. */
bool exchange_copy_facts(struct exchange *exchange, const struct upstream_result *result);
void exchange_take_connection(struct exchange *exchange, const struct upstream_connection *connection);

/* conclude.c: the last steps of every way. Journals the outcome (waits for room where it must), then replies. */
void exchange_conclude(struct exchange *exchange);

/* counts.c: what metrics tell. Some relaxed stores; no system call. */
void exchange_count_begun(struct exchange_listener *listener);
void exchange_count_leaving(const struct exchange *exchange, bool reused); /* on a connection that was there, or not */
void exchange_count_wait_begun(const struct exchange *exchange);           /* for its turn */
void exchange_count_wait_ended(const struct exchange *exchange);
void exchange_count_pace_refused(const struct exchange *exchange, enum turn_limit limit);
void exchange_count_pause(const struct exchange *exchange);
void exchange_count_ended(const struct exchange *exchange); /* once, when the front is done with it */

/* report.c: one log line for each exchange. */
void exchange_report(const struct exchange *exchange);

#endif
