/* The system calls that are left to the proxy process. Private to this room. */
#ifndef COUNTERSIGN_SERVICE_SANDBOX_CALLS_H
#define COUNTERSIGN_SERVICE_SANDBOX_CALLS_H

#include "countersign/sandbox.h"

/* Must be asked for in the process that is to be limited, and stays. */
const struct sandbox_filter *sandbox_proxy_calls(void);

#endif
