/* One request's way through the proxy, from the client's last byte to the reply: guard, sign, journal, forward, classify,
 * answer. A state machine on its worker's thread; it knows neither libmicrohttpd nor libcurl. */
#ifndef COUNTERSIGN_EXCHANGE_H
#define COUNTERSIGN_EXCHANGE_H

#include "countersign/bounds.h"
#include "countersign/caller.h"
#include "countersign/capture.h"
#include "countersign/clock_watch.h"
#include "countersign/exchange_counts.h"
#include "countersign/front.h"
#include "countersign/learned.h"
#include "countersign/loop.h"
#include "countersign/order_limit.h"
#include "countersign/ruling.h"
#include "countersign/scheme.h"
#include "countersign/signer_client.h"
#include "countersign/trading_state.h"
#include "countersign/turns.h"
#include "countersign/upstream.h"

struct exchange;

enum exchange_mode {
    EXCHANGE_SIGN,    /* the proxy signs; what a client signed itself is dropped, and checked on the way */
    EXCHANGE_OBSERVE, /* requests pass untouched as the client signed them; its signature is checked */
    EXCHANGE_DRY_RUN, /* as EXCHANGE_SIGN, but nothing leaves: the answer shows what would have */
    EXCHANGE_MODE_COUNT
};

const char *exchange_mode_name(enum exchange_mode mode);    /* "sign", "observe", "dry-run" */
const char *exchange_mode_summary(enum exchange_mode mode); /* for people: "signs", ... */

/* What all exchanges of one worker share. Owned by the worker; its thread only. Zero-initialise, then set. */
struct exchange_worker {
    struct loop *loop;
    struct signer_client *signer;
    struct scheme_hmac *hmac;
    struct capture *capture;
    struct journal *journal;
    const struct trading_page *trading; /* whether orders may leave; shared by all workers; NULL: they may */
    struct places in_flight_places;     /* proxy.in_flight_max; the listeners share them out */
    struct turns *turns;                /* to leave; shared by all workers */
    unsigned index;                     /* at the turns */
    struct loop_timer turn_timer;       /* calls exchange_look_for_turns */
    unsigned waiting_for_turn;          /* the exchanges' */
    struct byte_room *bytes;            /* that bodies and answers take together; NULL: no bound */
    bool draining;                      /* new requests are refused with 503 */
    bool giving_up;                     /* the exchanges': nothing is waited for any more */
    unsigned in_flight;                 /* the exchanges': admitted and not yet answered */
    struct exchange *live;              /* the exchanges': all that are not freed */
};

/* How fast a listener's requests leave. */
struct exchange_pace {
    bool is_on;
    int64_t patience_us;  /* that one waits for its turn; 0: it is refused where none is free */
    size_t lane_signed;   /* of the turns: what counts for the account and for the address, */
    size_t lane_unsigned; /* and what counts for the address alone */
};

/* One listener on one worker. */
struct exchange_listener {
    struct exchange_worker *worker;
    const char *name;
    struct places_holder *places; /* of the worker's in_flight_places; the same for all generations of this listener */
    size_t account;               /* index at the signer */
    struct upstream *upstream;
    const struct clock_watch *clock; /* the upstream's; borrowed */
    struct clock_watch *signs_by;    /* the same where its account has clock = exchange; NULL: this machine's clock */
    enum exchange_mode mode;
    struct ruling_rules rules;      /* and the policy; borrowed from the configuration */
    struct learned *learned;        /* what is used is counted here; NULL: it is not */
    struct exchange_counts *counts; /* for metrics; NULL: nothing is counted */
    bool sign_all;
    bool failures_as_status;      /* a failure that came as HTTP 200 is given another status (answer_status.h) */
    struct peer_rule peers;       /* which users may ask */
    const char *peers_configured; /* the same as it was written */
    struct caller_hosts hosts;    /* names that Host may have, besides its own */
    struct caller_token token;    /* length 0: none is asked for */
    struct order_limits limits;
    struct exchange_pace pace;
    unsigned exchanges;                       /* the exchanges': that refer to it; 0: it can be freed */
    bool told[RECORD_CLIENT_SIGNATURE_COUNT]; /* the exchanges': a client's signature was logged as this already */
};

/* Bytes of memory that one exchange can come to take beside what worker->bytes counts, its connection and its upstream call. */
size_t exchange_bytes(size_t header_max);

/* Appends what a connection for which there is no place is answered with: a whole answer. False when out of memory. */
MUST_CHECK bool exchange_append_turned_away(struct buffer *answer);

/* The handler for a front whose context is a struct exchange_listener. */
struct front_handler exchange_front_handler(void);

/* Looks after the exchanges that wait for the disk. Call whenever the journal was synced (journal_on_synced). */
void exchange_look_for_syncs(struct exchange_worker *worker);

/* Looks after the exchanges that wait for a turn. Call whenever the turns have woken this worker, and from its turn_timer. */
void exchange_look_for_turns(struct exchange_worker *worker);

/* Ends what is still under way: each waiting client gets a 502 or 503 that says what is known, each exchange its outcome.
 * For the end of the drain. The loop must run on until the fronts have written the answers. */
void exchange_abandon_all(struct exchange_worker *worker);

#endif
