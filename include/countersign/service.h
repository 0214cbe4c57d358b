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

#endif
