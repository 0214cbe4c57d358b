/* What judging a request by rules and policy costs: ns each, with 0, 10, 50 and 512 rules of which none matches before the
 * last, for paths as a bot sends them, an odd one among them; and what learning adds.
 *
 *   ruling [ROUNDS]
 */
#include "countersign/ruling.h"
#include "countersign/compiler.h"
#include "countersign/learned.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200000, TEXT_MAX = 128, FIELDS = 10 };

static const struct {
    const char *what, *method, *target;
} requests[] = {
    { "an order", "POST", "/api/trade/order/place" },
    { "a list", "GET", "/api/trade/order/active?symbol=BTCUSDT" },
    { "a withdrawal", "POST", "/api/fi/v3/asset/doWithdraw" },
    { "unknown", "GET", "/api/v7/something/that/is/not/documented" },
    { "two readings", "POST", "/api/trade/order/place/" },
};

static struct http_field fields[FIELDS] = {
    { { "Host", 4 }, { "127.0.0.1:8787", 14 } },
    { { "User-Agent", 10 }, { "python-requests/2.28.1", 22 } },
    { { "Accept-Encoding", 15 }, { "gzip, deflate", 13 } },
    { { "Accept", 6 }, { "*/*", 3 } },
    { { "Connection", 10 }, { "keep-alive", 10 } },
    { { "X-CS-APIKEY", 11 }, { "0", 1 } },
    { { "X-CS-EXPIRES", 12 }, { "0", 1 } },
    { { "exch-language", 13 }, { "en_US", 5 } },
    { { "Content-Length", 14 }, { "120", 3 } },
    { { "Content-Type", 12 }, { "application/json", 16 } },
};

/* Rules as a bot's configuration has them: whole paths and globs, in turn. */
static struct rule make_rule(size_t number)
{
    static const struct {
        const char *before, *behind;
    } forms[] = { { "POST /api/trade/order/name", "" },
                  { "GET,POST /api/v2/trade/*/name", "" },
                  { "* /api/fi/**/name", "" },
                  { "GET /api/v1/market/name", "*" } };
    size_t form = number % ARRAY_LENGTH(forms);
    struct rule rule;
    struct buffer text, complaint;
    buffer_init(&text, TEXT_MAX);
    buffer_init(&complaint, TEXT_MAX);
    (void)buffer_append_format(&text, "%s%zu%s", forms[form].before, number, forms[form].behind); /* sized for it */
    if (!rule_parse(&rule, RULE_DENY, buffer_slice(&text), &complaint))
        abort();
    buffer_free(&text);
    buffer_free(&complaint);
    return rule;
}

/* Of this thread: what else runs on the machine does not count. */
static double cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail with this clock */
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(const struct ruling_rules *rules, size_t request, struct learned *learned, int rounds)
{
    size_t passed = 0;
    double begin = cpu_ns();
    for (int i = 0; i < rounds; i++) {
        struct endpoint_path path;
        struct ruling ruling;
        struct slice method = slice_text(requests[request].method);
        endpoint_path_read(&path, slice_text(requests[request].target));
        ruling_make(&ruling, rules, method, &path, (struct http_fields){ .items = fields, .count = FIELDS });
        if (learned != NULL)
            learned_note(learned, method, &path, ruling.passes, i + 1);
        passed += ruling.passes;
    }
    double ns = cpu_ns() - begin;
    if (passed > (size_t)rounds)
        abort(); /* so that nothing is optimised away */
    return ns / rounds;
}

int main(int argc, char **argv)
{
    static const size_t counts[] = { 0, 10, 50, RULES_MAX };
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
    struct rule *rules = calloc(RULES_MAX, sizeof(*rules));
    struct learned *learned = calloc(1, sizeof(*learned));
    if (rules == NULL || learned == NULL || rounds <= 0)
        return 2;
    for (size_t i = 0; i < RULES_MAX; i++)
        rules[i] = make_rule(i);
    printf("%-14s %10s %10s %10s %10s %10s   ns each\n", "", "0 rules", "10", "50", "512", "50, learns");
    for (size_t request = 0; request < ARRAY_LENGTH(requests); request++) {
        printf("%-14s", requests[request].what);
        for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
            const struct ruling_rules own = { .items = rules, .count = counts[i], .policy = POLICY_TRADE };
            printf(" %10.0f", measure(&own, request, NULL, counts[i] > 50 ? rounds / 10 : rounds));
        }
        const struct ruling_rules own = { .items = rules, .count = 50, .policy = POLICY_TRADE };
        printf(" %10.0f\n", measure(&own, request, learned, rounds));
    }
    free(rules);
    free(learned);
    return 0;
}
