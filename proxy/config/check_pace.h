/* Rates that the exchange counts together. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_CHECK_PACE_H
#define COUNTERSIGN_CONFIG_CHECK_PACE_H

#include "draft.h"

/* Complains of an upstream whose ip_rate is another than that of an earlier one at the same address. */
void config_check_ip_rate(struct config_draft *draft, const struct config_section *later);

#endif
