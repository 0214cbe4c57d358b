/* What counting one request costs, in nanoseconds: all of it, with the most that there is to note. Build it in an optimised build, and run it on an
 * idle machine. */
#include "exchange/exchange_internal.h"

#include "countersign/clock.h"

#include <stdio.h>

enum { ROUNDS = 20000000 };

int main(void)
{
    static struct exchange_counts counts;
    static struct exchange_listener listener = { .name = "bot", .counts = &counts };
    static struct exchange whole = { .listener = &listener };
    struct exchange *exchange = &whole;
    exchange->sending.method = SLICE_LITERAL("POST");
    exchange->endpoint_class = ENDPOINT_TRADE;
    exchange->record = (struct record){ .outcome = RECORD_API_ERROR,
                                        .api_code = SLICE_LITERAL("102150808"), /* the last of the table */
                                        .status = 200,
                                        .received_us = 1,
                                        .sent_us = 51,
                                        .complete_us = 20051,
                                        .replied_us = 20091,
                                        .delivered = true };
    int64_t begun_us = clock_monotonic_us();
    for (int i = 0; i < ROUNDS; i++) {
        exchange_count_begun(&listener);
        exchange_count_leaving(exchange, true);
        exchange_count_ended(exchange);
    }
    double each = (double)(clock_monotonic_us() - begun_us) * 1000 / ROUNDS;
    bool counted = count_read(&counts.ended) == ROUNDS;
    (void)printf("counting a request: %.1f ns; %zu bytes for each listener of a worker\n", each, sizeof(counts));
    return counted ? 0 : 1;
}
