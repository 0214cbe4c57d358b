/* What no single value shows: keys that must agree, names that must exist. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_CHECK_H
#define COUNTERSIGN_CONFIG_CHECK_H

#include "draft.h"

/* Call when every key has its value. Sets the listeners' upstream and account, and lowers a connect_timeout that nobody
 * gave to `timeout`. What is wrong becomes a problem. */
void config_check(struct config_draft *draft);

#endif
