/* Problems about names: unknown kinds, keys and sections, each with what was probably meant. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_WORDS_H
#define COUNTERSIGN_CONFIG_WORDS_H

#include "draft.h"

/* Returns the kind that was probably meant, or CONFIG_KIND_COUNT. */
enum config_kind config_words_unknown_kind(struct config_problems *problems, const struct config_place *place,
                                           struct slice kind);

void config_words_unknown_key(struct config_problems *problems, const struct config_place *place,
                              const struct config_section *section, struct slice key);

/* A key before any header. */
void config_words_outside(struct config_problems *problems, const struct config_place *place, struct slice key);

/* A name that was written where a section's should be, and is none. `where` begins the line: "[listener bot] account". */
void config_words_missing_section(struct config_draft *draft, const struct config_place *place, const char *where,
                                  enum config_kind kind, struct slice name);

#endif
