/* What the checks of the boundary cost: each function that judges a request, on a head such as Python's requests sends, in a
 * loop; and what one connection costs at its start. One row in `checks` for each check; the sums are what a request on
 * a kept-alive connection pays. (The HTTP gate in front of libmicrohttpd is not among them.)
 *
 *   checks [ROUNDS]       default 1000000
 */
#include "countersign/caller.h"
#include "countersign/compiler.h"
#include "countersign/endpoint.h"
#include "countersign/order_limit.h"
#include "countersign/ruling.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 1000000, CONNECTIONS = 2000, REPEATS = 5 };

#define TOKEN "6f1c8e0b2d4f6a8c0e1b3d5f7a9c2e3a1f5c7e9b2d4f6a8c"

/* Twelve fields, the token's among them. */
/* SLICE_LITERAL for what is initialised before main. */
#define TEXT(text)                                                                                                     \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }

static struct http_field fields[] = {
    { TEXT("Host"), TEXT("127.0.0.1:8787") },
    { TEXT("User-Agent"), TEXT("python-requests/2.28.1") },
    { TEXT("Accept-Encoding"), TEXT("gzip, deflate") },
    { TEXT("Accept"), TEXT("*/*") },
    { TEXT("Connection"), TEXT("keep-alive") },
    { TEXT("exch-language"), TEXT("en_US") },
    { TEXT("Content-Type"), TEXT("application/json") },
    { TEXT("X-CS-APIKEY"), TEXT("3a1f5c7e9b2d4f6a8c0e1b3d5f7a9c2e") },
    { TEXT("X-CS-EXPIRES"), TEXT("1770742394290") },
    { TEXT("X-CS-SIGN"), TEXT("bd68fb1146af054959c6a7adf0f69a2f91ecf95e9bbeedb5c6666251b9176c27") },
    { TEXT("Countersign-Token"), TEXT(TOKEN) },
    { TEXT("Content-Length"), TEXT("142") },
};

static const struct http_fields head = { fields, ARRAY_LENGTH(fields) };
static const struct peer peer = { .standing = PEER_USER, .uid = 1001 };
static struct peer_rule rule;
static struct caller_hosts hosts;
static struct caller_token token;
static struct rule rules[10]; /* the last one lets it pass */
static struct order_limits limits;
static const struct caller_names names = { .local = "127.0.0.1:8787",
                                           .upstream_host = "api.coinstore.com",
                                           .allowed = &hosts };

/* --- the checks: each returns whether the request may pass --- */

static bool check_peer(void)
{
    return caller_judge_peer(&peer, &rule, true) == CALLER_MAY_ASK;
}

static bool check_names(void)
{
    return caller_judge(head, &names) == CALLER_MAY_ASK;
}

static bool check_token(void)
{
    return caller_judge_token(&token, head) == CALLER_MAY_ASK;
}

static bool check_fields(void)
{
    bool is_any = false;
    for (size_t i = 0; i < head.count; i++)
        is_any = is_any || caller_field_is_token(&token, &head.items[i]);
    return !is_any;
}

static bool judge_path(const struct ruling_rules *with)
{
    struct endpoint_path path;
    struct ruling ruling;
    endpoint_path_read(&path, SLICE_LITERAL("/api/trade/order/place"));
    ruling_make(&ruling, with, SLICE_LITERAL("POST"), &path, head);
    return ruling.passes;
}

static bool check_policy(void)
{
    static const struct ruling_rules none = { .policy = POLICY_TRADE };
    return judge_path(&none);
}

static bool check_rules(void)
{
    static const struct ruling_rules some = { rules, ARRAY_LENGTH(rules), POLICY_READ_ONLY };
    return judge_path(&some);
}

static bool check_limits(void)
{
    static const struct slice method = { "POST", 4 }, target = { "/api/trade/order/place", 22 };
    static struct http_field sent[] = { { TEXT("Content-Type"), TEXT("application/json") },
                                        { TEXT("Content-Length"), TEXT("142") } };
    static const struct http_fields sent_fields = { sent, ARRAY_LENGTH(sent) };
    static const char body[] =
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":\"61234.5\","
        "\"ordQty\":\"0.0015\",\"clOrdId\":\"bot-17-000001\"}";
    char reason[1024];
    const struct order_request request = { target, sent_fields, slice_of(body, sizeof(body) - 1),
                                           order_action_of(method, target, ENDPOINT_TRADE, sent_fields) };
    return order_judge(reason, sizeof(reason), &limits, "bot", &request) == ORDER_PASSES;
}

