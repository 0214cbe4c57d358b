/* What the proxy process gives up before it starts a thread or takes a byte from outside. Private to this room. */
#ifndef COUNTERSIGN_SERVICE_SANDBOX_PROXY_H
#define COUNTERSIGN_SERVICE_SANDBOX_PROXY_H

#include "countersign/config.h"

/* Once the listeners' sockets are bound and the state folder is there. From here on the process can start threads but no
 * program and no other process, has no memory that is both written and run, reads the system's folders and the upstreams'
 * authorities, writes into the state folder alone, connects to the upstreams' ports and to name servers, and signals nobody
 * but itself. What else a library tries fails there as on a kernel that does not have it. Says so in the log, and what is
 * missing. The main thread, the only one. */
void sandbox_proxy_enter(const struct config *config);

#endif
