/* What the mock exchange's files share. Private to this room. Everything runs on the loop's thread. */
#ifndef MOCK_ROOM_H
#define MOCK_ROOM_H

#include "countersign/front.h"
#include "countersign/mock.h"
#include "countersign/scheme.h"

#include "orders.h"

#include <cjson/cJSON.h>

enum {
    MOCK_HEADER_MAX = 64 * 1024, /* bytes of request line and fields */
    MOCK_BODY_MAX = 1024 * 1024, /* bytes */
    MOCK_CONNECTIONS_MAX = 1024,
    MOCK_IDLE_TIMEOUT_US = 60 * 1000 * 1000,
    MOCK_REASON_MAX = 256 /* bytes of what is logged about a refusal, with its NUL */
};

struct mock {
    struct front *front;
    struct scheme_hmac *hmac;
    char *api_key;
    char *api_secret;
    bool log_requests;
    int64_t (*wall_us)(void); /* clock_wall_us; tests put one of their own here */
    struct orders orders;
};

struct call;
struct answer;

enum route_class { ROUTE_PUBLIC, ROUTE_PRIVATE };

struct route {
    const char *method;
    const char *path; /* as it stands in the target; a last segment "{symbol}" stands for any one segment */
    enum route_class route_class;
    /* The success envelope as the example answer of this endpoint writes it: `code` is a number for most and a string for
     * some, `message` is there for some (NULL: it is not). */
    const char *success_code;
    const char *success_message;
    void (*handler)(const struct call *call, struct answer *answer);
};

/* One request, taken apart; slices into it. */
struct call {
    struct mock *mock;
    const struct route *route;
    struct slice method;
    struct slice target;
    struct slice query;
    struct slice symbol;     /* the segment in the place of "{symbol}" */
    struct slice parameters; /* path parameters: what follows the first ';' of the path (RFC 3986 §3.3) */
    struct http_fields fields;
    struct slice body;
    int64_t now_ms;
};

/* How a request can fail; answer.c's table has the answer for each, with its source. */
enum failure {
    FAILURE_NONE = 0,
    FAILURE_BAD_REQUEST,
    FAILURE_API_KEY,
    FAILURE_NO_SERVICE,
    FAILURE_INTERNAL,
    FAILURE_WINDOW,
    FAILURE_SIGNATURE,
    FAILURE_SYMBOL,
    FAILURE_TOO_MANY_ORDERS,
    FAILURE_ORDER_NOT_FOUND,
    FAILURE_DUPLICATE,
    FAILURE_INSUFFICIENT,
    FAILURE_FIELD_MISSING,
    FAILURE_COUNT
};

struct answer {
    enum failure failure;
    char reason[MOCK_REASON_MAX]; /* why it failed, for the log */
    cJSON *data;                  /* the answer's `data`; owned */
    bool out_of_memory;           /* one of the additions below failed */
};

/* answer.c */
struct failure_row {
    int http_status;
    const char *code;         /* as written in the answer */
    const char *message_name; /* "message" or "msg" */
    const char *message;
};
const struct failure_row *failure_row(enum failure failure);

/* Notes the failure and the reason; returns false. */
bool answer_fail(struct answer *answer, enum failure failure, const char *format, ...) PRINTF_LIKE(3, 4);

/* Makes `data` a list or an object, adds an object to a list, a member to an object. Numbers are given as they are to
 * be written. Out of memory is noted in the answer, and NULL containers are passed through. */
cJSON *answer_list(struct answer *answer);
cJSON *answer_object(struct answer *answer);
cJSON *answer_add_object(struct answer *answer, cJSON *list);
cJSON *answer_put_list(struct answer *answer, cJSON *object, const char *name);
void answer_put_text(struct answer *answer, cJSON *object, const char *name, const char *text);
void answer_put_number(struct answer *answer, cJSON *object, const char *name, const char *number);
void answer_put_u64(struct answer *answer, cJSON *object, const char *name, uint64_t number);
void answer_put_item(struct answer *answer, cJSON *list, cJSON *item); /* takes the item over */

/* The whole envelope, to be freed with cJSON_free; NULL where memory is out. */
char *answer_render(struct answer *answer, const struct route *route);
void answer_end(struct answer *answer);

/* auth.c: API key, window and signature of a private request, in this order. */
MUST_CHECK bool auth_check(const struct call *call, struct answer *answer);

/* routes.c: sets call->route, symbol and parameters. */
MUST_CHECK bool route_find(struct call *call);

/* input.c: values of the query (percent-decoded) and of the body's members (strings and numbers; escapes resolved), as
 * NUL-terminated text in `text` of `size` bytes; "" unless INPUT_GIVEN. null and the empty string count as absent. */
enum input { INPUT_ABSENT, INPUT_GIVEN, INPUT_UNUSABLE /* of another kind, too long, or with a NUL inside */ };
enum input input_query(char *text, size_t size, struct slice query, const char *name);
enum input input_body(char *text, size_t size, struct slice body, const char *name);

/* Whether the body is what a POST must carry: sent as JSON, and one JSON object. */
MUST_CHECK bool input_check_post(const struct call *call, struct answer *answer);

/* Whether the list that is the body's member `name` holds `value` (a string or number; case ignored). *is_empty: there is
 * no such list, or nothing is in it. */
bool input_list_holds(struct slice body, const char *name, const char *value, bool *is_empty);

/* symbols.c */
struct symbol {
    const char *id; /* instrumentId, symbolId */
    const char *code;
    const char *base;
    const char *quote;
    uint64_t price_mantissa; /* the last price is price_mantissa × 10^price_exponent */
    int price_exponent;
    const char *base_for_one; /* how much base one unit of quote buys: 1 / price, as much of it as is written */
    const char *tick_size;    /* decimal places of a price */
    const char *lot_size;     /* decimal places of a quantity */
};
extern const struct symbol symbols[];
extern const size_t symbol_count;

/* By its code, case ignored: the documentation's examples write both "BTCUSDT" and "btcusdt". NULL where there is none. */
const struct symbol *symbol_find(struct slice code);

/* account.c */
const char *account_id(void);
/* What is available of a currency, "0" where the account has none. */
const char *account_available(const char *currency);

/* The handlers: account.c, trade.c, lookup.c, market.c. */
void account_list(const struct call *call, struct answer *answer);
void order_place(const struct call *call, struct answer *answer);
void order_cancel(const struct call *call, struct answer *answer);
void orders_active_v1(const struct call *call, struct answer *answer);
void orders_active_v2(const struct call *call, struct answer *answer);
void order_info_v1(const struct call *call, struct answer *answer);
void order_info_v2(const struct call *call, struct answer *answer);
void market_tickers(const struct call *call, struct answer *answer);
void market_price(const struct call *call, struct answer *answer);
void market_depth(const struct call *call, struct answer *answer);
void market_symbols(const struct call *call, struct answer *answer);

#endif