enum { BY_DEFAULT = 1, ALL_SET = 2 }; /* in which sum it counts */

static const struct check {
    const char *name;
    bool (*passes)(void);
    unsigned counts;
} checks[] = {
    { "peer: the user against the rule", check_peer, BY_DEFAULT | ALL_SET },
    { "Host, Origin, Sec-Fetch-Site", check_names, BY_DEFAULT | ALL_SET },
    { "token, in constant time", check_token, ALL_SET },
    { "Authorization that is the token", check_fields, ALL_SET },
    { "endpoint class and policy, no rules", check_policy, BY_DEFAULT },
    { "endpoint class and policy, ten rules", check_rules, ALL_SET },
    { "an order under all limits", check_limits, ALL_SET },
};

/* --- measuring --- */

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Nanoseconds for one call: the least of some runs, for whatever else this machine does only adds. */
static double measure(const struct check *check, long rounds)
{
    double least = 1e9;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        long passed = 0;
        int64_t begun = now_ns();
        for (long i = 0; i < rounds; i++)
            passed += check->passes();
        double each = (double)(now_ns() - begun) / (double)rounds;
        if (passed != rounds) {
            (void)fprintf(stderr, "checks: \"%s\" does not pass\n", check->name);
            exit(1);
        }
        least = each < least ? each : least;
    }
    return least;
}

struct connection {
    int client;
    int accepted;
    struct sockaddr_storage from;
    struct sockaddr_storage own;
};

static bool join(struct connection *connection, int listener, const struct sockaddr_in *at)
{
    socklen_t from_length = sizeof(connection->from), own_length = sizeof(connection->own);
    connection->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connection->client >= 0 && connect(connection->client, (const struct sockaddr *)at, sizeof(*at)) == 0 &&
           (connection->accepted = accept(listener, (struct sockaddr *)&connection->from, &from_length)) >= 0 &&
           getsockname(connection->accepted, (struct sockaddr *)&connection->own, &own_length) == 0;
}

/* Microseconds to find out whose one connection is, on average; the connections are made outside of it. */
static double measure_look_up(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct peer_lookup *lookup = NULL;
    struct error error;
    int64_t taken = 0;
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0 || !peer_lookup_create(&lookup, &error))
        return -1;
    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection connection;
        struct peer found;
        if (!join(&connection, listener, &at))
            return -1;
        int64_t begun = now_ns();
        peer_find(&found, lookup, connection.accepted, (struct sockaddr *)&connection.from,
                  (struct sockaddr *)&connection.own);
        taken += now_ns() - begun;
        if (found.standing != PEER_USER)
            return -1;
        (void)close(connection.client); /* nothing was written */
        (void)close(connection.accepted);
    }
    peer_lookup_free(lookup);
    (void)close(listener);
    return (double)taken / CONNECTIONS / 1000;
}

static bool set_up(void)
{
    static const char paths[] = "abcdefghi";
    for (size_t i = 0; i + 1 < ARRAY_LENGTH(rules); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "POST /api/trade/%c/**", paths[i]); /* fits */
        if (!rule_parse(&rules[i], RULE_DENY, slice_text(text), NULL))
            return false;
    }
    caller_hosts_read(&hosts, "bot.internal, bot.example:8787");
    caller_token_set(&token, SLICE_LITERAL(TOKEN));
    return peer_rule_parse(&rule, "1000, 1001", 0, NULL) &&
           rule_parse(&rules[ARRAY_LENGTH(rules) - 1], RULE_ALLOW, SLICE_LITERAL("POST /api/trade/order/*"), NULL) &&
           order_limits_read(&limits, "500", "BTCUSDT, ETHUSDT", "BUY");
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
    double by_default = 0, all_set = 0;
    if (rounds <= 0 || !set_up())
        return 2;
    (void)printf("per request, kept-alive:\n");
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        double each = measure(&checks[i], rounds);
        by_default += (checks[i].counts & BY_DEFAULT) != 0 ? each : 0;
        all_set += (checks[i].counts & ALL_SET) != 0 ? each : 0;
        (void)printf("  %8.0f ns  %s\n", each, checks[i].name);
    }
    (void)printf("  %8.0f ns  together, as configured by default\n  %8.0f ns  together, with all of it set\n",
                 by_default, all_set);
    double look_up = measure_look_up();
    (void)printf("per connection, once:\n  %8.1f us  whose socket it is, asked of the kernel\n", look_up);
    return look_up < 0 ? 1 : 0;
}
