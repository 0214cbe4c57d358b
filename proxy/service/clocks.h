/* The exchange's clock at each upstream of the configuration, shared by the workers, and what is logged of it. Private to the
 * service room. */
#ifndef COUNTERSIGN_SERVICE_CLOCKS_H
#define COUNTERSIGN_SERVICE_CLOCKS_H

#include "countersign/clock_watch.h"
#include "countersign/config.h"

struct clocks;

/* `config` is borrowed. */
MUST_CHECK bool clocks_open(struct clocks **clocks, const struct config *config, struct error *error);

/* After the last worker's end. NULL is allowed. */
void clocks_close(struct clocks *clocks);

/* One for each upstream, in the configuration's order. Valid until clocks_close. */
struct clock_watch *const *clocks_watches(const struct clocks *clocks);

#endif
