/* What `countersign doctor` looks at without sending a request: names and ways out. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_DOCTOR_NETWORK_H
#define COUNTERSIGN_CLI_DOCTOR_NETWORK_H

#include "countersign/config.h"
#include "countersign/probes.h"

/* Fills host, is_address, names and routes of the upstream's url. Asks the resolver, for as long as that takes; nothing is
 * sent to what it finds. */
void doctor_look_at_network(struct probes *probes, const struct config_upstream *upstream);

#endif
