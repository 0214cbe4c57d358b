/* What the mock exchange's files share. Private to this room. Everything runs on the loop's thread. */
#ifndef MOCK_ROOM_H
#define MOCK_ROOM_H

#include "countersign/front.h"
#include "countersign/mock.h"
#include "countersign/scheme.h"

#include "countersign/json_scan.h"

#include "account.h"
#include "book.h"
#include "orders.h"
#include "rehearsal.h"
#include "trades.h"
#include "withdrawals.h"

#include <cjson/cJSON.h>

enum {
    MOCK_HEADER_MAX = 64 * 1024, /* bytes of request line and fields */
    MOCK_BODY_MAX = 1024 * 1024, /* bytes */
    MOCK_CONNECTIONS_MAX = 1024,
    MOCK_IDLE_TIMEOUT_US = 60 * 1000 * 1000,
    MOCK_REASON_MAX = 512 /* bytes of what is said about a refusal, with its NUL */
};

#define MOCK_REFUSAL_FIELD "Countersign-Mock-Refusal"

struct mock {
    struct loop *loop;
    struct front *fronts[MOCK_LISTEN_MAX];
    size_t front_count;
    struct scheme_hmac *hmac;
    char *api_key;
    char *api_secret;
    bool log_requests;
    int64_t (*wall_us)(void); /* clock_wall_us; tests put one of their own here */
    struct mock_rehearsal rehearsal;
    struct rehearsal_state rehearsing;
    struct account account;
    struct book book;
    struct orders orders;
    struct trades trades;
    struct withdrawals withdrawals;
};

/* mock.c: everything the account has and did, as it is at the start. */
void mock_forget(struct mock *mock);

/* The mock's clock: the wall clock and what it is off on purpose, ms since 1970. */
int64_t mock_now_ms(const struct mock *mock);

struct call;
struct answer;

/* Answers a request that got past the door; out of memory and failures show in `answer`. */
typedef void call_handler(const struct call *call, struct answer *answer);

enum route_class { ROUTE_PUBLIC, ROUTE_PRIVATE };

struct route {
    const char *method;
    const char *path; /* as it stands in the target; a last segment "{symbol}" stands for any one segment */
    enum route_class route_class;
    /* The success envelope as the example answer of this endpoint writes it: `code` is a number for most and a string for
     * some (NULL: there is no envelope, the handler's data is the whole answer), `message` is there for some (NULL: it
     * is not). */
    const char *success_code;
    const char *success_message;
    call_handler *handler;
};

/* One request, taken apart; slices into it. */
struct call {
    struct mock *mock;
    const struct route *route;
    struct slice method;
    struct slice target;
    struct slice path; /* the target's, parameters and all */
    struct slice query;
    struct slice symbol;     /* the segment in the place of "{symbol}" */
    struct slice parameters; /* path parameters: what follows the first ';' of the path (RFC 3986 §3.3) */
    struct http_fields fields;
    struct slice body;
    struct mock_address from;
    const char *peer; /* the same with its port, as front_request_peer says it */
    int64_t now_ms;
};

/* How a request can fail; answer.c's table has the answer for each, with its source. */
enum failure {
    FAILURE_NONE = 0,
    FAILURE_BAD_REQUEST,
    FAILURE_API_KEY,
    FAILURE_NO_SERVICE,
    FAILURE_TOO_MANY_VISITS,
    FAILURE_INTERNAL,
    FAILURE_ADDRESS,
    FAILURE_WINDOW,
    FAILURE_SIGNATURE,
    FAILURE_SYMBOL,
    FAILURE_TOO_MANY_ORDERS,
    FAILURE_ORDER_NOT_FOUND,
    FAILURE_DUPLICATE,
    FAILURE_INSUFFICIENT,
    FAILURE_TRANSFER_AMOUNT,
    FAILURE_TRANSFER_BALANCE,
    FAILURE_FIELD_MISSING,
    FAILURE_REHEARSED, /* as --fail says: answer.rehearsed */
    FAILURE_COUNT
};

struct failure_row {
    int http_status;
    const char *code;         /* as written in the answer */
    const char *message_name; /* "message" or "msg" */
    const char *message;
};

