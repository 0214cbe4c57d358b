/* COUNTERSIGN_* variables and command-line settings. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_OVERRIDES_H
#define COUNTERSIGN_CONFIG_OVERRIDES_H

#include "draft.h"

/* Sets what draft->environment's COUNTERSIGN_* variables say. Call after the sections are complete. Variables that name
 * nothing are left to config_overrides_check_environment. */
void config_overrides_environment(struct config_draft *draft);

/* Complains of COUNTERSIGN_* variables that are no setting and that no secret's source names. Call after all values. */
void config_overrides_check_environment(struct config_draft *draft);

void config_overrides_settings(struct config_draft *draft, const struct config_setting *settings, size_t count);

#endif
