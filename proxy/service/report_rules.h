/* What the log says of a listener's rules at start. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_REPORT_RULES_H
#define COUNTERSIGN_SERVICE_REPORT_RULES_H

#include "countersign/config.h"

/* One line where there are rules, and one where the listener learns. */
void report_rules(const struct config_listener *listener);

#endif