struct answer {
    enum failure failure;
    struct failure_row rehearsed; /* FAILURE_REHEARSED's */
    char reason[MOCK_REASON_MAX]; /* why it failed, for the log and MOCK_REFUSAL_FIELD */
    cJSON *data;                  /* the answer's `data`; owned */
    bool out_of_memory;           /* one of the additions below failed */
};

/* handle.c: the front's handler; its context is the mock. */
struct front_handler mock_front_handler(void);

/* A client's bytes for a log line or a field: visible ASCII as it is, anything else as '?'; a long text is cut. */
const char *mock_show(char *shown, size_t size, struct slice text);

/* deliver.c: sends the answer now, or as the fault (NULL: none) and the rehearsed latency say. */
void deliver(struct front_request *request, struct mock *mock, const struct call *call, struct answer *answer,
             const struct mock_fault *fault);

/* Ends what deliver put off for a request that is over. */
void deliver_end(struct front_request *request);

/* failure.c: what a failure's answer says. */
const struct failure_row *failure_row(const struct answer *answer);

/* Fails as the fault, one of MOCK_FAULT_FAIL or MOCK_FAULT_GARBAGE, says. */
void answer_rehearse(struct answer *answer, const struct mock_fault *fault);

/* Notes the failure and the reason; returns false. */
bool answer_fail(struct answer *answer, enum failure failure, const char *format, ...) PRINTF_LIKE(3, 4);

/* Notes a reason beside a success: some of what was asked was not done. */
void answer_note(struct answer *answer, const char *format, ...) PRINTF_LIKE(2, 3);

/* answer.c */
enum written_as { AS_TEXT, AS_NUMBER };

struct constant {
    const char *name;
    const char *value;
    enum written_as kind; /* AS_NUMBER: also null, true and false */
};

/* Makes `data` a list or an object, adds an object to a list, a member to an object. Numbers are given as they are to
 * be written. Out of memory is noted in the answer, and NULL containers are passed through. */
cJSON *answer_list(struct answer *answer);
cJSON *answer_object(struct answer *answer);
cJSON *answer_add_object(struct answer *answer, cJSON *list);
cJSON *answer_put_list(struct answer *answer, cJSON *object, const char *name);
cJSON *answer_put_object(struct answer *answer, cJSON *object, const char *name);
void answer_put_text(struct answer *answer, cJSON *object, const char *name, const char *text);
void answer_put_number(struct answer *answer, cJSON *object, const char *name, const char *number);
void answer_put(struct answer *answer, cJSON *object, const char *name, const char *text, enum written_as kind);
void answer_put_decimal(struct answer *answer, cJSON *object, const char *name, const struct decimal *number,
                        enum written_as kind);
void answer_put_constants(struct answer *answer, cJSON *object, const struct constant *constants, size_t count);
void answer_put_u64(struct answer *answer, cJSON *object, const char *name, uint64_t number);
void answer_put_item(struct answer *answer, cJSON *list, cJSON *item); /* takes the item over */

/* Makes `data` a string. */
void answer_text(struct answer *answer, const char *text);

/* The whole envelope, to be freed with cJSON_free; NULL where memory is out. */
char *answer_render(struct answer *answer, const struct route *route);
void answer_end(struct answer *answer);

/* auth.c: API key, address, window and signature of a private request, in this order. */
MUST_CHECK bool auth_check(const struct call *call, struct answer *answer);

enum { EXPIRES_DIGITS = 13 /* "X-CS-EXPIRES is a 13-bit timestamp": 13 digits */ };

/* diagnose.c: fail, and say what is wrong with a key, an X-CS-EXPIRES that is no time, one that is too far from the clock,
 * a signature. All return false. */
bool diagnose_key(const struct call *call, struct answer *answer, struct slice key);
bool diagnose_expires(struct answer *answer, struct slice expires);
bool diagnose_distance(struct answer *answer, int64_t ahead_ms, int64_t windows, int64_t windows_allowed);
bool diagnose_signature(const struct call *call, struct answer *answer);

/* routes.c: sets call->route, symbol and parameters. */
MUST_CHECK bool route_find(struct call *call);

/* input.c: values of the query (percent-decoded) and of the body's members (strings and numbers; escapes resolved), as
 * NUL-terminated text in `text` of `size` bytes; "" unless INPUT_GIVEN. null and the empty string count as absent. */
