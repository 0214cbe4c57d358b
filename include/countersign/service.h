/* The proxy process put together: signer client, capture, workers with their loops, drain at the end. */
#ifndef COUNTERSIGN_SERVICE_H
#define COUNTERSIGN_SERVICE_H

#include "countersign/config.h"
#include "countersign/error.h"

/* The process's two sockets, which service_run owns from then on. */
struct service_ends {
    int signer;     /* signer_wire.h */
    int supervisor; /* supervisor_link.h */
};

/* Runs until SIGINT or SIGTERM, then finishes what is in flight within config->proxy.drain (or at once, where the supervisor
 * says so), flushes the record and returns. `ready` is called once, on the calling thread, when every listener accepts,
 * with the listeners' addresses in the configuration's order. */
MUST_CHECK bool service_run(const struct config *config, const struct service_ends *ends,
                            void (*ready)(void *context, const char *const *addresses, size_t count), void *context,
                            struct error *error);

/* The most memory that the proxy process can come to take with a configuration, whatever clients and the exchange do. */
enum { SERVICE_MEMORY_ROWS = 7 };

struct service_memory_row {
    const char *what;
    uint64_t count;
    uint64_t bytes; /* each */
};

struct service_memory {
    struct service_memory_row rows[SERVICE_MEMORY_ROWS];
    uint64_t
        own; /* bytes: all rows, and what the allocator leaves unused between; Pss_Anon of /proc/PID/smaps_rollup */
    uint64_t ring; /* bytes: the rings' files, mapped; the kernel can write them out and take the memory back */
};

void service_memory_bound(struct service_memory *memory, const struct config *config);

/* Descriptors that it can come to use (RLIMIT_NOFILE); the start raises the soft limit to it. */
uint64_t service_descriptors_needed(const struct config *config);

#endif
