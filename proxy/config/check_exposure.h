/* Whether a listener may be where it is. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_CHECK_EXPOSURE_H
#define COUNTERSIGN_CONFIG_CHECK_EXPOSURE_H

#include "draft.h"

/* An address that other machines can reach (a wildcard is one) is meant only where `expose` says so, and is safe only with a
 * token: on another machine there is no user to find. */
void config_check_exposure(struct config_draft *draft, const struct config_section *listener);

/* The admin address has no token, so it is never one that other machines can reach. */
void config_check_admin(struct config_draft *draft, struct config_section *proxy);

#endif