enum input { INPUT_ABSENT, INPUT_GIVEN, INPUT_UNUSABLE /* of another kind, too long, or with a NUL inside */ };
enum input input_query(char *text, size_t size, struct slice query, const char *name);
enum input input_body(char *text, size_t size, struct slice body, const char *name);

enum input input_value(char *text, size_t size, struct slice written); /* of one JSON value */

/* Whether the body is what a POST must carry: sent as JSON, and one JSON object. */
MUST_CHECK bool input_check_post(const struct call *call, struct answer *answer);

/* Whether the list that is the body's member `name` holds `value` (a string or number; case ignored). *is_empty: there is
 * no such list, or nothing is in it. */
bool input_list_holds(struct slice body, const char *name, const char *value, bool *is_empty);

/* fields.c: as above with a refusal where a value is not usable, missing, or names nothing. Texts are ORDER_TEXT_MAX bytes.
 * False: the answer says why. */
MUST_CHECK bool input_take(char *text, struct slice object, const char *name, struct answer *answer);
MUST_CHECK bool input_take_query(char *text, struct slice query, const char *name, struct answer *answer);
MUST_CHECK bool input_require(const char *text, const char *name, struct answer *answer);
MUST_CHECK bool input_symbol(const struct symbol **symbol, const char *code, struct answer *answer);
MUST_CHECK bool input_contract(const struct symbol **symbol, const char *id, struct answer *answer);

MUST_CHECK bool input_currency(const struct currency **currency, const char *code, struct answer *answer); /* funds.c */

/* A number above 0 of up to INPUT_DECIMALS_MAX decimal places, which keeps every sum within its digits. */
enum { INPUT_DECIMALS_MAX = 20 };
MUST_CHECK bool input_amount(struct decimal *amount, const char *text);

/* A whole number from 1 to `maximum`; *number stays where the text is empty. */
MUST_CHECK bool input_count(uint64_t *number, uint64_t maximum, const char *text, const char *name,
                            struct answer *answer);

/* The items of the list that is the object's member `name`, each as written; input_list_next_text gives those that are
 * strings or numbers, and leaves out the others. */
struct input_list {
    struct json_scan scan;
};
MUST_CHECK bool input_list_begin(struct input_list *list, struct slice object, const char *name, size_t maximum,
                                 struct answer *answer);
bool input_list_next(struct input_list *list, struct slice *item);
bool input_list_next_text(struct input_list *list, char *text);

/* symbols.c */
struct symbol {
    const char *id; /* instrumentId, symbolId */
    const char *code;
    const char *base;
    const char *quote;
    uint64_t price_mantissa; /* the last price is price_mantissa × 10^price_exponent */
    int price_exponent;
    const char *level_quantity; /* what others offer at each price of the book */
    const char *tick_size;      /* decimal places of a price */
    const char *lot_size;       /* decimal places of a quantity */
    const char *contract;       /* contractId of the futures contract of this name, NULL where there is none */
};
extern const struct symbol symbols[SYMBOL_COUNT];

/* By its code, case ignored: the documentation's examples write both "BTCUSDT" and "btcusdt". NULL where there is none. */
const struct symbol *symbol_find(struct slice code);
const struct symbol *symbol_find_contract(struct slice id);

/* market.c: "btcusdt", the form of some answers, into ORDER_TEXT_MAX bytes; returns `text`. */
const char *symbol_lower_case(char *text, const char *code);

/* The handlers: account.c, trade.c, cancel.c, lookup.c, matches.c */
call_handler account_list;
call_handler order_place, order_place_batch;
call_handler order_cancel, order_cancel_batch, order_cancel_batch_by_client_id, order_cancel_all, orders_delete;
call_handler orders_active_v1, orders_active_v2, order_info_v1, order_info_v2;
call_handler account_matches, futures_matches;

/* market.c, depth.c, history.c */
call_handler market_tickers, market_price, market_symbols;
call_handler market_depth;
call_handler market_kline, market_trades;

/* funds.c, withdraw.c */
call_handler currency_info, deposit_address, deposit_list;
call_handler withdraw, withdraw_cancel, withdraw_list, transfer;

/* futures.c */
call_handler futures_configs, futures_candlestick, futures_snapshot, futures_ticks;
call_handler futures_available, futures_positions, futures_closings, futures_adjust;

#endif
