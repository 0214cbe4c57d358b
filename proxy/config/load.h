/* From sources to the checked configuration. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_LOAD_H
#define COUNTERSIGN_CONFIG_LOAD_H

#include "keys.h"

/* config_load for a file whose text is at hand (NULL `data`: no file) and whose name is sources->file. */
MUST_CHECK bool config_load_text(struct config **config, const struct config_sources *sources, struct slice text,
                                 struct buffer *report, struct error *error);

/* The section's struct in the finished configuration, by kind and index among its kind; NULL beyond the last. */
void *config_section_at(struct config *config, enum config_kind kind, size_t index);

#endif
