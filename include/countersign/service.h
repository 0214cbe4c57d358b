/* The proxy process put together: signer client, capture, workers with their loops, drain at the end. */
#ifndef COUNTERSIGN_SERVICE_H
#define COUNTERSIGN_SERVICE_H

#include "countersign/config.h"
#include "countersign/error.h"

/* Runs until SIGINT or SIGTERM, then finishes what is in flight within config->proxy.drain, flushes the record and
 * returns. `signer_fd` is the socket pair's end (owned from then on). `ready` is called once, on the calling thread,
 * when every listener accepts, with the listeners' addresses in the configuration's order. */
MUST_CHECK bool service_run(const struct config *config, int signer_fd,
                            void (*ready)(void *context, const char *const *addresses, size_t count), void *context,
                            struct error *error);

#endif
