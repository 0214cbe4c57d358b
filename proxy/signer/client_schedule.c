/* When which windows' keys are fetched. Pure. */
#include "client_schedule.h"

#include "countersign/signer_client.h"

struct client_windows schedule_windows(int64_t now_ms)
{
    return (struct client_windows){ .current = scheme_window(now_ms),
                                    .ahead = scheme_window(now_ms + SIGNER_CLIENT_AHEAD_MS) };
}

int64_t schedule_next_ms(int64_t now_ms)
{
    uint64_t ahead = schedule_windows(now_ms).ahead;
    return (int64_t)(ahead + 1) * SCHEME_WINDOW_MS - SIGNER_CLIENT_AHEAD_MS;
}
