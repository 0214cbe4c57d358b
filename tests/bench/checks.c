/* What the checks of the boundary cost: each function that judges a request, on a head such as Python's requests sends, in a
 * loop; and what one connection costs at its start. One row in `checks` for each check; the sum is what a request on a
 * kept-alive connection pays.
 *
 *   checks [ROUNDS]       default 1000000
 */
#include "countersign/caller.h"
#include "countersign/compiler.h"
#include "countersign/endpoint.h"
#include "countersign/policy.h"

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

static bool check_policy(void)
{
    enum endpoint_class class = endpoint_classify(SLICE_LITERAL("POST"), SLICE_LITERAL("/api/trade/order/place"));
    return policy_allows(POLICY_TRADE, class);
}

static const struct check {
    const char *name;
    bool (*passes)(void);
} checks[] = {
    { "peer: the user against the rule", check_peer }, { "Host, Origin, Sec-Fetch-Site", check_names },
    { "token, in constant time", check_token },        { "Authorization that is the token", check_fields },
    { "endpoint class and policy", check_policy },
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

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
    double sum = 0;
    if (rounds <= 0 || !peer_rule_parse(&rule, "1000, 1001", 0, NULL))
        return 2;
    caller_hosts_read(&hosts, "bot.internal, bot.example:8787");
    caller_token_set(&token, SLICE_LITERAL(TOKEN));
    (void)printf("per request, kept-alive:\n");
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        double each = measure(&checks[i], rounds);
        sum += each;
        (void)printf("  %8.0f ns  %s\n", each, checks[i].name);
    }
    (void)printf("  %8.0f ns  all\n", sum);
    double look_up = measure_look_up();
    (void)printf("per connection, once:\n  %8.1f us  whose socket it is, asked of the kernel\n", look_up);
    return look_up < 0 ? 1 : 0;
}
