/* How many descriptors the proxy process needs, and its limit on them. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_DESCRIPTORS_H
#define COUNTERSIGN_SERVICE_DESCRIPTORS_H

#include "countersign/config.h"

#include <stdint.h>

/* Raises RLIMIT_NOFILE to what this configuration needs, as far as the hard limit allows, and warns where that is less; the
 * kernel's table of descriptors has room for as many from then on. To be called before anything forbids setrlimit(2), and before
 * there are threads. */
void descriptors_prepare(const struct config *config);

/* Connections of clients whose descriptor is not below this are turned away, so that what the proxy needs itself (files,
 * connections to the exchange) is left: see front_options.descriptor_end. */
int descriptors_end_for_clients(const struct config *config);

#endif
