/* What a proxy that nobody asks takes of memory. Connections that are kept are replaced about every 90 s: each handshake uses pages of
 * libraries that no order uses, and a burst leaves memory behind that its connections had. Both go back then, at no wake-up of
 * their own. What it costs is the next order's: 0.2 ms once, of pages that the kernel still has. So it is not done sooner. */
#include "worker_parts.h"

#include "countersign/clock.h"
#include "countersign/resident.h"

enum { REST_US = 10000000 };

void worker_let_memory_go(void *context)
{
    struct worker *worker = context;
    struct worker_rest *rest = &worker->rest;
    struct capture_state state;
    int64_t now_us = clock_monotonic_us();
    capture_look(&state, worker->shared.capture);
    if (state.batches != rest->batches || rest->since_us == 0)
        *rest = (struct worker_rest){ .batches = state.batches, .since_us = now_us };
    else if (now_us - rest->since_us >= REST_US)
        resident_let_go();
}
